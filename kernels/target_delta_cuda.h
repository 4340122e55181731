/* Effects from changes of all logits (target_delta.h) on a CUDA device. */
#ifndef PC_KERNELS_TARGET_DELTA_CUDA_H
#define PC_KERNELS_TARGET_DELTA_CUDA_H

#include "kernels/target_delta.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes as in target_delta.h; all pointers but the scratch are the device's. Enqueues on `stream`
 * and returns what the launch said. Sums are in double, in an order that depends on vocab and the
 * number of answers alone: the same row with the same target gives the same bits in any batch. */
cudaError_t pck_target_delta(const pc_target_delta_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
