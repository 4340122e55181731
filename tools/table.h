/* An aligned text table on stdout. */
#ifndef PC_TOOLS_TABLE_H
#define PC_TOOLS_TABLE_H

enum { TABLE_MOST_COLUMNS = 24, TABLE_CELL_BYTES = 128 };

typedef struct table {
    int n_columns, n_cells, capacity;
    char (*cells)[TABLE_CELL_BYTES];        /* row by row */
    char alignment[TABLE_MOST_COLUMNS + 1]; /* 'l', 'r' or 'b' per column */
} table;

/* "llrr": two columns to the left, two to the right. Free with table_free(). A column 'b', one at
 * most, holds numbers
 * ("%g"; its head is empty) and is shown on a terminal alone: as bars, the longest for the one
 * farthest from 0, the sign as colour. On a terminal the last column may be cut, so that lines do
 * not break. */
void table_begin(table *out, const char *alignment);
/* The next cell, row by row; printf's format. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void table_cell(table *t, const char *format, ...);
/* Prints the rows; the first is the head. */
void table_print(const table *t);
void table_free(table *t);

#endif
