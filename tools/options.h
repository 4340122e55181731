/* Command-line options from a table: parsing, checking, and usage from one place. */
#ifndef PC_TOOLS_OPTIONS_H
#define PC_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_FLAG, /* bool: becomes true */
    OPTION_TEXT, /* const char *: points into argv */
    OPTION_INT,  /* int64_t from least to most */
    OPTION_REAL, /* double, finite */
    OPTION_SIZE  /* int64_t: bytes, as 800M or 2G, decimal */
} option_kind;

typedef struct option_row {
    const char *name; /* "--name" without the dashes; NULL ends the table */
    char letter;      /* 'n' for -n; 0: none */
    option_kind kind;
    void *value;
    const char *argument; /* how usage calls the value: "N", "FILE" */
    const char *help;
    int64_t least, most; /* of OPTION_INT; both 0: no bounds; most INT64_MAX: none above */
} option_row;

/* What a command is called with: "MODEL TEXT" are its operands, then options. */
typedef struct command_usage {
    const char *command, *operands, *summary, *example;
    int n_operands; /* all are required */
} command_usage;

typedef enum parse_outcome { PARSED, PARSED_HELP, PARSE_FAILED } parse_outcome;

/* Fills the table's values and operands (usage->n_operands). --help prints the usage on stdout.
 * (--help=man and its like, for a build, print other forms of it: nothing may be printed behind them.)
 * What does not parse is told in one line on stderr. "--" ends the options; a value that begins
 * with "--" is written --name=VALUE. */
parse_outcome options_parse(const option_row *table, const char **operands,
                            const command_usage *usage, int argc, char **argv);

/* The row that "--name", "--name=value" or "-n" asks for, NULL: none; *inline_value gets what
 * follows the "=", else NULL. */
const option_row *options_find(const option_row *table, const char *word,
                               const char **inline_value);

#endif
