/* What is seen otherwise where an edge is cut, on the device: a warp a row. */
#include "kernels/cut_rows_cuda.h"

#include "kernels/item_rows.cuh"
#include "kernels/launch.cuh"

static __device__ void run_row(float *to, const float *change, const float *was, float sign,
                               int64_t width, int is_added)
{
    for (int64_t c = threadIdx.x % PC_WARP; c < width; c += PC_WARP) {
        const float value = sign * (change[c] - (was ? was[c] : 0));
        to[c] = is_added ? to[c] + value : value;
    }
}

static __device__ void clear_row(float *to, int64_t width)
{
    for (int64_t c = threadIdx.x % PC_WARP; c < width; c += PC_WARP)
        to[c] = 0;
}

/* A block takes 8 rows of one item, a warp each, a lane every 32nd channel: as copy_rows, with
 * which it shares the shape of its items. The product with the sign is exact: contraction changes
 * no bit.
 */
static __global__ void __launch_bounds__(PC_ITEM_THREADS) cut_rows_kernel(pc_cut_rows_args args)
{
    const pc_cut_item item = args.items[blockIdx.x];
    const int is_added = args.mode == PC_CUT_ADD;
    for (int64_t row = pc_item_row(); row < item.rows; row += pc_item_step()) {
        float *to = args.to + item.to + row * args.to_stride;
        const float *was = item.was < 0 ? NULL : args.was + item.was + row * args.was_stride;
        if (item.change >= 0)
            run_row(to, args.change + item.change + row * args.change_stride, was, item.sign,
                    args.width, is_added);
        else if (!is_added) clear_row(to, args.width);
    }
}

cudaError_t pck_cut_rows(const pc_cut_rows_args *args, cudaStream_t stream)
{
    if (args->n_items == 0 || args->most_rows == 0 || args->width == 0) return cudaSuccess;
    return pc_launch(cut_rows_kernel, pc_item_grid(args->n_items, args->most_rows),
                     dim3(PC_ITEM_THREADS), 0, stream, *args);
}
