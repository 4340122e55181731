/* The activations of the base run (activation_base.h) on a CUDA device, in float32. */
#ifndef PC_KERNELS_ACTIVATION_BASE_CUDA_H
#define PC_KERNELS_ACTIVATION_BASE_CUDA_H

#include "kernels/activation_base.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All pointers are the device's. Enqueues on `stream` and returns what the launch said. An element
 * depends on its own inputs alone. */
cudaError_t pck_activation_base(const pc_activation_base_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
