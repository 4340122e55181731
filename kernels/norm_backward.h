/* The norms backwards: the gradient dx at a norm's input from the gradient dy at its output.
 *
 * With h = g dy, s = sqrt(variance + eps), y = (x - mean) / s, or x / s in the RMS norm:
 *
 *   layer norm  dx = (h - mean(h) - y mean(y h)) / s
 *   RMS norm    dx = (h - y mean(y h)) / s
 *
 * Under PC_RELEVANCE the scale s is a constant: the terms with mean(y h) are left out.
 *
 * A norm's Jacobian is linear in dy, so that many gradients may share a row of x: gradient row r
 * belongs to base row r mod n_base. A row depends on itself and its base row alone. */
#ifndef PC_KERNELS_NORM_BACKWARD_H
#define PC_KERNELS_NORM_BACKWARD_H

#include "kernels/gradient_rule.h"

#include <stdint.h>

/*   dx, dy       (rows, width) row-major; may be the same array
 *   x            (n_base, width) the norm's input
 *   mean         (n_base) of x's rows; NULL for the RMS norm
 *   variance     (n_base) around mean; for the RMS norm around 0
 *   gain, gain_offset  as in layernorm_delta.h
 *
 * Any rows >= 0, width >= 1, n_base >= 1. Sums in double, rounded once. */
typedef struct pc_norm_backward_args {
    float *dx;
    const float *dy, *x, *mean, *variance, *gain;
    float gain_offset;
    double eps;
    int64_t rows, width, n_base;
    pc_gradient_rule rule;
} pc_norm_backward_args;

typedef void pc_norm_backward_fn(const pc_norm_backward_args *args);

pc_norm_backward_fn pc_layernorm_backward_baseline, pc_layernorm_backward_avx2;
pc_norm_backward_fn pc_rmsnorm_backward_baseline, pc_rmsnorm_backward_avx2;

/* The definition, in double: dx (rows, width) from dy, x, gain and eps alone. mean, variance and
 * args->dx are not looked at. */
void pc_ref_layernorm_backward(double *dx, const pc_norm_backward_args *args);
void pc_ref_rmsnorm_backward(double *dx, const pc_norm_backward_args *args);

#endif
