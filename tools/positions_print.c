/* Printing where components act. */
#include "positions_print.h"

#include "position_words.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LONGEST_SHOWN = 24 };

/* A component and the position where it is strongest: the first of several. */
typedef struct peak {
    double strength; /* |effect|; -1: nothing changes anywhere */
    int64_t row;
    int column;
} peak;

static peak find_peak(const pc_position_effects *p, int64_t row)
{
    peak found = {-1, row, 0};
    for (int i = 0; i < pc_position_effects_n_columns(p); i++) {
        const pc_grid_cell *cell = pc_position_effects_cell(p, row, i);
        if (cell->is_untouched || fabs(cell->effect) <= found.strength) continue;
        found.strength = fabs(cell->effect);
        found.column = i;
    }
    return found;
}

static int compare(const void *left, const void *right)
{
    const peak *a = left, *b = right;
    if (a->strength != b->strength) return a->strength > b->strength ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* Strongest first; NULL: no memory. */
static peak *rank(int64_t *n_untouched, const pc_position_effects *p)
{
    const int64_t n = pc_position_effects_n_rows(p);
    peak *peaks = malloc(((size_t)n + 1) * sizeof *peaks);
    *n_untouched = 0;
    if (!peaks) return NULL;
    for (int64_t i = 0; i < n; i++) {
        peaks[i] = find_peak(p, i);
        *n_untouched += peaks[i].strength < 0;
    }
    qsort(peaks, (size_t)n, sizeof *peaks, compare);
    return peaks;
}

static void add_row(table *t, const pc_circuit *circuit, int64_t place, const peak *at)
{
    const pc_position_effects *p = pc_circuit_positions(circuit);
    const pc_grid_position *column = pc_position_effects_column(p, at->column);
    const pc_grid_cell *cell = pc_position_effects_cell(p, at->row, at->column);
    double share;
    table_cell(t, "%lld", (long long)place + 1);
    table_cell(t, "%s", pc_position_effects_name(p, at->row));
    table_cell(t, "%s", column->name);
    table_position_token(t, column, LONGEST_SHOWN);
    table_cell(t, "%+.4f", cell->effect);
    if (pc_circuit_describe_task(circuit)->n > 1) table_cell(t, "%.4f", cell->stderr_);
    else table_cell(t, "-"); /* one prompt says nothing about others */
    if (pc_circuit_share(&share, circuit, cell->effect))
        table_cell(t, "%.1f%%", 100 * share + 0.0); /* no "-0.0" */
    else table_cell(t, "-");
}

static void print_table(const pc_circuit *circuit, const peak *peaks, int64_t n)
{
    table t;
    table_begin(&t, "rlrlrrr");
    table_cell(&t, "#"), table_cell(&t, "%s", pc_circuit_option(circuit, "level"));
    table_cell(&t, "strongest at"), table_cell(&t, "token");
    table_cell(&t, "effect"), table_cell(&t, "+-"), table_cell(&t, "share");
    for (int64_t i = 0; i < n; i++)
        add_row(&t, circuit, i, &peaks[i]);
    table_print(&t);
    table_free(&t);
}

pc_status print_positions(const pc_circuit *circuit, int64_t n_rows)
{
    const pc_position_effects *p = pc_circuit_positions(circuit);
    const int64_t n = pc_position_effects_n_rows(p);
    int64_t n_untouched;
    if (n_rows < 1 || n < 1) return PC_OK;
    peak *peaks = rank(&n_untouched, p);
    if (!peaks) return PC_ERR_NOMEM;
    const int64_t n_touched = n - n_untouched, n_shown = n_touched < n_rows ? n_touched : n_rows;
    printf("\n");
    print_table(circuit, peaks, n_shown);
    free(peaks);
    if (n_touched > n_shown)
        printf("... and %lld more (positions.csv)\n", (long long)(n_touched - n_shown));
    if (n_untouched > 0)
        printf("%lld of %lld %ss are untouched: cutting them changes nothing at any position\n",
               (long long)n_untouched, (long long)n, pc_circuit_option(circuit, "level"));
    return PC_OK;
}
