/* The softcapped numbers' change of softcap_delta.h on a CUDA device, in float32. */
#ifndef PC_KERNELS_SOFTCAP_DELTA_CUDA_H
#define PC_KERNELS_SOFTCAP_DELTA_CUDA_H

#include "kernels/softcap_delta.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes as in softcap_delta.h; all pointers are the device's. Enqueues on `stream` and returns
 * what the launch said. An element depends on its own inputs alone. */
cudaError_t pck_softcap_delta(const pc_softcap_delta_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
