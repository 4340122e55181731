/* Rotary positions of rotary.h on a CUDA device, in float32. */
#ifndef PC_KERNELS_ROTARY_CUDA_H
#define PC_KERNELS_ROTARY_CUDA_H

#include "kernels/rotary.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* args->x, position and table are the device's; args->kind is the caller's, and its frequency is
 * not looked at. Enqueues on `stream` and returns what the launch said. A pair depends on itself
 * and its angle alone. */
cudaError_t pck_rotary(const pc_rotary_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
