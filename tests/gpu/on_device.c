/* Arrays on a CUDA device for tests, and comparing what comes back. */
#include "on_device.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

void device_expect(cudaError_t error, const char *what)
{
    cr_assert(error == cudaSuccess, "%s: %s: %s", what, cudaGetErrorName(error),
              cudaGetErrorString(error));
}

/* What was allocated, and where the array in it begins. */
enum { MOST_ARRAYS = 64 };
static struct {
    void *allocation, *array;
} arrays[MOST_ARRAYS];
static int n_arrays, shift;

void device_shift(int elements)
{
    shift = elements;
}

static void *fresh(int64_t n, size_t size)
{
    const size_t bytes = ((size_t)n + (size_t)shift) * size;
    void *allocation = NULL;
    cr_assert(n_arrays < MOST_ARRAYS, "more than %d arrays on the device", MOST_ARRAYS);
    device_expect(cudaMalloc(&allocation, bytes ? bytes : 1), "cudaMalloc"); /* nothing has one */
    device_expect(device_make_nans(allocation, bytes), "fresh memory");
    arrays[n_arrays].allocation = allocation;
    arrays[n_arrays].array = (char *)allocation + (size_t)shift * size;
    return arrays[n_arrays++].array;
}

void *device_copy_any(const void *values, int64_t n, size_t size)
{
    if (!values) return NULL;
    void *array = fresh(n, size);
    device_expect(cudaMemcpy(array, values, (size_t)n * size, cudaMemcpyHostToDevice),
                  "copy to the device");
    return array;
}

float *device_copy(const float *values, int64_t n)
{
    return device_copy_any(values, n, sizeof *values);
}

int32_t *device_copy_int32(const int32_t *values, int64_t n)
{
    return device_copy_any(values, n, sizeof *values);
}

int64_t *device_copy_int64(const int64_t *values, int64_t n)
{
    return device_copy_any(values, n, sizeof *values);
}

float *device_fresh(int64_t n)
{
    return fresh(n, sizeof(float));
}

double *device_fresh_doubles(int64_t n)
{
    return fresh(n, sizeof(double));
}

void device_free(void *array)
{
    for (int i = 0; i < n_arrays; i++) {
        if (arrays[i].array != array) continue;
        device_expect(cudaFree(arrays[i].allocation), "cudaFree");
        arrays[i] = arrays[--n_arrays];
        return;
    }
    device_expect(cudaFree(array), "cudaFree");
}

void device_free_all(void)
{
    while (n_arrays > 0)
        device_expect(cudaFree(arrays[--n_arrays].allocation), "cudaFree");
}

void device_read_any(void *to, const void *from, int64_t n, size_t size)
{
    device_expect(cudaDeviceSynchronize(), "the device's work");
    device_expect(cudaMemcpy(to, from, (size_t)n * size, cudaMemcpyDeviceToHost),
                  "copy from the device");
}

void device_read(float *to, const float *from, int64_t n)
{
    device_read_any(to, from, n, sizeof *to);
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
