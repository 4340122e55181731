/* The probe's use of the device: memory, timing, numbers to compute with. Whatever fails ends the
 * program with one line and exit 1. */
#ifndef PC_TESTS_PROBE_RUN_H
#define PC_TESTS_PROBE_RUN_H

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <stdint.h>

void probe_expect(cudaError_t error, const char *what);
void probe_expect_blas(cublasStatus_t status, const char *what);

void *probe_take(size_t bytes);
void probe_give(void *memory);

/* An array of pseudo-random numbers in [-scale, scale). */
float *probe_take_random(int64_t n, float scale, uint32_t seed);

/* The same in bfloat16, rounded. */
uint16_t *probe_take_random_bf16(int64_t n, float scale, uint32_t seed);

void probe_read(void *to, const void *from, size_t bytes);

/* The median over 11 measurements of how long one call takes on the default stream, in
 * milliseconds. Each measurement is of as many calls as take about a millisecond; round tells the
 * call which of several input sets to use, so that they do not come from the cache. */
typedef void probe_work(void *state, int round);
double probe_median_ms(probe_work *work, void *state);

#endif
