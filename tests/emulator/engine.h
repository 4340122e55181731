/* The engine's inside, between its own parts and the headers that stand for CUDA's. */
#ifndef PC_EMULATOR_ENGINE_H
#define PC_EMULATOR_ENGINE_H

#include "emulator.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EMU_WARP = 32, EMU_MAX_THREADS = 1024, EMU_MAX_WARPS = EMU_MAX_THREADS / EMU_WARP };

/* Limits of compute capability 9.0: CUDA C++ Programming Guide, technical specifications. */
enum {
    EMU_MAX_BLOCK_Z = 64,
    EMU_MAX_GRID_YZ = 65535,
    EMU_MAX_ARGUMENTS = 32,
    EMU_ARGUMENT_BYTES = 4096,
    EMU_NAME = 128
};
enum { EMU_SHARED_BYTES = 48 * 1024, EMU_SHARED_BYTES_OPT_IN = 227 * 1024 };

/* Bytes behind each allocation and behind dynamic shared memory that nobody may write. */
enum { EMU_GUARD_BYTES = 256 };

typedef struct emu_size {
    unsigned x, y, z;
} emu_size;

/* A place in a kernel's source. */
typedef struct emu_site {
    const char *file;
    int line;
} emu_site;

typedef enum emu_thread_state {
    EMU_NOT_STARTED,
    EMU_READY,
    EMU_AT_BARRIER,
    EMU_IN_WARP_OPERATION,
    EMU_EXITED
} emu_thread_state;

typedef struct emu_thread {
    emu_size index;
    int linear, lane, warp;
    emu_thread_state state;
    struct emu_fiber *fiber;
    /* where it waits, and for whom */
    emu_site site;
    const char *operation;
    unsigned mask;
    void *argument;
} emu_thread;

typedef struct emu_block {
    emu_size index, size, grid;
    unsigned char *dynamic_shared; /* dynamic_bytes, then EMU_GUARD_BYTES */
    size_t dynamic_bytes;
} emu_block;

/* The thread that runs now, NULL outside kernels, and its block. */
extern emu_thread *emu_this_thread;
extern emu_block emu_this_block;

/* ---- what kernels call ---- */

typedef enum emu_vote { EMU_VOTE_NONE, EMU_VOTE_COUNT, EMU_VOTE_AND, EMU_VOTE_OR } emu_vote;

/* Waits until every thread of the block has come; returns the vote over `predicate`. */
int emu_barrier(emu_vote vote, int predicate, emu_site site);

/* Waits until every lane of `mask` has called it with the same operation and mask. The last one
 * calls apply(arguments, mask), arguments[lane] being what that lane passed. */
typedef void (*emu_warp_function)(void **arguments, unsigned mask);
void emu_warp_operation(const char *operation, unsigned mask, emu_warp_function apply,
                        void *argument, emu_site site);

/* ---- launches ---- */

/* A kernel with its arguments. run_thread(kernel, arguments) is one thread of it, from its
 * beginning. */
typedef struct emu_launch {
    const void *kernel;
    void (*run_thread)(const void *kernel, void *const *arguments);
    void **arguments;
    int n_arguments;
    size_t argument_bytes[EMU_MAX_ARGUMENTS];
    unsigned char is_pointer[EMU_MAX_ARGUMENTS];
    emu_size grid, block;
    size_t dynamic_bytes;
} emu_launch;

/* Checks dimensions and pointers, copies the arguments, and enqueues. What goes wrong inside the
 * kernel shows at the next call, as on a device. */
cudaError_t emu_enqueue_launch(const emu_launch *launch, cudaStream_t stream);

/* The kernel's name as its source has it, or "a kernel" where nobody knows. */
void emu_kernel_name(char *name, size_t room, const void *kernel);

/* The variables in static shared memory, by address; and the last of them that begins at the
 * address or before it, or NULL. */
typedef struct emu_variable {
    char *start;
    size_t bytes;
    char name[64];
} emu_variable;
const emu_variable *emu_shared_variables(int *n);
const emu_variable *emu_shared_variable(const void *memory);

/* cudaFuncSetAttribute() for dynamic shared memory. */
cudaError_t emu_allow_dynamic_bytes(const void *kernel, int bytes);

/* Runs every block of the launch, up to the first failure. */
void emu_run_launch(const emu_launch *launch);

/* ---- turns ---- */

emu_order emu_order_of_turns(void);

/* What random draws start from, and the next of them: 0 ... bound - 1. */
uint64_t emu_first_draw(void);
int emu_draw_below(uint64_t *state, int bound);

/* Streams draw anew. */
void emu_start_streams_order(void);

/* ---- streams ---- */

enum { EMU_MAX_STREAMS = 32 }; /* open at a time, the default one among them */

/* How many operations of each stream come before, each stream having a slot. */
typedef struct emu_clock {
    uint32_t of[EMU_MAX_STREAMS];
} emu_clock;

/* An operation of a stream, what it has to wait for, and itself. */
typedef struct emu_operation {
    const char *name;   /* of CUDA's function; NULL: a kernel */
    const void *kernel; /* or NULL */
    uint32_t number;    /* in the order of calls, from 1 */
    int slot;
    emu_clock clock;
} emu_operation;

/* The one that runs now, or NULL. */
extern const emu_operation *emu_this_operation;

/* Enqueues run(state), with a copy of the state. */
typedef struct emu_work {
    const char *name;
    const void *kernel;
    void (*run)(void *state);
} emu_work;
cudaError_t emu_enqueue(cudaStream_t stream, const emu_work *work, const void *state, size_t bytes);

/* Runs whatever any stream still holds; what the clock counts, at least. The host has then waited
 * for it. */
void emu_run_streams(void);
void emu_wait_for(const emu_clock *clock);

/* What a stream holds now; and: its further operations come after what the clock counts. */
cudaError_t emu_stream_clock(emu_clock *clock, cudaStream_t stream);
cudaError_t emu_stream_waits_for(cudaStream_t stream, const emu_clock *clock);

/* ---- memory ---- */

/* Whether the bytes lie within one live allocation. A pointer just past its end holds 0 bytes. */
int emu_is_device_memory(const void *memory, size_t bytes);

/* The live allocation in which the address lies; returns whether there is one. */
int emu_find_allocation(void **start, size_t *bytes, const void *memory);

/* Whether it lay in an allocation that has been freed not long ago. */
int emu_is_freed_memory(const void *memory);

/* "that begin 8 bytes past the end of a device allocation of 256 bytes", for an address in no live
 * one. */
void emu_describe_address(char *text, size_t room, const void *memory);

/* The host may touch device memory only inside the engine. */
void emu_open_memory(void);
void emu_close_memory(void);

/* Whether the address is of what the engine keeps for kernels: indices, sizes. */
int emu_is_own_state(const void *memory);

/* Whether all guards are whole; if not, records the failure. `kernel` has just run. */
int emu_check_guards(const void *kernel);

/* Sets the guard behind some bytes, which nobody may touch from then on, and whether it is as it
 * was set. emu_watch_allow() releases it. */
void emu_set_guard(unsigned char *guard);
int emu_is_guard_whole(unsigned char *guard);

/* ---- failures ---- */

#if defined(__GNUC__)
#define EMU_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#else
#define EMU_PRINTF(format_at, first_at)
#endif

/* Records a failure of the device: it sticks, and every later call returns `error`. The first one's
 * text is kept. */
cudaError_t emu_fail(cudaError_t error, const char *format, ...) EMU_PRINTF(2, 3);

/* Records a failure of one call, which the device survives. */
cudaError_t emu_refuse(cudaError_t error, const char *format, ...) EMU_PRINTF(2, 3);

/* The device's failure, or cudaSuccess. */
cudaError_t emu_failure(void);

/* From a running thread: records the failure, with block and thread, and gives up the launch. */
void emu_fail_thread(const char *format, ...) EMU_PRINTF(1, 2);

/* The same after the failure has been recorded. */
void emu_stop_thread(void);

#ifdef __cplusplus
}
#endif
#endif
