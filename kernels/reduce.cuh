/* Sums over a warp or a block, of float or double, in an order that is always the same; the largest
 * value of a warp. */
#ifndef PC_KERNELS_REDUCE_CUH
#define PC_KERNELS_REDUCE_CUH

#include <cuda_runtime.h>

enum { PC_WARP = 32, PC_MAX_WARPS = 32 };

template <class T> static __device__ __forceinline__ T pc_warp_sum(T value)
{
    for (int distance = PC_WARP / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

static __device__ __forceinline__ float pc_warp_max(float value)
{
    for (int distance = PC_WARP / 2; distance > 0; distance /= 2)
        value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, distance));
    return value;
}

/* The sum of every thread's value, returned to every thread. All threads of a one-dimensional block
 * of whole warps call it together. */
template <class T> static __device__ __forceinline__ T pc_block_sum(T value)
{
    __shared__ T of_warp[PC_MAX_WARPS];
    const int warp = threadIdx.x / PC_WARP, n_warps = blockDim.x / PC_WARP;
    value = pc_warp_sum(value);
    __syncthreads(); /* everyone has read what the previous call left in of_warp */
    if (threadIdx.x % PC_WARP == 0) of_warp[warp] = value;
    __syncthreads();
    T sum = 0;
    for (int i = 0; i < n_warps; i++)
        sum += of_warp[i];
    return sum;
}

#endif
