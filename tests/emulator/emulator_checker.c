/* The checker reports planted bugs by kernel, block, thread and line, in every order of threads,
 * and is silent about sound kernels. */
#include "emulator.h"
#include "faulty.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_ORDERS = 3, MOST = 256 };

static void use_order(int i)
{
    static const emu_order orders[N_ORDERS] = {EMU_FORWARD, EMU_REVERSE, EMU_RANDOM};
    emu_set_order(orders[i], 7);
    emu_forget_failure();
}

static cudaError_t run(faulty_kernel which, unsigned blocks, unsigned threads, size_t shared_bytes)
{
    float *device = NULL;
    cr_assert_eq(cudaMalloc((void **)&device, (size_t)blocks * threads * sizeof *device),
                 cudaSuccess);
    cudaError_t error = faulty_launch(which, device, blocks, threads, shared_bytes, NULL);
    if (!error) error = cudaDeviceSynchronize();
    cudaFree(device);
    return error;
}

/* ---- what must be reported ---- */

typedef struct fault {
    faulty_kernel kernel;
    const char *name; /* of the kernel */
    unsigned blocks, threads;
    const char *words[2]; /* of which the report has one, as the order of threads decides */
    const char *culprit;  /* and the line of source that it names has this */
} fault;

static const fault faults[] = {
    {MISSING_BARRIER,
     "missing_barrier",
     1,
     64,
     {"reads 4 bytes of shared memory that", "writes 4 bytes of shared memory that"},
     "values["},
    {MISSING_SYNCWARP,
     "missing_syncwarp",
     1,
     64,
     {"reads 4 bytes of shared memory that", "writes 4 bytes of shared memory that"},
     "values["},
    {SHUFFLE_FOR_SYNCWARP,
     "shuffle_for_syncwarp",
     1,
     64,
     {"race: reads 4 bytes of shared memory that thread", "\n"},
     "values[threadIdx.x ^ 1]"},
    {HALF_SYNCWARP,
     "half_syncwarp",
     1,
     32,
     {"reads 4 bytes of shared memory that", "writes 4 bytes of shared memory that"},
     "values["},
    {STALE_SHARED,
     "stale_shared",
     2,
     32,
     {"reads 4 bytes of shared memory that nothing has written in this block so far", "\n"},
     "= values[threadIdx.x]"},
    {READ_THEN_WRITTEN,
     "read_then_written",
     1,
     32,
     {"race: writes 4 bytes of shared memory that thread",
      "race: reads 4 bytes of shared memory that thread"},
     "values["},
    {SAME_ELEMENT,
     "same_element",
     1,
     64,
     {"race: writes 4 bytes of device memory that thread 3 of the same block wrote at "
      "tests/emulator/faulty.cu:",
      "race: writes 4 bytes of device memory that thread 35 of the same block wrote at "
      "tests/emulator/faulty.cu:"},
     "out[3] = 1"},
    {SAME_ELEMENT_OF_BLOCK,
     "same_element_of_block",
     2,
     32,
     {"race: writes 4 bytes of device memory that thread 0 of another block of the launch wrote at",
      "of another block of the launch wrote at"},
     "out[threadIdx.x] = 1"},
    {UNWRITTEN_DEVICE,
     "unwritten_device",
     1,
     32,
     {"reads 4 bytes of device memory that nothing has written", "\n"},
     "+= 1"},
    {UNWRITTEN_SHARED,
     "unwritten_shared",
     1,
     32,
     {"reads 4 bytes of shared memory that nothing has written in this block so far", "\n"},
     "= values[threadIdx.x]"},
    {PAST_STATIC_SHARED, "past_static_shared", 1, 32, {"thread 5 of 32, at", "\n"}, "== 5 ? 100"},
    {PAST_DYNAMIC_SHARED,
     "past_dynamic_shared",
     1,
     32,
     {"writes 4 bytes that end 4 bytes past the end of the 128 bytes of dynamic shared memory",
      "\n"},
     "== 5"},
    {PAST_ALLOCATION,
     "past_allocation",
     2,
     32,
     {"writes 4 bytes that begin 0 bytes past the end of a device allocation of 256 bytes",
      "race: writes 4 bytes"},
     "whole_index() + 1"},
    {BEFORE_ALLOCATION,
     "before_allocation",
     1,
     32,
     {"reads 4 bytes that begin 4 bytes before the start of a device allocation of 128 bytes",
      "\n"},
     "out[-1]"},
    {NOT_ALIGNED, "not_aligned", 1, 32, {"thread 9 of 32, at", "\n"}, "== 9"},
    {PAST_BY_COPY,
     "past_by_copy",
     1,
     32,
     {"reads 132 bytes that end 4 bytes past the end of a device allocation of 128 bytes", "\n"},
     "memcpy("},
    {STRAY_LOCAL,
     "stray_local",
     1,
     32,
     {"reads 4 bytes of another thread's local memory", "\n"},
     "*of_thread_0"},
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
    const char *report = emu_report(), *place = strstr(report, "faulty.cu:");
    cr_expect(strncmp(report, f->name, strlen(f->name)) == 0, "%s, order %d: \"%s\"", f->name,
              order, report);
    cr_expect(strstr(report, ", block ("), "%s, order %d: \"%s\" names no block", f->name, order,
              report);
    cr_expect(strstr(report, f->words[0]) || strstr(report, f->words[1]),
              "%s, order %d: \"%s\" without \"%s\"", f->name, order, report, f->words[0]);
    cr_assert(place, "%s, order %d: \"%s\" names no place", f->name, order, report);
    cr_expect(line_has(atoi(place + strlen("faulty.cu:")), f->culprit),
              "%s, order %d: \"%s\" names another line", f->name, order, report);
}

ParameterizedTestParameters(emulator_checker, a_planted_bug_is_reported)
{
    static size_t indices[N_FAULTS];
    for (size_t i = 0; i < N_FAULTS; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_FAULTS);
}

ParameterizedTest(size_t *index, emulator_checker, a_planted_bug_is_reported)
{
    const fault *f = &faults[*index];
    for (int order = 0; order < N_ORDERS; order++) {
        use_order(order);
        const cudaError_t error = run(f->kernel, f->blocks, f->threads, f->threads * sizeof(float));
        cr_expect_neq(error, cudaSuccess, "%s, order %d", f->name, order);
        expect_report(f, order);
    }
}

/* ---- what must not be ---- */

static const struct {
    const char *name;
    faulty_kernel kernel;
    unsigned threads;
} sound[] = {
    {"reverse", SOUND_REVERSE, 256},
    {"partial warp", SOUND_PARTIAL_WARP, 40},
    {"syncwarp", SOUND_SYNCWARP, 96},
    {"syncwarp of all lanes", SOUND_HALF_SYNCWARP, 64},
    {"dynamic shared memory", SOUND_DYNAMIC_SHARED, 33},
};

Test(emulator_checker, sound_kernels_pass_in_every_order)
{
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++)
        for (int order = 0; order < N_ORDERS; order++) {
            use_order(order);
            const cudaError_t error =
                run(sound[i].kernel, 3, sound[i].threads, sound[i].threads * sizeof(float));
            cr_expect_eq(error, cudaSuccess, "%s: %s", sound[i].name, emu_report());
        }
}

/* ---- what shows in the results ---- */

/* Filled with a pattern by compilers that can, it is not what was left there by chance. */
Test(emulator_checker, a_local_variable_without_a_value_is_far_from_any)
{
    float *device = NULL, out[32];
    cr_assert_eq(cudaMalloc((void **)&device, sizeof out), cudaSuccess);
    cr_expect_eq(faulty_launch(UNSET_LOCAL, device, 1, 32, 0, NULL), cudaSuccess);
    cr_expect_eq(cudaMemcpy(out, device, sizeof out, cudaMemcpyDeviceToHost), cudaSuccess);
    for (int i = 0; i < 32; i++)
        cr_expect(i % 2 ? out[i] < -1e38f || !EMU_FILLS_LOCALS : out[i] == 1, "thread %d: %g", i,
                  (double)out[i]);
    cudaFree(device);
}

/* ---- between operations ---- */

static float *take_memory(size_t n)
{
    void *memory = NULL;
    cr_assert_eq(cudaMalloc(&memory, n * sizeof(float)), cudaSuccess);
    return memory;
}

typedef enum tie { NO_TIE, EVENT, WAITING_HOST } tie;

static cudaError_t run_in_two_streams(tie how, emu_order order)
{
    cudaStream_t one, other;
    cudaEvent_t between;
    float *device = take_memory(32);
    emu_set_order(order, 3);
    emu_set_streams(EMU_LAZY);
    cr_assert_eq(cudaStreamCreateWithFlags(&one, cudaStreamNonBlocking), cudaSuccess);
    cr_assert_eq(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
    cr_assert_eq(cudaEventCreate(&between), cudaSuccess);
    cr_assert_eq(faulty_launch(SAME_ELEMENT_OF_BLOCK, device, 1, 32, 0, one), cudaSuccess);
    if (how != NO_TIE) cr_assert_eq(cudaEventRecord(between, one), cudaSuccess);
    if (how == EVENT) cr_assert_eq(cudaStreamWaitEvent(other, between, 0), cudaSuccess);
    if (how == WAITING_HOST) cr_assert_eq(cudaEventSynchronize(between), cudaSuccess);
    cr_assert_eq(faulty_launch(SAME_ELEMENT_OF_BLOCK, device, 1, 32, 0, other), cudaSuccess);
    const cudaError_t error = cudaDeviceSynchronize();
    cudaEventDestroy(between);
    cudaStreamDestroy(other);
    cudaStreamDestroy(one);
    cudaFree(device);
    return error;
}

Test(emulator_checker, kernels_of_two_streams_that_write_the_same_are_reported)
{
    for (emu_order order = EMU_FORWARD; order <= EMU_RANDOM; order++) {
        emu_forget_failure();
        cr_expect_eq(run_in_two_streams(NO_TIE, order), cudaErrorLaunchFailure);
        cr_expect(strstr(emu_report(),
                         "race: writes 4 bytes of device memory that same_element_of_block, "
                         "launched at tests/emulator/faulty.cu:"),
                  "%s", emu_report());
        cr_expect(strstr(emu_report(), "no event and no wait orders the two"), "%s", emu_report());
    }
}

Test(emulator_checker, an_event_or_a_waiting_host_orders_them)
{
    for (emu_order order = EMU_FORWARD; order <= EMU_RANDOM; order++) {
        cr_expect_eq(run_in_two_streams(EVENT, order), cudaSuccess, "%s", emu_report());
        cr_expect_eq(run_in_two_streams(WAITING_HOST, order), cudaSuccess, "%s", emu_report());
    }
}

Test(emulator_checker, a_copy_takes_along_that_nobody_has_written)
{
    float *from = take_memory(32), *to = take_memory(32), host[32];
    cr_expect_eq(cudaMemcpy(to, from, sizeof host, cudaMemcpyDeviceToDevice), cudaSuccess);
    cr_expect_eq(cudaMemcpy(host, to, sizeof host, cudaMemcpyDeviceToHost), cudaSuccess);
    cr_expect_eq(faulty_launch(UNWRITTEN_DEVICE, to, 1, 32, 0, NULL), cudaSuccess);
    cr_expect_eq(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
    emu_forget_failure();
    cr_expect_eq(cudaMemset(from, 0, sizeof host), cudaSuccess);
    cr_expect_eq(cudaMemcpy(to, from, sizeof host, cudaMemcpyDeviceToDevice), cudaSuccess);
    cr_expect_eq(faulty_launch(UNWRITTEN_DEVICE, to, 1, 32, 0, NULL), cudaSuccess);
    cr_expect_eq(cudaDeviceSynchronize(), cudaSuccess, "%s", emu_report());
    cudaFree(to);
    cudaFree(from);
}
