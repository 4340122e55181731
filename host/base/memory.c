/* Checked allocation and the fault injection that tests use. */
#include "base/memory.h"

#include "base/fail.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local int64_t allocations_until_failure = -1;

void pc_alloc_fail_after(int64_t n)
{
    allocations_until_failure = n;
}

static int is_failure_due(void)
{
    if (allocations_until_failure < 0) return 0;
    return allocations_until_failure-- == 0;
}

static void *fail_bytes(size_t count, size_t size)
{
    pc_fail(PC_ERR_NOMEM, "out of memory: %zu x %zu bytes were needed", count, size);
    return NULL;
}

void *pc_alloc(size_t count, size_t size)
{
    if (is_failure_due()) return fail_bytes(count, size);
    void *memory = calloc(count ? count : 1, size ? size : 1); /* calloc checks the product */
    return memory ? memory : fail_bytes(count, size);
}

void *pc_grow(void *array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity && array) return array;
    size_t wanted = *capacity ? *capacity : 16;
    while (wanted < needed) {
        if (wanted > SIZE_MAX / 2) return fail_bytes(needed, size);
        wanted *= 2;
    }
    if (is_failure_due() || wanted > SIZE_MAX / size) return fail_bytes(wanted, size);
    void *grown = realloc(array, wanted * size);
    if (!grown) return fail_bytes(wanted, size);
    *capacity = wanted;
    return grown;
}

char *pc_copy_bytes(const char *bytes, size_t length)
{
    char *copy = pc_alloc(length + 1, 1);
    if (copy && length) memcpy(copy, bytes, length);
    return copy;
}

char *pc_copy_text(const char *text)
{
    return pc_copy_bytes(text, strlen(text));
}
