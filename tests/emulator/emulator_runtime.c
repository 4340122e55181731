/* The emulated runtime: memory, copies, streams and errors behave as CUDA's. */
#include "emulator.h"
#include "faulty.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <string.h>

static float *take(size_t n)
{
    void *memory = NULL;
    cr_assert_eq(cudaMalloc(&memory, n * sizeof(float)), cudaSuccess, "%s", emu_report());
    return memory;
}

Test(emulator_runtime, fresh_memory_is_not_a_number)
{
    float *device = take(8), host[8] = {0};
    cr_assert_eq(cudaMemcpy(host, device, sizeof host, cudaMemcpyDeviceToHost), cudaSuccess);
    for (int i = 0; i < 8; i++)
        cr_expect(isnan(host[i]), "element %d: %g", i, (double)host[i]);
    cr_expect_eq(cudaFree(device), cudaSuccess);
}

Test(emulator_runtime, what_is_copied_there_comes_back)
{
    const float values[3] = {1, -2, 0.5f};
    float *one = take(3), *other = take(3), back[3] = {0};
    cr_expect_eq(cudaMemcpy(one, values, sizeof values, cudaMemcpyHostToDevice), cudaSuccess);
    cr_expect_eq(cudaMemcpy(other, one, sizeof values, cudaMemcpyDeviceToDevice), cudaSuccess);
    cr_expect_eq(cudaMemset(one, 0, sizeof values), cudaSuccess);
    cr_expect_eq(cudaMemcpy(back, other, sizeof back, cudaMemcpyDeviceToHost), cudaSuccess);
    cr_expect_arr_eq(back, values, sizeof values);
    cr_expect_eq(cudaMemcpy(back, one, sizeof back, cudaMemcpyDeviceToHost), cudaSuccess);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(back[i], 0);
    cudaFree(other);
    cudaFree(one);
}

Test(emulator_runtime, a_copy_past_an_end_or_the_wrong_way_is_refused)
{
    float *device = take(3), host[8] = {0};
    cr_expect_eq(cudaMemcpy(device, host, 13, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    cr_expect_eq(cudaMemcpy(device + 1, host, 12, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    cr_expect_eq(cudaMemcpy(host, device, 12, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    cr_expect_eq(cudaMemset(host, 0, 12), cudaErrorInvalidValue);
    cr_expect_eq(cudaMemcpy(device, host, 12, cudaMemcpyHostToDevice), cudaSuccess);
    cudaFree(device);
}

Test(emulator_runtime, memory_ends_and_comes_back)
{
    void *memory = NULL, *more = NULL;
    size_t free_bytes, total_bytes;
    emu_set_memory(1000);
    cr_expect_eq(cudaMalloc(&memory, 900), cudaSuccess);
    cr_expect_eq(cudaMalloc(&more, 101), cudaErrorMemoryAllocation);
    cr_expect_null(more);
    cr_expect_str_eq(emu_report(), "out of memory: 101 bytes asked, 100 free");
    cr_expect_eq(cudaGetLastError(), cudaErrorMemoryAllocation);
    cr_expect_eq(cudaMemGetInfo(&free_bytes, &total_bytes), cudaSuccess);
    cr_expect_eq(free_bytes, 100);
    cr_expect_eq(total_bytes, 1000);
    cr_expect_eq(cudaFree(memory), cudaSuccess);
    cr_expect_eq(cudaMalloc(&more, 101), cudaSuccess);
    cr_expect_eq(cudaFree(more), cudaSuccess);
}

Test(emulator_runtime, only_the_start_of_a_live_allocation_can_be_freed)
{
    float *device = take(4);
    cr_expect_eq(cudaFree(device + 1), cudaErrorInvalidValue);
    cr_expect_eq(cudaFree(device), cudaSuccess);
    cr_expect_eq(cudaFree(device), cudaErrorInvalidValue);
    cr_expect_eq(cudaFree(NULL), cudaSuccess);
}

Test(emulator_runtime, a_kernel_is_not_given_what_has_been_freed)
{
    float *gone = take(32);
    cr_expect_eq(cudaFree(gone), cudaSuccess);
    for (int i = 0; i < 300; i++) /* whatever comes after it lies elsewhere */
        cr_expect_eq(cudaFree(take(32)), cudaSuccess);
    gone = take(32);
    cr_expect_eq(cudaFree(gone), cudaSuccess);
    float *fresh = take(32);
    cr_expect_neq(fresh, gone);
    cr_expect_eq(faulty_launch(SOUND_REVERSE, gone, 1, 32, 0, NULL), cudaErrorIllegalAddress);
    cr_expect_str_eq(emu_report(),
                     "sound_reverse, argument 0: points to device memory that has been freed");
    emu_forget_failure();
    cr_expect_eq(cudaFree(fresh), cudaSuccess);
}

/* ---- streams ---- */

Test(emulator_runtime, a_lazy_stream_runs_when_the_host_waits_for_it)
{
    float *device = take(32), early[32] = {0}, late[32] = {0};
    cudaStream_t stream;
    emu_set_streams(EMU_LAZY);
    cr_assert_eq(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    cr_expect_eq(faulty_launch(SOUND_REVERSE, device, 1, 32, 0, stream), cudaSuccess);
    cr_expect_eq(cudaMemcpy(early, device, sizeof early, cudaMemcpyDeviceToHost), cudaSuccess);
    cr_expect(isnan(early[0]), "the kernel ran before anyone waited: %g", (double)early[0]);
    cr_expect_eq(cudaStreamSynchronize(stream), cudaSuccess);
    cr_expect_eq(cudaMemcpy(late, device, sizeof late, cudaMemcpyDeviceToHost), cudaSuccess);
    cr_expect_eq(late[0], 31);
    cudaStreamDestroy(stream);
    cudaFree(device);
}

Test(emulator_runtime, the_default_stream_waits_for_streams_that_do_not_refuse)
{
    float *device = take(32), host[32] = {0};
    cudaStream_t stream;
    emu_set_streams(EMU_LAZY);
    cr_assert_eq(cudaStreamCreate(&stream), cudaSuccess);
    cr_expect_eq(faulty_launch(SOUND_REVERSE, device, 1, 32, 0, stream), cudaSuccess);
    cr_expect_eq(cudaMemcpy(host, device, sizeof host, cudaMemcpyDeviceToHost), cudaSuccess);
    cr_expect_eq(host[0], 31);
    cudaStreamDestroy(stream);
    cudaFree(device);
}

Test(emulator_runtime, operations_of_a_stream_keep_their_order)
{
    float *device = take(32), host[32] = {0};
    cudaStream_t stream;
    emu_set_streams(EMU_LAZY);
    cr_assert_eq(cudaStreamCreate(&stream), cudaSuccess);
    cudaMemsetAsync(device, 0xff, 32 * sizeof *device, stream);
    faulty_launch(SOUND_REVERSE, device, 1, 32, 0, stream);
    cudaMemcpyAsync(host, device, sizeof host, cudaMemcpyDeviceToHost, stream);
    cudaMemsetAsync(device, 0, 32 * sizeof *device, stream);
    cr_expect_eq(host[0], 0, "nothing has run yet");
    cr_expect_eq(cudaDeviceSynchronize(), cudaSuccess);
    for (int i = 0; i < 32; i++)
        cr_expect_eq(host[i], (float)(31 - i), "element %d", i);
    cudaStreamDestroy(stream);
    cudaFree(device);
}

Test(emulator_runtime, a_closed_stream_takes_no_work)
{
    float *device = take(32);
    cudaStream_t stream;
    cr_assert_eq(cudaStreamCreate(&stream), cudaSuccess);
    cr_expect_eq(cudaStreamDestroy(stream), cudaSuccess);
    cr_expect_eq(faulty_launch(SOUND_REVERSE, device, 1, 32, 0, stream),
                 cudaErrorInvalidResourceHandle);
    cudaFree(device);
}

/* ---- two streams, one of which copies what the other writes ---- */

typedef enum tie { NO_TIE, EVENT, WAITING_HOST } tie;

static void tie_together(cudaEvent_t written, cudaStream_t writer, cudaStream_t reader, tie how)
{
    cr_assert_eq(cudaEventRecord(written, writer), cudaSuccess);
    if (how == EVENT) cr_assert_eq(cudaStreamWaitEvent(reader, written, 0), cudaSuccess);
    if (how == WAITING_HOST) cr_assert_eq(cudaEventSynchronize(written), cudaSuccess);
}

/* What the reader has copied: 1 if the writer had come first, else 0. */
static int copied(emu_order order, uint64_t seed, tie how)
{
    cudaStream_t writer, reader;
    cudaEvent_t written;
    unsigned char result = 2;
    void *device = take(1);
    emu_set_streams(EMU_LAZY);
    emu_set_order(order, seed);
    cr_assert_eq(cudaMemset(device, 0, 1), cudaSuccess);
    cr_assert_eq(cudaStreamCreateWithFlags(&writer, cudaStreamNonBlocking), cudaSuccess);
    cr_assert_eq(cudaStreamCreateWithFlags(&reader, cudaStreamNonBlocking), cudaSuccess);
    cr_assert_eq(cudaEventCreateWithFlags(&written, cudaEventDisableTiming), cudaSuccess);
    cudaMemsetAsync(device, 1, 1, writer);
    if (how != NO_TIE) tie_together(written, writer, reader, how);
    cudaMemcpyAsync(&result, device, 1, cudaMemcpyDeviceToHost, reader);
    cr_assert_eq(cudaStreamSynchronize(reader), cudaSuccess);
    cudaEventDestroy(written);
    cudaStreamDestroy(reader);
    cudaStreamDestroy(writer);
    cudaFree(device);
    return result;
}

Test(emulator_runtime, streams_that_nothing_orders_run_in_another_order_each_time)
{
    int n_first = 0;
    cr_expect_eq(copied(EMU_FORWARD, 0, NO_TIE), 0);
    cr_expect_eq(copied(EMU_REVERSE, 0, NO_TIE), 1);
    for (uint64_t seed = 1; seed <= 16; seed++)
        n_first += copied(EMU_RANDOM, seed, NO_TIE);
    cr_expect(n_first > 0 && n_first < 16, "%d of 16", n_first);
}

Test(emulator_runtime, an_event_orders_streams)
{
    cr_expect_eq(copied(EMU_FORWARD, 0, EVENT), 1);
    cr_expect_eq(copied(EMU_REVERSE, 0, EVENT), 1);
    cr_expect_eq(copied(EMU_FORWARD, 0, WAITING_HOST), 1);
    for (uint64_t seed = 1; seed <= 16; seed++)
        cr_expect_eq(copied(EMU_RANDOM, seed, EVENT), 1, "seed %d", (int)seed);
}

Test(emulator_runtime, there_is_one_device)
{
    int n = 0, device = 7;
    cr_expect_eq(cudaGetDeviceCount(&n), cudaSuccess);
    cr_expect_eq(n, 1);
    cr_expect_eq(cudaSetDevice(0), cudaSuccess);
    cr_expect_eq(cudaGetDevice(&device), cudaSuccess);
    cr_expect_eq(device, 0);
    cr_expect_eq(cudaSetDevice(1), cudaErrorInvalidDevice);
}

#ifdef EMU_WATCHED_BY_ASAN
Test(emulator_runtime, the_host_may_not_read_device_memory, .signal = SIGABRT)
{
    volatile float *device = take(4);
    cr_expect_eq(device[0], 0);
}
#endif
