/* Exit codes and the one line that explains a failure. */
#ifndef PC_TOOLS_EXIT_CODE_H
#define PC_TOOLS_EXIT_CODE_H

#include "patchclamp/status.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,      /* the machine: disk, memory, device */
    EXIT_BAD_INPUT = 2,   /* a model, tokenizer, task or circuit */
    EXIT_USAGE = 3,       /* the command line */
    EXIT_INTERRUPTED = 75 /* stopped on request, resumable */
};

/* "patchclamp COMMAND: ..." on stderr, in one line. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void complain(const char *command, const char *format, ...);

/* Prints pc_last_error() as the command's complaint and returns the exit code of `status`. */
int report(const char *command, pc_status status);

#endif
