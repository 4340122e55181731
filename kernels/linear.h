/* Linear map of rows: out = x W + bias.
 *
 *   out   (rows, n_out) row-major; must not overlap x
 *   x     (rows, n_in)
 *   w     (n_in, n_out) row-major, float32 as the checkpoint has it
 *   bias  (n_out) or NULL for none
 *
 * Any rows >= 0, n_in >= 0, n_out >= 0. Each output is bias plus the products in ascending order of
 * the input index, so it does not depend on how many rows or columns are computed with it. */
#ifndef PC_KERNELS_LINEAR_H
#define PC_KERNELS_LINEAR_H

#include <stdint.h>

typedef void pc_linear_fn(double *out, const double *x, const float *w, const float *bias,
                          int64_t rows, int64_t n_in, int64_t n_out);

/* The definition, in double; and the same bits, faster. */
pc_linear_fn pc_ref_linear, pc_linear_avx2;

/* The same with w (n_out, n_in), each output the dot product of a row of x and a row of w: how an
 * unembedding reads one token's logit. */
void pc_ref_linear_rows(double *out, const double *x, const float *w, const float *bias,
                        int64_t rows, int64_t n_in, int64_t n_out);

#endif
