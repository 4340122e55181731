/* Whether a change all but takes away what a norm reads, on the device: a block a span. */
#include "kernels/vanishing_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

enum { THREADS = 256, ROWS = THREADS / PC_WARP };

static const int64_t most_blocks = 1 << 20;

/* A lane's part of the sums over a row. */
struct sums {
    float squares, sum;
};

static __device__ __forceinline__ void add(sums *s, float x)
{
    s->squares += x * x;
    s->sum += x;
}

/* The squares of a row, around the mean for the layer norm. */
static __device__ double spread(sums s, int64_t width, int is_centred)
{
    const double squares = pc_warp_sum((double)s.squares);
    if (!is_centred) return squares;
    const double sum = pc_warp_sum((double)s.sum);
    return squares - sum * sum / (double)width;
}

static __device__ int is_lost(const pc_vanishing_args *args, int64_t row)
{
    const float *d = args->d + row * args->width;
    const float *x = args->x + args->base_row[row] * args->width;
    sums of_x = {0, 0}, of_d = {0, 0}, of_y = {0, 0};
    for (int64_t i = threadIdx.x % PC_WARP; i < args->width; i += PC_WARP) {
        add(&of_x, x[i]);
        add(&of_d, d[i]);
        add(&of_y, x[i] + d[i]);
    }
    const double base = spread(of_x, args->width, args->is_centred);
    const double change = spread(of_d, args->width, args->is_centred);
    const double changed = spread(of_y, args->width, args->is_centred);
    return change > 0 && changed < 1e-4 * (base + change);
}

/* A block takes whole spans, a warp every 8th row of them, a lane every 32nd channel of these: a
 * span is what one variant has of a norm's rows, and its answer is one byte, which the block agrees
 * on. No warp stops early: few variants lose anything. */
static __global__ void __launch_bounds__(THREADS) vanishing_kernel(pc_vanishing_args args)
{
    for (int64_t i = blockIdx.x; i < args.n_spans; i += gridDim.x) {
        const pc_row_span span = args.spans[i];
        int lost = 0;
        for (int64_t k = threadIdx.x / PC_WARP; k < span.rows; k += ROWS)
            lost |= is_lost(&args, span.row + k * span.stride);
        lost = __syncthreads_or(lost);
        if (threadIdx.x == 0) args.is_lost[i] = lost != 0;
    }
}

cudaError_t pck_vanishing(const pc_vanishing_args *args, cudaStream_t stream)
{
    if (args->n_spans == 0) return cudaSuccess;
    const int64_t blocks = args->n_spans < most_blocks ? args->n_spans : most_blocks;
    return pc_launch(vanishing_kernel, dim3((unsigned)blocks), dim3(THREADS), 0, stream, *args);
}
