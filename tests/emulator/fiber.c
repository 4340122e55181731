/* Fibers: their stacks, and switching between them. */
#define _DEFAULT_SOURCE
#include "fiber.h"

#include "watch.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Room for a kernel's locals, also with a sanitizer's redzones; untouched pages cost nothing. */
enum { STACK_BYTES = 256 * 1024, FENCE_BYTES = 4096 };

emu_fiber emu_host_fiber;

static emu_fiber **all, **idle; /* idle has room for all */
static size_t n_all, n_idle, room;

static int make_room(void)
{
    if (n_all < room) return 1;
    const size_t larger = room ? 2 * room : 64;
    emu_fiber **more = realloc(all, larger * sizeof *more);
    if (!more) return 0;
    all = more;
    more = realloc(idle, larger * sizeof *more);
    if (!more) return 0;
    idle = more;
    room = larger;
    return 1;
}

/* A stack with a fence below: running over its end is a fault, not a silent overwrite. */
static char *map_stack(void)
{
    char *memory = mmap(NULL, FENCE_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    if (mprotect(memory, FENCE_BYTES, PROT_NONE) != 0) return NULL;
    return memory + FENCE_BYTES;
}

static emu_fiber *new_fiber(void)
{
    emu_fiber *fiber = calloc(1, sizeof *fiber);
    if (!fiber || !make_room()) return NULL;
    fiber->stack = map_stack();
    fiber->stack_bytes = STACK_BYTES;
    if (!fiber->stack) return NULL;
    all[n_all++] = fiber;
    return fiber;
}

emu_fiber *emu_fiber_take(void (*entry)(void))
{
    emu_fiber *fiber = n_idle ? idle[--n_idle] : new_fiber();
    if (!fiber) return NULL;
    emu_watch_allow(fiber->stack, fiber->stack_bytes); /* an abandoned one stopped in mid-frame */
    fiber->sanitizer = NULL;
    emu_context_start(&fiber->context, fiber->stack, fiber->stack_bytes, entry);
    return fiber;
}

void emu_fiber_return(emu_fiber *fiber)
{
    idle[n_idle++] = fiber;
}

void emu_fiber_return_all(void)
{
    for (n_idle = 0; n_idle < n_all; n_idle++)
        idle[n_idle] = all[n_idle];
}

int emu_is_fiber_stack(const void *memory)
{
    for (size_t i = 0; i < n_all; i++)
        if ((uintptr_t)memory - (uintptr_t)all[i]->stack < all[i]->stack_bytes) return 1;
    return 0;
}

void emu_fiber_switch(emu_fiber *from, emu_fiber *to)
{
    emu_watch_leave(from, to);
    emu_context_swap(&from->context, &to->context);
    emu_watch_arrive(from);
}

void emu_fiber_begin(void)
{
    emu_fiber first_turn = {0};
    emu_watch_arrive(&first_turn);
}
