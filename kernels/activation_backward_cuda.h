/* The activations backwards (activation_backward.h) on a CUDA device, in float32. */
#ifndef PC_KERNELS_ACTIVATION_BACKWARD_CUDA_H
#define PC_KERNELS_ACTIVATION_BACKWARD_CUDA_H

#include "kernels/activation_backward.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NULLs as in activation_backward.h; all pointers are the device's. Enqueues on `stream` and
 * returns what the launch said. An element depends on its own inputs alone. */
cudaError_t pck_activation_backward(const pc_activation_backward_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
