/* Manual pages in roff (man(7)), from the tables of commands and options. */
#ifndef PC_TOOLS_MANUAL_H
#define PC_TOOLS_MANUAL_H

#include "options.h"

/* patchclamp(1), on stdout. */
void manual_print_program(void);

/* patchclamp-COMMAND(1), on stdout. */
void manual_print_command(const option_row *table, const command_usage *usage);

#endif
