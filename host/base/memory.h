/* Checked allocation: sizes that overflow are refused, failures carry a message. */
#ifndef PC_BASE_MEMORY_H
#define PC_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* count * size zeroed bytes, or NULL with the thread's message set (then return PC_ERR_NOMEM).
 * A zero count gives a valid pointer. Release with free(). */
void *pc_alloc(size_t count, size_t size);

/* Grows an array to hold at least `needed` elements, doubling; `*capacity` is updated. NULL with
 * the message set if it cannot; the old array then stays valid. New elements are not initialised.
 */
void *pc_grow(void *array, size_t *capacity, size_t needed, size_t size);

/* A copy of `text` (or of its first `length` bytes, 0-terminated); NULL with the message set. */
char *pc_copy_text(const char *text);
char *pc_copy_bytes(const char *bytes, size_t length);

/* For tests: the n-th allocation from now fails (0 = the next one), each later one succeeds;
 * a negative n switches it off. Per thread. */
void pc_alloc_fail_after(int64_t n);

#endif
