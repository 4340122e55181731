/* The norms backwards (norm_backward.h) on a CUDA device. */
#ifndef PC_KERNELS_NORM_BACKWARD_CUDA_H
#define PC_KERNELS_NORM_BACKWARD_CUDA_H

#include "kernels/norm_backward.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes and NULLs as in norm_backward.h; all pointers are the device's. Enqueues on `stream` and
 * returns what the launch said. Sums are in double, in an order that depends on width alone: the
 * same row with the same base row gives the same bits in any batch. */
cudaError_t pck_layernorm_backward(const pc_norm_backward_args *args, cudaStream_t stream);
cudaError_t pck_rmsnorm_backward(const pc_norm_backward_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
