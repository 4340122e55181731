/* From a status to an exit code. */
#include "exit_code.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 2304 }; /* holds pc_last_error() and some words */

/* Arguments may hold anything: what is said stays one line, and a terminal does not obey it. */
void complain(const char *command, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    int n = snprintf(line, sizeof line, "%.40s: ", command);
    va_start(arguments, format);
    vsnprintf(line + n, sizeof line - (size_t)n, format, arguments);
    va_end(arguments);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    fflush(stdout);
    fprintf(stderr, "patchclamp %s\n", line);
}

int report(const char *command, pc_status status)
{
    complain(command, "%s", pc_last_error());
    switch (status) {
    case PC_OK:
        return EXIT_DONE;
    case PC_ERR_INPUT:
    case PC_ERR_UNSUPPORTED:
        return EXIT_BAD_INPUT;
    case PC_ERR_ARG:
        return EXIT_USAGE;
    case PC_ERR_INTERRUPTED:
        return EXIT_INTERRUPTED;
    case PC_ERR_NOMEM:
    case PC_ERR_IO:
    case PC_ERR_DEVICE:
    case PC_ERR_INTERNAL:
        return EXIT_FAILED;
    }
    return EXIT_FAILED;
}
