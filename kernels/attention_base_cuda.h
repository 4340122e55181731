/* Attention of the base run (attention_base.h) on a CUDA device, in float32: many heads of many
 * prompts in one launch. Also the patterns that head detectors look at. */
#ifndef PC_KERNELS_ATTENTION_BASE_CUDA_H
#define PC_KERNELS_ATTENTION_BASE_CUDA_H

#include "kernels/attention_base.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One head of one prompt: pc_attention_base_args with offsets, in floats, into the arrays of the
 * batch; heads that share keys and values have the same k and v.
 *
 *   z            where its z (seq, d_head) begins; below 0: the pattern alone is wanted
 *   log_pattern  where its (seq, seq) begins, rows pattern_stride apart
 *   q, k, v      where position 0 of its head begins; v is not looked at without z */
typedef struct pck_attention_base_item {
    int64_t z, log_pattern, q, k, v;
    int64_t pattern_stride, seq;
} pck_attention_base_item;

/* All pointers are the device's, `items` too; no item's seq is larger than most_seq. z and v may be
 * NULL if no item wants z. */
typedef struct pck_attention_base_batch {
    float *z, *log_pattern;
    const float *q, *k, *v;
    int64_t z_stride, q_stride, k_stride, v_stride;
    const pck_attention_base_item *items;
    int64_t n_items, most_seq;
    pc_attention_kind kind;
} pck_attention_base_batch;

/* Any seq >= 0, d_head >= 1. Enqueues on `stream` and returns what the launch said. A row depends
 * on its item alone, and on nothing of it that its query does not see: the same bits in any batch.
 */
cudaError_t pck_attention_base(const pck_attention_base_batch *batch, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
