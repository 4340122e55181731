/* Causal attention of one head in the base run, with scores as in attention_delta.h:
 * log_pattern = log softmax(s) over the keys that a query sees, z = exp(log_pattern) v.
 *
 *   z            (seq, d_head) out, rows z_stride apart
 *   log_pattern  (seq, seq) out, row = query, column = key, rows pattern_stride apart; -infinity
 *                where a query does not see
 *   q, k, v      (seq, d_head)
 *
 * seq >= 0, d_head >= 1. A query that sees NaN or +infinity in its scores comes out as NaN. */
#ifndef PC_KERNELS_ATTENTION_BASE_H
#define PC_KERNELS_ATTENTION_BASE_H

#include "kernels/attention_delta.h"

typedef struct pc_attention_base_args {
    float *z, *log_pattern;
    const float *q, *k, *v;
    int64_t z_stride, pattern_stride, q_stride, k_stride, v_stride;
    int64_t seq;
    const pc_attention_kind *kind;
} pc_attention_base_args;

typedef void pc_attention_base_fn(const pc_attention_base_args *args);

pc_attention_base_fn pc_attention_base_baseline, pc_attention_base_avx2;

#endif
