/* Help that is not for the eye: what a build makes manual pages and completion from, and what
 * completion asks. */
#ifndef PC_TOOLS_HELP_FORMS_H
#define PC_TOOLS_HELP_FORMS_H

#include "options.h"

/* patchclamp --help=FORM: "man" (patchclamp(1)), "bash" and "zsh" (the whole completion), "topics"
 * (a line each: what has a help of its own), "models" and "truths" (names of what is shipped).
 * Returns the exit code. */
int help_print(const char *form);

/* patchclamp COMMAND --help=FORM: "man", "bash" or "zsh". False, and complains, if there is no such
 * form. */
bool help_print_command(const option_row *table, const command_usage *usage, const char *form);

/* Has every topic print its part of "bash" or "zsh". */
void help_topics_print(const char *form);

#endif
