/* For tests of operators on a CUDA device, be it emulated or real: arrays there and back, and the
 * same work in every order of threads. Whatever fails on the way fails the test. */
#ifndef PC_TESTS_DEVICE_H
#define PC_TESTS_DEVICE_H

#include <cuda_runtime_api.h>
#include <stdint.h>

/* How often a test runs its work, and what the i-th time is: emulated, an order of the threads; on
 * a GPU, a repetition. All must give the same bits. */
int device_n_orders(void);
const char *device_use_order(int i);

/* Whether the checker looks at every access: tests then do less. */
int device_is_watched(void);

/* Fresh memory becomes NaNs, if it is not already. */
cudaError_t device_make_nans(void *memory, size_t bytes);

/* Sizes that a test should reach: GPT-2 small's on a GPU, little ones where that would take hours.
 */
typedef struct device_sizes {
    int64_t chunk_rows, d_model, d_mlp, d_head;
} device_sizes;
device_sizes device_largest(void);

/* Fails the test, with the device's words, unless `error` is cudaSuccess. */
void device_expect(cudaError_t error, const char *what);

/* An array on the device: a copy of n values, or NULL for NULL. Fresh ones hold NaNs. At most 64 at
 * a time. */
void *device_copy_any(const void *values, int64_t n, size_t size);
float *device_copy(const float *values, int64_t n);
int32_t *device_copy_int32(const int32_t *values, int64_t n);
int64_t *device_copy_int64(const int64_t *values, int64_t n);
float *device_fresh(int64_t n);
double *device_fresh_doubles(int64_t n);
void device_free(void *array);
void device_free_all(void);

/* Arrays made from now on begin as many elements behind an address as aligned as can be. */
void device_shift(int elements);

/* Waits for the device, then brings back n values. */
void device_read(float *to, const float *from, int64_t n);
void device_read_any(void *to, const void *from, int64_t n, size_t size);

/* Pseudo-random values in [mean - spread, mean + spread), the same for the same seed. */
void device_fill(float *values, int64_t n, float mean, float spread, uint64_t seed);

/* Both fail the test, naming `what`, the element, what was found and what was expected. */
void device_expect_near(const char *what, const float *found, const double *expected, int64_t n,
                        double absolute, double relative);
void device_expect_same_bits(const char *what, const float *found, const float *expected,
                             int64_t n);

#endif
