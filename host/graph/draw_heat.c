/* Drawing a heat map: white is 0, hue the sign, and rows run from bottom to top. */
#include "graph/draw_heat.h"

#include "graph/draw.h"
#include "graph/draw_style.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TOOLTIPS = 4096, BAR_SLICES = 64 };

static const double label_size = 8, number_size = 7.5, index_size = 6.5;
static const double most_label = 90, panel_gap = 18, panel_title = 13, bar_width = 12;
static const double most_row_name = 150;

/* How large all is. */
typedef struct pc_heat {
    const pc_heat_map *map;
    pc_figure *figure;
    int n_across, n_down;
    double strongest;
    int exponent;           /* numbers are shown in units of ten to this: 0 unless that is long */
    double unit;            /* 10^exponent */
    int decimals;           /* of the numbers in cells */
    bool has_numbers;       /* in the cells */
    bool has_indices;       /* the position's number stands above its token */
    bool has_upward_labels; /* of the columns */
    double cell_width, cell_height;
    double label_height; /* of the tallest column label */
    double left, top;    /* of the first cell */
} pc_heat;

static int64_t n_cells(const pc_heat_map *m)
{
    return (int64_t)m->n_panels * m->n_rows * m->n_columns;
}

static const pc_grid_cell *cell_at(const pc_heat *h, int panel, int row, int column)
{
    const pc_heat_map *m = h->map;
    return m->cells + ((int64_t)panel * m->n_rows + row) * m->n_columns + column;
}

static double panel_width(const pc_heat *h)
{
    return h->map->n_columns * h->cell_width;
}

static double panel_height(const pc_heat *h)
{
    return h->map->n_rows * h->cell_height;
}

/* Panels from left to right, bottom to top, like the layers. */
static double panel_x(const pc_heat *h, int panel)
{
    return h->left + panel % h->n_across * (panel_width(h) + panel_gap);
}

static double panel_y(const pc_heat *h, int panel)
{
    const int from_top = h->n_down - 1 - panel / h->n_across;
    return h->top + from_top * (panel_height(h) + panel_title + panel_gap / 2);
}

static double plot_width(const pc_heat *h)
{
    return h->n_across * (panel_width(h) + panel_gap) - panel_gap;
}

static double plot_height(const pc_heat *h)
{
    return h->n_down * (panel_height(h) + panel_title + panel_gap / 2) - panel_title -
           panel_gap / 2;
}

/* ---- words ---- */

static const char *words_of(pc_heat *h, const pc_text *text)
{
    h->figure->has_failed |= text->has_failed;
    return text->data ? text->data : "";
}

/* "0.41", "\xe2\x88\x920.41": no plus sign, it costs room. */
static void put_number(pc_text *out, double value, int decimals)
{
    pc_text signed_number = {0};
    pc_text_put_fixed(&signed_number, value, decimals, PC_SIGN_ALWAYS);
    out->has_failed |= signed_number.has_failed;
    if (signed_number.data) pc_text_put(out, signed_number.data + (*signed_number.data == '+'));
    pc_text_free(&signed_number);
}

/* A token with its spaces visible at both ends. */
static void put_token(pc_text *out, const char *token)
{
    const size_t length = strlen(token);
    size_t end = length;
    while (end > 0 && token[end - 1] == ' ')
        end--;
    for (size_t i = 0; i < length; i++) {
        const bool is_edge = token[i] == ' ' && (i >= end || strspn(token, " ") > i);
        if (is_edge) pc_text_put(out, "\xc2\xb7");
        else pc_text_put_bytes(out, token + i, 1);
    }
}

static bool is_index(const char *name)
{
    return name[strspn(name, "0123456789")] == 0;
}

/* The label of a column: its name or number, unless that stands above, and its token; where the
 * prompts differ, what the task calls it. */
static void put_position(pc_text *out, const pc_heat *h, const pc_grid_position *p)
{
    const bool has_name = !is_index(p->name) || !h->has_indices;
    const char *second = p->token ? p->token : p->also;
    if (has_name) pc_text_put(out, p->name);
    if (has_name && second) pc_text_put(out, " ");
    if (second) put_token(out, second);
}

static void put_column(pc_text *out, const pc_heat *h, int column)
{
    pc_text whole = {0};
    if (h->map->positions) put_position(&whole, h, &h->map->positions[column]);
    else if (h->map->column_word) pc_text_printf(&whole, "%d", column);
    out->has_failed |= whole.has_failed;
    pc_text_put_fitting(out, whole.data ? whole.data : "", label_size, most_label);
    pc_text_free(&whole);
}

static void put_row(pc_text *out, const pc_heat *h, int row)
{
    if (!h->map->row_names) pc_text_printf(out, "%d", row);
    else pc_text_put_fitting(out, h->map->row_names[row], label_size, most_row_name);
}

static pc_mark *write_words(pc_heat *h, double x, double y, double size, pc_anchor anchor,
                            const char *words)
{
    pc_mark *text = pc_figure_text(h->figure, x, y, size, words);
    text->anchor = anchor;
    text->fill = PC_COLOUR_TEXT;
    return text;
}

/* ---- sizes ---- */

static double between(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static double widest_number(pc_heat *h)
{
    double widest = 0;
    for (int64_t i = 0; i < n_cells(h->map); i++) {
        pc_text words = {0};
        put_number(&words, h->map->cells[i].effect / h->unit, h->decimals);
        widest = fmax(widest, pc_text_width(words_of(h, &words), number_size));
        pc_text_free(&words);
    }
    return widest;
}

/* Numbers stand in the cells as long as the figure stays as wide as a page. */
static void set_cells(pc_heat *h)
{
    const int n_rows = h->map->n_rows, n_columns = h->map->n_columns;
    const bool is_many = h->map->n_panels > 1, is_low = n_rows <= 4 && !is_many;
    const double page = is_many ? 260 : 820, tall = is_many ? 150 : 480;
    const double needed = fmax(widest_number(h) + 5, 18);
    const double lowest = h->map->row_names ? label_size + 2 : 4; /* no name is left out */
    h->has_numbers = h->strongest > 0 && n_columns * needed <= page && n_rows * 11 <= 2 * tall;
    if (h->has_numbers) {
        h->cell_width = fmax(needed, between(page / 2.5 / n_columns, needed, 48));
        h->cell_height = between(tall / n_rows, 11, is_low ? 30 : 20);
    } else {
        h->cell_width = between(page / n_columns, 4, is_many ? 14 : 22);
        h->cell_height = between(tall / n_rows, lowest, is_many ? 12 : is_low ? 30 : 18);
    }
}

/* As many panels side by side as make the whole about 1.4 times as wide as it is tall. */
static void set_panels(pc_heat *h)
{
    double best = INFINITY;
    for (int across = 1; across <= h->map->n_panels; across++) {
        const int down = (h->map->n_panels + across - 1) / across;
        const double width = across * (panel_width(h) + panel_gap);
        const double height = down * (panel_height(h) + panel_title + panel_gap / 2);
        const double size = fmax(width / 1.4, height);
        if (size >= best) continue;
        best = size;
        h->n_across = across;
        h->n_down = down;
    }
}

/* Numbers of positions stand above the tokens where there is room and some token is known. */
static bool has_room_for_indices(const pc_heat *h)
{
    bool has_tokens = false;
    for (int column = 0; column < h->map->n_columns; column++) {
        const pc_grid_position *p = &h->map->positions[column];
        if (!p->name || !is_index(p->name)) return false;
        if (pc_text_width(p->name, index_size) > h->cell_width - 2) return false;
        has_tokens |= p->token != NULL;
    }
    return has_tokens;
}

static void set_labels(pc_heat *h)
{
    double widest = 0;
    h->has_indices = h->map->positions && has_room_for_indices(h);
    for (int column = 0; column < h->map->n_columns; column++) {
        pc_text words = {0};
        put_column(&words, h, column);
        widest = fmax(widest, pc_text_width(words_of(h, &words), label_size));
        pc_text_free(&words);
    }
    h->has_upward_labels = widest > h->cell_width - 4;
    h->label_height = h->has_upward_labels ? widest : widest > 0 ? label_size : 0;
    if (h->has_indices) h->label_height += index_size + 4;
}

/* Powers by multiplication: the same bits everywhere. */
static void set_unit(pc_heat *h)
{
    h->unit = 1;
    if (h->strongest == 0 || (h->strongest >= 0.01 && h->strongest < 10000)) return;
    for (; h->strongest / h->unit >= 10; h->exponent++)
        h->unit *= 10;
    for (; h->strongest / h->unit < 1 && h->exponent > -300; h->exponent--)
        h->unit /= 10;
}

/* Names of rows stand to the left of the cells. */
static double row_label_width(pc_heat *h)
{
    double widest = 0;
    for (int row = 0; h->map->row_names && row < h->map->n_rows; row++) {
        pc_text words = {0};
        put_row(&words, h, row);
        widest = fmax(widest, pc_text_width(words_of(h, &words), label_size));
        pc_text_free(&words);
    }
    return fmax(widest, 16); /* room for a number */
}

static void measure(pc_heat *h)
{
    for (int64_t i = 0; i < n_cells(h->map); i++)
        h->strongest = fmax(h->strongest, fabs(h->map->cells[i].effect));
    set_unit(h);
    h->decimals = pc_decimals_for(h->strongest / h->unit) - 1;
    if (h->decimals < 0) h->decimals = 0;
    set_cells(h);
    set_panels(h);
    set_labels(h);
    h->left = PC_MARGIN + 20 + row_label_width(h);
    h->top = PC_MARGIN + 30 + (h->map->panel_word ? panel_title : 4);
}

/* ---- cells ---- */

static bool is_dark(int colour)
{
    const int red = colour >> 16, green = colour >> 8 & 0xff, blue = colour & 0xff;
    return red * 299 + green * 587 + blue * 114 < 140000;
}

static int shade_of(const pc_heat *h, double effect)
{
    if (h->strongest == 0 || effect == 0) return PC_COLOUR_PAPER;
    return pc_shade(effect, fabs(effect) / h->strongest);
}

static void put_tooltip(pc_text *t, const pc_heat *h, int panel, int row, int column)
{
    const pc_heat_map *m = h->map;
    const pc_grid_cell *cell = cell_at(h, panel, row, column);
    double share;
    m->put_place(t, m, panel, row, column);
    if (m->positions) {
        pc_text_printf(t, ", position %s", m->positions[column].name);
        if (m->positions[column].token) pc_text_printf(t, " \"%s\"", m->positions[column].token);
    }
    pc_text_put(t, ": ");
    pc_text_put_fixed(t, cell->effect, pc_decimals_for(h->strongest) + 1, PC_SIGN_ALWAYS);
    pc_text_put(t, " \xc2\xb1 ");
    pc_text_put_fixed(t, cell->stderr_, pc_decimals_for(h->strongest) + 1, PC_SIGN_PLAIN);
    if (pc_circuit_share(&share, m->run, cell->effect)) {
        pc_text_put(t, ", ");
        pc_text_put_fixed(t, 100 * share, 1, PC_SIGN_ALWAYS);
        pc_text_put(t, "%");
    }
}

/* Where no number fits, a stroke says that an effect is negative, in grey print too. A dot says
 * that there is none at all. */
static unsigned signs_of(const pc_heat *h)
{
    if (h->cell_width < 6 || h->cell_height < 6) return 0;
    return PC_HEAT_DOTS | (h->has_numbers || h->strongest == 0 ? 0u : (unsigned)PC_HEAT_STROKES);
}

static void draw_sign(pc_heat *h, const pc_grid_cell *cell, double x, double y, int ink)
{
    const unsigned signs = signs_of(h);
    const bool is_weak = fabs(cell->effect) < 0.1 * h->strongest;
    const bool is_dot = cell->is_untouched && (signs & PC_HEAT_DOTS);
    const bool is_stroke =
        !cell->is_untouched && !is_weak && cell->effect <= 0 && (signs & PC_HEAT_STROKES);
    if (!is_dot && !is_stroke) return;
    const double width = is_dot ? 1.4 : fmin(0.5 * h->cell_width, 6), height = is_dot ? 1.4 : 1;
    pc_figure_rect(h->figure, x - width / 2, y - height / 2, width, height)->fill =
        is_dot ? PC_COLOUR_PRUNED_TEXT : ink;
}

static void draw_cell(pc_heat *h, int panel, int row, int column, double x, double y)
{
    const pc_grid_cell *cell = cell_at(h, panel, row, column);
    const int fill = shade_of(h, cell->effect);
    const int ink = is_dark(fill) ? PC_COLOUR_PAPER : PC_COLOUR_TEXT;
    pc_text words = {0};
    pc_mark *box = pc_figure_rect(h->figure, x, y, h->cell_width, h->cell_height);
    box->fill = fill;
    box->role = PC_ROLE_NODE;
    if (h->cell_width >= 8 && h->cell_height >= 8) {
        box->stroke = PC_COLOUR_PRUNED;
        box->stroke_width = 0.5;
    }
    if ((int64_t)h->map->n_panels * h->map->n_rows * h->map->n_columns <= MOST_TOOLTIPS) {
        put_tooltip(&words, h, panel, row, column);
        const size_t title = pc_figure_string(h->figure, words_of(h, &words));
        h->figure->marks[h->figure->n_marks - 1].title = title;
        pc_text_free(&words);
    }
    const double x_middle = x + h->cell_width / 2, y_middle = y + h->cell_height / 2;
    draw_sign(h, cell, x_middle, y_middle, ink);
    if (!h->has_numbers || cell->is_untouched) return;
    put_number(&words, cell->effect / h->unit, h->decimals);
    /* a number that rounds to 0 stands back */
    write_words(h, x_middle, y_middle + number_size * 0.36, number_size, PC_ANCHOR_MIDDLE,
                words_of(h, &words))
        ->fill = strpbrk(words.data ? words.data : "", "123456789") ? ink : PC_COLOUR_PRUNED_TEXT;
    pc_text_free(&words);
}

static void draw_frame(pc_heat *h, double x, double y, double width, double height)
{
    pc_mark *frame = pc_figure_rect(h->figure, x, y, width, height);
    frame->stroke = PC_COLOUR_QUIET;
    frame->stroke_width = 0.7;
}

static void draw_rules(pc_heat *h, double x, double y)
{
    for (int row = 1; h->map->has_rule && row < h->map->n_rows; row++) {
        const double at = y + (h->map->n_rows - row) * h->cell_height;
        if (h->map->has_rule[row])
            pc_figure_rect(h->figure, x, at - 0.5, panel_width(h), 1)->fill = PC_COLOUR_PRUNED_TEXT;
    }
}

static void draw_panel(pc_heat *h, int panel)
{
    const double x = panel_x(h, panel), y = panel_y(h, panel);
    char words[32];
    for (int row = 0; row < h->map->n_rows; row++)
        for (int column = 0; column < h->map->n_columns; column++)
            draw_cell(h, panel, row, column, x + column * h->cell_width,
                      y + (h->map->n_rows - 1 - row) * h->cell_height);
    draw_rules(h, x, y);
    draw_frame(h, x, y, panel_width(h), panel_height(h));
    if (!h->map->panel_word) return;
    snprintf(words, sizeof words, "%s %d", h->map->panel_word, panel);
    write_words(h, x, y - 4, PC_SMALL_SIZE, PC_ANCHOR_START, words);
}

/* ---- axes ---- */

/* Every how many cells there is room for a label. */
static int stride_for(double cell, double label)
{
    return cell >= label ? 1 : (int)ceil(label / cell);
}

static void draw_rows(pc_heat *h, double top)
{
    const int stride = stride_for(h->cell_height, label_size + 1.5);
    for (int row = 0; row < h->map->n_rows; row += stride) {
        const double y = top + (h->map->n_rows - 1 - row + 0.5) * h->cell_height;
        pc_text words = {0};
        put_row(&words, h, row);
        write_words(h, h->left - 5, y + label_size * 0.36, label_size, PC_ANCHOR_END,
                    words_of(h, &words));
        pc_text_free(&words);
    }
    pc_mark *title = write_words(h, PC_MARGIN + 8, top + panel_height(h) / 2, PC_SMALL_SIZE,
                                 PC_ANCHOR_MIDDLE, h->map->row_word);
    title->is_upward = true;
    title->fill = PC_COLOUR_QUIET;
}

static void draw_column_label(pc_heat *h, int column, double x, double y)
{
    pc_text words = {0};
    put_column(&words, h, column);
    if (h->has_upward_labels)
        write_words(h, x + label_size * 0.36, y, label_size, PC_ANCHOR_END, words_of(h, &words))
            ->is_upward = true;
    else write_words(h, x, y + label_size * 0.8, label_size, PC_ANCHOR_MIDDLE, words_of(h, &words));
    pc_text_free(&words);
}

/* Returns where the labels end. */
static double draw_columns(pc_heat *h, double left, double y)
{
    const int stride = h->has_upward_labels ? stride_for(h->cell_width, label_size + 2) : 1;
    if (!h->map->column_word) return y;
    y += 4;
    for (int column = 0; column < h->map->n_columns; column += stride) {
        const double x = left + (column + 0.5) * h->cell_width;
        if (h->has_indices)
            write_words(h, x, y + index_size * 0.8, index_size, PC_ANCHOR_MIDDLE,
                        h->map->positions[column].name)
                ->fill = PC_COLOUR_QUIET;
        draw_column_label(h, column, x, y + (h->has_indices ? index_size + 4 : 0));
    }
    y += h->label_height + 13;
    write_words(h, left + panel_width(h) / 2, y, PC_SMALL_SIZE, PC_ANCHOR_MIDDLE,
                h->map->column_word)
        ->fill = PC_COLOUR_QUIET;
    return y;
}

/* ---- colour bar ---- */

static const char *unit_of(const char *metric)
{
    static const char *const units[][2] = {
        {"logit-diff", "logits"}, {"logit", "logits"}, {"log-prob", "nats"},
        {"loss", "nats"},         {"kl", "nats"},      {"prob-diff", "probability"},
        {"accuracy", "fraction"},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i][0], metric) == 0) return units[i][1];
    return "";
}

static void draw_tick(pc_heat *h, double x, double y, double value)
{
    pc_text words = {0};
    pc_text_put_fixed(&words, value / h->unit, h->decimals + 1, PC_SIGN_ALWAYS);
    write_words(h, x + bar_width + 5, y + label_size * 0.36, label_size, PC_ANCHOR_START,
                words_of(h, &words));
    pc_text_free(&words);
    pc_figure_rect(h->figure, x + bar_width, y - 0.3, 3, 0.6)->fill = PC_COLOUR_QUIET;
}

static double widest_tick(pc_heat *h)
{
    pc_text words = {0};
    pc_text_put_fixed(&words, -h->strongest / h->unit, h->decimals + 1, PC_SIGN_ALWAYS);
    const double width = pc_text_width(words_of(h, &words), label_size);
    pc_text_free(&words);
    return width;
}

static void draw_slices(pc_heat *h, double x, double y, double height)
{
    for (int i = 0; i < BAR_SLICES; i++) {
        const double value = h->strongest * (1 - 2 * (i + 0.5) / BAR_SLICES);
        const double above = height * i / BAR_SLICES;
        /* a little longer than its share, so that no line shows between two */
        const double length = fmin(height / BAR_SLICES + 0.4, height - above);
        pc_figure_rect(h->figure, x, y + above, bar_width, length)->fill = shade_of(h, value);
    }
    draw_frame(h, x, y, bar_width, height);
}

/* Returns its right end; *bottom is lowered to its own. */
static double draw_bar(pc_heat *h, double *bottom)
{
    const char *metric = pc_circuit_option(h->map->run, "metric");
    const double x = h->left + plot_width(h) + 24, y = h->top;
    pc_text words = {0};
    pc_text_printf(&words, "effect on %s (", metric ? metric : "?");
    if (h->exponent != 0) pc_text_printf(&words, "1e%d ", h->exponent);
    pc_text_printf(&words, "%s)", unit_of(metric ? metric : ""));
    const double words_width = pc_text_width(words_of(h, &words), PC_SMALL_SIZE);
    const double height = fmax(fmin(plot_height(h), 260), words_width);
    if (h->strongest > 0) {
        draw_slices(h, x, y, height);
        for (int i = -2; i <= 2; i++)
            draw_tick(h, x, y + height * (2 - i) / 4, h->strongest * i / 2);
    }
    const double right = x + bar_width + 5 + widest_tick(h) + 14;
    pc_mark *title =
        write_words(h, right, y + height / 2, PC_SMALL_SIZE, PC_ANCHOR_MIDDLE, words_of(h, &words));
    title->is_upward = true;
    title->fill = PC_COLOUR_QUIET;
    pc_text_free(&words);
    *bottom = fmax(*bottom, y + height);
    return right + 4;
}

/* Moves both ends outwards to where the plot ends. */
static void draw_plot(pc_heat *h, double *right, double *bottom)
{
    for (int panel = 0; panel < h->map->n_panels; panel++)
        draw_panel(h, panel);
    for (int i = 0; i < h->n_down; i++)
        draw_rows(h, panel_y(h, i * h->n_across));
    for (int i = 0; i < h->n_across; i++) {
        const double y = panel_y(h, i) + panel_height(h);
        *bottom = fmax(*bottom, draw_columns(h, panel_x(h, i), y));
    }
    *right = fmax(*right, draw_bar(h, bottom));
}

pc_status pc_draw_heat_map(pc_figure *figure, const pc_heat_map *map)
{
    pc_heat h = {.map = map, .figure = figure};
    pc_figure_rect(figure, 0, 0, 0, 0)->fill = PC_COLOUR_PAPER;
    measure(&h);
    double right = fmax(pc_draw_heat_title(figure, map), 480), bottom = h.top;
    if (map->n_rows > 0) draw_plot(&h, &right, &bottom);
    PC_TRY(pc_figure_status(figure));
    bottom = pc_draw_heat_caption(figure, map, signs_of(&h), bottom + 26, right - PC_MARGIN);
    figure->width = ceil(right + PC_MARGIN);
    figure->height = ceil(bottom - 13.5 + PC_MARGIN * 0.75);
    figure->marks[0].width = figure->width; /* the paper */
    figure->marks[0].height = figure->height;
    return pc_figure_status(figure);
}
