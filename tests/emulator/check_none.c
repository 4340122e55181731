/* There is no checker. */
#include "check.h"

void emu_check_enqueue(const emu_operation *operation)
{
    (void)operation;
}

void emu_check_start_launch(void)
{
}

void emu_check_start_block(int n_threads)
{
    (void)n_threads;
}

void emu_check_barrier(void)
{
}

void emu_check_syncwarp(int warp, unsigned mask)
{
    (void)warp;
    (void)mask;
}

void emu_check_malloc(const void *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
}

void emu_check_read(const void *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
}

void emu_check_write(const void *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
}

void emu_check_copy(const void *to, const void *from, size_t bytes)
{
    (void)to;
    (void)from;
    (void)bytes;
}

void emu_check_failure(const char *text)
{
    (void)text;
}

void emu_check_forget(void)
{
}

int emu_has_checker(void)
{
    return 0;
}
