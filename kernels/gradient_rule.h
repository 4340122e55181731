/* What is propagated backwards through operators that are not linear.
 *
 *   PC_GRADIENT    the gradient
 *   PC_RELEVANCE   the coefficients of layer-wise relevance propagation as RelP has them (Jafari et
 * al. 2025, "RelP: Faithful and Efficient Circuit Discovery via Relevance Patching"): a norm's
 * scale and an attention pattern are constants, an activation f passes on f(a) / a, each factor of
 * a gated product gets half */
#ifndef PC_KERNELS_GRADIENT_RULE_H
#define PC_KERNELS_GRADIENT_RULE_H

typedef enum pc_gradient_rule { PC_GRADIENT, PC_RELEVANCE } pc_gradient_rule;

#endif
