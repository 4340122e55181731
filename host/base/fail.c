/* The thread-local failure message behind pc_last_error(). */
#include "base/fail.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 2048 };

static _Thread_local char message[MESSAGE_BYTES];

const char *pc_status_name(pc_status status)
{
    switch (status) {
#define X(name, value, meaning)                                                                    \
    case name:                                                                                     \
        return #name;
        PC_STATUS_TABLE(X)
#undef X
    }
    return "unknown status";
}

const char *pc_last_error(void)
{
    return message;
}

/* Bytes of a hostile file may end up in a message: a terminal must not obey them. */
static void replace_control_characters(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
}

pc_status pc_fail(pc_status status, const char *format, ...)
{
    /* the arguments may point into the old message */
    char fresh[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fresh, sizeof fresh, format, arguments);
    va_end(arguments);
    replace_control_characters(fresh);
    memcpy(message, fresh, sizeof message);
    return status;
}

pc_status pc_fail_within(pc_status status, const char *format, ...)
{
    char words[MESSAGE_BYTES / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return pc_fail(status, "%s: %s", words, message);
}
