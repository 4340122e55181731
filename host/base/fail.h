/* Raising and passing on failures inside the library. */
#ifndef PC_BASE_FAIL_H
#define PC_BASE_FAIL_H

#include "patchclamp/status.h"

#include <stdarg.h>

#if defined(__GNUC__)
#define PC_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#else
#define PC_PRINTF(format_at, first_at)
#endif

/* Stores the thread's message (one line; control characters become '?') and returns `status`.
 * Called once, where the fact is known: callers pass the status on. */
pc_status pc_fail(pc_status status, const char *format, ...) PC_PRINTF(2, 3);

/* Puts words in front of the stored message: "WORDS: MESSAGE". For a caller that knows more. */
pc_status pc_fail_within(pc_status status, const char *format, ...) PC_PRINTF(2, 3);

#define PC_TRY(expression)                                                                         \
    do {                                                                                           \
        pc_status pc_try_status = (expression);                                                    \
        if (pc_try_status != PC_OK) return pc_try_status;                                          \
    } while (0)

#endif
