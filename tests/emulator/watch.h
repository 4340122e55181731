/* What watches the emulator's memory and stacks. watch_none.c: nobody; watch_asan.c:
 * AddressSanitizer. */
#ifndef PC_EMULATOR_WATCH_H
#define PC_EMULATOR_WATCH_H

#include "fiber.h"

/* From now on touching the bytes is a fault, or is none again. */
void emu_watch_forbid(void *memory, size_t bytes);
void emu_watch_allow(void *memory, size_t bytes);

/* The running fiber is about to continue with `to`; and: it goes on after having stopped. `fiber`
 * is then the one that runs, its `sanitizer` NULL at its first turn. */
void emu_watch_leave(emu_fiber *fiber, const emu_fiber *to);
void emu_watch_arrive(emu_fiber *fiber);

#endif
