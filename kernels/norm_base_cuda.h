/* The norms of the base run (norm_base.h) on a CUDA device. */
#ifndef PC_KERNELS_NORM_BASE_CUDA_H
#define PC_KERNELS_NORM_BASE_CUDA_H

#include "kernels/norm_base.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes and NULLs as in norm_base.h; all pointers are the device's. Enqueues on `stream` and
 * returns what the launch said. Sums are in double, in an order that depends on width alone: the
 * same row gives the same bits in any batch. */
cudaError_t pck_layernorm_base(const pc_norm_base_args *args, cudaStream_t stream);
cudaError_t pck_rmsnorm_base(const pc_norm_base_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
