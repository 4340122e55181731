/* What the probe prints: tables for people on stdout, the same as JSON in a file. */
#ifndef PC_TESTS_PROBE_TABLE_H
#define PC_TESTS_PROBE_TABLE_H

#include <stdio.h>

enum { PROBE_MAX_COLUMNS = 20, PROBE_CELL = 96 };

/* A table grows row by row; a cell is text, or a number where its text is one. */
typedef struct probe_table {
    const char *title, *note; /* note: what the columns mean */
    const char *const *columns;
    int n_columns, n_cells, room;
    char (*cells)[PROBE_CELL];
} probe_table;

/* `columns` ends with NULL and outlives the table. */
void probe_table_start(probe_table *table, const char *title, const char *const *columns,
                       const char *note);
void probe_cell(probe_table *table, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
void probe_table_print(const probe_table *table, FILE *out);
void probe_table_json(const probe_table *table, FILE *out);
void probe_table_free(probe_table *table);

#endif
