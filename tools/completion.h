/* Completion in bash and zsh, from the tables of commands and options. */
#ifndef PC_TOOLS_COMPLETION_H
#define PC_TOOLS_COMPLETION_H

#include "options.h"

/* The whole file for the shell, on stdout: it asks every command for its part. */
void completion_print_bash(void);
void completion_print_zsh(void);

/* The part of one command: a branch of the `case` over commands. */
void completion_print_command_bash(const option_row *table, const command_usage *usage);
void completion_print_command_zsh(const option_row *table, const command_usage *usage);

#endif
