/* The probe's use of the device. */
#include "probe_run.h"

#include "kernels/gemm_cuda.h"
#include "probe_device.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEASUREMENTS = 11, MOST_CALLS = 1000 };

void probe_expect(cudaError_t error, const char *what)
{
    if (error == cudaSuccess) return;
    fprintf(stderr, "gpu_probe: %s: %s: %s\n", what, cudaGetErrorName(error),
            cudaGetErrorString(error));
    exit(1);
}

void probe_expect_blas(cublasStatus_t status, const char *what)
{
    if (status == CUBLAS_STATUS_SUCCESS) return;
    fprintf(stderr, "gpu_probe: %s: cuBLAS status %d\n", what, (int)status);
    exit(1);
}

void *probe_take(size_t bytes)
{
    void *memory = NULL;
    probe_expect(cudaMalloc(&memory, bytes), "cudaMalloc");
    probe_expect(cudaMemset(memory, 0xff, bytes), "cudaMemset"); /* what nothing wrote shows */
    return memory;
}

void probe_give(void *memory)
{
    probe_expect(cudaFree(memory), "cudaFree");
}

float *probe_take_random(int64_t n, float scale, uint32_t seed)
{
    float *values = probe_take((size_t)n * sizeof *values);
    probe_expect(probe_fill(values, n, scale, seed), "random numbers");
    return values;
}

uint16_t *probe_take_random_bf16(int64_t n, float scale, uint32_t seed)
{
    float *values = probe_take_random(n, scale, seed);
    uint16_t *halves = probe_take((size_t)n * sizeof *halves);
    const pck_split_args split = {.hi = halves,
                                  .x = values,
                                  .to_stride = n,
                                  .x_stride = n,
                                  .width = n,
                                  .rows = 1,
                                  .all_rows = 1};
    probe_expect(pck_gemm_split(&split, NULL), "rounding to bfloat16");
    probe_give(values);
    return halves;
}

void probe_read(void *to, const void *from, size_t bytes)
{
    probe_expect(cudaDeviceSynchronize(), "the device's work");
    probe_expect(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "copy from the device");
}

/* ---- time ---- */

static int round_number;

static double measure(probe_work *work, void *state, int calls, cudaEvent_t start, cudaEvent_t end)
{
    float ms = 0;
    probe_expect(cudaEventRecord(start, NULL), "event");
    for (int i = 0; i < calls; i++)
        work(state, round_number++);
    probe_expect(cudaEventRecord(end, NULL), "event");
    probe_expect(cudaEventSynchronize(end), "the timed work");
    probe_expect(cudaEventElapsedTime(&ms, start, end), "event");
    return (double)ms / calls;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double probe_median_ms(probe_work *work, void *state)
{
    double times[MEASUREMENTS];
    cudaEvent_t start, end;
    probe_expect(cudaEventCreate(&start), "event");
    probe_expect(cudaEventCreate(&end), "event");
    measure(work, state, 1, start, end); /* loads modules, fills caches */
    const double once = measure(work, state, 2, start, end);
    const double wanted = once > 0 ? 1 / once : MOST_CALLS;
    const int calls = wanted < 1 ? 1 : wanted > MOST_CALLS ? MOST_CALLS : (int)wanted;
    for (int i = 0; i < MEASUREMENTS; i++)
        times[i] = measure(work, state, calls, start, end);
    qsort(times, MEASUREMENTS, sizeof *times, ascending);
    probe_expect(cudaEventDestroy(end), "event");
    probe_expect(cudaEventDestroy(start), "event");
    return times[MEASUREMENTS / 2];
}
