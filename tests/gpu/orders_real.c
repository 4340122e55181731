/* A GPU's order is its own: the work is done three times. Its sizes are GPT-2 small's. */
#include "on_device.h"

static const char *const names[] = {"first time", "second time", "third time"};

int device_n_orders(void)
{
    return sizeof names / sizeof *names;
}

const char *device_use_order(int i)
{
    return names[i];
}

int device_is_watched(void)
{
    return 0;
}

cudaError_t device_make_nans(void *memory, size_t bytes)
{
    return cudaMemset(memory, 0xff, bytes);
}

device_sizes device_largest(void)
{
    return (device_sizes){.chunk_rows = 5632, .d_model = 768, .d_mlp = 3072, .d_head = 64};
}
