/* Collecting cells, then printing them in columns. */
#include "table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_begin(table *out, const char *alignment)
{
    *out = (table){.n_columns = (int)strlen(alignment)};
    strcpy(out->alignment, alignment);
}

void table_cell(table *t, const char *format, ...)
{
    if (t->n_cells == t->capacity) {
        const int capacity = t->capacity ? 2 * t->capacity : 64;
        void *grown = realloc(t->cells, (size_t)capacity * sizeof *t->cells);
        if (!grown) return; /* a row less on the terminal */
        t->cells = grown;
        t->capacity = capacity;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(t->cells[t->n_cells++], TABLE_CELL_BYTES, format, arguments);
    va_end(arguments);
}

/* Columns on the screen: code points, not bytes. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void table_print(const table *t)
{
    int widths[TABLE_MOST_COLUMNS] = {0};
    for (int i = 0; i < t->n_cells; i++) {
        const int width = width_of(t->cells[i]);
        if (width > widths[i % t->n_columns]) widths[i % t->n_columns] = width;
    }
    int spaces = 0; /* before the next text; none at the end of a line */
    for (int i = 0; i < t->n_cells; i++) {
        const int column = i % t->n_columns;
        const bool is_right = t->alignment[column] == 'r';
        const int pad = widths[column] - width_of(t->cells[i]);
        spaces = (column ? spaces + 2 : 0) + (is_right ? pad : 0);
        if (*t->cells[i]) {
            printf("%*s%s", spaces, "", t->cells[i]);
            spaces = 0;
        }
        if (!is_right) spaces += pad;
        if (column == t->n_columns - 1) putchar('\n');
    }
}

void table_free(table *t)
{
    free(t->cells);
    *t = (table){0};
}
