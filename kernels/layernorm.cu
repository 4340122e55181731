/* Layer norm on the device: one block a row. */
#include "kernels/layernorm_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

enum { THREADS = 256 };

static const int64_t most_blocks = 1 << 20; /* plenty; the grid's own limit is 2^31 - 1 */

/* A block takes whole rows, a thread every 256th channel of them. Two passes (mean, then centred
 * sum of squares), because E[x^2] - E[x]^2 loses the variance where the mean is large, and residual
 * streams have such channels; the second and third read of the row come from the cache. */
static __global__ void __launch_bounds__(THREADS)
    layernorm_kernel(float *out, const float *x, const float *gain, const float *bias, int64_t rows,
                     int64_t width, float eps)
{
    for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
        const float *from = x + row * width;
        float sum = 0, squares = 0;
        for (int64_t i = threadIdx.x; i < width; i += THREADS)
            sum += from[i];
        const float mean = pc_block_sum(sum) / (float)width;
        for (int64_t i = threadIdx.x; i < width; i += THREADS)
            squares += (from[i] - mean) * (from[i] - mean);
        const float scale = 1 / sqrtf(pc_block_sum(squares) / (float)width + eps);
        for (int64_t i = threadIdx.x; i < width; i += THREADS)
            out[row * width + i] =
                (from[i] - mean) * scale * (gain ? gain[i] : 1) + (bias ? bias[i] : 0);
    }
}

cudaError_t pck_layernorm(float *out, const float *x, const float *gain, const float *bias,
                          int64_t rows, int64_t width, float eps, cudaStream_t stream)
{
    if (rows == 0) return cudaSuccess;
    const unsigned blocks = (unsigned)(rows < most_blocks ? rows : most_blocks);
    return pc_launch(layernorm_kernel, dim3(blocks), dim3(THREADS), 0, stream, out, x, gain, bias,
                     rows, width, eps);
}
