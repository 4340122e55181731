/* A stack's first contents, as emu_context_swap() of context_x86_64.S expects to find them. */
#include "fiber.h"

#include <stdint.h>
#include <string.h>

enum { PRESERVED_REGISTERS = 6 };

/* From the top: a zero as entry()'s return address, which also aligns its frame as a call would;
 * entry, to which the swap returns; zeros for the registers that it takes. */
void emu_context_start(emu_context *context, char *stack, size_t bytes, void (*entry)(void))
{
    uint64_t words[PRESERVED_REGISTERS + 2] = {0};
    memcpy(&words[PRESERVED_REGISTERS], &entry, sizeof entry);
    char *pointer = stack + bytes - sizeof words;
    memcpy(pointer, words, sizeof words);
    context->state = pointer;
}
