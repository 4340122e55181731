/* A kernel for each part of CUDA C that the emulator offers. */
#include "language.h"

#include "kernels/launch.cuh"

#include <stdint.h>

static const unsigned all = 0xffffffffu;

static __global__ void collectives_kernel(int *out)
{
    const int value = (int)threadIdx.x, lane = value % warpSize;
    int *mine = out + value * N_LANGUAGE;
    mine[SHFL] = __shfl_sync(all, value, 5);
    mine[SHFL_WIDTH] = __shfl_sync(all, value, 3, 8);
    mine[SHFL_XOR] = __shfl_xor_sync(all, value, 2);
    mine[SHFL_UP] = __shfl_up_sync(all, value, 2);
    mine[SHFL_DOWN] = __shfl_down_sync(all, value, 3, 16);
    mine[BALLOT] = (int)__ballot_sync(all, lane % 2);
    mine[ANY] = __any_sync(all, lane == 7);
    mine[ALL] = __all_sync(all, lane < 31);
    mine[BLOCK_COUNT] = __syncthreads_count(value % 3 == 0);
    mine[BLOCK_AND] = __syncthreads_and(value < 40);
    mine[BLOCK_OR] = __syncthreads_or(value == 39);
    if (lane < 16) mine[HALF_SHUFFLE] = __shfl_sync(0x0000ffffu, value, 0);
    else mine[HALF_SHUFFLE] = __shfl_sync(0xffff0000u, value, 16);
}

cudaError_t language_collectives(int *out, unsigned threads)
{
    return pc_launch(collectives_kernel, dim3(1), dim3(threads), 0, NULL, out);
}

static __global__ void indices_kernel(int *out)
{
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    const unsigned i = block * (blockDim.x * blockDim.y * blockDim.z) + thread;
    out[i] = (int)i;
}

cudaError_t language_indices(int *out, language_size g, language_size b)
{
    return pc_launch(indices_kernel, dim3(g.x, g.y, g.z), dim3(b.x, b.y, b.z), 0, NULL, out);
}

struct pair {
    double first;
    int8_t second;
};

static __global__ void arguments_kernel(double *out, int8_t a, double b, int16_t c, pair d,
                                        int64_t e, float4 f)
{
    out[0] = a + b + c + d.first + d.second + (double)e + f.x + f.w;
}

cudaError_t language_arguments(double *out)
{
    const pair two = {8, 16};
    return pc_launch(arguments_kernel, dim3(1), dim3(1), 0, NULL, out, 1, 2, 4, two, 32,
                     make_float4(64, 0, 0, 128));
}
