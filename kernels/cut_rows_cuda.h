/* What is seen otherwise where an edge is cut (cut_rows.h) on a CUDA device. */
#ifndef PC_KERNELS_CUT_ROWS_CUDA_H
#define PC_KERNELS_CUT_ROWS_CUDA_H

#include "kernels/cut_rows.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All pointers are the device's, `items` too. Enqueues on `stream` and returns what the launch
 * said. The same bits as on the processor. */
cudaError_t pck_cut_rows(const pc_cut_rows_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
