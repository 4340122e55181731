/* Collecting cells, then printing them in columns: plainly, or fitted to a terminal. */
#include "table.h"

#include "bar.h"
#include "terminal.h"

#include <math.h>
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

/* Columns of the screen between two of the table, and the widest bar. */
enum { GAP = 2, MOST_BAR = 24 };

/* How narrow a bar may be and how narrow the last column for its sake: the first that fits. */
static const struct {
    int bar, last;
} least[] = {{8, 12}, {4, 8}};

/* The figure's hues (host/graph/draw_style.h), the blue lighter: a terminal's paper may be black.
 */
enum { COLOUR_POSITIVE = 0x3d8fe1, COLOUR_NEGATIVE = 0xe8861a };

/* How wide each column is; -1: not shown. */
typedef struct table_layout {
    terminal screen;
    int widths[TABLE_MOST_COLUMNS];
    double most; /* of the bars */
} table_layout;

static int bar_column(const table *t)
{
    const char *at = strchr(t->alignment, 'b');
    return at ? (int)(at - t->alignment) : -1;
}

static void measure(table_layout *out, const table *t)
{
    for (int i = 0; i < t->n_cells; i++) {
        const int column = i % t->n_columns, width = width_of(t->cells[i]);
        if (width > out->widths[column]) out->widths[column] = width;
        if (t->alignment[column] == 'b') out->most = fmax(out->most, fabs(atof(t->cells[i])));
    }
}

/* What is left of a line of the screen without the bars; below 0 if it is too short. */
static int room_of(const table_layout *l, const table *t)
{
    int room = l->screen.columns;
    for (int i = 0; i < t->n_columns; i++)
        if (t->alignment[i] != 'b') room -= l->widths[i] + (i > 0 ? GAP : 0);
    return room;
}

/* How much can be taken off the last column down to `width`. */
static int cut_of(const table_layout *l, const table *t, int width)
{
    const int last = t->n_columns - 1;
    return t->alignment[last] == 'l' && l->widths[last] > width ? l->widths[last] - width : 0;
}

/* A bar gets what is free, and if that is too little, some of the last column. */
static bool fit_bar(table_layout *l, const table *t, int bar)
{
    const int room = room_of(l, t) - GAP;
    for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
        const int cut = room < least[i].bar ? least[i].bar - room : 0;
        if (cut > cut_of(l, t, least[i].last)) continue;
        l->widths[t->n_columns - 1] -= cut;
        l->widths[bar] = room + cut < MOST_BAR ? room + cut : MOST_BAR;
        return true;
    }
    return false;
}

static void fit(table_layout *l, const table *t)
{
    const int bar = bar_column(t);
    if (bar >= 0) l->widths[bar] = -1;
    if (!l->screen.is_terminal || (bar >= 0 && fit_bar(l, t, bar))) return;
    const int missing = -room_of(l, t), most = cut_of(l, t, least[1].last);
    if (missing > 0) l->widths[t->n_columns - 1] -= missing < most ? missing : most;
}

static int print_bar(const table_layout *l, const char *cell, int width)
{
    char bar[BAR_BYTES];
    const double value = atof(cell);
    const int n =
        bar_write(bar, l->most > 0 ? fabs(value) / l->most : 0, width, l->screen.has_blocks);
    if (n == 0) return 0;
    terminal_begin_colour(&l->screen, stdout, value < 0 ? COLOUR_NEGATIVE : COLOUR_POSITIVE);
    fputs(bar, stdout);
    terminal_end_colour(&l->screen, stdout);
    return n;
}

/* The first `width` columns; where something is cut, its mark is the last. */
static int print_text(const table_layout *l, const char *cell, int width)
{
    const int all = width_of(cell);
    if (all <= width) {
        fputs(cell, stdout);
        return all;
    }
    int n = 0;
    for (const char *c = cell; *c; c++) {
        n += ((unsigned char)*c & 0xc0) != 0x80;
        if (n == width) break;
        putchar(*c);
    }
    fputs(l->screen.has_blocks ? "\xe2\x80\xa6" : "~", stdout); /* an ellipsis */
    return width;
}

static void print_row(const table_layout *l, const table *t, char (*cells)[TABLE_CELL_BYTES])
{
    int spaces = 0; /* before the next text; none at the end of a line */
    for (int i = 0; i < t->n_columns; i++) {
        const int width = l->widths[i], own = width_of(cells[i]);
        if (width < 0) continue;
        const bool is_right = t->alignment[i] == 'r', is_bar = t->alignment[i] == 'b';
        spaces += (i ? GAP : 0) + (is_right ? width - own : 0);
        int n = 0;
        if (*cells[i]) {
            printf("%*s", spaces, "");
            n = is_bar ? print_bar(l, cells[i], width) : print_text(l, cells[i], width);
            spaces = 0;
        }
        if (!is_right) spaces += width - n;
    }
    putchar('\n');
}

void table_print(const table *t)
{
    table_layout l = {.screen = terminal_of(stdout)};
    measure(&l, t);
    fit(&l, t);
    for (int i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
        print_row(&l, t, t->cells + i);
}

void table_free(table *t)
{
    free(t->cells);
    *t = (table){0};
}
