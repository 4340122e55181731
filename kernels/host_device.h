/* What plain C functions are marked with that kernels call too: one text, and one test, for both.
 */
#ifndef PC_KERNELS_HOST_DEVICE_H
#define PC_KERNELS_HOST_DEVICE_H

#ifdef __CUDACC__
#define PC_HOST_DEVICE __host__ __device__
#else
#define PC_HOST_DEVICE
#endif

#endif
