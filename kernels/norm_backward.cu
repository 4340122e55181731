/* The norms backwards on the device: one warp a row. */
#include "kernels/norm_backward_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

enum { THREADS = 256, ROWS = THREADS / PC_WARP };

static const int64_t most_blocks = 1 << 20;

/* One gradient row and its base row; the means are 0 for the RMS norm. */
struct gradient {
    const pc_norm_backward_args *args;
    const float *x, *dy;
    double x_mean, h_mean, scale, along;
};

static __device__ __forceinline__ int lane(void)
{
    return threadIdx.x % PC_WARP;
}

static __device__ __forceinline__ double h_at(const gradient *r, int64_t i)
{
    const double dy = (double)r->dy[i];
    return r->args->gain ? dy * ((double)r->args->gain[i] + (double)r->args->gain_offset) : dy;
}

static __device__ __forceinline__ double x_at(const gradient *r, int64_t i)
{
    return (double)r->x[i] - r->x_mean;
}

static __device__ double mean_of_h(const gradient *r)
{
    double sum = 0;
    for (int64_t i = lane(); i < r->args->width; i += PC_WARP)
        sum += h_at(r, i);
    return pc_warp_sum(sum) / (double)r->args->width;
}

/* mean((x - mean) h) */
static __device__ double mean_along(const gradient *r)
{
    double sum = 0;
    for (int64_t i = lane(); i < r->args->width; i += PC_WARP)
        sum += x_at(r, i) * h_at(r, i);
    return pc_warp_sum(sum) / (double)r->args->width;
}

/* A warp takes whole rows, a lane every 32nd channel of them, in up to three passes of which the
 * later ones read the row from the cache. Some ten double operations a channel are little beside
 * the products before and after. dx may be dy: a lane reads a channel before it writes it. */
static __global__ void __launch_bounds__(THREADS)
    norm_backward_kernel(pc_norm_backward_args args, int is_centred)
{
    const int64_t first = (int64_t)blockIdx.x * ROWS + threadIdx.x / PC_WARP, width = args.width;
    for (int64_t row = first; row < args.rows; row += (int64_t)gridDim.x * ROWS) {
        const int64_t base = row % args.n_base;
        gradient r = {&args, args.x + base * width, args.dy + row * width, 0, 0, 0, 0};
        r.scale = 1 / sqrt((double)args.variance[base] + args.eps);
        if (is_centred) {
            r.x_mean = (double)args.mean[base];
            r.h_mean = mean_of_h(&r);
        }
        if (args.rule == PC_GRADIENT) r.along = mean_along(&r) * r.scale * r.scale * r.scale;
        for (int64_t i = lane(); i < width; i += PC_WARP)
            args.dx[row * width + i] =
                (float)((h_at(&r, i) - r.h_mean) * r.scale - x_at(&r, i) * r.along);
    }
}

static cudaError_t launch(const pc_norm_backward_args *args, int is_centred, cudaStream_t stream)
{
    if (args->rows == 0) return cudaSuccess;
    const int64_t blocks = (args->rows + ROWS - 1) / ROWS;
    return pc_launch(norm_backward_kernel,
                     dim3((unsigned)(blocks < most_blocks ? blocks : most_blocks)), dim3(THREADS),
                     0, stream, *args, is_centred);
}

cudaError_t pck_layernorm_backward(const pc_norm_backward_args *args, cudaStream_t stream)
{
    return launch(args, 1, stream);
}

cudaError_t pck_rmsnorm_backward(const pc_norm_backward_args *args, cudaStream_t stream)
{
    return launch(args, 0, stream);
}
