/* The probe's own kernels. */
#ifndef PC_TESTS_PROBE_DEVICE_H
#define PC_TESTS_PROBE_DEVICE_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pseudo-random numbers in [-scale, scale), each a function of the seed and its index. */
cudaError_t probe_fill(float *x, int64_t n, float scale, uint32_t seed);

/* to[(row + shift) mod rows] = from[row]: the same rows in other places. Rows have `words` words.
 */
cudaError_t probe_shift_rows(uint32_t *to, const uint32_t *from, int64_t rows, int64_t words,
                             int64_t shift);

/* is_different[row] = whether any bit of a[row] and b[(row + shift) mod b_rows] differs, row <
 * rows. */
cudaError_t probe_compare_rows(int32_t *is_different, const uint32_t *a, const uint32_t *b,
                               int64_t rows, int64_t b_rows, int64_t words, int64_t shift);

#ifdef __cplusplus
}
#endif
#endif
