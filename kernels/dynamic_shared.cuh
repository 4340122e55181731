/* Dynamic shared memory through a function: the same text for nvcc and for a host compiler. */
#ifndef PC_KERNELS_DYNAMIC_SHARED_CUH
#define PC_KERNELS_DYNAMIC_SHARED_CUH

#include <cuda_runtime.h> /* the emulator's brings its own */

#ifdef __CUDACC__
/* The block's dynamic shared memory, as many bytes as the launch asked for, aligned to 16. */
template <class T> static __device__ __forceinline__ T *pc_dynamic_shared(void)
{
    extern __shared__ __align__(16) unsigned char pc_dynamic_shared_bytes[];
    return reinterpret_cast<T *>(pc_dynamic_shared_bytes);
}
#endif

#endif
