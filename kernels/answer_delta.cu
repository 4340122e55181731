/* What a change does to answers' logits on the device: one warp a row. */
#include "kernels/answer_delta_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"
#include "kernels/softcap_double.h"

enum { THREADS = 256, ROWS = THREADS / PC_WARP };

static const int64_t most_blocks = 1 << 20;

static __device__ double dot(const float *w, const float *dy, int64_t width)
{
    double sum = 0;
    for (int64_t i = threadIdx.x % PC_WARP; i < width; i += PC_WARP)
        sum += (double)w[i] * (double)dy[i];
    return pc_warp_sum(sum);
}

static __device__ double mean_change(const pc_answer_delta_args *args, const float *dy,
                                     int64_t first, int n)
{
    double sum = 0;
    for (int64_t column = first; column < first + n; column++) {
        const double d = dot(args->w + column * args->width, dy, args->width);
        sum +=
            args->softcap > 0 ? pc_capped_change_double(args->logits[column], d, args->softcap) : d;
    }
    return sum / n;
}

/* A warp takes whole rows and walks through the target's columns, a lane has every 32nd channel:
 * there are a few columns, mostly two, and one row a variant, of 768 to 8,192 channels, so that
 * reading them once is the work. Rows of a prompt share their columns, which come from the cache.
 * Two double operations a channel and column are little beside the products before. */
static __global__ void __launch_bounds__(THREADS) answer_delta_kernel(pc_answer_delta_args args)
{
    const int64_t first = (int64_t)blockIdx.x * ROWS + threadIdx.x / PC_WARP;
    for (int64_t row = first; row < args.rows; row += (int64_t)gridDim.x * ROWS) {
        const pc_answer_columns c = args.columns[args.target[row]];
        const float *dy = args.dy + row * args.width;
        double effect = mean_change(&args, dy, c.first, c.n_answers);
        if (c.n_wrong > 0) effect -= mean_change(&args, dy, c.first + c.n_answers, c.n_wrong);
        if (threadIdx.x % PC_WARP == 0) args.effect[row] = effect;
    }
}

cudaError_t pck_answer_delta(const pc_answer_delta_args *args, cudaStream_t stream)
{
    if (args->rows == 0) return cudaSuccess;
    const int64_t blocks = (args->rows + ROWS - 1) / ROWS;
    return pc_launch(answer_delta_kernel,
                     dim3((unsigned)(blocks < most_blocks ? blocks : most_blocks)), dim3(THREADS),
                     0, stream, *args);
}
