/* Inner products of all pairs (pair_dots.h) on a CUDA device. */
#ifndef PC_KERNELS_PAIR_DOTS_CUDA_H
#define PC_KERNELS_PAIR_DOTS_CUDA_H

#include "kernels/pair_dots.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes as in pair_dots.h; all pointers are the device's, the list of items too. Enqueues on
 * `stream` and returns what the launch said. A pair depends on its two vectors alone: the same bits
 * in any call. */
cudaError_t pck_pair_dots(const pc_pair_dots_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
