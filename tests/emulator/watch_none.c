/* Nobody watches. */
#include "watch.h"

void emu_watch_forbid(void *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
}

void emu_watch_allow(void *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
}

void emu_watch_leave(emu_fiber *fiber, const emu_fiber *to)
{
    (void)fiber;
    (void)to;
}

void emu_watch_arrive(emu_fiber *fiber)
{
    (void)fiber;
}
