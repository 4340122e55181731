/* AddressSanitizer watches: it must know which stack runs and which bytes are nobody's. */
#include "watch.h"

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

void emu_watch_forbid(void *memory, size_t bytes)
{
    ASAN_POISON_MEMORY_REGION(memory, bytes);
}

void emu_watch_allow(void *memory, size_t bytes)
{
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
}

void emu_watch_leave(emu_fiber *fiber, const emu_fiber *to)
{
    __sanitizer_start_switch_fiber(&fiber->sanitizer, to->stack, to->stack_bytes);
}

/* The host's own stack is known only once it has been left: the first arrival is told of it. */
void emu_watch_arrive(emu_fiber *fiber)
{
    const void *left = NULL;
    size_t left_bytes = 0;
    __sanitizer_finish_switch_fiber(fiber->sanitizer, &left, &left_bytes);
    if (!emu_host_fiber.stack) {
        emu_host_fiber.stack = (char *)left;
        emu_host_fiber.stack_bytes = left_bytes;
    }
}
