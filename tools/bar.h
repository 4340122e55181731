/* A bar of text, as long as a share of a width. */
#ifndef PC_TOOLS_BAR_H
#define PC_TOOLS_BAR_H

#include <stdbool.h>

enum { BAR_MOST_COLUMNS = 60, BAR_BYTES = 3 * BAR_MOST_COLUMNS + 1 };

/* Writes the bar of `share`, from 0 to 1, of `width` columns, at most BAR_MOST_COLUMNS, and returns
 * how many it takes: with blocks to an eighth of a column, and at least that if share is above 0;
 * else of '#'. */
int bar_write(char out[BAR_BYTES], double share, int width, bool has_blocks);

#endif
