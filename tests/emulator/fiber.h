/* Fibers: stacks that take turns within one thread of the host. */
#ifndef PC_EMULATOR_FIBER_H
#define PC_EMULATOR_FIBER_H

#include <stddef.h>

/* A stopped computation: a stack pointer or, where no switch is written for the processor, a
 * ucontext_t. */
typedef struct emu_context {
    void *state;
} emu_context;

/* Prepares `context` so that the first swap to it calls entry(), which never returns, on the stack.
 */
void emu_context_start(emu_context *context, char *stack, size_t bytes, void (*entry)(void));

/* Stores the running computation in `from` and goes on with `to`. */
void emu_context_swap(emu_context *from, emu_context *to);

typedef struct emu_fiber {
    emu_context context;
    char *stack; /* NULL: the host's own */
    size_t stack_bytes;
    void *sanitizer; /* what a sanitizer keeps for a fiber that waits */
} emu_fiber;

/* The fiber of the host thread itself. */
extern emu_fiber emu_host_fiber;

/* A fiber whose first turn calls entry(). NULL if there is no memory. Fibers are reused, never
 * released: a test's process ends soon. */
emu_fiber *emu_fiber_take(void (*entry)(void));

/* Gives back a fiber that will not run again. It may be the running one, if it switches away before
 * the next emu_fiber_take(). */
void emu_fiber_return(emu_fiber *fiber);

/* Gives back all fibers: whatever they were doing is abandoned. Called by the host's. */
void emu_fiber_return_all(void);

/* Whether the address lies on some fiber's stack. */
int emu_is_fiber_stack(const void *memory);

void emu_fiber_switch(emu_fiber *from, emu_fiber *to);

/* To be called first by every entry(). */
void emu_fiber_begin(void);

#endif
