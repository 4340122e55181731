/* What a value on the command line may be: for the completion of the shells. */
#ifndef PC_TOOLS_VALUE_CHOICES_H
#define PC_TOOLS_VALUE_CHOICES_H

#include "options.h"

typedef enum choice_kind {
    CHOICE_NONE,      /* a number, or free text */
    CHOICE_WORDS,     /* one of a few words */
    CHOICE_FILE,      /* a file; where there are words, one of them too */
    CHOICE_DIRECTORY, /* a directory to write */
    CHOICE_MODEL,     /* a directory, or a shipped model's name */
    CHOICE_TRUTH      /* a file, or a shipped truth's name */
} choice_kind;

typedef struct choice {
    choice_kind kind;
    char words[1024]; /* with spaces between them */
} choice;

/* Of an option of `command`: by its name and by what usage calls its value. */
choice choice_of_option(const char *command, const option_row *row);

/* Of the operand of `command` whose name begins at `operand` and ends at a space or the end. */
choice choice_of_operand(const char *command, const char *operand);

/* How many bytes of `operands` are its first word; 0 at the end. */
int operand_length(const char *operands);

#endif
