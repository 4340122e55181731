/* One block of memory, cut into arrays.
 *
 * What needs memory is written once, as calls of pc_arena_take(), and gone through twice: without a
 * block it says how many bytes it takes, with one it gets them.
 *
 *     pc_arena arena = {0};
 *     lay_out(&rooms, &arena);                 every pointer is NULL, arena.used counts
 *     PC_TRY(pc_arena_open(&arena));
 *     lay_out(&rooms, &arena);                 the same calls */
#ifndef PC_BASE_ARENA_H
#define PC_BASE_ARENA_H

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pc_arena {
    void *memory;      /* what was allocated */
    char *block;       /* its first aligned byte; NULL: it only counts */
    size_t used, size; /* bytes */
    bool is_too_large; /* some size overflowed */
} pc_arena;

/* count * size zeroed bytes, aligned for any instruction set; NULL where the arena only counts. */
void *pc_arena_take(pc_arena *arena, int64_t count, size_t size);

/* Gets the block for all that was counted and begins anew. PC_ERR_NOMEM. */
pc_status pc_arena_open(pc_arena *arena);

/* The same in two steps, for memory of another kind: takes down how much was counted as `size`, and
 * begins anew in that much memory, aligned and the caller's to free. */
pc_status pc_arena_size(pc_arena *arena);
void pc_arena_use(pc_arena *arena, void *memory);
void pc_arena_free(pc_arena *arena);

#endif
