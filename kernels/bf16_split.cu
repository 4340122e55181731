/* Splitting float32 into two bfloat16 on the device. */
#include "kernels/gemm_cuda.h"

#include "kernels/launch.cuh"

enum { THREADS = 256 };

static const int64_t most_blocks = 1 << 16;

/* To nearest, ties to even: adding just under half of the last place kept, and that place's own
 * bit, carries exactly when rounding goes up. A NaN would carry into infinity, or stop at it. */
static __device__ __forceinline__ unsigned round_to_bf16(float x)
{
    const unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u;
    return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

/* A block takes rows, a thread every 256th of a row's elements: neighbours read neighbours. It
 * moves 8 bytes for a few instructions, so memory is the limit. */
static __global__ void __launch_bounds__(THREADS)
    split_kernel(uint16_t *hi, uint16_t *lo, const float *x, int64_t to_stride, int64_t x_stride,
                 int64_t width, int64_t rows, int64_t all_rows)
{
    for (int64_t row = blockIdx.x; row < all_rows; row += gridDim.x)
        for (int64_t i = threadIdx.x; i < width; i += THREADS) {
            const float value = row < rows ? x[row * x_stride + i] : 0;
            const unsigned high = round_to_bf16(value);
            hi[row * to_stride + i] = (uint16_t)high;
            if (lo)
                lo[row * to_stride + i] =
                    (uint16_t)round_to_bf16(value - __uint_as_float(high << 16));
        }
}

cudaError_t pck_gemm_split(const pck_split_args *args, cudaStream_t stream)
{
    if (args->all_rows == 0 || args->width == 0) return cudaSuccess;
    const int64_t blocks = args->all_rows < most_blocks ? args->all_rows : most_blocks;
    return pc_launch(split_kernel, dim3((unsigned)blocks), dim3(THREADS), 0, stream, args->hi,
                     args->lo, args->x, args->to_stride, args->x_stride, args->width, args->rows,
                     args->all_rows);
}
