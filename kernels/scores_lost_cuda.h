/* Whether float32 loses the changes of scores (scores_lost.h) on a CUDA device: many heads of many
 * variants in one launch. */
#ifndef PC_KERNELS_SCORES_LOST_CUDA_H
#define PC_KERNELS_SCORES_LOST_CUDA_H

#include "kernels/attention_delta_cuda.h"
#include "kernels/scores_lost.h"

#ifdef __cplusplus
extern "C" {
#endif

/* is_lost (n_items) = 0 or 1 of each item of a batch of pck_attention_delta(), with the item's
 * watch_from; 0 where that is below 0. All pointers are the device's. Enqueues on `stream` and
 * returns what the launch said. Sums are in double, in an order that depends on d_head alone: the
 * same answer in any batch, but within a few 1e-16 of the bound not always the processor's. */
cudaError_t pck_scores_lost(uint8_t *is_lost, const pc_attention_batch *batch, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
