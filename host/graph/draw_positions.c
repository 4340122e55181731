/* The heat map of effects by position: components from bottom to top, in component order. */
#include "graph/draw_heat.h"
#include "graph/positions_private.h"

#include "base/memory.h"
#include "graph/names.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 60 };

/* The rows that are drawn, lowest first. */
typedef struct pc_drawn_rows {
    int n;
    char *names[MOST_ROWS];
    bool has_rule[MOST_ROWS]; /* between two layers */
    pc_grid_cell *cells;      /* (n, n_columns) */
} pc_drawn_rows;

typedef struct pc_ranked_row {
    double peak;
    int64_t row;
} pc_ranked_row;

static int compare_peaks(const void *left, const void *right)
{
    const pc_ranked_row *a = left, *b = right;
    if (a->peak != b->peak) return a->peak > b->peak ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static int compare_rows(const void *left, const void *right)
{
    const pc_ranked_row *a = left, *b = right;
    return (a->row > b->row) - (a->row < b->row);
}

/* The strongest first, then those that are drawn in component order. */
static void rank(pc_ranked_row *ranks, int n_drawn, const pc_position_effects *p)
{
    int column;
    for (int64_t i = 0; i < p->n_rows; i++)
        ranks[i] = (pc_ranked_row){pc_position_effects_peak(&column, p, i), i};
    qsort(ranks, (size_t)p->n_rows, sizeof *ranks, compare_peaks);
    qsort(ranks, (size_t)n_drawn, sizeof *ranks, compare_rows);
}

/* The layer of what reads, or of the component itself; the logits stand behind the last. */
static int layer_of(const char *name)
{
    pc_part from, to;
    const bool is_known = pc_edge_parse(&from, &to, name) || pc_part_parse(&to, name);
    if (!is_known) return -1;
    return to.kind == PC_PART_LOGITS ? PC_PART_MAX_INDEX : to.layer;
}

/* "a0.h3 -> a1.h2<k>" with a real arrow. */
static pc_status copy_name(char **out, const char *name)
{
    const char *arrow = strstr(name, "->");
    pc_text words = {0};
    if (arrow) {
        pc_text_put_bytes(&words, name, (size_t)(arrow - name));
        pc_text_printf(&words, " \xe2\x86\x92 %s", arrow + 2);
    } else pc_text_put(&words, name);
    *out = words.data; /* the caller's */
    return pc_text_status(&words);
}

static pc_status copy_rows(pc_drawn_rows *out, const pc_ranked_row *ranks,
                           const pc_position_effects *p)
{
    const size_t width = (size_t)p->n_columns;
    out->cells = pc_alloc((size_t)out->n, width * sizeof *out->cells);
    if (!out->cells) return PC_ERR_NOMEM;
    for (int i = 0; i < out->n; i++) {
        const char *name = p->names[ranks[i].row];
        out->has_rule[i] = i > 0 && layer_of(name) != layer_of(p->names[ranks[i - 1].row]);
        PC_TRY(copy_name(&out->names[i], name));
        memcpy(out->cells + (size_t)i * width, p->cells + (size_t)ranks[i].row * width,
               width * sizeof *out->cells);
    }
    return PC_OK;
}

static pc_status choose_rows(pc_drawn_rows *out, const pc_position_effects *p)
{
    *out = (pc_drawn_rows){.n = p->n_rows < MOST_ROWS ? (int)p->n_rows : MOST_ROWS};
    pc_ranked_row *ranks = pc_alloc((size_t)p->n_rows, sizeof *ranks);
    if (!ranks) return PC_ERR_NOMEM;
    rank(ranks, out->n, p);
    pc_status status = copy_rows(out, ranks, p);
    free(ranks);
    return status;
}

static void free_rows(pc_drawn_rows *rows)
{
    for (int i = 0; i < rows->n; i++)
        free(rows->names[i]);
    free(rows->cells);
}

/* ---- words ---- */

static const char *level_of(const pc_circuit *c)
{
    const char *level = pc_circuit_option(c, "level");
    return level ? level : "component";
}

static void put_place(pc_text *t, const pc_heat_map *map, int panel, int row, int column)
{
    (void)panel;
    (void)column;
    pc_text_put(t, map->row_names[row]);
}

static void put_meaning(pc_text *out, const pc_circuit *c)
{
    pc_text_printf(
        out, "Effect on the %s run when what the %s carries at this position alone is replaced by ",
        pc_is_denoised(c) ? "corrupted" : "clean", level_of(c));
    pc_put_replacement(out, c);
    pc_text_put(out, ", mean over the prompts");
}

/* Which components these are, and how many are missing. */
static void put_note(pc_text *out, const pc_circuit *c, int n_drawn)
{
    const long long n = c->positions->n_rows, n_left = n - n_drawn;
    if (n == 0) {
        pc_text_printf(out, "No %s is in the circuit.", level_of(c));
        return;
    }
    pc_text_put(out, "Rows are ");
    if (n_left > 0) pc_text_printf(out, "the %d of ", n_drawn);
    pc_text_put(out, c->positions->of == PC_POSITIONS_OF_ALL ? "all" : "the circuit's");
    pc_text_printf(out, " %lld %s%s", n, level_of(c), n == 1 ? "" : "s");
    if (n_left > 0)
        pc_text_printf(out, " with the largest effect at a position; %lld are not drawn", n_left);
    pc_text_put(out, ".");
}

static pc_status draw(pc_figure *figure, const pc_circuit *c, const pc_drawn_rows *rows)
{
    pc_text title = {0}, meaning = {0}, note = {0};
    pc_text_printf(&title, "%ss by position", level_of(c));
    put_meaning(&meaning, c);
    put_note(&note, c, rows->n);
    pc_status status = pc_text_status(&title);
    if (status == PC_OK) status = pc_text_status(&meaning);
    if (status == PC_OK) status = pc_text_status(&note);
    const pc_heat_map map = {.run = c,
                             .n_panels = 1,
                             .n_rows = rows->n,
                             .n_columns = c->positions->n_columns,
                             .cells = rows->cells,
                             .positions = c->positions->columns,
                             .row_names = (const char *const *)rows->names,
                             .has_rule = rows->has_rule,
                             .row_word = level_of(c),
                             .column_word = "position",
                             .title = title.data,
                             .meaning = meaning.data,
                             .note = note.data,
                             .put_place = put_place};
    if (status == PC_OK) status = pc_draw_heat_map(figure, &map);
    pc_text_free(&note);
    pc_text_free(&meaning);
    pc_text_free(&title);
    return status;
}

pc_status pc_draw_positions(pc_figure *figure, const pc_circuit *c)
{
    pc_drawn_rows rows;
    if (!c->positions) return pc_fail(PC_ERR_ARG, "no positions were measured");
    pc_status status = choose_rows(&rows, c->positions);
    if (status == PC_OK) status = draw(figure, c, &rows);
    free_rows(&rows);
    return status;
}
