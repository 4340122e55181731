/* Attention of the base run (attention_base.h) on a CUDA device, in float32: many heads of many
 * prompts in one launch. Also the patterns that head detectors look at. */
#ifndef PC_KERNELS_ATTENTION_BASE_CUDA_H
#define PC_KERNELS_ATTENTION_BASE_CUDA_H

#include "kernels/attention_base.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All pointers are the device's. Any seq >= 0, d_head >= 1. Enqueues on `stream` and returns what
 * the launch said. A row depends on its item alone, and on nothing of it that its query does not
 * see: the same bits in any batch.
 */
cudaError_t pck_attention_base(const pc_attention_base_batch *batch, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
