/* The threads of one block take turns: barriers, operations of a warp, deadlocks. */
#include "engine.h"

#include "check.h"
#include "fiber.h"
#include "watch.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lanes that the block has, that wait in an operation, that have ended. */
typedef struct warp {
    unsigned existing, arrived, exited;
} warp;

emu_thread *emu_this_thread;
emu_block emu_this_block;

static emu_thread threads[EMU_MAX_THREADS];
static warp warps[EMU_MAX_WARPS];
static int n_threads, n_exited;
static emu_fiber *this_fiber;
static const emu_launch *running;
static int has_failed;

/* Threads in the order in which they start and leave a barrier, n_started of them begun. */
static int order[EMU_MAX_THREADS], n_started;
static uint64_t random_state;

/* Threads that may go on, a ring: first in, first out but in random order. */
static emu_thread *ready[EMU_MAX_THREADS];
static int first_ready, n_ready;

/* The barrier at which n_waiting threads are, n_votes of them with a true predicate. */
static emu_site barrier_site;
static int n_waiting, n_votes, vote_result;

static int lies_in(const void *memory, const void *start, size_t bytes)
{
    return (uintptr_t)memory - (uintptr_t)start < bytes;
}

int emu_is_own_state(const void *memory)
{
    return lies_in(memory, &emu_this_thread, sizeof emu_this_thread) ||
           lies_in(memory, threads, sizeof threads) ||
           lies_in(memory, &emu_this_block, sizeof emu_this_block);
}

/* Literals of one source file are mostly one string. */
static int is_same(const char *a, const char *b)
{
    return a == b || strcmp(a, b) == 0;
}

/* ---- failures ---- */

void emu_stop_thread(void)
{
    has_failed = 1;
    emu_fiber_switch(this_fiber, &emu_host_fiber);
    abort(); /* an abandoned thread never gets a turn */
}

void emu_fail_thread(const char *format, ...)
{
    char what[512], name[EMU_NAME];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const emu_size b = emu_this_block.index;
    emu_kernel_name(name, sizeof name, running->kernel);
    emu_fail(cudaErrorLaunchFailure, "%s, block (%u,%u,%u), thread %d of %d: %s", name, b.x, b.y,
             b.z, emu_this_thread->linear, n_threads, what);
    emu_stop_thread();
}

static emu_thread *first_in_state(emu_thread_state state)
{
    for (int i = 0; i < n_threads; i++)
        if (threads[i].state == state) return &threads[i];
    return NULL;
}

static int count_in_state(emu_thread_state state)
{
    int n = 0;
    for (int i = 0; i < n_threads; i++)
        n += threads[i].state == state;
    return n;
}

/* "; 31 thread(s) in __shfl_sync (thread 1 at layernorm.cu:22)" for each way to wait. */
static void fail_deadlock(void)
{
    char waiting[300] = "";
    size_t used = 0;
    for (emu_thread_state state = EMU_AT_BARRIER; state <= EMU_IN_WARP_OPERATION; state++) {
        const emu_thread *t = first_in_state(state);
        if (!t) continue;
        used += (size_t)snprintf(waiting + used, sizeof waiting - used,
                                 "; %d in %s (thread %d at %s:%d", count_in_state(state),
                                 t->operation, t->linear, t->site.file, t->site.line);
        if (state == EMU_IN_WARP_OPERATION)
            used +=
                (size_t)snprintf(waiting + used, sizeof waiting - used, ", mask 0x%08x", t->mask);
        used += (size_t)snprintf(waiting + used, sizeof waiting - used, ")");
    }
    emu_fail_thread("deadlock: every thread waits or has exited%s; %d exited", waiting, n_exited);
}

/* One thread at a time runs: if the guard is broken, this one did it since its last stop. */
static void check_shared_guard(void)
{
    emu_block *block = &emu_this_block;
    if (block->dynamic_shared && !emu_is_guard_whole(block->dynamic_shared + block->dynamic_bytes))
        emu_fail_thread("wrote past the end of the %zu bytes of dynamic shared memory",
                        block->dynamic_bytes);
}

/* ---- turns ---- */

static void make_ready(emu_thread *thread)
{
    thread->state = EMU_READY;
    ready[(first_ready + n_ready++) % EMU_MAX_THREADS] = thread;
}

static emu_thread *take_ready(void)
{
    if (emu_order_of_turns() == EMU_RANDOM) {
        const int at = (first_ready + emu_draw_below(&random_state, n_ready)) % EMU_MAX_THREADS;
        emu_thread *chosen = ready[at];
        ready[at] = ready[first_ready];
        ready[first_ready] = chosen;
    }
    emu_thread *thread = ready[first_ready];
    first_ready = (first_ready + 1) % EMU_MAX_THREADS;
    n_ready--;
    return thread;
}

/* Who runs next, NULL if nobody can: threads that may go on before threads that have not started.
 */
static emu_thread *next_thread(void)
{
    const int may_start = n_started < n_threads;
    if (n_ready && may_start && emu_order_of_turns() == EMU_RANDOM &&
        emu_draw_below(&random_state, 2))
        return &threads[order[n_started++]];
    if (n_ready) return take_ready();
    return may_start ? &threads[order[n_started++]] : NULL;
}

static void end_thread(void)
{
    emu_thread *me = emu_this_thread;
    check_shared_guard();
    me->state = EMU_EXITED;
    warps[me->warp].exited |= 1u << me->lane;
    n_exited++;
    if (n_waiting)
        emu_fail_thread("exited, but thread %d waits for it in __syncthreads at %s:%d",
                        first_in_state(EMU_AT_BARRIER)->linear, barrier_site.file,
                        barrier_site.line);
}

/* What every fiber does: runs a thread to its end, then the next on the same stack. A kernel
 * without barriers thus needs one. */
static void run_threads(void)
{
    emu_fiber_begin();
    for (;;) {
        emu_this_thread->state = EMU_READY;
        emu_this_thread->fiber = this_fiber;
        running->run_thread(running->kernel, running->arguments);
        end_thread();
        emu_thread *next = next_thread();
        if (!next && n_exited < n_threads) fail_deadlock();
        emu_fiber *mine = this_fiber;
        if (!next || next->fiber) {
            emu_fiber_return(mine);
            this_fiber = next ? next->fiber : &emu_host_fiber;
            emu_this_thread = next;
            emu_fiber_switch(mine, this_fiber);
        }
        emu_this_thread = next;
    }
}

static emu_fiber *new_turn(void)
{
    emu_fiber *fiber = emu_fiber_take(run_threads);
    if (fiber) return fiber;
    fputs("emulator: no memory for a thread's stack\n", stderr);
    abort();
}

/* The running thread stops until it is made ready and its turn comes. */
static void wait_for_turn(void)
{
    emu_thread *me = emu_this_thread, *next = next_thread();
    if (!next) fail_deadlock();
    if (next == me) return;
    emu_fiber *mine = this_fiber;
    emu_this_thread = next;
    this_fiber = next->fiber ? next->fiber : new_turn();
    emu_fiber_switch(mine, this_fiber);
}

/* ---- barriers ---- */

static void check_barrier(emu_site site)
{
    if (!emu_this_thread) {
        fprintf(stderr, "emulator: __syncthreads at %s:%d outside a kernel\n", site.file,
                site.line);
        abort();
    }
    check_shared_guard();
    if (n_exited)
        emu_fail_thread("waits in __syncthreads at %s:%d for thread %d, which has exited",
                        site.file, site.line, first_in_state(EMU_EXITED)->linear);
    if (n_waiting && (site.line != barrier_site.line || !is_same(site.file, barrier_site.file)))
        emu_fail_thread("is in __syncthreads at %s:%d, thread %d in another at %s:%d", site.file,
                        site.line, first_in_state(EMU_AT_BARRIER)->linear, barrier_site.file,
                        barrier_site.line);
}

static void release_barrier(emu_vote vote)
{
    vote_result = vote == EMU_VOTE_COUNT ? n_votes
                  : vote == EMU_VOTE_AND ? n_votes == n_threads
                  : vote == EMU_VOTE_OR  ? n_votes > 0
                                         : 0;
    n_waiting = n_votes = 0;
    emu_check_barrier();
    for (int i = 0; i < n_threads; i++)
        make_ready(&threads[order[i]]);
}

int emu_barrier(emu_vote vote, int predicate, emu_site site)
{
    check_barrier(site);
    emu_thread *me = emu_this_thread;
    me->state = EMU_AT_BARRIER;
    me->site = barrier_site = site;
    me->operation = "__syncthreads";
    n_votes += predicate != 0;
    if (++n_waiting == n_threads) release_barrier(vote);
    wait_for_turn();
    return vote_result;
}

/* ---- operations of a warp ---- */

static void check_lanes(const char *operation, unsigned mask, emu_site site)
{
    const emu_thread *me = emu_this_thread;
    const warp *mine = &warps[me->warp];
    if (!(mask >> me->lane & 1))
        emu_fail_thread("%s at %s:%d: lane %d is not in its own mask 0x%08x", operation, site.file,
                        site.line, me->lane, mask);
    if (mask & mine->exited)
        emu_fail_thread("%s at %s:%d: mask 0x%08x names lanes that have exited, 0x%08x", operation,
                        site.file, site.line, mask, mask & mine->exited);
}

static void check_agreement(const emu_thread *other)
{
    const emu_thread *me = emu_this_thread;
    if (other->mask == me->mask && is_same(other->operation, me->operation)) return;
    emu_fail_thread("%s at %s:%d with mask 0x%08x, but thread %d in %s at %s:%d with mask 0x%08x",
                    me->operation, me->site.file, me->site.line, me->mask, other->linear,
                    other->operation, other->site.file, other->site.line, other->mask);
}

/* The last lane has come: does the operation for all, and lets the others go. */
static void perform(emu_warp_function apply)
{
    void *arguments[EMU_WARP] = {0};
    emu_thread *me = emu_this_thread, *lanes = &threads[me->warp * EMU_WARP];
    for (int lane = 0; lane < EMU_WARP; lane++) {
        if (!(me->mask >> lane & 1)) continue;
        check_agreement(&lanes[lane]);
        arguments[lane] = lanes[lane].argument;
    }
    apply(arguments, me->mask);
    if (is_same(me->operation, "__syncwarp")) emu_check_syncwarp(me->warp, me->mask);
    warps[me->warp].arrived &= ~me->mask;
    for (int lane = 0; lane < EMU_WARP; lane++)
        if ((me->mask >> lane & 1) && &lanes[lane] != me) make_ready(&lanes[lane]);
}

void emu_warp_operation(const char *operation, unsigned mask, emu_warp_function apply,
                        void *argument, emu_site site)
{
    emu_thread *me = emu_this_thread;
    warp *mine = &warps[me->warp];
    mask &= mine->existing; /* the last warp of a block may have fewer lanes */
    check_lanes(operation, mask, site);
    me->operation = operation;
    me->mask = mask;
    me->argument = argument;
    me->site = site;
    mine->arrived |= 1u << me->lane;
    if ((mine->arrived & mask) == mask) {
        perform(apply);
        return;
    }
    me->state = EMU_IN_WARP_OPERATION;
    wait_for_turn();
}

/* ---- blocks ---- */

static void set_order_of_threads(void)
{
    const emu_order kind = emu_order_of_turns();
    for (int i = 0; i < n_threads; i++)
        order[i] = kind == EMU_REVERSE ? n_threads - 1 - i : i;
    if (kind != EMU_RANDOM) return;
    for (int i = n_threads - 1; i > 0; i--) {
        const int j = emu_draw_below(&random_state, i + 1), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

static void set_threads(emu_size size)
{
    memset(threads, 0, (size_t)n_threads * sizeof *threads);
    memset(warps, 0, sizeof warps);
    for (int i = 0; i < n_threads; i++) {
        emu_thread *t = &threads[i];
        const unsigned at = (unsigned)i;
        t->index = (emu_size){at % size.x, at / size.x % size.y, at / (size.x * size.y)};
        t->linear = i;
        t->lane = i % EMU_WARP;
        t->warp = i / EMU_WARP;
        warps[t->warp].existing |= 1u << t->lane;
    }
}

/* Shared memory starts as NaNs, not as what the block before left there. */
static void set_shared_memory(void)
{
    emu_block *block = &emu_this_block;
    int n;
    const emu_variable *variables = emu_shared_variables(&n);
    if (block->dynamic_shared) memset(block->dynamic_shared, 0xff, block->dynamic_bytes);
    for (int i = 0; i < n; i++)
        memset(variables[i].start, 0xff, variables[i].bytes);
}

static void run_block(emu_size index)
{
    emu_this_block.index = index;
    n_exited = n_started = n_waiting = n_votes = first_ready = n_ready = 0;
    set_threads(emu_this_block.size);
    set_order_of_threads();
    set_shared_memory();
    emu_check_start_block(n_threads);
    emu_this_thread = next_thread();
    this_fiber = new_turn();
    emu_fiber_switch(&emu_host_fiber, this_fiber);
    emu_this_thread = NULL;
    if (has_failed) emu_fiber_return_all();
}

static void run_blocks(emu_size grid)
{
    for (unsigned z = 0; z < grid.z && !has_failed; z++)
        for (unsigned y = 0; y < grid.y && !has_failed; y++)
            for (unsigned x = 0; x < grid.x && !has_failed; x++)
                run_block((emu_size){x, y, z});
}

static unsigned char *take_dynamic_shared(size_t bytes)
{
    unsigned char *memory = bytes ? malloc(bytes + EMU_GUARD_BYTES) : NULL;
    if (bytes && !memory) abort();
    if (!memory) return NULL;
    emu_set_guard(memory + bytes);
    return memory;
}

static void give_dynamic_shared(unsigned char *memory, size_t bytes)
{
    if (memory) emu_watch_allow(memory + bytes, EMU_GUARD_BYTES);
    free(memory);
}

void emu_run_launch(const emu_launch *launch)
{
    running = launch;
    has_failed = 0;
    random_state = emu_first_draw();
    n_threads = (int)(launch->block.x * launch->block.y * launch->block.z);
    emu_this_block = (emu_block){.size = launch->block, .grid = launch->grid};
    emu_this_block.dynamic_bytes = launch->dynamic_bytes;
    emu_this_block.dynamic_shared = take_dynamic_shared(launch->dynamic_bytes);
    emu_open_memory();
    emu_check_start_launch();
    run_blocks(launch->grid);
    emu_close_memory();
    give_dynamic_shared(emu_this_block.dynamic_shared, launch->dynamic_bytes);
    emu_check_guards(launch->kernel);
}
