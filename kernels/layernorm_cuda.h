/* The layer norm of layernorm.h on a CUDA device, in float32. */
#ifndef PC_KERNELS_LAYERNORM_CUDA_H
#define PC_KERNELS_LAYERNORM_CUDA_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes and NULLs as in layernorm.h; all pointers are the device's. Enqueues on `stream` and
 * returns what the launch said: a fault inside the kernel shows at the next synchronisation. Sums
 * are in float32, in an order that depends on width alone: the same row gives the same bits in any
 * batch. */
cudaError_t pck_layernorm(float *out, const float *x, const float *gain, const float *bias,
                          int64_t rows, int64_t width, float eps, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
