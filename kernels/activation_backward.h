/* The activations of MLPs backwards: from the gradient dout at f(a), or at f(a) u in a gated MLP,
 *
 *   da = dout f'(a) u      du = dout f(a)             u = 1, and no du, without a gate
 *
 * and under PC_RELEVANCE, where f(x) = x g(x):
 *
 *   da = dout g(a)                                    without a gate
 *   da = dout g(a) u / 2   du = dout f(a) / 2         with one
 *
 *   RELU       f' = g = 1 where a > 0, else 0
 *   GELU       g = Phi,              f' = Phi(a) + a phi(a)
 *   GELU_TANH  g = sigmoid(w),       f' = g + a g (1 - g) w'      w = sqrt(8/pi) (a + 0.044715 a^3)
 *   SILU       g = sigmoid(a),       f' = g + a g (1 - g) */
#ifndef PC_KERNELS_ACTIVATION_BACKWARD_H
#define PC_KERNELS_ACTIVATION_BACKWARD_H

#include "kernels/activation.h"
#include "kernels/gradient_rule.h"

/*   da, du   (n) out; da may be dout
 *   dout     (n)
 *   a, u     (n) the input of f (the gate), and its factor
 *
 * u and du are both NULL without a gate. Any n >= 0. */
typedef struct pc_activation_backward_args {
    float *da, *du;
    const float *dout, *a, *u;
    int64_t n;
    pc_activation kind;
    pc_gradient_rule rule;
} pc_activation_backward_args;

typedef void pc_activation_backward_fn(const pc_activation_backward_args *args);

pc_activation_backward_fn pc_activation_backward_baseline, pc_activation_backward_avx2;

/* The definition, in double: da, du (n); du is not written without a gate. */
void pc_ref_activation_backward(double *da, double *du, const pc_activation_backward_args *args);

#endif
