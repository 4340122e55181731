/* Positions of prompts as the user lists them, and as tables show them. */
#ifndef PC_TOOLS_POSITION_WORDS_H
#define PC_TOOLS_POSITION_WORDS_H

#include "table.h"

#include "patchclamp/patchclamp.h"

/* Columns like "IO,S2,end,-1,2..5"; both are NULL where each position is meant. */
typedef struct position_words {
    char *list; /* what the names point into */
    const char **names;
    int n_names;
} position_words;

/* `list` may be NULL or "each". Returns EXIT_DONE, or complains and returns the exit code. */
int read_positions(position_words *out, const char *list, const char *command);
void position_words_free(position_words *words);

/* A cell with the column's token in quotes, or what its position is called otherwise, if anything;
 * of at most `most` characters. */
void table_position_token(table *t, const pc_grid_position *position, int most);

#endif
