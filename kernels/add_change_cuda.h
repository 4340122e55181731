/* Adding a change to the stream (add_change.h) on a CUDA device. */
#ifndef PC_KERNELS_ADD_CHANGE_CUDA_H
#define PC_KERNELS_ADD_CHANGE_CUDA_H

#include "kernels/add_change.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x and y are the device's. Enqueues on `stream` and returns what the launch said. The same bits as
 * on the processor. */
cudaError_t pck_add_change(const pc_add_change_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
