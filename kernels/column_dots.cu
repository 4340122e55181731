/* Inner products of columns on the device: one thread a column. */
#include "kernels/column_dots_cuda.h"

#include "kernels/launch.cuh"

enum { THREADS = 256 };

/* A block takes 256 neighbouring columns of one item, a thread one of them, row after row:
 * neighbours read neighbours, all is read once, and a prompt has few rows to walk through. */
static __global__ void __launch_bounds__(THREADS) column_dots_kernel(pc_column_dots_args args)
{
    const pc_column_item *item = &args.items[blockIdx.x];
    const float *a = args.a + item->a, *b = args.b + item->b;
    const int64_t step = (int64_t)gridDim.y * THREADS;
    for (int64_t i = (int64_t)blockIdx.y * THREADS + threadIdx.x; i < args.width; i += step) {
        double sum = 0;
        for (int64_t row = 0; row < item->rows; row++)
            sum += (double)a[row * args.a_stride + i] * (double)b[row * args.b_stride + i];
        args.out[item->out + i] += args.weight * sum;
    }
}

cudaError_t pck_column_dots(const pc_column_dots_args *args, cudaStream_t stream)
{
    if (args->n_items == 0 || args->width == 0) return cudaSuccess;
    const int64_t blocks = (args->width + THREADS - 1) / THREADS, most = 65535;
    return pc_launch(column_dots_kernel,
                     dim3((unsigned)args->n_items, (unsigned)(blocks < most ? blocks : most)),
                     dim3(THREADS), 0, stream, *args);
}
