/* Printing what interventions do. */
#include "effects_print.h"

#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ranked {
    double strength;
    int index;
} ranked;

static int compare(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->strength != b->strength) return a->strength > b->strength ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static bool has_other_settings(const pc_effects *effects)
{
    const pc_effects_row first = pc_effects_at(effects, 0);
    for (int i = 1; i < pc_effects_n(effects); i++) {
        const pc_effects_row row = pc_effects_at(effects, i);
        if (row.source != first.source || row.direction != first.direction ||
            row.metric != first.metric)
            return true;
    }
    return false;
}

static void add_row(table *t, const pc_effects *effects, int i, int place, bool has_settings)
{
    const pc_effects_row row = pc_effects_at(effects, i);
    table_cell(t, "%d", place);
    table_cell(t, "%.80s", row.name);
    table_cell(t, "%+.4f", row.effect);
    table_cell(t, "%g", row.effect);
    if (pc_effects_n_prompts(effects) > 1) table_cell(t, "%.4f", row.stderr_);
    else table_cell(t, "-"); /* one prompt says nothing about others */
    if (row.has_share) table_cell(t, "%.1f%%", 100 * row.share + 0.0);
    else table_cell(t, "-");
    table_cell(t, "%s", row.is_touched ? "" : "untouched");
    if (!has_settings) return;
    table_cell(t, "%s", pc_source_name(row.source));
    table_cell(t, "%s", pc_direction_name(row.direction));
    table_cell(t, "%s", pc_metric_name(row.metric));
}

pc_status print_effects(const pc_effects *effects, effects_order order, int64_t n_rows)
{
    const int n = pc_effects_n(effects);
    const bool has_settings = has_other_settings(effects);
    ranked *ranks = malloc((size_t)n * sizeof *ranks);
    if (!ranks) return PC_ERR_NOMEM;
    for (int i = 0; i < n; i++)
        ranks[i] = (ranked){fabs(pc_effects_at(effects, i).effect), i};
    if (order == EFFECTS_STRONGEST_FIRST) qsort(ranks, (size_t)n, sizeof *ranks, compare);
    table t;
    table_begin(&t, has_settings ? "rlrbrrllll" : "rlrbrrl");
    table_cell(&t, "#"), table_cell(&t, "name"), table_cell(&t, "effect"), table_cell(&t, "%s", "");
    table_cell(&t, "+-");
    table_cell(&t, "share"), table_cell(&t, "%s", "");
    if (has_settings)
        table_cell(&t, "source"), table_cell(&t, "direction"), table_cell(&t, "metric");
    for (int i = 0; i < n && i < n_rows; i++)
        add_row(&t, effects, ranks[i].index, i + 1, has_settings);
    table_print(&t);
    table_free(&t);
    free(ranks);
    if (n > n_rows) printf("... and %lld more (--rows, --json)\n", (long long)(n - n_rows));
    const pc_effects_row first = pc_effects_at(effects, 0);
    printf("\n%d prompt%s", pc_effects_n_prompts(effects),
           pc_effects_n_prompts(effects) == 1 ? "" : "s");
    if (!has_settings)
        printf("; effects on %s (source %s, direction %s)", pc_metric_name(first.metric),
               pc_source_name(first.source), pc_direction_name(first.direction));
    printf("\n");
    return PC_OK;
}

pc_status print_effects_json(const pc_effects *effects)
{
    char *text;
    const pc_status status = pc_effects_json(&text, effects);
    if (status != PC_OK) return status;
    fputs(text, stdout);
    free(text);
    return PC_OK;
}
