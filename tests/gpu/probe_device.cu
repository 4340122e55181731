/* The probe's own kernels: random numbers, shifted rows, comparing bits. */
#include "probe_device.h"

#include "kernels/launch.cuh"

enum { THREADS = 256 };

static const int64_t most_blocks = 1 << 16;

static unsigned blocks_for(int64_t n)
{
    return (unsigned)(n < most_blocks ? n : most_blocks);
}

/* The finaliser of MurmurHash3 (Appleby), twice: every bit of the index reaches every bit. */
static __device__ uint32_t mixed(uint32_t bits)
{
    for (int i = 0; i < 2; i++) {
        bits = (bits ^ bits >> 16) * 0x85ebca6bu;
        bits = (bits ^ bits >> 13) * 0xc2b2ae35u;
        bits ^= bits >> 16;
    }
    return bits;
}

/* A thread takes every so many-th number. */
static __global__ void fill_kernel(float *x, int64_t n, float scale, uint32_t seed)
{
    const int64_t step = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += step) {
        const uint32_t bits = mixed((uint32_t)i ^ mixed((uint32_t)(i >> 32) + seed));
        x[i] = scale * ((float)(bits >> 8) * (1.0f / (1 << 23)) - 1);
    }
}

cudaError_t probe_fill(float *x, int64_t n, float scale, uint32_t seed)
{
    return pc_launch(fill_kernel, dim3(blocks_for((n + THREADS - 1) / THREADS)), dim3(THREADS), 0,
                     NULL, x, n, scale, seed);
}

/* A block takes whole rows, its threads their words. */
static __global__ void shift_kernel(uint32_t *to, const uint32_t *from, int64_t rows, int64_t words,
                                    int64_t shift)
{
    for (int64_t row = blockIdx.x; row < rows; row += gridDim.x)
        for (int64_t i = threadIdx.x; i < words; i += THREADS)
            to[(row + shift) % rows * words + i] = from[row * words + i];
}

cudaError_t probe_shift_rows(uint32_t *to, const uint32_t *from, int64_t rows, int64_t words,
                             int64_t shift)
{
    return pc_launch(shift_kernel, dim3(blocks_for(rows)), dim3(THREADS), 0, NULL, to, from, rows,
                     words, shift);
}

/* A block takes whole rows, its threads their words; the vote is a barrier. */
static __global__ void compare_kernel(int32_t *is_different, const uint32_t *a, const uint32_t *b,
                                      int64_t rows, int64_t b_rows, int64_t words, int64_t shift)
{
    for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
        const uint32_t *from = a + row * words, *other = b + (row + shift) % b_rows * words;
        int differs = 0;
        for (int64_t i = threadIdx.x; i < words; i += THREADS)
            differs |= from[i] != other[i];
        differs = __syncthreads_or(differs);
        if (threadIdx.x == 0) is_different[row] = differs;
    }
}

cudaError_t probe_compare_rows(int32_t *is_different, const uint32_t *a, const uint32_t *b,
                               int64_t rows, int64_t b_rows, int64_t words, int64_t shift)
{
    return pc_launch(compare_kernel, dim3(blocks_for(rows)), dim3(THREADS), 0, NULL, is_different,
                     a, b, rows, b_rows, words, shift);
}
