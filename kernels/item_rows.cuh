/* Kernels over items of a few rows each: which rows a warp has, and how many blocks there are. */
#ifndef PC_KERNELS_ITEM_ROWS_CUH
#define PC_KERNELS_ITEM_ROWS_CUH

#include "kernels/reduce.cuh"

#include <stdint.h>

/* Block (x, y) has some of the rows of item x, a warp each: rows y PC_ITEM_ROWS + warp and so on,
 * pc_item_step() apart. */
enum { PC_ITEM_THREADS = 256, PC_ITEM_ROWS = PC_ITEM_THREADS / PC_WARP };

static __device__ __forceinline__ int64_t pc_item_row(void)
{
    return (int64_t)blockIdx.y * PC_ITEM_ROWS + threadIdx.x / PC_WARP;
}

static __device__ __forceinline__ int64_t pc_item_step(void)
{
    return (int64_t)gridDim.y * PC_ITEM_ROWS;
}

/* For n_items >= 1 items of up to most_rows >= 1 rows. */
static inline dim3 pc_item_grid(int64_t n_items, int64_t most_rows)
{
    const int64_t tiles = (most_rows + PC_ITEM_ROWS - 1) / PC_ITEM_ROWS, most = 65535;
    return dim3((unsigned)n_items, (unsigned)(tiles < most ? tiles : most));
}

#endif
