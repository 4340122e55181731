/* The norms of the base run on the device: one warp a row. */
#include "kernels/norm_base_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

enum { THREADS = 256, ROWS = THREADS / PC_WARP };

static const int64_t most_blocks = 1 << 20;

static __device__ double mean_of(const float *x, int64_t width, int lane)
{
    double sum = 0;
    for (int64_t i = lane; i < width; i += PC_WARP)
        sum += (double)x[i];
    return pc_warp_sum(sum) / (double)width;
}

static __device__ double variance_around(const float *x, double mean, int64_t width, int lane)
{
    double sum = 0;
    for (int64_t i = lane; i < width; i += PC_WARP)
        sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    return pc_warp_sum(sum) / (double)width;
}

static __device__ void write_row(const pc_norm_base_args *args, int64_t row, double mean,
                                 double scale, int lane)
{
    const int64_t at = row * args->width;
    for (int64_t i = lane; i < args->width; i += PC_WARP) {
        const double gain = args->gain ? (double)args->gain[i] + (double)args->gain_offset : 1;
        const double bias = args->bias ? (double)args->bias[i] : 0;
        args->y[at + i] = (float)(((double)args->x[at + i] - mean) * scale * gain + bias);
    }
}

/* A warp takes whole rows, a lane every 32nd channel of them, in three passes, of which the later
 * ones read the row from the cache; the RMS norm has no mean, and two. In double: this is done once
 * a prompt, and all that follows is measured against it. y may be x: a lane reads a channel before
 * it writes it. */
static __global__ void __launch_bounds__(THREADS) norm_base_kernel(pc_norm_base_args args)
{
    const int lane = threadIdx.x % PC_WARP;
    const int64_t first = (int64_t)blockIdx.x * ROWS + threadIdx.x / PC_WARP;
    for (int64_t row = first; row < args.rows; row += (int64_t)gridDim.x * ROWS) {
        const float *x = args.x + row * args.width;
        const double mean = args.mean ? mean_of(x, args.width, lane) : 0;
        const double variance = variance_around(x, mean, args.width, lane);
        write_row(&args, row, mean, 1 / sqrt(variance + args.eps), lane);
        if (lane != 0) continue;
        args.variance[row] = (float)variance;
        if (args.mean) args.mean[row] = (float)mean;
    }
}

static cudaError_t launch(const pc_norm_base_args *args, float *mean, cudaStream_t stream)
{
    if (args->rows == 0) return cudaSuccess;
    const int64_t blocks = (args->rows + ROWS - 1) / ROWS;
    pc_norm_base_args own = *args;
    own.mean = mean;
    return pc_launch(norm_base_kernel,
                     dim3((unsigned)(blocks < most_blocks ? blocks : most_blocks)), dim3(THREADS),
                     0, stream, own);
}

cudaError_t pck_layernorm_base(const pc_norm_base_args *args, cudaStream_t stream)
{
    return launch(args, args->mean, stream);
}

cudaError_t pck_rmsnorm_base(const pc_norm_base_args *args, cudaStream_t stream)
{
    return launch(args, NULL, stream);
}
