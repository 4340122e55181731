/* Layer norm over the last axis: out = (x - mean) / sqrt(var + eps) * gain + bias, where
 * mean = sum(x) / width and var = sum((x - mean)^2) / width (Ba, Kiros and Hinton 2016, equation
 * 4).
 *
 *   out, x  (rows, width) row-major; may be the same array
 *   gain    (width) float32 as the checkpoint has it, or NULL for none (1)
 *   bias    (width) float32, or NULL for none (0)
 *
 * Any rows >= 0, width >= 1. Both sums run in ascending order of the index; the variance is taken
 * around the mean in a second pass. A row with NaN or infinity comes out as NaN. */
#ifndef PC_KERNELS_LAYERNORM_H
#define PC_KERNELS_LAYERNORM_H

#include <stdint.h>

/* The definition, in double. */
void pc_ref_layernorm(double *out, const double *x, const float *gain, const float *bias,
                      int64_t rows, int64_t width, double eps);

#endif
