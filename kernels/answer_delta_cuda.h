/* What a change does to answers' logits (answer_delta.h) on a CUDA device. */
#ifndef PC_KERNELS_ANSWER_DELTA_CUDA_H
#define PC_KERNELS_ANSWER_DELTA_CUDA_H

#include "kernels/answer_delta.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes as in answer_delta.h; all pointers are the device's. Enqueues on `stream` and returns what
 * the launch said. Sums are in double, in an order that depends on width alone: the same row with
 * the same target gives the same bits in any batch. */
cudaError_t pck_answer_delta(const pc_answer_delta_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
