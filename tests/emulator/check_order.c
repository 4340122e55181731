/* What comes before what: within a block by barriers, within a warp by __syncwarp, between
 * operations by their streams' clocks. A shuffle or a vote orders no memory (CUDA C++ Programming
 * Guide, warp shuffle functions), and nothing orders the blocks of a launch. */
#define _GNU_SOURCE
#include "check.h"
#include "checker.h"

#include <execinfo.h>
#include <stdlib.h>
#include <string.h>

/* ---- operations, by their numbers ---- */

static check_operation *operations; /* [0] is nobody's */
static uint32_t n_operations, room;

static check_operation *place_for(uint32_t number)
{
    if (number >= room) {
        const uint32_t larger = 2 * number + 64;
        operations = realloc(operations, larger * sizeof *operations);
        if (!operations) abort();
        memset(operations + room, 0, (larger - room) * sizeof *operations);
        room = larger;
    }
    if (n_operations <= number) n_operations = number + 1;
    return &operations[number];
}

const check_operation *check_operation_of(uint32_t number)
{
    return number < n_operations ? &operations[number] : place_for(0);
}

void emu_check_enqueue(const emu_operation *operation)
{
    check_operation *kept = place_for(operation->number);
    kept->name = operation->name;
    kept->kernel = operation->kernel;
    kept->slot = operation->slot;
    kept->at = operation->clock.of[operation->slot];
    kept->n_callers = backtrace(kept->callers, CHECK_CALLERS);
}

/* ---- the running block ---- */

static uint32_t block, barriers;

/* seen[w][i][j]: the last turn of lane j of warp w that lane i has synchronised with. */
static uint32_t seen[EMU_MAX_WARPS][EMU_WARP][EMU_WARP];

void emu_check_start_launch(void)
{
    block = 0;
}

void emu_check_start_block(int n_threads)
{
    block++;
    barriers = 0;
    memset(seen, 0, (size_t)((n_threads + EMU_WARP - 1) / EMU_WARP) * sizeof *seen);
    for (int i = 0; i < n_threads; i++)
        seen[i / EMU_WARP][i % EMU_WARP][i % EMU_WARP] = 1;
}

void emu_check_barrier(void)
{
    barriers++;
}

void emu_check_syncwarp(int warp, unsigned mask)
{
    uint32_t all[EMU_WARP] = {0};
    for (int i = 0; i < EMU_WARP; i++)
        for (int j = 0; j < EMU_WARP && (mask >> i & 1); j++)
            if (all[j] < seen[warp][i][j]) all[j] = seen[warp][i][j];
    for (int i = 0; i < EMU_WARP; i++) {
        if (!(mask >> i & 1)) continue;
        memcpy(seen[warp][i], all, sizeof all);
        seen[warp][i][i]++;
    }
}

/* ---- traces ---- */

check_trace check_me(uintptr_t pc)
{
    const emu_thread *me = emu_this_thread;
    const uint32_t operation = emu_this_operation->number;
    if (!me) return (check_trace){.operation = operation, .thread = -1};
    return (check_trace){.pc = pc,
                         .operation = operation,
                         .block = block,
                         .barrier = barriers,
                         .turn = seen[me->warp][me->lane][me->lane],
                         .thread = me->linear};
}

int check_is_before(const check_trace *trace)
{
    const emu_thread *me = emu_this_thread;
    if (trace->operation != emu_this_operation->number) {
        const check_operation *other = check_operation_of(trace->operation);
        return emu_this_operation->clock.of[other->slot] >= other->at;
    }
    if (!me || trace->thread == me->linear) return !me || trace->block == block;
    if (trace->block != block) return 0;
    if (trace->barrier < barriers) return 1;
    return trace->thread / EMU_WARP == me->warp &&
           seen[me->warp][me->lane][trace->thread % EMU_WARP] >= trace->turn;
}
