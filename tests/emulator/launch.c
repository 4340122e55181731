/* Launches: what a device would refuse is refused, the arguments are copied. */
#include "engine.h"

#include <stdint.h>
#include <string.h>

typedef struct kept_launch {
    emu_launch launch;
    void *arguments[EMU_MAX_ARGUMENTS];
    size_t offsets[EMU_MAX_ARGUMENTS];
    _Alignas(max_align_t) unsigned char bytes[EMU_ARGUMENT_BYTES];
} kept_launch;

/* ---- dynamic shared memory beyond 48 KB must be asked for, kernel by kernel ---- */

enum { MAX_KERNELS = 256 };
static struct {
    const void *kernel;
    size_t bytes;
} allowed[MAX_KERNELS];
static int n_allowed;

static size_t allowed_bytes(const void *kernel)
{
    for (int i = 0; i < n_allowed; i++)
        if (allowed[i].kernel == kernel) return allowed[i].bytes;
    return EMU_SHARED_BYTES;
}

cudaError_t emu_allow_dynamic_bytes(const void *kernel, int bytes)
{
    int i = 0;
    if (bytes < 0 || bytes > EMU_SHARED_BYTES_OPT_IN)
        return emu_refuse(cudaErrorInvalidValue, "%d bytes of dynamic shared memory: at most %d",
                          bytes, EMU_SHARED_BYTES_OPT_IN);
    while (i < n_allowed && allowed[i].kernel != kernel)
        i++;
    if (i == MAX_KERNELS)
        return emu_refuse(cudaErrorMemoryAllocation, "more than %d kernels", MAX_KERNELS);
    if (i == n_allowed) n_allowed++;
    allowed[i].kernel = kernel;
    allowed[i].bytes = (size_t)bytes;
    return emu_failure();
}

/* ---- what a device would refuse ---- */

static cudaError_t check_block(const emu_launch *launch)
{
    char name[EMU_NAME];
    const emu_size b = launch->block;
    const uint64_t n = (uint64_t)b.x * b.y * b.z;
    if (b.x && b.y && b.z && b.x <= EMU_MAX_THREADS && b.y <= EMU_MAX_THREADS &&
        b.z <= EMU_MAX_BLOCK_Z && n <= EMU_MAX_THREADS)
        return cudaSuccess;
    emu_kernel_name(name, sizeof name, launch->kernel);
    return emu_refuse(
        cudaErrorInvalidConfiguration,
        "%s, launched with blocks of (%u,%u,%u) threads: 1 to %d in all, z at most %d", name, b.x,
        b.y, b.z, EMU_MAX_THREADS, EMU_MAX_BLOCK_Z);
}

static cudaError_t check_grid(const emu_launch *launch)
{
    char name[EMU_NAME];
    const emu_size g = launch->grid;
    if (g.x && g.y && g.z && g.x <= INT32_MAX && g.y <= EMU_MAX_GRID_YZ && g.z <= EMU_MAX_GRID_YZ)
        return cudaSuccess;
    emu_kernel_name(name, sizeof name, launch->kernel);
    return emu_refuse(cudaErrorInvalidConfiguration,
                      "%s, launched with (%u,%u,%u) blocks: 1 to (2147483647,%d,%d)", name, g.x,
                      g.y, g.z, EMU_MAX_GRID_YZ, EMU_MAX_GRID_YZ);
}

static cudaError_t check_shared(const emu_launch *launch)
{
    char name[EMU_NAME];
    const size_t most = allowed_bytes(launch->kernel);
    if (launch->dynamic_bytes <= most) return cudaSuccess;
    emu_kernel_name(name, sizeof name, launch->kernel);
    return emu_refuse(cudaErrorInvalidValue,
                      "%s, launched with %zu bytes of dynamic shared memory: at most %zu, %d after "
                      "cudaFuncSetAttribute",
                      name, launch->dynamic_bytes, most, EMU_SHARED_BYTES_OPT_IN);
}

/* A device finds out only when the kernel follows the pointer. */
static cudaError_t check_pointers(const emu_launch *launch)
{
    char name[EMU_NAME];
    for (int i = 0; i < launch->n_arguments; i++) {
        void *pointer;
        if (!launch->is_pointer[i]) continue;
        memcpy(&pointer, launch->arguments[i], sizeof pointer);
        if (!pointer || emu_is_device_memory(pointer, 0)) continue;
        emu_kernel_name(name, sizeof name, launch->kernel);
        return emu_fail(cudaErrorIllegalAddress, "%s, argument %d: points to %s", name, i,
                        emu_is_freed_memory(pointer) ? "device memory that has been freed"
                                                     : "no device memory");
    }
    return cudaSuccess;
}

static cudaError_t check(const emu_launch *launch)
{
    cudaError_t error = emu_failure();
    if (!error) error = check_grid(launch);
    if (!error) error = check_block(launch);
    if (!error) error = check_shared(launch);
    if (!error) error = check_pointers(launch);
    return error;
}

/* ---- arguments ---- */

static cudaError_t copy_arguments(kept_launch *kept, const emu_launch *launch)
{
    size_t used = 0;
    for (int i = 0; i < launch->n_arguments; i++) {
        const size_t bytes = launch->argument_bytes[i];
        used = (used + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
        if (bytes > EMU_ARGUMENT_BYTES - used)
            return emu_refuse(cudaErrorInvalidValue, "launch with more than %d bytes of arguments",
                              EMU_ARGUMENT_BYTES);
        memcpy(kept->bytes + used, launch->arguments[i], bytes);
        kept->offsets[i] = used;
        used += bytes;
    }
    return cudaSuccess;
}

/* The copy may have moved into the stream: addresses are taken here. */
static void run_kept(void *state)
{
    kept_launch *kept = state;
    for (int i = 0; i < kept->launch.n_arguments; i++)
        kept->arguments[i] = kept->bytes + kept->offsets[i];
    kept->launch.arguments = kept->arguments;
    emu_run_launch(&kept->launch);
}

cudaError_t emu_enqueue_launch(const emu_launch *launch, cudaStream_t stream)
{
    kept_launch kept = {.launch = *launch};
    cudaError_t error = check(launch);
    if (!error) error = copy_arguments(&kept, launch);
    const emu_work work = {NULL, launch->kernel, run_kept};
    return error ? error : emu_enqueue(stream, &work, &kept, sizeof kept);
}
