/* The layer norm's change of layernorm_delta.h on a CUDA device, in float32. */
#ifndef PC_KERNELS_LAYERNORM_DELTA_CUDA_H
#define PC_KERNELS_LAYERNORM_DELTA_CUDA_H

#include "kernels/layernorm_delta.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes and NULLs as in layernorm_delta.h, with mean; all pointers are the device's. Enqueues on
 * `stream` and returns what the launch said. Sums are in float32, in an order that depends on width
 * alone: the same row with the same base row gives the same bits in any batch. */
cudaError_t pck_layernorm_delta(const pc_norm_delta_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
