/* What stands around the picture: title and ranked table. */
#include "graph/circuit_private.h"
#include "graph/draw.h"

#include "graph/draw_style.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TABLE_ROWS = 150 };

static const double row_height = 13, table_size = 9, column_gap = 10;

/* A name that anyone may have chosen. */
static void put_name(pc_text *out, const char *name)
{
    pc_text_put_fitting(out, name, PC_SMALL_SIZE, 420);
}

double pc_draw_title(pc_figure *figure, const pc_scene *scene)
{
    const pc_circuit *c = scene->circuit;
    pc_text words = {0};
    if (scene->options.title) {
        pc_text_put(&words, scene->options.title);
    } else {
        pc_text_put(&words, scene->diff ? "Two circuits of " : "Circuit of ");
        put_name(&words, pc_circuit_describe_model(c)->name);
        if (!scene->diff) pc_text_put(&words, " on ");
        if (!scene->diff) put_name(&words, pc_circuit_describe_task(c)->name);
    }
    pc_text fitted = {0};
    pc_text_put_fitting(&fitted, pc_figure_take(figure, &words), PC_TITLE_SIZE, 900);
    pc_mark *title = pc_figure_text(figure, PC_MARGIN, PC_MARGIN + 14, PC_TITLE_SIZE,
                                    pc_figure_take(figure, &fitted));
    title->is_bold = true;
    title->fill = PC_COLOUR_TEXT;
    pc_text_free(&fitted);
    pc_text_free(&words);
    return 38;
}

/* One line of the table. */
typedef struct pc_table_row {
    const char *from, *to; /* to: NULL for a node */
    double effect, stderr_;
    bool is_measured;
    const pc_diff_row *both; /* of two circuits; NULL: of one */
} pc_table_row;

static pc_table_row table_row(const pc_scene *scene, int i)
{
    if (scene->n_edges > 0) {
        const pc_circuit_edge *edge = scene->edges[i];
        return (pc_table_row){edge->from,    edge->to,          edge->effect,
                              edge->stderr_, edge->is_measured, pc_scene_edge_row(scene, edge)};
    }
    const pc_circuit_node *node = scene->nodes[i];
    return (pc_table_row){node->name,        NULL,
                          node->effect,      node->stderr_,
                          node->is_measured, pc_scene_node_row(scene, node)};
}

static int count_rows(const pc_scene *scene)
{
    if (scene->n_edges > 0) return scene->n_edges;
    return scene->n_nodes < MAX_TABLE_ROWS ? scene->n_nodes : MAX_TABLE_ROWS;
}

typedef enum pc_table_column {
    COLUMN_RANK,
    COLUMN_NAME,
    COLUMN_EFFECT, /* of two circuits: A's */
    COLUMN_SHARE,  /* of two circuits: B's effect */
    N_COLUMNS
} pc_table_column;

/* What A or B says of the row. */
static void put_side(pc_text *out, const pc_scene *scene, const pc_diff_row *row,
                     pc_table_column column)
{
    const bool is_a = column == COLUMN_EFFECT;
    if (is_a ? row->is_measured_a : row->is_measured_b)
        pc_text_put_effect(out, scene, is_a ? row->a : row->b);
    else pc_text_put(out, "?");
}

static void put_cell(pc_text *out, const pc_scene *scene, int i, pc_table_column column)
{
    const pc_table_row row = table_row(scene, i);
    double share;
    if (row.both && (column == COLUMN_EFFECT || column == COLUMN_SHARE)) {
        put_side(out, scene, row.both, column);
        return;
    }
    switch (column) {
    case COLUMN_RANK:
        pc_text_printf(out, "%d", i + 1);
        break;
    case COLUMN_NAME:
        pc_text_put(out, row.from);
        if (row.to) pc_text_printf(out, " \xe2\x86\x92 %s", row.to);
        break;
    case COLUMN_EFFECT:
        if (!row.is_measured) {
            pc_text_put(out, "not measured");
            break;
        }
        pc_text_put_effect(out, scene, row.effect);
        pc_text_put_error(out, scene, row.stderr_);
        break;
    case COLUMN_SHARE:
        if (!row.is_measured || !pc_circuit_share(&share, scene->circuit, row.effect)) break;
        pc_text_put_fixed(out, share * 100, 1, PC_SIGN_ALWAYS);
        pc_text_put(out, "%");
        break;
    case N_COLUMNS:
        break;
    }
}

static const char *heading(const pc_scene *scene, pc_table_column column)
{
    static const char *const words[] = {"#", "edge", "effect \xc2\xb1 s.e.", "share", ""};
    static const char *const of_two[] = {"#", "edge", "A", "B", ""};
    const bool is_estimate = !scene->diff && pc_circuit_is_estimate(scene->circuit);
    if (column == COLUMN_EFFECT && is_estimate) return "estimate \xc2\xb1 s.e.";
    if (column == COLUMN_NAME && scene->n_edges == 0) return "component";
    return scene->diff ? of_two[column] : words[column];
}

static double column_width(pc_figure *figure, const pc_scene *scene, pc_table_column column)
{
    double widest = pc_text_width(heading(scene, column), table_size);
    for (int i = 0; i < count_rows(scene); i++) {
        pc_text words = {0};
        put_cell(&words, scene, i, column);
        const double width = pc_text_width(pc_figure_take(figure, &words), table_size);
        if (width > widest) widest = width;
        pc_text_free(&words);
    }
    return widest;
}

/* Numbers stand to the right of their column, names to the left. */
static pc_mark *draw_cell(pc_figure *figure, double x, double y, double width,
                          pc_table_column column, const char *words)
{
    const bool is_left = column == COLUMN_NAME;
    pc_mark *text = pc_figure_text(figure, is_left ? x : x + width, y, table_size, words);
    text->anchor = is_left ? PC_ANCHOR_START : PC_ANCHOR_END;
    return text;
}

static void draw_heading(pc_figure *figure, const pc_scene *scene, double x, double y,
                         const double *widths, double whole)
{
    double at = x;
    for (int column = 0; column < N_COLUMNS; at += widths[column++] + column_gap) {
        pc_mark *text = draw_cell(figure, at, y + 9, widths[column], (pc_table_column)column,
                                  heading(scene, (pc_table_column)column));
        text->fill = PC_COLOUR_QUIET;
    }
    pc_mark *line = pc_figure_rect(figure, x, y + row_height, whole, 0.8);
    line->fill = PC_COLOUR_PRUNED;
}

/* Of two circuits, an effect is grey in the column of the one that does not have the component. */
static int cell_colour(const pc_table_row *row, pc_table_column column)
{
    if (column == COLUMN_RANK) return PC_COLOUR_QUIET;
    if (column == COLUMN_NAME || (column == COLUMN_SHARE && !row->both)) return PC_COLOUR_TEXT;
    if (!row->both) return pc_sign_text_colour(row->effect);
    const pc_diff_side other = column == COLUMN_EFFECT ? PC_DIFF_ONLY_B : PC_DIFF_ONLY_A;
    return row->both->side == other ? PC_COLOUR_PRUNED_TEXT : PC_COLOUR_TEXT;
}

static void draw_row(pc_figure *figure, const pc_scene *scene, int i, double x, double y,
                     const double *widths)
{
    for (int column = 0; column < N_COLUMNS; x += widths[column++] + column_gap) {
        pc_text words = {0};
        put_cell(&words, scene, i, (pc_table_column)column);
        pc_mark *text = draw_cell(figure, x, y, widths[column], (pc_table_column)column,
                                  pc_figure_take(figure, &words));
        const pc_table_row row = table_row(scene, i);
        text->fill = cell_colour(&row, (pc_table_column)column);
        pc_text_free(&words);
    }
}

double pc_draw_table(pc_figure *figure, const pc_scene *scene, double x, double y, double height)
{
    enum { LEAST_ROWS = 8 };
    const int n_rows = count_rows(scene);
    const int fitting = (int)(height / row_height) - 2;
    const int most = fitting < LEAST_ROWS ? LEAST_ROWS : fitting;
    const int n_columns = (n_rows + most - 1) / most;
    const int per_column = n_columns > 0 ? (n_rows + n_columns - 1) / n_columns : 1;
    double widths[N_COLUMNS], whole = -column_gap;
    for (int column = 0; column < N_COLUMNS; column++) {
        widths[column] = column_width(figure, scene, (pc_table_column)column);
        whole += widths[column] + column_gap;
    }
    double at = x;
    for (int first = 0; first < n_rows; first += per_column, at += whole + 26) {
        draw_heading(figure, scene, at, y, widths, whole);
        for (int i = first; i < n_rows && i < first + per_column; i++)
            draw_row(figure, scene, i, at, y + row_height * (i - first + 2) + 1, widths);
    }
    return n_rows > 0 ? at - x - 26 : 0;
}
