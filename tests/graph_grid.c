/* Grids as files: heat maps legible by measurement, tables that read back, the same bytes each
 * time. */
#include "support/grid_samples.h"
#include "support/legible.h"

#include "graph/draw.h"
#include "graph/draw_style.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BY_LAYER = PC_AXIS_LAYER,
    BY_POSITION = PC_AXIS_LAYER | PC_AXIS_POSITION,
    BY_HEAD = PC_AXIS_LAYER | PC_AXIS_HEAD,
    BY_ALL = PC_AXIS_LAYER | PC_AXIS_HEAD | PC_AXIS_POSITION
};

static const struct {
    const char *name;
    sample_grid_shape shape;
} shapes[] = {
    {"GPT-2 small by position", {BY_POSITION, 12, 12, 15, SAMPLE_TOKENS, 3}},
    {"25 positions", {BY_POSITION, 4, 4, 25, SAMPLE_TOKENS, 0.9}},
    {"64 positions", {BY_POSITION, 12, 12, 64, SAMPLE_TOKENS, 0.02}},
    {"300 positions", {BY_POSITION, 4, 4, 300, SAMPLE_TOKENS, 1}},
    {"long tokens", {BY_POSITION, 6, 8, 12, SAMPLE_LONG, 1}},
    {"positions without tokens", {BY_POSITION, 6, 8, 20, SAMPLE_NUMBERS, 40}},
    {"one layer", {BY_POSITION, 1, 4, 9, SAMPLE_TOKENS, 1}},
    {"one cell", {BY_LAYER, 1, 1, 1, SAMPLE_TOKENS, 1}},
    {"layers alone", {BY_LAYER, 24, 1, 1, SAMPLE_TOKENS, 1e-4}},
    {"12 x 12 heads", {BY_HEAD, 12, 12, 1, SAMPLE_TOKENS, 5}},
    {"80 x 64 heads", {BY_HEAD, 80, 64, 1, SAMPLE_TOKENS, 5}},
    {"2 panels", {BY_ALL, 2, 4, 8, SAMPLE_TOKENS, 2}},
    {"12 panels", {BY_ALL, 12, 12, 15, SAMPLE_TOKENS, 2}},
    {"12 panels of 64 positions", {BY_ALL, 12, 12, 64, SAMPLE_TOKENS, 2}},
    {"5 panels of long tokens", {BY_ALL, 5, 2, 4, SAMPLE_LONG, 123}},
    {"nothing has an effect", {BY_POSITION, 3, 4, 5, SAMPLE_TOKENS, 0}},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

ParameterizedTestParameters(graph_grid, labels_never_overlap)
{
    static size_t index[N_SHAPES];
    for (size_t i = 0; i < N_SHAPES; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, N_SHAPES);
}

ParameterizedTest(size_t *index, graph_grid, labels_never_overlap)
{
    const char *name = shapes[*index].name;
    pc_grid *grid = sample_grid(&shapes[*index].shape);
    pc_figure figure = {0};
    cr_assert_eq(pc_draw_grid(&figure, grid), PC_OK, "%s", pc_last_error());
    const int n_texts = legible_expect(&figure, name);
    cr_expect(n_texts > 4, "%s: only %d texts", name, n_texts);
    pc_figure_free(&figure);
    pc_grid_free(grid);
}

/* A number in a cell lies within its cell; axis labels lie outside of all. */
Test(graph_grid, numbers_stay_in_their_cells)
{
    for (size_t s = 0; s < N_SHAPES; s++) {
        pc_grid *grid = sample_grid(&shapes[s].shape);
        pc_figure figure = {0};
        const pc_mark *cell = NULL;
        int n_cells = 0;
        cr_assert_eq(pc_draw_grid(&figure, grid), PC_OK);
        for (size_t i = 0; i < figure.n_marks; i++) {
            const pc_mark *m = &figure.marks[i];
            if (m->role == PC_ROLE_NODE) cell = m, n_cells++;
            if (m->kind != PC_MARK_TEXT || m->size != 7.5) continue;
            const legible_box b = legible_box_of(m);
            cr_expect(b.left >= cell->x && b.right <= cell->x + cell->width && b.top >= cell->y &&
                          b.bottom <= cell->y + cell->height,
                      "%s: \"%s\" leaves its cell", shapes[s].name,
                      pc_figure_words(&figure, m->text));
        }
        cr_expect_eq(n_cells, grid->n_layers * grid->n_heads * grid->n_positions, "%s",
                     shapes[s].name);
        pc_figure_free(&figure);
        pc_grid_free(grid);
    }
}

static double brightness(int colour)
{
    return 0.299 * (colour >> 16) + 0.587 * (colour >> 8 & 0xff) + 0.114 * (colour & 0xff);
}

/* The hue is the sign, white is 0, and both get darker with the effect, in grey print too. */
Test(graph_grid, colours_are_signs_and_sizes)
{
    const sample_grid_shape shape = {BY_POSITION, 1, 1, 5, SAMPLE_TOKENS, 1};
    static const double effects[] = {-2, -1, 0, 1, 2};
    pc_grid *grid = sample_grid(&shape);
    pc_figure figure = {0};
    int fills[5], n = 0;
    for (int i = 0; i < 5; i++)
        grid->cells[i] = (pc_grid_cell){.effect = effects[i]};
    cr_assert_eq(pc_draw_grid(&figure, grid), PC_OK);
    for (size_t i = 0; i < figure.n_marks; i++)
        if (figure.marks[i].role == PC_ROLE_NODE && n < 5) fills[n++] = figure.marks[i].fill;
    cr_assert_eq(n, 5);
    cr_expect_eq(fills[2], PC_COLOUR_PAPER);
    cr_expect_eq(fills[0], PC_COLOUR_NEGATIVE);
    cr_expect_eq(fills[4], PC_COLOUR_POSITIVE);
    cr_expect(brightness(fills[0]) < brightness(fills[1]));
    cr_expect(brightness(fills[4]) < brightness(fills[3]));
    cr_expect(brightness(fills[4]) + 40 < brightness(fills[0]), "alike in grey");
    pc_figure_free(&figure);
    pc_grid_free(grid);
}

/* Many zeros must not drown what matters. */
Test(graph_grid, numbers_that_round_to_zero_stand_back)
{
    const sample_grid_shape shape = {BY_POSITION, 1, 1, 4, SAMPLE_TOKENS, 1};
    static const double effects[] = {-4, 0.04, -0.04, 0.4};
    pc_grid *grid = sample_grid(&shape);
    pc_figure figure = {0};
    int n_back = 0, n = 0;
    for (int i = 0; i < 4; i++)
        grid->cells[i] = (pc_grid_cell){.effect = effects[i]};
    cr_assert_eq(pc_draw_grid(&figure, grid), PC_OK);
    for (size_t i = 0; i < figure.n_marks; i++) {
        const pc_mark *m = &figure.marks[i];
        if (m->kind != PC_MARK_TEXT || m->size != 7.5) continue;
        n++;
        n_back += m->fill == PC_COLOUR_PRUNED_TEXT;
        cr_expect_eq(m->fill == PC_COLOUR_PRUNED_TEXT,
                     strstr(pc_figure_words(&figure, m->text), "0.0") != NULL, "\"%s\"",
                     pc_figure_words(&figure, m->text));
    }
    cr_expect_eq(n, 4);
    cr_expect_eq(n_back, 2);
    pc_figure_free(&figure);
    pc_grid_free(grid);
}

/* Layer 0 is at the bottom. */
Test(graph_grid, layers_run_upwards)
{
    const sample_grid_shape shape = {BY_HEAD, 3, 2, 1, SAMPLE_TOKENS, 1};
    pc_grid *grid = sample_grid(&shape);
    pc_figure figure = {0};
    double y[6];
    int n = 0;
    cr_assert_eq(pc_draw_grid(&figure, grid), PC_OK);
    for (size_t i = 0; i < figure.n_marks; i++)
        if (figure.marks[i].role == PC_ROLE_NODE && n < 6) y[n++] = figure.marks[i].y;
    cr_expect(y[0] > y[2] && y[2] > y[4], "layers at %g, %g, %g", y[0], y[2], y[4]);
    cr_expect(strstr(pc_figure_words(&figure, figure.marks[2].title), "layer 0, head 0"), "%s",
              pc_figure_words(&figure, figure.marks[2].title));
    pc_figure_free(&figure);
    pc_grid_free(grid);
}

Test(graph_grid, the_title_says_model_task_metric_and_number)
{
    pc_grid *grid = sample_grid(&shapes[0].shape);
    pc_text text = {0};
    cr_assert_eq(pc_grid_put_svg(&text, grid), PC_OK);
    cr_expect(strstr(text.data, ">gpt2 on ioi: resid_pre patched, logit-diff, n = 64</text>"));
    cr_expect(strstr(text.data, ">effect on logit-diff (logits)</text>"));
    cr_expect(strstr(text.data, "A dot: nothing changes there"));
    pc_text_free(&text);
    pc_grid_free(grid);
}

Test(graph_grid, same_grid_same_bytes_in_any_locale)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    pc_text first = {0};
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        if (!setlocale(LC_ALL, locales[i])) continue; /* not installed here */
        pc_grid *grid = sample_grid(&shapes[0].shape);
        pc_text text = {0};
        cr_assert_eq(pc_grid_put_svg(&text, grid), PC_OK);
        cr_assert_eq(pc_grid_put_csv(&text, grid), PC_OK);
        cr_assert_eq(pc_grid_put_json(&text, grid), PC_OK);
        if (!first.data) first = text;
        else {
            cr_expect_str_eq(first.data, text.data, "%s", locales[i]);
            pc_text_free(&text);
        }
        pc_grid_free(grid);
    }
    pc_text_free(&first);
}

/* Tokens come from files: nothing in them may become markup or another field. */
Test(graph_grid, hostile_tokens_are_escaped)
{
    const sample_grid_shape shape = {BY_POSITION, 1, 1, 2, SAMPLE_NUMBERS, 1};
    const pc_grid_position hostile = {"S,\"1\"", "</text><script>alert('x')</script>,\"\n\x01\xff",
                                      NULL};
    pc_grid *grid = sample_grid(&shape);
    pc_text text = {0};
    pc_grid_position_free(&grid->positions[0]);
    cr_assert_eq(pc_grid_position_copy(&grid->positions[0], &hostile), PC_OK);
    cr_assert_eq(pc_grid_put_svg(&text, grid), PC_OK);
    cr_expect_not(strstr(text.data, "<script"));
    cr_expect_not(strchr(text.data, '\x01'));
    cr_expect_not(strchr(text.data, '\xff'));
    pc_text_free(&text);
    cr_assert_eq(pc_grid_put_csv(&text, grid), PC_OK);
    cr_expect(strstr(text.data, "\n0,,\"S,\"\"1\"\"\",\"</text><script>alert('x')</script>,\"\"\n"),
              "%s", text.data);
    pc_text_free(&text);
    pc_grid_free(grid);
}

Test(graph_grid, json_and_csv_have_every_cell)
{
    pc_grid *grid = sample_grid(&shapes[11].shape);
    pc_text json = {0}, csv = {0};
    json_error_t error;
    cr_assert_eq(pc_grid_put_json(&json, grid), PC_OK);
    cr_assert_eq(pc_grid_put_csv(&csv, grid), PC_OK);
    json_t *root = json_loads(json.data, 0, &error);
    cr_assert(root, "line %d: %s", error.line, error.text);
    const json_t *cells = json_object_get(root, "cells");
    cr_assert_eq(json_array_size(cells), 2 * 4 * 8);
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const json_t *cell = json_array_get(cells, i);
        cr_expect_eq(json_number_value(json_object_get(cell, "effect")), grid->cells[i].effect);
        cr_expect_eq(json_integer_value(json_object_get(cell, "layer")), (json_int_t)i / 32);
        cr_expect_eq(json_integer_value(json_object_get(cell, "head")), (json_int_t)(i / 8 % 4));
        const char *position = json_string_value(json_object_get(cell, "position"));
        cr_expect_eq(atoi(position), (int)(i % 8));
    }
    const json_t *first = json_array_get(json_object_get(root, "positions"), 1);
    cr_expect_str_eq(json_string_value(json_object_get(first, "token")), " Mary");
    int n_lines = 0;
    for (const char *c = csv.data; *c; c++)
        n_lines += *c == '\n';
    cr_expect_eq(n_lines, 1 + 2 * 4 * 8);
    cr_expect(strstr(csv.data, "\n1,3,7, store,"), "%s", csv.data);
    json_decref(root);
    pc_text_free(&csv);
    pc_text_free(&json);
    pc_grid_free(grid);
}

static const struct {
    const char *words;
    unsigned axes; /* 0: refused */
} axes[] = {
    {"layer", BY_LAYER},
    {"position,layer", BY_POSITION},
    {"layer,head,position", BY_ALL},
    {"head", 0},
    {"layer,layer", 0},
    {"layer,", 0},
    {"", 0},
    {"layer,heads", 0},
};

Test(graph_grid, axes_are_read)
{
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) {
        unsigned found = 0;
        const pc_status status = pc_axes_parse(&found, axes[i].words);
        cr_expect_eq(status, axes[i].axes ? PC_OK : PC_ERR_INPUT, "\"%s\"", axes[i].words);
        cr_expect_eq(found, axes[i].axes, "\"%s\"", axes[i].words);
    }
}
