/* Attention backwards (attention_backward.h) on a CUDA device, in float32: many groups of heads in
 * a few launches. */
#ifndef PC_KERNELS_ATTENTION_BACKWARD_CUDA_H
#define PC_KERNELS_ATTENTION_BACKWARD_CUDA_H

#include "kernels/attention_backward.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All pointers are the device's; scratch is not looked at. Enqueues on `stream` and returns what
 * the launches said. A row of an output depends on its item alone, and on nothing of it that does
 * not see it: the same bits in any batch. */
cudaError_t pck_attention_backward(const pc_attention_backward_batch *batch, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
