/* Finding what is not finite (not_finite.h) on a CUDA device. */
#ifndef PC_KERNELS_NOT_FINITE_CUDA_H
#define PC_KERNELS_NOT_FINITE_CUDA_H

#include "kernels/not_finite.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All pointers are the device's, `spans` too. Enqueues on `stream` and returns what the launch
 * said. */
cudaError_t pck_not_finite(const pc_not_finite_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
