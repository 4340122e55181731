/* Kernels with one bug each, and sound twins: what the emulator must and must not report. */
#ifndef PC_EMULATOR_FAULTY_H
#define PC_EMULATOR_FAULTY_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each writes out[i], i < blocks * threads. */
typedef enum faulty_kernel {
    SOUND_REVERSE,   /* out = the block's values in reverse, through shared memory */
    MISSING_BARRIER, /* the same without the barrier */
    HALF_AT_BARRIER, /* odd threads pass a barrier by, and wait at a shuffle for the even ones */
    EXIT_BEFORE_BARRIER,  /* threads from 40 on return first */
    TWO_BARRIERS,         /* the first warp waits at one barrier, the others at another */
    SOUND_PARTIAL_WARP,   /* a shuffle among the lanes of a last, shorter warp */
    EXIT_BEFORE_SHUFFLE,  /* upper half of each warp returns, the mask still names it */
    FOREIGN_MASK,         /* a lane shuffles with a mask without itself */
    TWO_OPERATIONS,       /* lane 0 votes while the others shuffle */
    MISSING_SYNCWARP,     /* SOUND_SYNCWARP without it */
    SOUND_SYNCWARP,       /* neighbours of a warp exchange through shared memory */
    STALE_SHARED,         /* reads static shared memory that only block 0 wrote */
    SOUND_DYNAMIC_SHARED, /* out = the block's values in reverse, through dynamic shared memory */
    PAST_DYNAMIC_SHARED,  /* the same, writing one element too many */
    PAST_ALLOCATION,      /* writes one element past the last block's */
    /* for the checker */
    SAME_ELEMENT,          /* threads 3 and 35 write one element */
    SAME_ELEMENT_OF_BLOCK, /* every block writes the first block's elements */
    UNWRITTEN_DEVICE,      /* reads out before anybody has written it */
    UNWRITTEN_SHARED,      /* reads a shared value that only even threads write */
    SHUFFLE_FOR_SYNCWARP,  /* a shuffle in place of SOUND_SYNCWARP's __syncwarp */
    HALF_SYNCWARP,         /* exchanges with a lane that is not in __syncwarp's mask */
    SOUND_HALF_SYNCWARP,   /* with one that is */
    READ_THEN_WRITTEN,     /* a neighbour overwrites what a thread reads */
    PAST_STATIC_SHARED,    /* thread 5 reads one element past a shared array */
    BEFORE_ALLOCATION,     /* thread 0 reads the element before the first */
    NOT_ALIGNED,           /* reads a double at a multiple of 4 bytes */
    PAST_BY_COPY,          /* a memcpy of one element too many */
    UNSET_LOCAL,           /* a local variable that only even threads set */
    STRAY_LOCAL            /* reads another thread's local variable */
} faulty_kernel;

cudaError_t faulty_launch(faulty_kernel which, float *out, unsigned blocks, unsigned threads,
                          size_t shared_bytes, cudaStream_t stream);

/* The same with dimensions as they are, also impossible ones. */
typedef struct faulty_dimensions {
    unsigned grid[3], block[3];
    size_t shared_bytes;
} faulty_dimensions;
cudaError_t faulty_launch_with(const faulty_dimensions *dimensions, float *out);

/* Asks for up to `bytes` of dynamic shared memory for faulty_launch_with(). */
cudaError_t faulty_allow_shared(int bytes);

#ifdef __cplusplus
}
#endif
#endif
