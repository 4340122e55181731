/* Causal attention backwards: the gradients at q, k, v from the gradient dz at the heads' outputs.
 * Scores and pattern p = exp(log_pattern) are attention_delta.h's; for query i and the keys j that
 * it sees,
 *
 *   dp_ij = dz_i . v_j          ds_ij = p_ij (dp_ij - sum_j p_ij dp_ij)
 *   dt_ij = ds_ij               or, under a softcap c,   ds_ij (1 - (s_ij / c)^2)
 *
 *   dq_i = scale sum_j dt_ij k_j      dk_j = scale sum_i dt_ij q_i      dv_j = sum_i p_ij dz_i
 *
 * Under PC_RELEVANCE the pattern is a constant: dq = dk = 0.
 *
 * An item is a group of query heads of one prompt that share keys and values: dk and dv are sums
 * over the group, head by head in order, each over its queries in order. */
#ifndef PC_KERNELS_ATTENTION_BACKWARD_H
#define PC_KERNELS_ATTENTION_BACKWARD_H

#include "kernels/attention_delta.h"
#include "kernels/gradient_rule.h"

/* Offsets, in floats, into the arrays of the batch, of position 0.
 *
 *   dz, dq, q    of the group's first query head; the next ones are d_head further
 *   dk, dv, k, v of the group's keys and values
 *   log_pattern  of the first head's (seq, seq); the next ones are seq^2 further, without gaps */
typedef struct pc_attention_backward_item {
    int64_t dz, dq, dk, dv, q, k, v, log_pattern;
    int32_t seq, n_heads;
} pc_attention_backward_item;

/*   dq, dk, dv   out, rows strides apart; no place is written twice
 *   dz, q, k, v  rows strides apart
 *   most_seq     no item's seq is larger
 *   scratch      (most_seq) of the processor
 *
 * Any n_items >= 0, seq >= 0, d_head >= 1, n_heads >= 1. What is written depends on the item alone.
 */
typedef struct pc_attention_backward_batch {
    float *dq, *dk, *dv;
    const float *dz, *q, *k, *v, *log_pattern;
    int64_t dq_stride, dk_stride, dv_stride, dz_stride, q_stride, k_stride, v_stride;
    const pc_attention_backward_item *items;
    int64_t n_items, most_seq;
    pc_attention_kind kind;
    pc_gradient_rule rule;
    float *scratch;
} pc_attention_backward_batch;

typedef void pc_attention_backward_fn(const pc_attention_backward_batch *batch);

pc_attention_backward_fn pc_attention_backward_baseline, pc_attention_backward_avx2;

/* The definition, in double, of one item: dq (seq, n_heads d_head), dk and dv (seq, d_head) without
 * gaps; room (2 seq). The pattern is computed from q and k; log_pattern and the batch's outputs are
 * not looked at. */
void pc_ref_attention_backward(double *dq, double *dk, double *dv, double *room,
                               const pc_attention_backward_batch *batch, int64_t item);

#endif
