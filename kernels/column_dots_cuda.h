/* Inner products of columns (column_dots.h) on a CUDA device. */
#ifndef PC_KERNELS_COLUMN_DOTS_CUDA_H
#define PC_KERNELS_COLUMN_DOTS_CUDA_H

#include "kernels/column_dots.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes as in column_dots.h; all pointers are the device's, the list of items too. Enqueues on
 * `stream` and returns what the launch said. A column depends on itself alone: the same bits in any
 * call. */
cudaError_t pck_column_dots(const pc_column_dots_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
