/* Causal attention of one head: pattern = softmax(scale q k^T) over the keys at or before the
 * query, z = pattern v (Vaswani et al. 2017, equation 1).
 *
 *   z        (seq, d_head) out
 *   pattern  (seq, seq) out: row = query position, column = key position, 0 above the diagonal
 *   q, k, v  (seq, d_head)
 *
 * The softmax subtracts the row's maximum; sums run in ascending order of key and channel. A row
 * with NaN or +infinity in its scores comes out as NaN. */
#ifndef PC_KERNELS_ATTENTION_H
#define PC_KERNELS_ATTENTION_H

#include <stdint.h>

/* The definition, in double. */
void pc_ref_attention(double *z, double *pattern, const double *q, const double *k, const double *v,
                      int64_t seq, int64_t d_head, double scale);

/* One row of z from one row of the pattern: z (d_head) = sum over key <= query of pattern[key]
 * v[key].
 */
void pc_ref_attention_gather(double *z, const double *pattern, const double *v, int64_t query,
                             int64_t d_head);

#endif
