/* What a change d of its input changes in a layer norm's output: dy = LN(x + d) - LN(x).
 *
 * With base row b = base_row[r], x_c = x - mean, d_c = d - mean(d) and s = sqrt(var + eps):
 *
 *   var' = var + mean((2 x_c + d_c) d_c)           s' = sqrt(var' + eps)
 *   dy   = g (d_c / s' - x_c (var' - var) / (s s' (s + s')))
 *
 * which is exact and rounds relative to d, not to x. Where var' < var / 4 (a dominant writer was
 * removed) var' is itself the difference of two large numbers; then
 *
 *   var' = mean((x_c + d_c)^2)                     dy = g ((x_c + d_c) / s' - x_c / s)
 *
 * A bias cancels. A row whose d is 0 gives 0 exactly; a row with NaN or infinity in d, or in its
 * base row, comes out as NaN. The result of a row depends on that row and its base row alone. */
#ifndef PC_KERNELS_LAYERNORM_DELTA_H
#define PC_KERNELS_LAYERNORM_DELTA_H

#include <stdint.h>

/* Shared by layer norm and RMS norm.
 *
 *   dy, d        (rows, width) row-major; may be the same array
 *   base_row     (rows) the base row of each row
 *   x            (n_base, width) the norm's input in the base run
 *   mean         (n_base) of x's rows; NULL for the RMS norm. A float's rounding of it costs the
 *                result 6e-8 |mean| / s, relative
 *   variance     (n_base) of x's rows, around mean; for the RMS norm around 0
 *   gain         (width), or NULL for 1
 *   gain_offset  added to every gain: 1 for Gemma, which stores g - 1, else 0; unused without gain
 *
 * Any rows >= 0, width >= 1, eps >= 0. */
typedef struct pc_norm_delta_args {
    float *dy;
    const float *d;
    const int32_t *base_row;
    const float *x, *mean, *variance, *gain;
    float gain_offset;
    double eps;
    int64_t rows, width;
} pc_norm_delta_args;

typedef void pc_norm_delta_fn(const pc_norm_delta_args *args);

pc_norm_delta_fn pc_layernorm_delta_baseline, pc_layernorm_delta_avx2;

/* The definition, in double: dy (rows, width) from x, d, gain and eps alone. mean, variance and
 * args->dy are not looked at. */
void pc_ref_layernorm_delta(double *dy, const pc_norm_delta_args *args);

#endif
