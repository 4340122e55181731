/* The divergence of kl_delta.h on a CUDA device: exponentials in float32, sums in double. */
#ifndef PC_KERNELS_KL_DELTA_CUDA_H
#define PC_KERNELS_KL_DELTA_CUDA_H

#include "kernels/kl_delta.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes as in kl_delta.h; all pointers are the device's. Enqueues on `stream` and returns what the
 * launch said. Sums run in an order that depends on vocab alone: the same row with the same base
 * row gives the same bits in any batch. */
cudaError_t pck_kl_delta(const pc_kl_delta_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
