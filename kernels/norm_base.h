/* The norms of the base run: their outputs, and what the norms' changes need of each row.
 *
 *   layer norm  y = (x - mean) / sqrt(variance + eps) * g + bias
 *   RMS norm    y = x / sqrt(variance + eps) * g + bias           variance = mean(x^2)
 *
 *   y         (rows, width) out; may be x
 *   mean      (rows) out, layer norm only; else not written
 *   variance  (rows) out
 *   x         (rows, width)
 *   gain, gain_offset  as in layernorm_delta.h
 *   bias      (width), or NULL for none
 *
 * Any rows >= 0, width >= 1. Computed in double, rounded once. */
#ifndef PC_KERNELS_NORM_BASE_H
#define PC_KERNELS_NORM_BASE_H

#include <stdint.h>

typedef struct pc_norm_base_args {
    float *y, *mean, *variance;
    const float *x, *gain, *bias;
    float gain_offset;
    double eps;
    int64_t rows, width;
} pc_norm_base_args;

typedef void pc_norm_base_fn(const pc_norm_base_args *args);

pc_norm_base_fn pc_layernorm_base_baseline, pc_layernorm_base_avx2;
pc_norm_base_fn pc_rmsnorm_base_baseline, pc_rmsnorm_base_avx2;

#endif
