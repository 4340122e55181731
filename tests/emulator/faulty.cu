/* Kernels with one bug each, and sound twins. */
#include "faulty.h"

#include "kernels/dynamic_shared.cuh"
#include "kernels/launch.cuh"

enum { MOST = 256 };

static __device__ unsigned whole_index(void)
{
    return blockIdx.x * blockDim.x + threadIdx.x;
}

static __global__ void sound_reverse(float *out)
{
    __shared__ float values[MOST];
    values[threadIdx.x] = (float)whole_index();
    __syncthreads();
    out[whole_index()] = values[blockDim.x - 1 - threadIdx.x];
}

static __global__ void missing_barrier(float *out)
{
    __shared__ float values[MOST];
    values[threadIdx.x] = (float)whole_index();
    out[whole_index()] = values[blockDim.x - 1 - threadIdx.x];
}

static __global__ void half_at_barrier(float *out)
{
    if (threadIdx.x % 2 == 0) __syncthreads();
    out[whole_index()] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
}

static __global__ void exit_before_barrier(float *out)
{
    if (threadIdx.x >= 40) return;
    __syncthreads();
    out[whole_index()] = 1;
}

static __global__ void two_barriers(float *out)
{
    if (threadIdx.x < 32) __syncthreads();
    else __syncthreads();
    out[whole_index()] = 1;
}

static __global__ void sound_partial_warp(float *out)
{
    out[whole_index()] = __shfl_sync(0xffffffffu, (float)threadIdx.x, 1);
}

static __global__ void exit_before_shuffle(float *out)
{
    if (threadIdx.x % 32 >= 16) return;
    out[whole_index()] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
}

static __global__ void foreign_mask(float *out)
{
    out[whole_index()] = __shfl_sync(0x0000ffffu, 1.0f, 0);
}

static __global__ void two_operations(float *out)
{
    if (threadIdx.x == 0) out[0] = (float)__any_sync(0xffffffffu, 1);
    else out[whole_index()] = __shfl_sync(0xffffffffu, 1.0f, 0);
}

static __global__ void missing_syncwarp(float *out)
{
    __shared__ float values[MOST];
    values[threadIdx.x] = (float)whole_index();
    out[whole_index()] = values[threadIdx.x ^ 1];
}

static __global__ void sound_syncwarp(float *out)
{
    __shared__ float values[MOST];
    values[threadIdx.x] = (float)whole_index();
    __syncwarp();
    out[whole_index()] = values[threadIdx.x ^ 1];
}

/* A template, whose variables a compiler puts elsewhere. */
template <class T> static __global__ void stale_shared(T *out)
{
    __shared__ T values[MOST];
    if (blockIdx.x == 0) values[threadIdx.x] = 1;
    out[whole_index()] = values[threadIdx.x];
}

static __global__ void sound_dynamic_shared(float *out)
{
    float *values = pc_dynamic_shared<float>();
    values[threadIdx.x] = (float)whole_index();
    __syncthreads();
    out[whole_index()] = values[blockDim.x - 1 - threadIdx.x];
}

static __global__ void past_dynamic_shared(float *out)
{
    float *values = pc_dynamic_shared<float>();
    if (threadIdx.x == 5) values[blockDim.x] = 0;
    values[threadIdx.x] = (float)whole_index();
    __syncthreads();
    out[whole_index()] = values[blockDim.x - 1 - threadIdx.x];
}

static __global__ void past_allocation(float *out)
{
    out[whole_index() + 1] = 1;
}

static __global__ void same_element(float *out)
{
    if (threadIdx.x % 32 == 3) out[3] = 1;
    else out[whole_index()] = 1;
}

static __global__ void same_element_of_block(float *out)
{
    out[threadIdx.x] = 1;
}

static __global__ void unwritten_device(float *out)
{
    out[whole_index()] += 1;
}

static __global__ void unwritten_shared(float *out)
{
    __shared__ float values[MOST];
    if (threadIdx.x % 2 == 0) values[threadIdx.x] = 1;
    __syncthreads();
    out[whole_index()] = values[threadIdx.x];
}

static __global__ void shuffle_for_syncwarp(float *out)
{
    __shared__ float values[MOST];
    values[threadIdx.x] = (float)whole_index();
    const float one = __shfl_sync(0xffffffffu, 1.0f, 0);
    out[whole_index()] = one * values[threadIdx.x ^ 1];
}

static __device__ void exchange_within(float *out, unsigned lanes)
{
    __shared__ float values[MOST];
    const unsigned first = threadIdx.x % 32 / lanes * lanes;
    values[threadIdx.x] = (float)whole_index();
    __syncwarp((0xffffffffu >> (32 - lanes)) << first);
    out[whole_index()] = values[threadIdx.x ^ 16];
}

static __global__ void half_syncwarp(float *out)
{
    exchange_within(out, 16);
}

static __global__ void sound_half_syncwarp(float *out)
{
    exchange_within(out, 32);
}

static __global__ void read_then_written(float *out)
{
    __shared__ float values[MOST + 1];
    values[threadIdx.x] = 1;
    __syncthreads();
    const float mine = values[threadIdx.x];
    values[(threadIdx.x + 1) % blockDim.x] = 2;
    out[whole_index()] = mine;
}

static __global__ void past_static_shared(float *out)
{
    __shared__ float values[100];
    values[threadIdx.x] = 1;
    __syncthreads();
    out[whole_index()] = values[threadIdx.x == 5 ? 100 : threadIdx.x];
}

static __global__ void before_allocation(float *out)
{
    out[whole_index()] = threadIdx.x == 0 ? out[-1] : 1;
}

static __global__ void not_aligned(float *out)
{
    out[whole_index()] = 1;
    if (threadIdx.x == 9) out[whole_index()] = (float)*(double *)(out + 3);
}

static __global__ void past_by_copy(float *out)
{
    float mine[40];
    out[whole_index()] = 1;
    if (threadIdx.x == 0) memcpy(mine, out, (blockDim.x + 1) * sizeof *mine);
}

/* Behind a call that the compiler cannot follow, so that it does not warn. */
static __device__ void set_if_even(float *value)
{
    if (threadIdx.x % 2 == 0) *value = 1;
}

static void (*volatile const maybe_set)(float *) = set_if_even;

static __global__ void unset_local(float *out)
{
    float mine;
    maybe_set(&mine);
    out[whole_index()] = mine;
}

static __global__ void stray_local(float *out)
{
    __shared__ float *of_thread_0;
    float mine = (float)threadIdx.x;
    if (threadIdx.x == 0) of_thread_0 = &mine;
    __syncthreads();
    out[whole_index()] = *of_thread_0;
    __syncthreads();
}

static void (*const kernels[])(float *) = {
    sound_reverse,         missing_barrier,     half_at_barrier,     exit_before_barrier,
    two_barriers,          sound_partial_warp,  exit_before_shuffle, foreign_mask,
    two_operations,        missing_syncwarp,    sound_syncwarp,      stale_shared<float>,
    sound_dynamic_shared,  past_dynamic_shared, past_allocation,     same_element,
    same_element_of_block, unwritten_device,    unwritten_shared,    shuffle_for_syncwarp,
    half_syncwarp,         sound_half_syncwarp, read_then_written,   past_static_shared,
    before_allocation,     not_aligned,         past_by_copy,        unset_local,
    stray_local,
};

cudaError_t faulty_launch(faulty_kernel which, float *out, unsigned blocks, unsigned threads,
                          size_t shared_bytes, cudaStream_t stream)
{
    return pc_launch(kernels[which], dim3(blocks), dim3(threads), shared_bytes, stream, out);
}

cudaError_t faulty_launch_with(const faulty_dimensions *d, float *out)
{
    return pc_launch(sound_dynamic_shared, dim3(d->grid[0], d->grid[1], d->grid[2]),
                     dim3(d->block[0], d->block[1], d->block[2]), d->shared_bytes, NULL, out);
}

cudaError_t faulty_allow_shared(int bytes)
{
    return cudaFuncSetAttribute(sound_dynamic_shared, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                bytes);
}
