/* The one emulated device, and its clock: events. */
#define _POSIX_C_SOURCE 200809L
#include "engine.h"

#include <stdlib.h>
#include <time.h>

/* ---- the device ---- */

enum { VERSION = 13000 };

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 1;
    return cudaSuccess;
}

static cudaError_t check_device(int device)
{
    return device == 0 ? emu_failure()
                       : emu_refuse(cudaErrorInvalidDevice, "device %d: there is only 0", device);
}

cudaError_t cudaSetDevice(int device)
{
    return check_device(device);
}

cudaError_t cudaGetDevice(int *device)
{
    *device = 0;
    return emu_failure();
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device)
{
    size_t free_bytes = 0;
    *properties = (struct cudaDeviceProp){
        .name = "emulated", .major = 9, .multiProcessorCount = 1, .l2CacheSize = 0};
    cudaMemGetInfo(&free_bytes, &properties->totalGlobalMem);
    return check_device(device);
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = VERSION;
    return cudaSuccess;
}

/* ---- events ---- */

struct emu_event {
    struct timespec time;
    int is_recorded;
    emu_clock clock; /* of its last recording; zeros: none */
};

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    *event = calloc(1, sizeof **event);
    return *event ? emu_failure() : cudaErrorMemoryAllocation;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
    (void)flags; /* the time is free */
    return cudaEventCreate(event);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    emu_run_streams(); /* which may still hold its recording */
    free(event);
    return emu_failure();
}

static void record(void *state)
{
    struct emu_event *event = *(cudaEvent_t *)state;
    clock_gettime(CLOCK_MONOTONIC, &event->time);
    event->is_recorded = 1;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    const emu_work work = {"cudaEventRecord", NULL, record};
    if (emu_failure()) return emu_failure();
    event->is_recorded = 0;
    const cudaError_t error = emu_enqueue(stream, &work, &event, sizeof event);
    return error ? error : emu_stream_clock(&event->clock, stream);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    emu_wait_for(&event->clock);
    return emu_failure();
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    (void)flags; /* of graphs' capture */
    return emu_stream_waits_for(stream, &event->clock);
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
    *ms = 0;
    if (emu_failure()) return emu_failure();
    if (!start->is_recorded || !end->is_recorded)
        return emu_refuse(cudaErrorNotReady, "an event that has not been recorded");
    *ms = (float)((double)(end->time.tv_sec - start->time.tv_sec) * 1e3 +
                  (double)(end->time.tv_nsec - start->time.tv_nsec) * 1e-6);
    return cudaSuccess;
}
