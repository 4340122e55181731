/* The RMS norm's change of rmsnorm_delta.h on a CUDA device, in float32. */
#ifndef PC_KERNELS_RMSNORM_DELTA_CUDA_H
#define PC_KERNELS_RMSNORM_DELTA_CUDA_H

#include "kernels/rmsnorm_delta.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As pck_layernorm_delta(); args->mean is not looked at. */
cudaError_t pck_rmsnorm_delta(const pc_norm_delta_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
