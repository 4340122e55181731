/* Attention's change of attention_delta.h on a CUDA device, in float32: many heads of many variants
 * in one launch. */
#ifndef PC_KERNELS_ATTENTION_DELTA_CUDA_H
#define PC_KERNELS_ATTENTION_DELTA_CUDA_H

#include "kernels/attention_delta.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One head of one variant: pc_attention_delta_args with offsets, in floats, into the arrays of the
 * batch. Items of one prompt have the same base, whose rows before `first` are thus shared; heads
 * that share keys and values have the same k, v, dk and dv.
 *
 *   dz               where its dz (seq - q_first, d_head) begins
 *   dq, dk, dv       where its changes begin; below 0: no change
 *   q, k, v          where position 0 of its head begins in the base run
 *   log_pattern      where its (seq, seq) begins, rows pattern_stride apart */
typedef struct pck_attention_item {
    int64_t dz, dq, dk, dv;
    int64_t q, k, v, log_pattern, pattern_stride;
    int32_t seq, first, q_first;
    int32_t unused;
} pck_attention_item;

/* All pointers are the device's, `items` too. An array that no item uses may be NULL.
 *
 *   most_seq      no item's seq is larger
 *   most_queries  no item has more queries, seq - q_first
 *
 * Any seq, d_head >= 1. Items of up to PCK_ATTENTION_SHORT positions keep all scores of a query at
 * hand; longer ones go through tiles of keys, and are up to 1e-5 of their largest change off what
 * the other way would give. */
typedef struct pck_attention_batch {
    float *dz;
    const float *dq, *dk, *dv, *q, *k, *v, *log_pattern;
    int64_t dz_stride, dq_stride, dk_stride, dv_stride, q_stride, k_stride, v_stride;
    const pck_attention_item *items;
    int64_t n_items, most_seq, most_queries;
    pc_attention_kind kind;
} pck_attention_batch;

enum { PCK_ATTENTION_SHORT = 128 };

/* Enqueues on `stream` and returns what the launches said. A row of dz depends on its item alone,
 * and on nothing of it that its query does not see: the same bits in any batch. */
cudaError_t pck_attention_delta(const pck_attention_batch *batch, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
