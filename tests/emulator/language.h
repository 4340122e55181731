/* A kernel for each part of CUDA C that the emulator offers: what each thread got. */
#ifndef PC_EMULATOR_LANGUAGE_H
#define PC_EMULATOR_LANGUAGE_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a thread of a one-dimensional block got; `value` is its number in the block. */
enum {
    SHFL,         /* of lane 5 */
    SHFL_WIDTH,   /* of lane 3 of its group of 8 */
    SHFL_XOR,     /* of the lane that differs in bit 1 */
    SHFL_UP,      /* of the lane 2 below, else its own */
    SHFL_DOWN,    /* of the lane 3 above in its group of 16, else its own */
    BALLOT,       /* of the odd lanes */
    ANY,          /* whether a lane is number 7 of its warp */
    ALL,          /* whether all lanes are below 31 */
    BLOCK_COUNT,  /* of the threads that 3 divides */
    BLOCK_AND,    /* whether all threads are below 40 */
    BLOCK_OR,     /* whether a thread is number 39 */
    HALF_SHUFFLE, /* of lane 0 or 16, by half a warp at a time */
    N_LANGUAGE
};

/* out (threads, N_LANGUAGE). */
cudaError_t language_collectives(int *out, unsigned threads);

/* out[i] = i for each of the threads of all blocks, where i is computed from its indices: x
 * fastest, in the block, then in the grid. */
typedef struct language_size {
    unsigned x, y, z;
} language_size;
cudaError_t language_indices(int *out, language_size grid, language_size block);

/* out[0] = sum of the arguments, which are of many sizes. */
cudaError_t language_arguments(double *out);

#ifdef __cplusplus
}
#endif
#endif
