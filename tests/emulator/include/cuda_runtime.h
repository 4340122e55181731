/* CUDA C for a host compiler: what a kernel's source may use, on the emulator's engine. Meanings
 * are those of the CUDA C++ Programming Guide; what is not here is not emulated, and does not
 * compile. */
#ifndef PC_EMULATOR_CUDA_RUNTIME_H
#define PC_EMULATOR_CUDA_RUNTIME_H

#include "engine.h"

#include <cuda_runtime_api.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>
#include <utility>

/* ---- qualifiers ---- */

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)

/* Blocks run one after another: one copy of a block's variables will do (symbols.c finds them). The
 * alignment leaves a gap behind most, which the checker sees. */
#define __shared__ static __attribute__((aligned(256)))

/* What the checker does not look at: the emulator's own, on a thread's behalf. */
#define EMU_UNWATCHED __attribute__((no_sanitize("thread")))

/* ---- vectors ---- */

typedef emu_size uint3;

struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};

static inline float2 make_float2(float x, float y)
{
    return {x, y};
}
static inline float4 make_float4(float x, float y, float z, float w)
{
    return {x, y, z, w};
}

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};

/* ---- where a thread is ---- */

#define threadIdx (emu_this_thread->index)
#define blockIdx (emu_this_block.index)
#define blockDim (emu_this_block.size)
#define gridDim (emu_this_block.grid)
#define warpSize 32

/* The place of the call, when it stands as a parameter's default. A return address would not do:
 * compilers double calls. */
static inline emu_site emu_here(const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
    return {file, line};
}

/* ---- barriers ---- */

static inline void __syncthreads(emu_site site = emu_here())
{
    emu_barrier(EMU_VOTE_NONE, 0, site);
}
static inline int __syncthreads_count(int predicate, emu_site site = emu_here())
{
    return emu_barrier(EMU_VOTE_COUNT, predicate, site);
}
static inline int __syncthreads_and(int predicate, emu_site site = emu_here())
{
    return emu_barrier(EMU_VOTE_AND, predicate, site);
}
static inline int __syncthreads_or(int predicate, emu_site site = emu_here())
{
    return emu_barrier(EMU_VOTE_OR, predicate, site);
}

/* ---- operations of a warp ---- */

static inline void __syncwarp(unsigned mask = 0xffffffffu, emu_site site = emu_here())
{
    emu_warp_operation(
        "__syncwarp", mask, [](void **, unsigned) {}, nullptr, site);
}

template <class T> struct emu_exchange {
    T given, received;
    int source; /* lane */
};

/* A lane that is not in the mask, or not there, gives 0xff bytes: on a device anything. */
template <class T>
EMU_UNWATCHED static inline void emu_exchange_all(void **arguments, unsigned mask)
{
    for (int lane = 0; lane < EMU_WARP; lane++) {
        if (!(mask >> lane & 1)) continue;
        emu_exchange<T> *mine = (emu_exchange<T> *)arguments[lane];
        if (mask >> mine->source & 1)
            mine->received = ((emu_exchange<T> *)arguments[mine->source])->given;
        else __builtin_memset((void *)&mine->received, 0xff, sizeof mine->received);
    }
}

template <class T>
static inline T emu_shuffle(const char *name, unsigned mask, T value, int source, emu_site site)
{
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
    emu_exchange<T> mine = {value, value, source};
    emu_warp_operation(name, mask, emu_exchange_all<T>, &mine, site);
    return mine.received;
}

template <class T>
static inline T __shfl_sync(unsigned mask, T value, int source, int width = warpSize,
                            emu_site site = emu_here())
{
    const int first = emu_this_thread->lane & ~(width - 1);
    return emu_shuffle("__shfl_sync", mask, value, first | (source & (width - 1)), site);
}

template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = warpSize,
                                emu_site site = emu_here())
{
    const int me = emu_this_thread->lane, source = me ^ lanes;
    const int is_above = (source & ~(width - 1)) > (me & ~(width - 1));
    return emu_shuffle("__shfl_xor_sync", mask, value, is_above ? me : source, site);
}

template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = warpSize,
                               emu_site site = emu_here())
{
    const int me = emu_this_thread->lane, from_first = me & (width - 1);
    const int source = from_first < (int)lanes ? me : me - (int)lanes;
    return emu_shuffle("__shfl_up_sync", mask, value, source, site);
}

template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = warpSize,
                                 emu_site site = emu_here())
{
    const int me = emu_this_thread->lane, from_first = me & (width - 1);
    const int source = from_first + (int)lanes >= width ? me : me + (int)lanes;
    return emu_shuffle("__shfl_down_sync", mask, value, source, site);
}

struct emu_ballot {
    int predicate;
    unsigned votes;
};

EMU_UNWATCHED static inline void emu_count_ballot(void **arguments, unsigned mask)
{
    unsigned votes = 0;
    for (int lane = 0; lane < EMU_WARP; lane++)
        if ((mask >> lane & 1) && ((emu_ballot *)arguments[lane])->predicate) votes |= 1u << lane;
    for (int lane = 0; lane < EMU_WARP; lane++)
        if (mask >> lane & 1) ((emu_ballot *)arguments[lane])->votes = votes;
}

static inline unsigned __ballot_sync(unsigned mask, int predicate, emu_site site = emu_here())
{
    emu_ballot mine = {predicate, 0};
    emu_warp_operation("__ballot_sync", mask, emu_count_ballot, &mine, site);
    return mine.votes;
}
static inline int __any_sync(unsigned mask, int predicate, emu_site site = emu_here())
{
    return __ballot_sync(mask, predicate, site) != 0;
}
static inline int __all_sync(unsigned mask, int predicate, emu_site site = emu_here())
{
    return __ballot_sync(mask, !predicate, site) == 0;
}

/* ---- arithmetic that C has not, or names otherwise; correctly rounded, where a device is near
 * ---- */

static inline float rsqrtf(float x)
{
    return 1 / sqrtf(x);
}
static inline float __fmaf_rn(float x, float y, float z)
{
    return fmaf(x, y, z);
}
static inline float __fmul_rn(float x, float y)
{
    return x * y;
}
static inline float __fadd_rn(float x, float y)
{
    return x + y;
}
template <class T> static inline T min(T x, T y)
{
    return y < x ? y : x;
}
template <class T> static inline T max(T x, T y)
{
    return x < y ? y : x;
}
static inline unsigned __float_as_uint(float x)
{
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline float __uint_as_float(unsigned bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
template <class T> static inline T __ldg(const T *from)
{
    return *from;
}

/* The block's dynamic shared memory (kernels/dynamic_shared.cuh). */
template <class T> static inline T *pc_dynamic_shared(void)
{
    return (T *)emu_this_block.dynamic_shared;
}

/* ---- launches ---- */

template <class... Parameters, size_t... At>
EMU_UNWATCHED static inline void emu_call(const void *kernel, void *const *arguments,
                                          std::index_sequence<At...>)
{
    ((void (*)(Parameters...))kernel)(*(Parameters *)arguments[At]...);
}

template <class... Parameters>
EMU_UNWATCHED static inline void emu_run_thread(const void *kernel, void *const *arguments)
{
    emu_call<Parameters...>(kernel, arguments, std::index_sequence_for<Parameters...>{});
}

template <class... Parameters>
static inline cudaError_t cudaLaunchKernel(void (*kernel)(Parameters...), dim3 grid, dim3 block,
                                           void **arguments, size_t shared_bytes = 0,
                                           cudaStream_t stream = nullptr)
{
    static_assert((std::is_trivially_copyable<Parameters>::value && ...), "arguments are copied");
    static_assert(sizeof...(Parameters) <= EMU_MAX_ARGUMENTS, "too many arguments");
    emu_launch launch = {(const void *)kernel,
                         emu_run_thread<Parameters...>,
                         arguments,
                         (int)sizeof...(Parameters),
                         {sizeof(Parameters)...},
                         {std::is_pointer<Parameters>::value...},
                         {grid.x, grid.y, grid.z},
                         {block.x, block.y, block.z},
                         shared_bytes};
    return emu_enqueue_launch(&launch, stream);
}

template <class Kernel>
static inline cudaError_t cudaFuncSetAttribute(Kernel *kernel, cudaFuncAttribute, int value)
{
    return emu_allow_dynamic_bytes((const void *)kernel, value);
}

#endif
