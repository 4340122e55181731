/* Root-mean-square norm over the last axis: out = x / sqrt(mean(x^2) + eps) * (offset + gain)
 * (Zhang and Sennrich 2019, equation 4).
 *
 *   out, x  (rows, width) row-major; may be the same array
 *   gain    (width) or NULL for none (then there is no factor at all)
 *   offset  0, or 1 where the checkpoint stores the gain minus 1 (Gemma)
 *
 * Sums run in ascending order of the index. */
#ifndef PC_KERNELS_RMSNORM_H
#define PC_KERNELS_RMSNORM_H

#include <stdint.h>

/* The definition, in double. */
void pc_ref_rmsnorm(double *out, const double *x, const float *gain, double offset, int64_t rows,
                    int64_t width, double eps);

#endif
