/* An aligned text table on stdout. */
#ifndef PC_TOOLS_TABLE_H
#define PC_TOOLS_TABLE_H

enum { TABLE_MOST_COLUMNS = 24, TABLE_CELL_BYTES = 128 };

typedef struct table {
    int n_columns, n_cells, capacity;
    char (*cells)[TABLE_CELL_BYTES];        /* row by row */
    char alignment[TABLE_MOST_COLUMNS + 1]; /* 'l' or 'r' per column */
} table;

/* "llrr": two columns to the left, two to the right. Free with table_free(). */
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
