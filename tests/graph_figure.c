/* Figures: legible by measurement (nothing overlaps), valid, the same bytes each time, safe to
 * open. */
#define _POSIX_C_SOURCE 200809L
#include "support/graph_samples.h"

#include "graph/draw.h"
#include "graph/layout.h"
#include "graph/report_page.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    sample_shape shape;
} shapes[] = {
    {"12 edges, 2 layers", {2, 4, 4, 12, 8}},
    {"40 edges, 4 layers", {4, 8, 8, 40, 14}},
    {"150 edges, GPT-2 small", {12, 12, 12, 150, 40}},
    {"grouped queries", {8, 16, 4, 60, 20}},
    {"one head used", {3, 1, 1, 6, 1}},
    {"24 layers", {24, 16, 16, 120, 60}},
    {"too many pruned heads for a grid", {40, 64, 8, 50, 60}},
};

static pc_circuit *sample(size_t i)
{
    return i < sizeof shapes / sizeof *shapes ? sample_random(&shapes[i].shape)
                                              : sample_induction();
}

enum { N_SAMPLES = sizeof shapes / sizeof *shapes + 1 };

static const char *sample_name(size_t i)
{
    return i + 1 < N_SAMPLES ? shapes[i].name : "induction";
}

static void draw(pc_figure *figure, const pc_circuit *c, const pc_draw_options *options)
{
    cr_assert_eq(pc_draw_circuit(figure, c, options), PC_OK, "%s", pc_last_error());
}

static bool overlap(const pc_mark *a, const pc_mark *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

static bool is_solid(const pc_mark *mark)
{
    return mark->role == PC_ROLE_NODE || mark->role == PC_ROLE_PRUNED ||
           mark->role == PC_ROLE_EDGE_LABEL;
}

ParameterizedTestParameters(graph_figure, labels_and_boxes_never_overlap)
{
    static size_t index[N_SAMPLES];
    for (size_t i = 0; i < N_SAMPLES; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, N_SAMPLES);
}

ParameterizedTest(size_t *index, graph_figure, labels_and_boxes_never_overlap)
{
    pc_circuit *c = sample(*index);
    pc_figure figure = {0};
    draw(&figure, c, NULL);
    for (size_t i = 0; i < figure.n_marks; i++) {
        const pc_mark *a = &figure.marks[i];
        if (!is_solid(a)) continue;
        cr_expect(a->x >= 0 && a->x + a->width <= figure.width && a->y >= 0 &&
                      a->y + a->height <= figure.height,
                  "%s: mark %zu leaves the page", sample_name(*index), i);
        for (size_t j = i + 1; j < figure.n_marks; j++)
            if (is_solid(&figure.marks[j]))
                cr_expect_not(overlap(a, &figure.marks[j]), "%s: marks %zu and %zu overlap",
                              sample_name(*index), i, j);
    }
    pc_figure_free(&figure);
    pc_circuit_free(c);
}

static size_t count_role(const pc_figure *figure, pc_mark_role role)
{
    size_t count = 0;
    for (size_t i = 0; i < figure->n_marks; i++)
        count += figure->marks[i].role == role;
    return count;
}

static size_t n_in_circuit(const pc_circuit *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->n_edges; i++)
        count += c->edges[i].in_circuit;
    return count;
}

Test(graph_figure, every_edge_of_the_circuit_has_a_curve_and_a_number)
{
    for (size_t i = 0; i < N_SAMPLES; i++) {
        pc_circuit *c = sample(i);
        pc_figure figure = {0};
        draw(&figure, c, NULL);
        cr_expect_eq(count_role(&figure, PC_ROLE_EDGE), n_in_circuit(c), "%s", sample_name(i));
        cr_expect_eq(count_role(&figure, PC_ROLE_EDGE_LABEL), n_in_circuit(c), "%s: %zu of %zu",
                     sample_name(i), count_role(&figure, PC_ROLE_EDGE_LABEL), n_in_circuit(c));
        pc_figure_free(&figure);
        pc_circuit_free(c);
    }
}

/* Sampled finely: the lanes keep edges out of boxes that they do not touch. */
Test(graph_figure, no_edge_runs_behind_a_box)
{
    for (size_t s = 0; s < N_SAMPLES; s++) {
        pc_circuit *c = sample(s);
        pc_figure figure = {0};
        int n_behind = 0;
        draw(&figure, c, NULL);
        for (size_t i = 0; i < figure.n_marks; i++) {
            const pc_mark *path = &figure.marks[i];
            for (size_t k = 0; path->role == PC_ROLE_EDGE && k + 3 < path->n_points; k += 3)
                for (int step = 1; step < 16; step++) {
                    const pc_point *p = figure.points + path->first_point + k;
                    const double t = step / 16.0, u = 1 - t;
                    const double x = u * u * u * p[0].x + 3 * u * u * t * p[1].x +
                                     3 * u * t * t * p[2].x + t * t * t * p[3].x;
                    const double y = u * u * u * p[0].y + 3 * u * u * t * p[1].y +
                                     3 * u * t * t * p[2].y + t * t * t * p[3].y;
                    for (size_t j = 0; j < figure.n_marks; j++) {
                        const pc_mark *box = &figure.marks[j];
                        n_behind += (box->role == PC_ROLE_NODE || box->role == PC_ROLE_PRUNED) &&
                                    x > box->x && x < box->x + box->width && y > box->y &&
                                    y < box->y + box->height;
                    }
                }
        }
        cr_expect_eq(n_behind, 0, "%s: %d points of edges lie in boxes", sample_name(s), n_behind);
        pc_figure_free(&figure);
        pc_circuit_free(c);
    }
}

/* A writer's box lies below its reader's: y falls along every edge. */
Test(graph_figure, edges_run_upwards)
{
    pc_circuit *c = sample(2);
    pc_figure figure = {0};
    draw(&figure, c, NULL);
    for (size_t i = 0; i < figure.n_marks; i++) {
        const pc_mark *path = &figure.marks[i];
        for (size_t k = 1; path->role == PC_ROLE_EDGE && k < path->n_points; k++)
            cr_expect(figure.points[path->first_point + k].y <=
                          figure.points[path->first_point + k - 1].y + 1e-9,
                      "path %zu turns downwards", i);
    }
    pc_figure_free(&figure);
    pc_circuit_free(c);
}

Test(graph_figure, ordering_the_rows_removes_crossings)
{
    pc_circuit *c = sample(2);
    const pc_circuit_edge **edges = malloc(c->n_edges * sizeof *edges);
    int n = 0;
    for (size_t i = 0; i < c->n_edges; i++)
        if (c->edges[i].in_circuit) edges[n++] = &c->edges[i];
    pc_layout layout;
    long long ordered, unordered;
    cr_assert_eq(pc_layout_init(&layout, c, edges, n, true), PC_OK);
    cr_assert_eq(pc_layout_crossings(&ordered, &layout), PC_OK);
    for (int r = 0; r < layout.n_rows; r++) /* component order, lanes behind */
        for (int i = 0, x = 0; i < layout.n_items; i++)
            if (layout.items[i].row == r) layout.items[i].x = x++ * 20;
    cr_assert_eq(pc_layout_crossings(&unordered, &layout), PC_OK);
    cr_expect(2 * ordered < unordered, "%lld crossings, %lld in component order", ordered,
              unordered);
    pc_layout_free(&layout);
    free(edges);
    pc_circuit_free(c);
}

Test(graph_figure, the_budget_is_kept_and_counted)
{
    pc_circuit *c = sample(2);
    pc_draw_options options = PC_DRAW_OPTIONS_INIT;
    pc_text text = {0};
    pc_figure figure = {0};
    options.max_edges = 25;
    draw(&figure, c, &options);
    cr_expect_eq(count_role(&figure, PC_ROLE_EDGE), 25);
    cr_assert_eq(pc_circuit_put_svg(&text, c, &options), PC_OK);
    cr_expect(strstr(text.data, ">25 of 300 edges drawn (the strongest of 150 in the circuit), "));
    cr_expect(strstr(text.data, "Faithfulness of the circuit 0.917."));
    options.max_edges = -1;
    cr_expect_eq(pc_circuit_put_svg(&text, c, &options), PC_ERR_ARG);
    pc_text_free(&text);
    pc_figure_free(&figure);
    pc_circuit_free(c);
}

Test(graph_figure, roles_of_what_is_drawn_are_in_the_legend)
{
    pc_circuit *c = sample_induction();
    pc_draw_options options = PC_DRAW_OPTIONS_INIT;
    pc_text all = {0}, some = {0};
    cr_assert_eq(pc_circuit_put_svg(&all, c, NULL), PC_OK);
    cr_expect(strstr(all.data,
                     ">Roles: duplicate-token a0.h1 (looks at earlier copies of its token); "
                     "previous-token a0.h2 (looks at the token before);"));
    cr_expect(strstr(all.data, "induction a1.h0,"));
    options.max_edges = 1; /* input to a0.h2 */
    cr_assert_eq(pc_circuit_put_svg(&some, c, &options), PC_OK);
    cr_expect(
        strstr(some.data, ">Roles: previous-token a0.h2 (looks at the token before).</text>"));
    pc_text_free(&some);
    pc_text_free(&all);
    pc_circuit_free(c);
}

Test(graph_figure, effects_of_components_are_a_map_without_edges)
{
    static const sample_shape shape = {12, 12, 12, 0, 1};
    pc_circuit *c = sample_random(&shape);
    pc_figure figure = {0};
    pc_text text = {0};
    cr_assert_eq(pc_circuit_add_node(c, &(pc_circuit_node){.name = "logits", .in_circuit = true}),
                 PC_OK);
    draw(&figure, c, NULL);
    cr_expect_eq(count_role(&figure, PC_ROLE_EDGE), 0);
    cr_expect_eq(count_role(&figure, PC_ROLE_NODE), c->n_nodes);
    cr_assert_eq(pc_circuit_put_svg(&text, c, NULL), PC_OK);
    cr_expect(strstr(text.data, " of 156 components in the circuit, "), "the unmeasured count");
    cr_expect_not(strstr(text.data, "not measured"));
    pc_text_free(&text);
    pc_figure_free(&figure);
    pc_circuit_free(c);
}

Test(graph_figure, neurons_of_the_circuit_stand_in_their_mlp)
{
    pc_circuit *c = sample_neurons(3, 80);
    pc_draw_options options = PC_DRAW_OPTIONS_INIT;
    pc_figure figure = {0};
    draw(&figure, c, &options);
    cr_expect_eq(count_role(&figure, PC_ROLE_NODE), 60);
    pc_figure_free(&figure);
    options.max_edges = 10;
    draw(&figure, c, &options);
    cr_expect_eq(count_role(&figure, PC_ROLE_NODE), 10);
    pc_figure_free(&figure);
    pc_circuit_free(c);
}

Test(graph_figure, same_circuit_same_bytes_in_any_locale)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    pc_text first = {0};
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        if (!setlocale(LC_ALL, locales[i])) continue; /* not installed here */
        pc_circuit *c = sample(1);
        pc_text text = {0};
        cr_assert_eq(pc_circuit_put_svg(&text, c, NULL), PC_OK);
        cr_assert_eq(pc_circuit_put_dot(&text, c, NULL), PC_OK);
        cr_assert_eq(pc_report_put_page(&text, c, "", NULL), PC_OK);
        if (!first.data) first = text;
        else {
            cr_expect_str_eq(first.data, text.data, "%s", locales[i]);
            pc_text_free(&text);
        }
        pc_circuit_free(c);
    }
    pc_text_free(&first);
}

/* Names come from files: nothing in them may become markup, script or a control character. */
Test(graph_figure, hostile_names_are_escaped)
{
    pc_circuit *c = sample_induction();
    pc_circuit_model model = *pc_circuit_describe_model(c);
    pc_draw_options options = PC_DRAW_OPTIONS_INIT;
    pc_text text = {0};
    model.name = "</text><script>alert('x')</script>&\"\x01\xff\xef\xbf\xbf";
    options.title = "a <b> & \"c\"\n";
    cr_assert_eq(pc_circuit_set_model(c, &model), PC_OK);
    cr_assert_eq(pc_circuit_put_svg(&text, c, &options), PC_OK);
    cr_expect_not(strstr(text.data, "<script"));
    cr_expect_not(strchr(text.data, '\x01'));
    cr_expect_not(strchr(text.data, '\xff'));
    cr_expect(strstr(text.data, "a &lt;b&gt; &amp; &quot;c&quot;\xef\xbf\xbd</text>"));
    cr_expect(strstr(text.data, "&lt;/text&gt;&lt;script&gt;"));
    cr_expect_not(strstr(text.data, "href"));
    cr_expect_not(strstr(text.data, "url("));
    pc_text_free(&text);
    pc_circuit_free(c);
}

Test(graph_figure, numbers_are_written_in_any_size)
{
    static const struct {
        double value;
        int decimals;
        pc_sign_style style;
        const char *words;
    } cases[] = {{-1.005, 1, PC_SIGN_ALWAYS,
                  "\xe2\x88\x92"
                  "1.0"},
                 {0.25, 2, PC_SIGN_ALWAYS, "+0.25"},
                 {-0.001, 2, PC_SIGN_ALWAYS, "0.00"},
                 {7, 0, PC_SIGN_PLAIN, "7"},
                 {-2.5, 1, PC_SIGN_PLAIN, "-2.5"},
                 {1e20, 2, PC_SIGN_PLAIN, "1e+20"},
                 {0.05, 3, PC_SIGN_PLAIN, "0.050"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pc_text text = {0};
        pc_text_put_fixed(&text, cases[i].value, cases[i].decimals, cases[i].style);
        cr_expect_str_eq(text.data, cases[i].words, "case %zu: %s", i, text.data);
        pc_text_free(&text);
    }
}

Test(graph_figure, long_texts_are_cut_to_fit)
{
    pc_text text = {0};
    pc_text_put_fitting(&text, "previous-token and duplicate-token", 8, 60);
    cr_expect(pc_text_width(text.data, 8) <= 60, "%s", text.data);
    cr_expect(strstr(text.data, "previous"), "%s", text.data);
    cr_expect(strstr(text.data, "\xe2\x80\xa6"), "%s", text.data);
    pc_text_free(&text);
    pc_text_put_fitting(&text, "induction", 8, 60);
    cr_expect_str_eq(text.data, "induction");
    pc_text_free(&text);
}

Test(graph_figure, dot_names_components_ports_and_signs)
{
    static const char *const parts[] = {"digraph circuit {",
                                        "{ rank=same;",
                                        "\"a1.h3\" [label=\"a1.h3 (induction)\"];",
                                        "  \"a0.h2\" -> \"a1.h3\" [color=\"#e8861a\", penwidth=",
                                        "headlabel=\"k\"",
                                        "style=dashed, headlabel=\"q\"",
                                        "style=dotted, headlabel=\"v\""};
    pc_circuit *c = sample_induction();
    pc_text text = {0};
    cr_assert_eq(pc_circuit_put_dot(&text, c, NULL), PC_OK);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(text.data, parts[i]), "missing: %s", parts[i]);
    cr_expect_not(strstr(text.data, "\"a0.h0\" ->"), "an edge outside the circuit is drawn");
    pc_text_free(&text);
    pc_circuit_free(c);
}

/* Graphviz is asked where it is installed. */
Test(graph_figure, graphviz_reads_the_dot)
{
    if (system("command -v dot >/dev/null 2>&1") != 0) return;
    for (size_t i = 0; i < 4; i++) {
        pc_circuit *c = sample(i);
        pc_text text = {0};
        cr_assert_eq(pc_circuit_put_dot(&text, c, NULL), PC_OK);
        FILE *pipe = popen("dot -Tplain -o /dev/null 2>&1", "w");
        cr_assert(pipe);
        cr_expect_eq(fwrite(text.data, 1, text.length, pipe), text.length);
        cr_expect_eq(pclose(pipe), 0, "%s: dot refuses it", sample_name(i));
        pc_text_free(&text);
        pc_circuit_free(c);
    }
}
