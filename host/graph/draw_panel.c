/* What stands around the picture: title, ranked table, legend, caption. */
#include "graph/draw.h"

#include "graph/draw_style.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TABLE_ROWS = 150 };

static const double row_height = 13, table_size = 9, column_gap = 10;

/* Words of a text that may have failed; the figure remembers the failure. */
static const char *words_of(pc_figure *figure, const pc_text *text)
{
    figure->has_failed |= text->has_failed;
    return text->data ? text->data : "";
}

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
        pc_text_put(&words, "Circuit of ");
        put_name(&words, pc_circuit_describe_model(c)->name);
        pc_text_put(&words, " on ");
        put_name(&words, pc_circuit_describe_task(c)->name);
    }
    pc_text fitted = {0};
    pc_text_put_fitting(&fitted, words_of(figure, &words), PC_TITLE_SIZE, 900);
    pc_mark *title =
        pc_figure_text(figure, PC_MARGIN, PC_MARGIN + 14, PC_TITLE_SIZE, words_of(figure, &fitted));
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
} pc_table_row;

static pc_table_row table_row(const pc_scene *scene, int i)
{
    if (scene->n_edges > 0) {
        const pc_circuit_edge *edge = scene->edges[i];
        return (pc_table_row){edge->from, edge->to, edge->effect, edge->stderr_, edge->is_measured};
    }
    const pc_circuit_node *node = scene->nodes[i];
    return (pc_table_row){node->name, NULL, node->effect, node->stderr_, node->is_measured};
}

static int count_rows(const pc_scene *scene)
{
    if (scene->n_edges > 0) return scene->n_edges;
    return scene->n_nodes < MAX_TABLE_ROWS ? scene->n_nodes : MAX_TABLE_ROWS;
}

typedef enum pc_table_column {
    COLUMN_RANK,
    COLUMN_NAME,
    COLUMN_EFFECT,
    COLUMN_SHARE,
    N_COLUMNS
} pc_table_column;

static void put_cell(pc_text *out, const pc_scene *scene, int i, pc_table_column column)
{
    const pc_table_row row = table_row(scene, i);
    double share;
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
    return column == COLUMN_NAME && scene->n_edges == 0 ? "component" : words[column];
}

static double column_width(pc_figure *figure, const pc_scene *scene, pc_table_column column)
{
    double widest = pc_text_width(heading(scene, column), table_size);
    for (int i = 0; i < count_rows(scene); i++) {
        pc_text words = {0};
        put_cell(&words, scene, i, column);
        const double width = pc_text_width(words_of(figure, &words), table_size);
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

static void draw_row(pc_figure *figure, const pc_scene *scene, int i, double x, double y,
                     const double *widths)
{
    for (int column = 0; column < N_COLUMNS; x += widths[column++] + column_gap) {
        pc_text words = {0};
        put_cell(&words, scene, i, (pc_table_column)column);
        pc_mark *text = draw_cell(figure, x, y, widths[column], (pc_table_column)column,
                                  words_of(figure, &words));
        text->fill = column == COLUMN_RANK     ? PC_COLOUR_QUIET
                     : column == COLUMN_EFFECT ? pc_sign_text_colour(table_row(scene, i).effect)
                                               : PC_COLOUR_TEXT;
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

/* Writes along a line; where it would leave the page it begins the next. */
typedef struct pc_pen {
    pc_figure *figure;
    double x, y, left, right, line;
} pc_pen;

static void make_space(pc_pen *pen, double width)
{
    if (pen->x + width <= pen->right || pen->x == pen->left) return;
    pen->x = pen->left;
    pen->y += pen->line;
}

static void write_words(pc_pen *pen, const char *words, double after)
{
    pc_mark *text = pc_figure_text(pen->figure, pen->x, pen->y, PC_SMALL_SIZE, words);
    text->fill = PC_COLOUR_TEXT;
    pen->x += text->width + after;
}

static void draw_sample(pc_pen *pen, int colour, double width, pc_dash dash, const char *words)
{
    const double length = 30;
    make_space(pen, length + 6 + pc_text_width(words, PC_SMALL_SIZE));
    const pc_point end = {pen->x + length, pen->y - 3.2};
    pc_mark *path = pc_figure_path(pen->figure, pen->x, end.y);
    path->stroke = colour;
    path->stroke_width = width;
    path->dash = dash;
    pc_figure_curve(pen->figure, (pc_point){pen->x + length / 3, end.y},
                    (pc_point){pen->x + 2 * length / 3, end.y}, end);
    pen->x += length + 6;
    write_words(pen, words, 18);
}

static void draw_swatch(pc_pen *pen, int fill, int stroke, const char *words)
{
    make_space(pen, 20 + pc_text_width(words, PC_SMALL_SIZE));
    pc_mark *box = pc_figure_rect(pen->figure, pen->x, pen->y - 8.5, 14, 10);
    box->radius = 2.5;
    box->fill = fill;
    box->stroke = stroke;
    box->stroke_width = 0.9;
    pen->x += 20;
    write_words(pen, words, 18);
}

static void draw_width_samples(pc_pen *pen, const pc_scene *scene)
{
    static const double fractions[] = {1, 0.5, 0.1};
    for (size_t i = 0; i < 3 && scene->strongest > 0; i++) {
        const double effect = scene->strongest * fractions[i];
        pc_text words = {0};
        pc_text_put(&words, i == 0 ? "|effect| " : "");
        pc_text_put_fixed(&words, effect, scene->decimals, PC_SIGN_PLAIN);
        draw_sample(pen, PC_COLOUR_QUIET, pc_stroke_width(scene, effect), PC_DASH_NONE,
                    words_of(pen->figure, &words));
        pc_text_free(&words);
    }
}

static bool has_port(const pc_scene *scene, const char *port)
{
    for (int e = 0; e < scene->n_edges; e++)
        if (strstr(scene->edges[e]->to, port)) return true;
    return false;
}

static void draw_edge_legend(pc_pen *pen, const pc_scene *scene)
{
    draw_sample(pen, PC_COLOUR_POSITIVE, 3, PC_DASH_NONE, "raises the metric");
    draw_sample(pen, PC_COLOUR_NEGATIVE, 3, PC_DASH_NONE, "lowers the metric");
    draw_width_samples(pen, scene);
    if (has_port(scene, "<q>"))
        draw_sample(pen, PC_COLOUR_QUIET, 2, PC_DASH_LONG, "into a query (q)");
    draw_sample(pen, PC_COLOUR_QUIET, 2, PC_DASH_NONE, "into a key (k), MLP or logits");
    if (has_port(scene, "<v>"))
        draw_sample(pen, PC_COLOUR_QUIET, 2, PC_DASH_DOTS, "into a value (v)");
    if (scene->options.has_pruned)
        draw_swatch(pen, PC_COLOUR_PAPER, PC_COLOUR_PRUNED, "no drawn edge");
    if (scene->strongest_node > 0)
        draw_swatch(pen, pc_shade(1, 0.3), PC_COLOUR_BOX_LINE, "shade: the component's own effect");
}

static void draw_effect_legend(pc_pen *pen, const pc_scene *scene)
{
    static const double fractions[] = {-1, -0.5, 0.5, 1};
    for (size_t i = 0; i < 4 && scene->strongest_node > 0; i++) {
        const double effect = scene->strongest_node * fractions[i];
        pc_text words = {0};
        pc_text_put_effect(&words, scene, effect);
        draw_swatch(pen, pc_shade(effect, 0.8 * fabs(fractions[i])), PC_COLOUR_PRUNED,
                    words_of(pen->figure, &words));
        pc_text_free(&words);
    }
    draw_swatch(pen, PC_COLOUR_PAPER, PC_COLOUR_BOX_LINE, "dark outline: in the circuit");
}

/* "metric logit-diff" and the like, for those options that say how it was measured. */
static void put_options(pc_text *out, const pc_circuit *c)
{
    static const char *const keys[] = {"metric",    "method",  "source",   "direction",
                                       "precision", "profile", "selection"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = pc_circuit_option(c, keys[i]);
        if (!value) continue;
        pc_text_printf(out, ", %s ", keys[i]);
        put_name(out, value);
    }
}

void pc_put_provenance(pc_text *out, const pc_circuit *c)
{
    const pc_circuit_model *model = pc_circuit_describe_model(c);
    const pc_circuit_task *task = pc_circuit_describe_task(c);
    pc_text_put(out, "Model ");
    put_name(out, model->name);
    pc_text_put(out, " (");
    put_name(out, model->architecture);
    pc_text_printf(out, ", %d layers \xc3\x97 %d heads), task ", model->n_layers, model->n_heads);
    put_name(out, task->name);
    if (task->split[0]) pc_text_put(out, ", split ");
    put_name(out, task->split);
    if (task->n)
        pc_text_printf(out, ", n = %lld prompt pairs, seed %lld", (long long)task->n,
                       (long long)task->seed);
    put_options(out, c);
    pc_text_put(out, ".");
}

static void put_grouped(pc_text *out, int64_t value)
{
    if (value >= 1000) {
        put_grouped(out, value / 1000);
        pc_text_printf(out, ",%03d", (int)(value % 1000));
    } else {
        pc_text_printf(out, "%d", (int)value);
    }
}

static void put_counts(pc_text *out, const pc_scene *scene)
{
    const bool is_edges = scene->n_edges > 0;
    put_grouped(out, is_edges ? scene->n_edges : scene->n_in_circuit);
    pc_text_put(out, " of ");
    put_grouped(out, scene->n_all);
    pc_text_put(out, is_edges ? " edges drawn" : " components in the circuit");
    if (is_edges && scene->n_in_circuit > scene->n_edges) {
        pc_text_put(out, " (the strongest of ");
        put_grouped(out, scene->n_in_circuit);
        pc_text_put(out, " in the circuit)");
    }
    pc_text_put(out, ", ");
    pc_text_put_fixed(out, scene->drawn_fraction * 100, 1, PC_SIGN_PLAIN);
    pc_text_put(out, " % of the total |effect|.");
}

static void put_evaluation(pc_text *out, const pc_scene *scene)
{
    double value;
    if (pc_circuit_evaluation(&value, scene->circuit, "faithfulness")) {
        pc_text_put(out, " Faithfulness of the circuit ");
        pc_text_put_fixed(out, value, 3, PC_SIGN_PLAIN);
        pc_text_put(out, ".");
    }
    if (pc_circuit_baseline(&value, scene->circuit, "clean")) {
        double corrupted;
        pc_text_put(out, " Metric ");
        pc_text_put_fixed(out, value, 3, PC_SIGN_ALWAYS);
        pc_text_put(out, " clean");
        if (pc_circuit_baseline(&corrupted, scene->circuit, "corrupted")) {
            pc_text_put(out, ", ");
            pc_text_put_fixed(out, corrupted, 3, PC_SIGN_ALWAYS);
            pc_text_put(out, " corrupted");
        }
        pc_text_put(out, ".");
    }
    if (scene->n_edges > 0) pc_text_put(out, " Edges run upwards.");
}

/* Words wrapped at spaces. */
static void write_wrapped(pc_pen *pen, const char *words)
{
    char line[1024];
    while (*words) {
        size_t fits = 0;
        for (size_t i = 0; i < sizeof line - 1; i++) {
            if (words[i] != ' ' && words[i] != 0) continue;
            memcpy(line, words, i);
            line[i] = 0;
            if (fits > 0 && pc_text_width(line, PC_SMALL_SIZE) > pen->right - pen->left) break;
            fits = i;
            if (words[i] == 0) break;
        }
        if (fits == 0) fits = strlen(words) < sizeof line ? strlen(words) : sizeof line - 1;
        memcpy(line, words, fits);
        line[fits] = 0;
        pc_text fitted = {0};
        pc_text_put_fitting(&fitted, line, PC_SMALL_SIZE, pen->right - pen->left);
        pen->x = pen->left;
        write_words(pen, words_of(pen->figure, &fitted), 0);
        pc_text_free(&fitted);
        pen->y += pen->line;
        words += fits;
        while (*words == ' ')
            words++;
    }
}

double pc_draw_wrapped(pc_figure *figure, const char *words, double x, double y, double width)
{
    pc_pen pen = {figure, x, y, x, x + width, 13.5};
    write_wrapped(&pen, words);
    return pen.y;
}

static void write_caption(pc_pen *pen, const pc_scene *scene)
{
    pc_text words = {0};
    put_counts(&words, scene);
    put_evaluation(&words, scene);
    write_wrapped(pen, words_of(pen->figure, &words));
    pc_text_free(&words);
    pc_put_provenance(&words, scene->circuit);
    write_wrapped(pen, words_of(pen->figure, &words));
    pc_text_free(&words);
}

void pc_draw_footer(pc_figure *figure, const pc_scene *scene, double y, double width)
{
    double right = width;
    for (size_t i = 0; i < figure->n_marks; i++) {
        const pc_mark *mark = &figure->marks[i];
        if (mark->kind == PC_MARK_TEXT && mark->size == PC_TITLE_SIZE &&
            mark->x + mark->width > right)
            right = mark->x + mark->width;
    }
    if (right < 560) right = 560;
    pc_pen pen = {figure, PC_MARGIN, y + 8, PC_MARGIN, right, 16};
    if (scene->n_edges > 0) draw_edge_legend(&pen, scene);
    else draw_effect_legend(&pen, scene);
    pen.y += 22;
    pen.x = pen.left;
    pen.line = 13.5;
    write_caption(&pen, scene);
    figure->width = ceil(right + PC_MARGIN);
    figure->height = ceil(pen.y - pen.line + PC_MARGIN * 0.75);
    figure->marks[0].width = figure->width; /* the paper */
    figure->marks[0].height = figure->height;
}
