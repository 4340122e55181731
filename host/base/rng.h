/* Counter-based random numbers: a pure function of (seed, stream, counter), so that any order, any
 * thread and any rank draws the same. */
#ifndef PC_BASE_RNG_H
#define PC_BASE_RNG_H

#include <stdint.h>

/* One sequence of draws. Copying it copies the place in the sequence. */
typedef struct pc_rng {
    uint64_t seed, stream, counter;
} pc_rng;

/* Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), its first two
 * words; key = seed, counter words = (counter, stream). */
uint64_t pc_rng_bits(pc_rng *rng);

/* Uniform integer in [0, bound), bound >= 1, without bias (rejection). */
uint64_t pc_rng_below(pc_rng *rng, uint64_t bound);

/* Uniform double in [0, 1) with 53 random bits. */
double pc_rng_unit(pc_rng *rng);

#endif
