/* One block of memory, cut into arrays. */
#include "base/arena.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

enum { ALIGNMENT = 64 }; /* a cache line; the widest vector */

void *pc_arena_take(pc_arena *a, int64_t count, size_t size)
{
    const size_t most = (SIZE_MAX - ALIGNMENT - a->used) / size;
    if (count < 0 || (uint64_t)count > most) {
        a->is_too_large = true;
        return NULL;
    }
    char *at = a->block ? a->block + a->used : NULL;
    a->used += ((size_t)count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    assert(!a->block || a->used <= a->size);
    return at;
}

pc_status pc_arena_open(pc_arena *a)
{
    if (a->is_too_large) return pc_fail(PC_ERR_NOMEM, "out of memory: sizes overflow");
    const size_t size = a->used + ALIGNMENT;
    void *start = pc_alloc(size, 1); /* zeroed by the system where it is large: not touched yet */
    if (!start) return PC_ERR_NOMEM;
    a->memory = start;
    a->block = (char *)start + (ALIGNMENT - (uintptr_t)start % ALIGNMENT) % ALIGNMENT;
    a->size = a->used;
    a->used = 0;
    return PC_OK;
}

pc_status pc_arena_size(pc_arena *a)
{
    if (a->is_too_large) return pc_fail(PC_ERR_NOMEM, "out of memory: sizes overflow");
    a->size = a->used;
    return PC_OK;
}

void pc_arena_use(pc_arena *a, void *memory)
{
    a->memory = memory;
    a->block = memory;
    a->used = 0;
}

void pc_arena_free(pc_arena *a)
{
    free(a->memory);
    *a = (pc_arena){0};
}
