/* The product that ours is measured against. */
#ifndef PC_BENCH_RIVAL_H
#define PC_BENCH_RIVAL_H

#include <stdint.h>

/* Its name and the processor it takes itself to be on; NULL where none was found at configuring. */
const char *rival_name(void);

/* c (rows, n_out) = a (rows, n_in) w (n_in, n_out), on one thread. */
void rival_gemm(float *c, const float *a, const float *w, int64_t rows, int64_t n_in,
                int64_t n_out);

#endif
