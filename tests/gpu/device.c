/* Arrays on a CUDA device for tests, and comparing what comes back. */
#include "device.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

void device_expect(cudaError_t error, const char *what)
{
    cr_assert(error == cudaSuccess, "%s: %s: %s", what, cudaGetErrorName(error),
              cudaGetErrorString(error));
}

static void *fresh_bytes(size_t bytes)
{
    void *array = NULL;
    if (bytes == 0) bytes = 1; /* the address of nothing */
    device_expect(cudaMalloc(&array, bytes), "cudaMalloc");
    device_expect(device_make_nans(array, bytes), "fresh memory");
    return array;
}

static void *copy_bytes(const void *values, size_t bytes)
{
    if (!values) return NULL;
    void *array = fresh_bytes(bytes);
    device_expect(cudaMemcpy(array, values, bytes, cudaMemcpyHostToDevice), "copy to the device");
    return array;
}

float *device_copy(const float *values, int64_t n)
{
    return copy_bytes(values, (size_t)n * sizeof *values);
}

int32_t *device_copy_int32(const int32_t *values, int64_t n)
{
    return copy_bytes(values, (size_t)n * sizeof *values);
}

int64_t *device_copy_int64(const int64_t *values, int64_t n)
{
    return copy_bytes(values, (size_t)n * sizeof *values);
}

float *device_fresh(int64_t n)
{
    return fresh_bytes((size_t)n * sizeof(float));
}

void device_free(void *array)
{
    device_expect(cudaFree(array), "cudaFree");
}

void device_read(float *to, const float *from, int64_t n)
{
    device_expect(cudaDeviceSynchronize(), "the device's work");
    device_expect(cudaMemcpy(to, from, (size_t)n * sizeof *to, cudaMemcpyDeviceToHost),
                  "copy from the device");
}

void device_fill(float *values, int64_t n, float mean, float spread, uint64_t seed)
{
    pc_rng rng = {.seed = seed};
    for (int64_t i = 0; i < n; i++)
        values[i] = mean + spread * (float)(2 * pc_rng_unit(&rng) - 1);
}

static int is_near(double found, double expected, double absolute, double relative)
{
    if (isnan(expected)) return isnan(found);
    return fabs(found - expected) <= absolute + relative * fabs(expected);
}

void device_expect_near(const char *what, const float *found, const double *expected, int64_t n,
                        double absolute, double relative)
{
    for (int64_t i = 0; i < n; i++)
        cr_assert(is_near((double)found[i], expected[i], absolute, relative),
                  "%s, element %lld: %.9g, not %.17g", what, (long long)i, (double)found[i],
                  expected[i]);
}

void device_expect_same_bits(const char *what, const float *found, const float *expected, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        cr_assert(memcmp(&found[i], &expected[i], sizeof *found) == 0,
                  "%s, element %lld: %.9g, not the same bits as %.9g", what, (long long)i,
                  (double)found[i], (double)expected[i]);
}
