/* Finding what is not finite on the device: a block a span. */
#include "kernels/not_finite_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

enum { THREADS = 256, ROWS = THREADS / PC_WARP };

static const int64_t most_blocks = 1 << 20;

/* A block takes whole spans, a warp every 8th row of them, a lane every 32nd channel of these, as
 * `vanishing` does. */
static __global__ void __launch_bounds__(THREADS) not_finite_kernel(pc_not_finite_args args)
{
    for (int64_t i = blockIdx.x; i < args.n_spans; i += gridDim.x) {
        const pc_row_span span = args.spans[i];
        int found = 0;
        for (int64_t k = threadIdx.x / PC_WARP; k < span.rows; k += ROWS) {
            const float *x = args.x + (span.row + k * span.stride) * args.x_stride;
            for (int64_t c = threadIdx.x % PC_WARP; c < args.width; c += PC_WARP)
                found |= !isfinite(x[c]);
        }
        found = __syncthreads_or(found);
        if (threadIdx.x == 0) args.is_found[i] = found != 0;
    }
}

cudaError_t pck_not_finite(const pc_not_finite_args *args, cudaStream_t stream)
{
    if (args->n_spans == 0) return cudaSuccess;
    const int64_t blocks = args->n_spans < most_blocks ? args->n_spans : most_blocks;
    return pc_launch(not_finite_kernel, dim3((unsigned)blocks), dim3(THREADS), 0, stream, *args);
}
