/* Switching stacks by <ucontext.h>, where no faster way is written for the processor. */
#include "fiber.h"

#include <stdlib.h>
#include <ucontext.h>

static ucontext_t *context_of(emu_context *context)
{
    if (!context->state) context->state = calloc(1, sizeof(ucontext_t));
    if (!context->state) abort();
    return context->state;
}

static void fill_in(ucontext_t *context)
{
    if (getcontext(context) != 0) abort();
}

void emu_context_start(emu_context *context, char *stack, size_t bytes, void (*entry)(void))
{
    ucontext_t *to = context_of(context);
    fill_in(to);
    to->uc_stack.ss_sp = stack;
    to->uc_stack.ss_size = bytes;
    to->uc_link = NULL;
    makecontext(to, entry, 0);
}

void emu_context_swap(emu_context *from, emu_context *to)
{
    if (swapcontext(context_of(from), context_of(to)) != 0) abort();
}
