/* What changes dq, dk, dv change in one head of causal attention, in one variant of a prompt:
 * dz = attention(q + dq, k + dk, v + dv) - attention(q, k, v), where query i sees key j iff
 * 0 <= i - j, and i - j < window if there is one, with the scores
 *
 *   s = scale q.k                  or, with a softcap c (Gemma 2),   s = c tanh(scale q.k / c)
 *
 * The difference is not taken between two outputs. With the base pattern p = exp(L), L = log
 * softmax(s) from the base run, and the change t of the scores,
 *
 *   scale dq.(k + dk) + scale q.dk                           the change of scale q.k
 *   t   = that, or under a softcap by tanh's addition theorem, less sum(p t)
 *   w   = p expm1(t)                                         W = sum(w) >= 0
 *   dp  = (w - p W) / (1 + W)
 *   dz  = sum over keys of dp v + (p + dp) dv
 *
 * which rounds relative to the changes. Where a new weight would overflow (exp(L + t) > e^80) the
 * new pattern is computed by itself, softmax(L + t), and p subtracted. With dq and dk both NULL the
 * pattern is frozen: dz = sum(p dv). No change gives 0 exactly. NaN or infinity in a change
 * that a query sees makes its row NaN or infinite. */
#ifndef PC_KERNELS_ATTENTION_DELTA_H
#define PC_KERNELS_ATTENTION_DELTA_H

#include <stdint.h>

/* What all heads of a layer share. */
typedef struct pc_attention_kind {
    int64_t d_head;
    double scale;
    double softcap; /* 0: none */
    int64_t window; /* 0: none */
} pc_attention_kind;

/* The base run's head; rows are positions 0 ... seq - 1, strides apart.
 *
 *   q, k, v      (seq, d_head), as they enter the scores: after norms, biases and rotation
 *   log_pattern  (seq, seq) row = query, column = key; what a query does not see is not looked at
 */
typedef struct pc_attention_base {
    const float *q, *k, *v, *log_pattern;
    int64_t q_stride, k_stride, v_stride, pattern_stride;
} pc_attention_base;

/* Keys and values change from position `first` on, queries are wanted from q_first >= first on;
 * position 0 <= first <= q_first <= seq.
 *
 *   dz      (seq - q_first, d_head) out; must not overlap the inputs
 *   dq      (seq - q_first, d_head), or NULL for no change
 *   dk, dv  (seq - first, d_head), or NULL for no change
 *   scratch PC_ATTENTION_SCRATCH * seq floats */
typedef struct pc_attention_delta_args {
    float *dz;
    const float *dq, *dk, *dv;
    int64_t dz_stride, dq_stride, dk_stride, dv_stride;
    int64_t seq, first, q_first;
    const pc_attention_kind *kind;
    const pc_attention_base *base;
    float *scratch;
} pc_attention_delta_args;

enum { PC_ATTENTION_SCRATCH = 4 };

/* Many heads of many variants in one call. An item is one head of one variant:
 * pc_attention_delta_args with offsets, in floats, into the arrays of the batch. Items of one
 * prompt have the same base, whose rows before `first` are thus shared; heads that share keys and
 * values have the same k, v, dk and dv.
 *
 *   dz               where its dz (seq - q_first, d_head) begins
 *   dq, dk, dv       where its changes begin; below 0: no change
 *   q, k, v          where position 0 of its head begins in the base run
 *   log_pattern      where its (seq, seq) begins, rows pattern_stride apart */
typedef struct pc_attention_item {
    int64_t dz, dq, dk, dv;
    int64_t q, k, v, log_pattern, pattern_stride;
    int32_t seq, first, q_first;
    int32_t watch_from; /* scores_lost.h alone looks at it */
} pc_attention_item;

/* An array that no item uses may be NULL.
 *
 *   most_seq      no item's seq is larger
 *   most_queries  no item has more queries, seq - q_first
 *   scratch       PC_ATTENTION_SCRATCH * most_seq floats
 *
 * Any seq, d_head >= 1. A row of dz depends on its item alone. */
typedef struct pc_attention_batch {
    float *dz;
    const float *dq, *dk, *dv, *q, *k, *v, *log_pattern;
    int64_t dz_stride, dq_stride, dk_stride, dv_stride, q_stride, k_stride, v_stride;
    const pc_attention_item *items;
    int64_t n_items, most_seq, most_queries;
    pc_attention_kind kind;
    float *scratch;
} pc_attention_batch;

typedef void pc_attention_delta_fn(const pc_attention_delta_args *args);

pc_attention_delta_fn pc_attention_delta_baseline, pc_attention_delta_avx2;

/* The definition, in double: dz (seq - q_first, d_head) without gaps, one attention minus the
 * other. log_pattern, scratch and args->dz are not looked at. */
void pc_ref_attention_delta(double *dz, const pc_attention_delta_args *args);

#endif
