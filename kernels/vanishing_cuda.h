/* Whether a change all but takes away what a norm reads (vanishing.h) on a CUDA device. */
#ifndef PC_KERNELS_VANISHING_CUDA_H
#define PC_KERNELS_VANISHING_CUDA_H

#include "kernels/vanishing.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All pointers are the device's, `spans` too. Enqueues on `stream` and returns what the launch
 * said. Sums are in float32 in 32 parts, in an order that depends on width alone: the same answer
 * in any batch, but where the share is within a few 1e-6 of its bound, not always the processor's.
 */
cudaError_t pck_vanishing(const pc_vanishing_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
