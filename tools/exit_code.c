/* From a status to an exit code. */
#include "exit_code.h"

#include <stdarg.h>
#include <stdio.h>

void complain(const char *command, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fprintf(stderr, "patchclamp %s: ", command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
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
