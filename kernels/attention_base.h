/* Causal attention of one head in the base run, with scores as in attention_delta.h:
 * log_pattern = log softmax(s) over the keys that a query sees, z = exp(log_pattern) v.
 *
 *   z            (seq, d_head) out, rows z_stride apart; NULL: the pattern alone is wanted
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

/* One head of one prompt: pc_attention_base_args with offsets, in floats, into the arrays of the
 * batch; heads that share keys and values have the same k and v.
 *
 *   z            where its z (seq, d_head) begins; below 0: the pattern alone is wanted
 *   log_pattern  where its (seq, seq) begins, rows pattern_stride apart
 *   q, k, v      where position 0 of its head begins; v is not looked at without z */
typedef struct pc_attention_base_item {
    int64_t z, log_pattern, q, k, v;
    int64_t pattern_stride, seq;
} pc_attention_base_item;

/* Many heads of many prompts in one call; no item's seq is larger than most_seq. z and v may be
 * NULL if no item wants z. */
typedef struct pc_attention_base_batch {
    float *z, *log_pattern;
    const float *q, *k, *v;
    int64_t z_stride, q_stride, k_stride, v_stride;
    const pc_attention_base_item *items;
    int64_t n_items, most_seq;
    pc_attention_kind kind;
} pc_attention_base_batch;

typedef void pc_attention_base_fn(const pc_attention_base_args *args);

pc_attention_base_fn pc_attention_base_baseline, pc_attention_base_avx2;

#endif
