/* Device memory: allocations of the host's that the host may not touch, with guards behind them. */
#define _POSIX_C_SOURCE 200809L
#include "engine.h"

#include "check.h"
#include "fiber.h"
#include "watch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 256, GUARD_BYTE = 0xa5, FAR_BYTES = 1 << 20 };

/* Between the guard of an allocation and the next one: an index that is wrong by a row or two meets
 * nobody's bytes. */
enum { GAP_BYTES = 64 * 1024, BEHIND_BYTES = EMU_GUARD_BYTES + GAP_BYTES };

typedef struct allocation {
    unsigned char *start;
    size_t bytes;
} allocation;

static allocation *allocations;
static size_t n_allocations, room;

/* What has been freed stays where it was for a while, forbidden: who still points there is found.
 */
enum { MOST_FREED = 256, MOST_FREED_BYTES = 64 << 20 };
static allocation freed[MOST_FREED]; /* a ring, the oldest first */
static size_t first_freed, n_freed, freed_bytes;
static size_t in_use, capacity = (size_t)1 << 30;
static int n_open; /* how many parts of the engine are at work on device memory */

/* It may have been set to less than there is. */
static size_t unused(void)
{
    return capacity > in_use ? capacity - in_use : 0;
}

void emu_set_memory(size_t bytes)
{
    capacity = bytes;
}

/* ---- guards ---- */

void emu_set_guard(unsigned char *guard)
{
    memset(guard, GUARD_BYTE, EMU_GUARD_BYTES);
    emu_watch_forbid(guard, EMU_GUARD_BYTES);
}

/* A sanitizer sees a write into a guard when it happens, and forbids to look at it here. */
int emu_is_guard_whole(unsigned char *guard)
{
    static unsigned char whole[EMU_GUARD_BYTES];
    memset(whole, GUARD_BYTE, sizeof whole);
    emu_watch_allow(guard, EMU_GUARD_BYTES);
    const int is_whole = memcmp(guard, whole, sizeof whole) == 0;
    emu_watch_forbid(guard, EMU_GUARD_BYTES);
    return is_whole;
}

int emu_check_guards(const void *kernel)
{
    char name[EMU_NAME];
    for (size_t i = 0; i < n_allocations; i++) {
        if (emu_is_guard_whole(allocations[i].start + allocations[i].bytes)) continue;
        emu_kernel_name(name, sizeof name, kernel);
        emu_fail(cudaErrorIllegalAddress,
                 "%s wrote past the end of a device allocation of %zu bytes", name,
                 allocations[i].bytes);
        return 0;
    }
    return 1;
}

/* ---- who may touch what ---- */

void emu_open_memory(void)
{
    if (n_open++) return;
    for (size_t i = 0; i < n_allocations; i++)
        emu_watch_allow(allocations[i].start, allocations[i].bytes);
}

void emu_close_memory(void)
{
    if (--n_open) return;
    for (size_t i = 0; i < n_allocations; i++)
        emu_watch_forbid(allocations[i].start, allocations[i].bytes);
}

/* The live allocation in which the address lies or just behind which it is, or NULL. */
static const allocation *allocation_at(const void *memory)
{
    static size_t last;
    const uintptr_t at = (uintptr_t)memory;
    for (size_t n = 0; n < n_allocations; n++) {
        const size_t i = (last + n) % n_allocations;
        if (at - (uintptr_t)allocations[i].start > allocations[i].bytes) continue;
        last = i;
        return &allocations[i];
    }
    return NULL;
}

int emu_is_device_memory(const void *memory, size_t bytes)
{
    const allocation *a = allocation_at(memory);
    return a && bytes <= a->bytes - (size_t)((const unsigned char *)memory - a->start);
}

int emu_find_allocation(void **start, size_t *bytes, const void *memory)
{
    const allocation *a = allocation_at(memory);
    if (!a || (const unsigned char *)memory == a->start + a->bytes) return 0;
    *start = a->start;
    *bytes = a->bytes;
    return 1;
}

static const allocation *freed_at(const void *memory)
{
    for (size_t n = 0; n < n_freed; n++) {
        const allocation *a = &freed[(first_freed + n) % MOST_FREED];
        if ((uintptr_t)memory - (uintptr_t)a->start <= a->bytes) return a;
    }
    return NULL;
}

int emu_is_freed_memory(const void *memory)
{
    return freed_at(memory) != NULL;
}

/* How far the address is from the allocation: past its end, or before its start. */
static size_t distance_to(const allocation *a, const void *memory)
{
    const uintptr_t at = (uintptr_t)memory, start = (uintptr_t)a->start;
    return at < start ? start - at : at - start - a->bytes;
}

static const allocation *nearest(const void *memory)
{
    const allocation *found = NULL;
    for (size_t i = 0; i < n_allocations; i++)
        if (!found || distance_to(&allocations[i], memory) < distance_to(found, memory))
            found = &allocations[i];
    return found;
}

void emu_describe_address(char *text, size_t size, const void *memory)
{
    const allocation *gone = freed_at(memory), *near = nearest(memory);
    if (emu_is_fiber_stack(memory)) {
        snprintf(text, size, "of another thread's local memory");
    } else if (gone) {
        snprintf(text, size, "of a device allocation of %zu bytes that has been freed",
                 gone->bytes);
    } else if (!near || distance_to(near, memory) > FAR_BYTES) {
        snprintf(text, size, "at an address that is nobody's");
    } else {
        const int is_before = (const unsigned char *)memory < near->start;
        snprintf(text, size, "that begin %zu bytes %s of a device allocation of %zu bytes",
                 distance_to(near, memory), is_before ? "before the start" : "past the end",
                 near->bytes);
    }
}

/* ---- allocation ---- */

static int keep(unsigned char *start, size_t bytes)
{
    if (n_allocations == room) {
        const size_t larger = room ? 2 * room : 64;
        allocation *more = realloc(allocations, larger * sizeof *more);
        if (!more) return 0;
        allocations = more;
        room = larger;
    }
    allocations[n_allocations++] = (allocation){start, bytes};
    return 1;
}

cudaError_t cudaMalloc(void **memory, size_t bytes)
{
    void *start = NULL;
    *memory = NULL;
    if (emu_failure()) return emu_failure();
    if (bytes == 0) return cudaSuccess;
    if (bytes > unused())
        return emu_refuse(cudaErrorMemoryAllocation, "out of memory: %zu bytes asked, %zu free",
                          bytes, unused());
    if (posix_memalign(&start, ALIGNMENT, bytes + BEHIND_BYTES) != 0)
        return emu_refuse(cudaErrorMemoryAllocation, "the host is out of memory");
    if (!keep(start, bytes)) {
        free(start);
        return emu_refuse(cudaErrorMemoryAllocation, "the host is out of memory");
    }
    memset(start, 0xff, bytes);
    emu_set_guard((unsigned char *)start + bytes);
    emu_watch_forbid(start, bytes + BEHIND_BYTES);
    emu_check_malloc(start, bytes);
    in_use += bytes;
    *memory = start;
    return cudaSuccess;
}

static void release_oldest(void)
{
    const allocation *oldest = &freed[first_freed];
    emu_watch_allow(oldest->start, oldest->bytes + BEHIND_BYTES);
    free(oldest->start);
    freed_bytes -= oldest->bytes;
    first_freed = (first_freed + 1) % MOST_FREED;
    n_freed--;
}

static void keep_freed(allocation gone)
{
    if (n_freed == MOST_FREED) release_oldest();
    freed[(first_freed + n_freed++) % MOST_FREED] = gone;
    freed_bytes += gone.bytes;
    emu_watch_forbid(gone.start, gone.bytes);
    while (freed_bytes > MOST_FREED_BYTES)
        release_oldest();
}

cudaError_t cudaFree(void *memory)
{
    if (!memory) return emu_failure();
    emu_run_streams();
    for (size_t i = 0; i < n_allocations; i++) {
        if (allocations[i].start != memory) continue;
        in_use -= allocations[i].bytes;
        keep_freed(allocations[i]);
        allocations[i] = allocations[--n_allocations];
        return emu_failure();
    }
    return emu_refuse(cudaErrorInvalidValue, "cudaFree: not the start of a live allocation");
}

cudaError_t cudaMallocHost(void **memory, size_t bytes)
{
    *memory = malloc(bytes ? bytes : 1);
    return *memory ? emu_failure() : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *memory)
{
    free(memory);
    return emu_failure();
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes)
{
    *free_bytes = unused();
    *total_bytes = capacity;
    return emu_failure();
}

/* ---- copies ---- */

/* `height` rows of `width` bytes; filled with `value` where `from` is NULL. */
typedef struct copy {
    void *to;
    const void *from;
    int value;
    size_t width, height, to_pitch, from_pitch;
} copy;

static void run_copy(void *state)
{
    const copy *c = state;
    emu_open_memory();
    for (size_t row = 0; row < c->height; row++) {
        char *to = (char *)c->to + row * c->to_pitch;
        const char *from = c->from ? (const char *)c->from + row * c->from_pitch : NULL;
        if (from) {
            emu_check_copy(to, from, c->width);
            memmove(to, from, c->width);
        } else {
            emu_check_write(to, c->width);
            memset(to, c->value, c->width);
        }
    }
    emu_close_memory();
}

static int sides_fit(const copy *c, enum cudaMemcpyKind kind)
{
    const size_t last = c->height - 1;
    const int to_device = emu_is_device_memory(c->to, last * c->to_pitch + c->width);
    const int from_device = emu_is_device_memory(c->from, last * c->from_pitch + c->width);
    switch (kind) {
    case cudaMemcpyHostToHost:
        return !to_device && !from_device;
    case cudaMemcpyHostToDevice:
        return to_device && !from_device;
    case cudaMemcpyDeviceToHost:
        return !to_device && from_device;
    case cudaMemcpyDeviceToDevice:
        return to_device && from_device;
    case cudaMemcpyDefault:
        return 1;
    }
    return 0;
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream)
{
    const copy c = {to, from, 0, width, height, to_pitch, from_pitch};
    if (emu_failure()) return emu_failure();
    if (width == 0 || height == 0) return cudaSuccess;
    if (!to || !from || to_pitch < width || from_pitch < width || !sides_fit(&c, kind))
        return emu_refuse(cudaErrorInvalidValue,
                          "copy of %zu times %zu bytes: not within allocations of the stated sides",
                          height, width);
    return emu_enqueue(stream, &(emu_work){"cudaMemcpy", NULL, run_copy}, &c, sizeof c);
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind)
{
    const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, NULL);
    return error ? error : cudaStreamSynchronize(NULL);
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    if (emu_failure()) return emu_failure();
    if (bytes == 0) return cudaSuccess;
    if (!emu_is_device_memory(memory, bytes))
        return emu_refuse(cudaErrorInvalidValue,
                          "cudaMemset of %zu bytes: not within one device allocation", bytes);
    const copy c = {.to = memory, .value = value, .width = bytes, .height = 1};
    return emu_enqueue(stream, &(emu_work){"cudaMemset", NULL, run_copy}, &c, sizeof c);
}

cudaError_t cudaMemset(void *memory, int value, size_t bytes)
{
    const cudaError_t error = cudaMemsetAsync(memory, value, bytes, NULL);
    return error ? error : cudaStreamSynchronize(NULL);
}
