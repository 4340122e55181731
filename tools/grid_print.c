/* Printing grids. */
#include "grid_print.h"

#include "position_words.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 20, TOKEN_SHOWN = 10, LONGEST_SHOWN = 24 };

static bool has(const pc_grid_info *info, pc_axis axis)
{
    return (info->axes & (unsigned)axis) != 0;
}

static int64_t n_cells(const pc_grid_info *info)
{
    return (int64_t)info->n_layers * info->n_heads * info->n_positions;
}

static const pc_grid_cell *cell_at(const pc_grid *grid, const pc_grid_info *info, int64_t i)
{
    const int64_t row = i / info->n_positions;
    return pc_grid_cell_at(grid, (int)(row / info->n_heads), (int)(row % info->n_heads),
                           (int)(i % info->n_positions));
}

/* ---- the whole as a table, last layer first ---- */

static void add_heading(table *t, const pc_grid *grid, const pc_grid_info *info, int n_columns)
{
    bool has_tokens = false;
    table_cell(t, "layer");
    for (int i = 0; i < n_columns; i++) {
        const pc_grid_position *p = pc_grid_position_at(grid, i);
        if (p) table_cell(t, "%s", p->name);
        else if (has(info, PC_AXIS_HEAD)) table_cell(t, "%s%d", info->has_kv_heads ? "kv" : "h", i);
        else table_cell(t, "effect");
        has_tokens |= p && (p->token || p->also);
    }
    if (!has_tokens) return;
    table_cell(t, "%s", "");
    for (int i = 0; i < n_columns; i++)
        table_position_token(t, pc_grid_position_at(grid, i), TOKEN_SHOWN);
}

static int decimals_for(const pc_grid *grid, const pc_grid_info *info)
{
    double strongest = 0;
    int decimals = 1;
    for (int64_t i = 0; i < n_cells(info); i++)
        strongest = fmax(strongest, fabs(cell_at(grid, info, i)->effect));
    for (; strongest > 0 && strongest < 10 && decimals < 6; decimals++)
        strongest *= 10;
    return decimals;
}

static void print_whole(const pc_grid *grid, const pc_grid_info *info)
{
    const int n_columns = has(info, PC_AXIS_POSITION) ? info->n_positions : info->n_heads;
    const int decimals = decimals_for(grid, info);
    char alignment[MOST_COLUMNS + 2] = "r";
    if (n_columns > MOST_COLUMNS || (has(info, PC_AXIS_POSITION) && has(info, PC_AXIS_HEAD)))
        return;
    memset(alignment + 1, 'r', (size_t)n_columns);
    table t;
    table_begin(&t, alignment);
    add_heading(&t, grid, info, n_columns);
    for (int layer = info->n_layers - 1; layer >= 0; layer--) {
        table_cell(&t, "%d", layer);
        for (int i = 0; i < n_columns; i++) {
            const pc_grid_cell *cell = has(info, PC_AXIS_POSITION)
                                           ? pc_grid_cell_at(grid, layer, 0, i)
                                           : pc_grid_cell_at(grid, layer, i, 0);
            if (cell->is_untouched) table_cell(&t, ".");
            else table_cell(&t, "%+.*f", decimals, cell->effect);
        }
    }
    table_print(&t);
    table_free(&t);
    printf("\n");
}

/* ---- the strongest cells ---- */

typedef struct ranked {
    double strength; /* |effect|; -1: untouched */
    int64_t index;
} ranked;

static int compare(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->strength != b->strength) return a->strength > b->strength ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void add_row(table *t, const pc_grid *grid, const pc_grid_info *info, int64_t place,
                    int64_t i)
{
    const pc_grid_cell *cell = cell_at(grid, info, i);
    const pc_grid_position *p = pc_grid_position_at(grid, (int)(i % info->n_positions));
    double share;
    table_cell(t, "%lld", (long long)place + 1);
    table_cell(t, "%d", (int)(i / info->n_positions / info->n_heads));
    if (has(info, PC_AXIS_HEAD)) table_cell(t, "%d", (int)(i / info->n_positions % info->n_heads));
    else table_cell(t, "%s", "");
    table_cell(t, "%s", p ? p->name : "");
    if (p) table_position_token(t, p, LONGEST_SHOWN);
    else table_cell(t, "%s", "");
    table_cell(t, "%+.4f", cell->effect);
    if (info->task->n > 1) table_cell(t, "%.4f", cell->stderr_);
    else table_cell(t, "-"); /* one prompt says nothing about others */
    if (pc_grid_share(&share, grid, cell->effect))
        table_cell(t, "%.1f%%", 100 * share + 0.0); /* no "-0.0" */
    else table_cell(t, "-");
}

static pc_status print_strongest(const pc_grid *grid, const pc_grid_info *info, int64_t n_rows)
{
    const int64_t n = n_cells(info);
    ranked *ranks = malloc((size_t)n * sizeof *ranks);
    if (!ranks) return PC_ERR_NOMEM;
    int64_t n_untouched = 0;
    for (int64_t i = 0; i < n; i++) {
        const pc_grid_cell *cell = cell_at(grid, info, i);
        ranks[i] = (ranked){cell->is_untouched ? -1 : fabs(cell->effect), i};
        n_untouched += cell->is_untouched;
    }
    qsort(ranks, (size_t)n, sizeof *ranks, compare);
    table t;
    table_begin(&t, "rrrllrrr");
    table_cell(&t, "#"), table_cell(&t, "layer");
    table_cell(&t, "%s", has(info, PC_AXIS_HEAD) ? "head" : "");
    table_cell(&t, "%s", has(info, PC_AXIS_POSITION) ? "position" : "");
    table_cell(&t, "%s", has(info, PC_AXIS_POSITION) ? "token" : "");
    table_cell(&t, "effect"), table_cell(&t, "+-"), table_cell(&t, "share");
    for (int64_t i = 0; i < n - n_untouched && i < n_rows; i++)
        add_row(&t, grid, info, i, ranks[i].index);
    table_print(&t);
    table_free(&t);
    free(ranks);
    if (n - n_untouched > n_rows)
        printf("... and %lld more (grid.csv)\n", (long long)(n - n_untouched - n_rows));
    if (n_untouched > 0)
        printf("%lld of %lld cells are untouched: patching there changes nothing\n",
               (long long)n_untouched, (long long)n);
    printf("\n");
    return PC_OK;
}

static void print_baselines(const pc_grid *grid, const pc_grid_info *info)
{
    double clean = 0, corrupted = 0, empty = 0;
    pc_grid_baseline(&clean, grid, "clean");
    pc_grid_baseline(&corrupted, grid, "corrupted");
    pc_grid_baseline(&empty, grid, "empty");
    printf("%s: %.4f clean, %.4f corrupted, %.4f with everything cut; %lld prompt%s\n",
           pc_grid_option(grid, "metric"), clean, corrupted, empty, (long long)info->task->n,
           info->task->n == 1 ? "" : "s");
    printf("%s patched by %s (source %s, direction %s)\n", pc_grid_option(grid, "what"),
           pc_grid_option(grid, "by"), pc_grid_option(grid, "source"),
           pc_grid_option(grid, "direction"));
}

pc_status print_grid(const pc_grid *grid, int64_t n_rows)
{
    const pc_grid_info info = pc_grid_describe(grid);
    print_whole(grid, &info);
    const pc_status status = n_rows > 0 ? print_strongest(grid, &info, n_rows) : PC_OK;
    if (status == PC_OK) print_baselines(grid, &info);
    return status;
}

pc_status print_grid_json(const pc_grid *grid)
{
    char *text;
    const pc_status status = pc_grid_json(&text, grid);
    if (status != PC_OK) return status;
    fputs(text, stdout);
    free(text);
    return PC_OK;
}
