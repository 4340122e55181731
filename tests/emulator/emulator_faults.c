/* The emulator reports planted bugs, by block, thread and line, and is silent about sound kernels.
 */
#include "emulator.h"
#include "faulty.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef EMU_WATCHED_BY_ASAN
enum { OVERRUN_SIGNAL = SIGABRT }; /* the sanitizer ends the program at the write itself */
#else
enum { OVERRUN_SIGNAL = 0 };
#endif

enum { N_ORDERS = 3, MOST = 256 };

static void use_order(int i)
{
    static const emu_order orders[N_ORDERS] = {EMU_FORWARD, EMU_REVERSE, EMU_RANDOM};
    emu_set_order(orders[i], 7);
    emu_forget_failure();
}

static cudaError_t run(float *out, faulty_kernel which, unsigned blocks, unsigned threads,
                       size_t shared_bytes)
{
    float *device = NULL;
    const size_t bytes = (size_t)blocks * threads * sizeof *out;
    cr_assert_eq(cudaMalloc((void **)&device, bytes), cudaSuccess);
    cudaError_t error = faulty_launch(which, device, blocks, threads, shared_bytes, NULL);
    if (!error) error = cudaDeviceSynchronize();
    if (!error) error = cudaMemcpy(out, device, bytes, cudaMemcpyDeviceToHost);
    cudaFree(device);
    return error;
}

/* ---- what must be reported, in every order of threads ---- */

typedef struct fault {
    const char *name;
    faulty_kernel kernel;
    unsigned threads;
    const char *words[3]; /* the report has them all */
    const char *culprit;  /* and the line of source that it names has this */
} fault;

static const fault faults[] = {
    {"half of the threads at a barrier",
     HALF_AT_BARRIER,
     32,
     {"deadlock", "16 in __syncthreads (thread ", "16 in __shfl_xor_sync (thread "},
     "% 2 == 0) __syncthreads()"},
    {"threads that exit before a barrier",
     EXIT_BEFORE_BARRIER,
     64,
     {"block (0,0,0), thread ", "exited", "__syncthreads"},
     "__syncthreads()"},
    {"two barriers",
     TWO_BARRIERS,
     64,
     {"thread ", "in another", "block (0,0,0)"},
     "__syncthreads()"},
    {"lanes that exit before a shuffle",
     EXIT_BEFORE_SHUFFLE,
     64,
     {"thread ", "exited", "0xffffffff"},
     "__shfl_xor_sync"},
    {"a mask without the lane itself",
     FOREIGN_MASK,
     32,
     {"thread ", "not in its own mask 0x0000ffff", "__shfl_sync"},
     "0x0000ffffu"},
    {"two operations of one warp",
     TWO_OPERATIONS,
     32,
     {"thread ", "__ballot_sync", "__shfl_sync"},
     "_sync(0xffffffffu, 1"},
};
enum { N_FAULTS = sizeof faults / sizeof *faults };

/* Whether line `number` of faulty.cu has the word. */
static int line_has(int number, const char *word)
{
    char line[256] = "";
    FILE *file = fopen(PC_SOURCE_DIR "/tests/emulator/faulty.cu", "r");
    cr_assert(file, "faulty.cu cannot be read");
    for (int i = 0; i < number; i++)
        if (!fgets(line, sizeof line, file)) *line = '\0';
    fclose(file);
    return strstr(line, word) != NULL;
}

static void expect_report(const fault *f, int order)
{
    const char *place = strstr(emu_report(), "faulty.cu:");
    for (int i = 0; i < 3; i++)
        cr_expect(strstr(emu_report(), f->words[i]), "%s, order %d: \"%s\" without \"%s\"", f->name,
                  order, emu_report(), f->words[i]);
    cr_assert(place, "%s, order %d: \"%s\" names no place", f->name, order, emu_report());
    cr_expect(line_has(atoi(place + strlen("faulty.cu:")), f->culprit),
              "%s, order %d: \"%s\" names another line", f->name, order, emu_report());
}

ParameterizedTestParameters(emulator_faults, a_planted_bug_is_reported)
{
    static size_t indices[N_FAULTS];
    for (size_t i = 0; i < N_FAULTS; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_FAULTS);
}

ParameterizedTest(size_t *index, emulator_faults, a_planted_bug_is_reported)
{
    float out[MOST];
    const fault *f = &faults[*index];
    for (int order = 0; order < N_ORDERS; order++) {
        use_order(order);
        const cudaError_t error = run(out, f->kernel, 2, f->threads, 0);
        cr_expect_eq(error, cudaErrorLaunchFailure, "%s, order %d: %s", f->name, order,
                     cudaGetErrorString(error));
        expect_report(f, order);
    }
}

/* ---- what must not be ---- */

static const struct {
    const char *name;
    faulty_kernel kernel;
    unsigned threads;
    size_t shared_bytes;
} sound[] = {
    {"reverse", SOUND_REVERSE, 256, 0},
    {"partial warp", SOUND_PARTIAL_WARP, 40, 0},
    {"syncwarp", SOUND_SYNCWARP, 96, 0},
    {"dynamic shared memory", SOUND_DYNAMIC_SHARED, 33, 33 * sizeof(float)},
};

Test(emulator_faults, sound_kernels_give_the_same_bits_in_every_order)
{
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++) {
        float first[2 * MOST], out[2 * MOST];
        for (int order = 0; order < N_ORDERS; order++) {
            use_order(order);
            const cudaError_t error = run(order ? out : first, sound[i].kernel, 2, sound[i].threads,
                                          sound[i].shared_bytes);
            cr_expect_eq(error, cudaSuccess, "%s: %s", sound[i].name, cudaGetErrorString(error));
            if (order)
                cr_expect(memcmp(out, first, 2 * sound[i].threads * sizeof *out) == 0, "%s",
                          sound[i].name);
        }
    }
}

Test(emulator_faults, a_reversed_block_comes_out_reversed)
{
    float out[2 * 64];
    cr_assert_eq(run(out, SOUND_REVERSE, 2, 64, 0), cudaSuccess);
    for (int i = 0; i < 128; i++)
        cr_expect_eq(out[i], (float)(i / 64 * 64 + 63 - i % 64), "element %d", i);
}

/* ---- what shows in the results ---- */

static int orders_disagree(faulty_kernel which)
{
    float first[64], out[64];
    int n_different = 0;
    for (int order = 0; order < N_ORDERS; order++) {
        use_order(order);
        cr_assert_eq(run(order ? out : first, which, 1, 64, 0), cudaSuccess);
        n_different += order && memcmp(out, first, sizeof out) != 0;
    }
    return n_different > 0;
}

Test(emulator_faults, a_missing_barrier_makes_the_orders_disagree)
{
    cr_expect(orders_disagree(MISSING_BARRIER));
    cr_expect_not(orders_disagree(SOUND_REVERSE));
}

Test(emulator_faults, a_missing_syncwarp_makes_the_orders_disagree)
{
    cr_expect(orders_disagree(MISSING_SYNCWARP));
    cr_expect_not(orders_disagree(SOUND_SYNCWARP));
}

Test(emulator_faults, static_shared_memory_of_a_new_block_is_not_a_number)
{
    float out[2 * 32];
    cr_assert_eq(run(out, STALE_SHARED, 2, 32, 0), cudaSuccess);
    for (int i = 0; i < 32; i++)
        cr_expect(out[i] == 1 && isnan(out[32 + i]), "thread %d: %g and %g", i, (double)out[i],
                  (double)out[32 + i]);
}

/* ---- writes past an end ---- */

Test(emulator_faults, a_write_past_dynamic_shared_memory_is_reported, .signal = OVERRUN_SIGNAL)
{
    float out[2 * 32];
    const cudaError_t error = run(out, PAST_DYNAMIC_SHARED, 2, 32, 32 * sizeof(float));
    cr_expect_eq(error, cudaErrorLaunchFailure);
    cr_expect_str_eq(
        emu_report(),
        "past_dynamic_shared, block (0,0,0), thread 5 of 32: wrote past the end of the 128 "
        "bytes of dynamic shared memory");
}

Test(emulator_faults, a_write_past_an_allocation_is_reported, .signal = OVERRUN_SIGNAL)
{
    float out[2 * 32];
    const cudaError_t error = run(out, PAST_ALLOCATION, 2, 32, 0);
    cr_expect_eq(error, cudaErrorIllegalAddress);
    cr_expect_str_eq(emu_report(),
                     "past_allocation wrote past the end of a device allocation of 256 bytes");
}

/* ---- launches that a device refuses ---- */

static const struct {
    const char *name;
    faulty_dimensions dimensions;
    cudaError_t error;
    const char *words;
} refused[] = {
    {"no blocks", {{0, 1, 1}, {32, 1, 1}, 128}, cudaErrorInvalidConfiguration, "(0,1,1) blocks"},
    {"no threads", {{1, 1, 1}, {0, 1, 1}, 128}, cudaErrorInvalidConfiguration, "(0,1,1) threads"},
    {"2,048 threads",
     {{1, 1, 1}, {1024, 2, 1}, 128},
     cudaErrorInvalidConfiguration,
     "(1024,2,1) threads: 1 to 1024"},
    {"a block 65 deep",
     {{1, 1, 1}, {1, 1, 65}, 128},
     cudaErrorInvalidConfiguration,
     "z at most 64"},
    {"a grid too high", {{1, 65536, 1}, {1, 1, 1}, 128}, cudaErrorInvalidConfiguration, "65535"},
    {"a grid too wide",
     {{2147483648u, 1, 1}, {1, 1, 1}, 128},
     cudaErrorInvalidConfiguration,
     "2147483647"},
    {"49,153 bytes of shared memory",
     {{1, 1, 1}, {1, 1, 1}, 49153},
     cudaErrorInvalidValue,
     "49153 bytes of dynamic shared memory: at most 49152"},
};

Test(emulator_faults, impossible_launches_are_refused_and_the_device_survives)
{
    float *out = NULL;
    cr_assert_eq(cudaMalloc((void **)&out, 4096), cudaSuccess);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        emu_forget_failure();
        const cudaError_t error = faulty_launch_with(&refused[i].dimensions, out);
        cr_expect_eq(error, refused[i].error, "%s: %s", refused[i].name, cudaGetErrorName(error));
        cr_expect(strstr(emu_report(), refused[i].words), "%s: \"%s\"", refused[i].name,
                  emu_report());
        cr_expect_eq(cudaGetLastError(), refused[i].error, "%s", refused[i].name);
        cr_expect_eq(cudaGetLastError(), cudaSuccess, "%s: once is enough", refused[i].name);
    }
    cr_expect_eq(faulty_launch(SOUND_REVERSE, out, 1, 32, 0, NULL), cudaSuccess);
    cr_expect_eq(cudaDeviceSynchronize(), cudaSuccess);
    cudaFree(out);
}

Test(emulator_faults, shared_memory_beyond_48_kb_must_be_asked_for)
{
    const faulty_dimensions large = {{1, 1, 1}, {32, 1, 1}, 227 * 1024};
    float *out = NULL;
    cr_assert_eq(cudaMalloc((void **)&out, 4096), cudaSuccess);
    cr_expect_eq(faulty_launch_with(&large, out), cudaErrorInvalidValue);
    cr_expect_eq(faulty_allow_shared(227 * 1024 + 1), cudaErrorInvalidValue);
    cr_expect_eq(faulty_allow_shared(227 * 1024), cudaSuccess);
    cr_expect_eq(faulty_launch_with(&large, out), cudaSuccess);
    cr_expect_eq(cudaDeviceSynchronize(), cudaSuccess);
    cudaFree(out);
}

Test(emulator_faults, a_host_pointer_is_no_argument_for_a_kernel)
{
    float on_host[32];
    cr_expect_eq(faulty_launch(SOUND_REVERSE, on_host, 1, 32, 0, NULL), cudaErrorIllegalAddress);
    cr_expect_str_eq(emu_report(), "sound_reverse, argument 0: points to no device memory");
}

Test(emulator_faults, a_failure_sticks_and_its_report_is_the_error_s_text)
{
    float out[64];
    void *memory;
    use_order(0);
    cr_expect_eq(run(out, EXIT_BEFORE_BARRIER, 1, 64, 0), cudaErrorLaunchFailure);
    cr_expect_eq(cudaGetLastError(), cudaErrorLaunchFailure);
    cr_expect_eq(cudaGetLastError(), cudaErrorLaunchFailure);
    cr_expect_eq(cudaMalloc(&memory, 4), cudaErrorLaunchFailure);
    cr_expect_str_eq(cudaGetErrorString(cudaErrorLaunchFailure), emu_report());
    cr_expect(
        strstr(emu_report(),
               "exit_before_barrier, block (0,0,0), thread 40 of 64: exited, but thread 0 waits"),
        "\"%s\"", emu_report());
}
