/* Static shared memory: the variables that kernels declare __shared__, which the linker gathers in
 * one section. It has none where no kernel has any, or where a sanitizer keeps them apart. */
#include "engine.h"

#include <string.h>

extern char __start_emu_shared[] __attribute__((weak));
extern char __stop_emu_shared[] __attribute__((weak));

void emu_poison_static_shared(void)
{
    if (__start_emu_shared)
        memset(__start_emu_shared, 0xff, (size_t)(__stop_emu_shared - __start_emu_shared));
}
