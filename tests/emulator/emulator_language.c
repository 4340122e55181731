/* The emulated parts of CUDA C mean what the CUDA C++ Programming Guide says. */
#include "emulator.h"
#include "language.h"

#include <criterion/criterion.h>
#include <string.h>

enum { THREADS = 64, N_ORDERS = 3 };

static void use_order(int i)
{
    static const emu_order orders[N_ORDERS] = {EMU_FORWARD, EMU_REVERSE, EMU_RANDOM};
    emu_set_order(orders[i], 3);
}

static void *take(size_t bytes)
{
    void *memory = NULL;
    cr_assert_eq(cudaMalloc(&memory, bytes), cudaSuccess);
    return memory;
}

static void read_back(void *to, const void *from, size_t bytes)
{
    cr_assert_eq(cudaDeviceSynchronize(), cudaSuccess, "%s", emu_report());
    cr_assert_eq(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), cudaSuccess);
}

/* By the guide's words, thread by thread. */
static void expected_of(int *out, int thread)
{
    const int lane = thread % 32, warp = thread - lane;
    out[SHFL] = warp + 5;
    out[SHFL_WIDTH] = warp + lane / 8 * 8 + 3;
    out[SHFL_XOR] = warp + (lane ^ 2);
    out[SHFL_UP] = lane < 2 ? thread : thread - 2;
    out[SHFL_DOWN] = lane % 16 + 3 >= 16 ? thread : thread + 3;
    out[BALLOT] = (int)0xaaaaaaaau;
    out[ANY] = 1;
    out[ALL] = 0;
    out[BLOCK_COUNT] = (THREADS + 2) / 3;
    out[BLOCK_AND] = 0;
    out[BLOCK_OR] = 1;
    out[HALF_SHUFFLE] = warp + lane / 16 * 16;
}

Test(emulator_language, collectives_give_each_thread_what_it_asked_for)
{
    static int out[THREADS][N_LANGUAGE];
    int *device = take(sizeof out);
    for (int order = 0; order < N_ORDERS; order++) {
        use_order(order);
        cr_assert_eq(language_collectives(device, THREADS), cudaSuccess);
        read_back(out, device, sizeof out);
        for (int thread = 0; thread < THREADS; thread++) {
            int expected[N_LANGUAGE];
            expected_of(expected, thread);
            for (int i = 0; i < N_LANGUAGE; i++)
                cr_assert_eq(out[thread][i], expected[i],
                             "order %d, thread %d, entry %d: %d, not %d", order, thread, i,
                             out[thread][i], expected[i]);
        }
    }
    cudaFree(device);
}

Test(emulator_language, every_thread_of_every_block_runs_once_and_knows_where)
{
    enum { N = 2 * 3 * 2 * 5 * 2 * 3 };
    int out[N];
    int *device = take(sizeof out);
    cr_assert_eq(language_indices(device, (language_size){2, 3, 2}, (language_size){5, 2, 3}),
                 cudaSuccess);
    read_back(out, device, sizeof out);
    for (int i = 0; i < N; i++)
        cr_expect_eq(out[i], i, "%d at %d", out[i], i);
    cudaFree(device);
}

Test(emulator_language, a_block_of_1024_threads_has_room)
{
    static int out[1024];
    int *device = take(sizeof out);
    cr_assert_eq(language_indices(device, (language_size){1, 1, 1}, (language_size){1024, 1, 1}),
                 cudaSuccess);
    read_back(out, device, sizeof out);
    cr_expect_eq(out[1023], 1023);
    cudaFree(device);
}

Test(emulator_language, arguments_of_any_size_arrive)
{
    double sum = 0, *device = take(sizeof sum);
    emu_set_streams(EMU_LAZY); /* long after the launch has returned */
    cr_assert_eq(language_arguments(device), cudaSuccess);
    read_back(&sum, device, sizeof sum);
    cr_expect_eq(sum, 255);
    cudaFree(device);
}
