/* The activations' changes of activation_delta.h on a CUDA device, in float32. */
#ifndef PC_KERNELS_ACTIVATION_DELTA_CUDA_H
#define PC_KERNELS_ACTIVATION_DELTA_CUDA_H

#include "kernels/activation_delta.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes and NULLs as in activation_delta.h; all pointers are the device's. Enqueues on `stream`
 * and returns what the launch said. An element depends on its own inputs alone. */
cudaError_t pck_activation_delta(const pc_activation_delta_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
