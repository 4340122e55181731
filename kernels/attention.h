/* Causal attention of one head: pattern = softmax(scale q k^T) over the keys at or before the
 * query, z = pattern v (Vaswani et al. 2017, equation 1). With a softcap the scores s are first
 * bent to cap tanh(s / cap) (Gemma 2, section 2); with a window a query sees only the last `window`
 * positions, its own included.
 *
 *   z        (seq, d_head) out
 *   pattern  (seq, seq) out: row = query position, column = key position, 0 where the query does
 * not look q, k, v  (seq, d_head)
 *
 * The softmax subtracts the row's maximum; sums run in ascending order of key and channel. A row
 * with NaN or +infinity in its scores comes out as NaN. */
#ifndef PC_KERNELS_ATTENTION_H
#define PC_KERNELS_ATTENTION_H

#include <stdint.h>

typedef struct pc_attention_options {
    double scale;
    double softcap; /* 0: none */
    int64_t window; /* 0: none */
} pc_attention_options;

/* The definition, in double. */
void pc_ref_attention(double *z, double *pattern, const double *q, const double *k, const double *v,
                      int64_t seq, int64_t d_head, const pc_attention_options *options);

/* One row of z from one row of the pattern: z (d_head) = sum over the keys from `first` to `query`
 * of pattern[key] v[key]. */
void pc_ref_attention_gather(double *z, const double *pattern, const double *v, int64_t first,
                             int64_t query, int64_t d_head);

#endif
