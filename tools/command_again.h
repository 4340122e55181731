/* A command line as it is written down with a result: what gives the same numbers again. */
#ifndef PC_TOOLS_COMMAND_AGAIN_H
#define PC_TOOLS_COMMAND_AGAIN_H

#include "options.h"

/* The words of a command line that has been parsed, but for the options in `left_out` (ends with
 * NULL), which change no number; of paths the last part, so that a result does not depend on where
 * it was made. NULL when memory is out. Free it. */
char *command_again(const option_row *table, const char *const *left_out, const char *command,
                    int argc, char **argv);

#endif
