/* Copying rows on the device: a warp a row. */
#include "kernels/copy_rows_cuda.h"

#include "kernels/item_rows.cuh"
#include "kernels/launch.cuh"

/* A block takes 8 rows of one item, a warp each, a lane every 32nd channel: an item is a variant's
 * rows, 15 or so, of 64 to 8,192 channels, so that hundreds of items fill the device and a warp's
 * lanes read neighbours. */
static __global__ void __launch_bounds__(PC_ITEM_THREADS) copy_rows_kernel(pc_copy_rows_args args)
{
    const pc_row_copy item = args.items[blockIdx.x];
    for (int64_t row = pc_item_row(); row < item.rows; row += pc_item_step()) {
        float *to = args.to + item.to + row * args.to_stride;
        const float *from = item.from < 0 ? NULL : args.from + item.from + row * args.from_stride;
        for (int64_t c = threadIdx.x % PC_WARP; c < args.width; c += PC_WARP)
            to[c] = from ? from[c] : 0;
    }
}

cudaError_t pck_copy_rows(const pc_copy_rows_args *args, cudaStream_t stream)
{
    if (args->n_items == 0 || args->most_rows == 0 || args->width == 0) return cudaSuccess;
    return pc_launch(copy_rows_kernel, pc_item_grid(args->n_items, args->most_rows),
                     dim3(PC_ITEM_THREADS), 0, stream, *args);
}
