/* Launching a kernel through a function: the same text for nvcc and for a host compiler. */
#ifndef PC_KERNELS_LAUNCH_CUH
#define PC_KERNELS_LAUNCH_CUH

#include <cuda_runtime.h>

/* Stands in a parameter list for T itself, but takes no part in deducing it. */
template <class T> struct pc_exactly {
    typedef T type;
};

/* Enqueues kernel(arguments...) on `stream` and returns the launch's error, as cudaGetLastError()
 * would. The kernel alone says what the arguments' types are: each is converted to its parameter's,
 * as in a call. */
template <class... Parameters>
static inline cudaError_t pc_launch(void (*kernel)(Parameters...), dim3 grid, dim3 block,
                                    size_t shared_bytes, cudaStream_t stream,
                                    typename pc_exactly<Parameters>::type... arguments)
{
    void *addresses[sizeof...(Parameters) + 1] = {(void *)&arguments...};
    return cudaLaunchKernel(kernel, grid, block, addresses, shared_bytes, stream);
}

#endif
