/* Copying rows (copy_rows.h) on a CUDA device. */
#ifndef PC_KERNELS_COPY_ROWS_CUDA_H
#define PC_KERNELS_COPY_ROWS_CUDA_H

#include "kernels/copy_rows.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All pointers are the device's, `items` too. Enqueues on `stream` and returns what the launch
 * said. */
cudaError_t pck_copy_rows(const pc_copy_rows_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
