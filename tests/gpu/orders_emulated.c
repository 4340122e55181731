/* The orders of an emulated device: every one that it has, streams as lazy as can be; its sizes. */
#include "on_device.h"

#include "emulator.h"

static const struct {
    const char *name;
    emu_order order;
    uint64_t seed;
} orders[] = {
    {"threads forward", EMU_FORWARD, 0},
    {"threads in reverse", EMU_REVERSE, 0},
    {"threads at random, seed 1", EMU_RANDOM, 1},
    {"threads at random, seed 2", EMU_RANDOM, 2},
};

int device_n_orders(void)
{
    return emu_has_checker() ? 2 : sizeof orders / sizeof *orders;
}

const char *device_use_order(int i)
{
    emu_set_streams(EMU_LAZY);
    emu_set_order(orders[i].order, orders[i].seed);
    return orders[i].name;
}

int device_is_watched(void)
{
    return emu_has_checker();
}

/* It is, and the checker knows that nobody has written it: filling it would be writing. */
cudaError_t device_make_nans(void *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
    return cudaSuccess;
}

device_sizes device_largest(void)
{
    return (device_sizes){.chunk_rows = 40, .d_model = 24, .d_mlp = 48, .d_head = 8};
}
