/* Attention's change of attention_delta.h on a CUDA device, in float32: many heads of many variants
 * in one launch. */
#ifndef PC_KERNELS_ATTENTION_DELTA_CUDA_H
#define PC_KERNELS_ATTENTION_DELTA_CUDA_H

#include "kernels/attention_delta.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All pointers of the batch are the device's, `items` too. Items of up to PCK_ATTENTION_SHORT
 * positions keep all scores of a query at hand; longer ones go through tiles of keys, and are up to
 * 1e-5 of their largest change off what the other way would give. `scratch` is not looked at. */
enum { PCK_ATTENTION_SHORT = 128 };

/* Enqueues on `stream` and returns what the launches said. A row of dz depends on its item alone,
 * and on nothing of it that its query does not see: the same bits in any batch. */
cudaError_t pck_attention_delta(const pc_attention_batch *batch, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
