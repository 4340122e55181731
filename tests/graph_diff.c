/* Two circuits side by side: counted by hand, the same from both sides, legible as a figure. */
#include "support/graph_samples.h"
#include "support/legible.h"

#include "graph/diff_private.h"
#include "graph/draw.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct edge {
    const char *from, *to;
    double effect;
    bool in_circuit;
} edge;

static const edge edges_a[] = {{"input", "a0.h2<v>", -4, true},
                               {"input", "a0.h3<v>", 0, false},
                               {"a0.h2", "a1.h3<k>", -3, true},
                               {"a0.h2", "logits", 1, true},
                               {"a1.h3", "logits", -2, false}};
/* |effects| of the five in A's order: 8, 1, 1, 3, 6 */
static const edge edges_b[] = {{"a1.h3", "logits", 6, true},    {"input", "a0.h2<v>", 8, true},
                               {"a0.h2", "a1.h3<k>", 1, false}, {"a0.h2", "logits", -3, true},
                               {"input", "a0.h3<v>", 1, false}, {"m1", "logits", 0.5, true}};

static pc_circuit *begin(const char *model, int n_layers)
{
    pc_circuit *c;
    cr_assert_eq(pc_circuit_new(&c, "1"), PC_OK);
    cr_assert_eq(pc_circuit_set_model(c, &(pc_circuit_model){.name = model,
                                                             .sha256 = "abcd",
                                                             .architecture = "gpt2",
                                                             .n_layers = n_layers,
                                                             .n_heads = 4,
                                                             .n_kv_heads = 2,
                                                             .d_model = 8,
                                                             .d_head = 2,
                                                             .d_mlp = 8,
                                                             .vocab = 9}),
                 PC_OK);
    cr_assert_eq(pc_circuit_set_task(c, &(pc_circuit_task){"induction", "ef", 6, 0, "train"}),
                 PC_OK);
    return c;
}

static pc_circuit *of_edges(const edge *edges, size_t n)
{
    pc_circuit *c = begin("demo", 2);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(pc_circuit_add_edge(c, &(pc_circuit_edge){.from = edges[i].from,
                                                               .to = edges[i].to,
                                                               .effect = edges[i].effect,
                                                               .is_measured = true,
                                                               .in_circuit = edges[i].in_circuit}),
                     PC_OK);
    return c;
}

static pc_circuit *circuit_a(void)
{
    return of_edges(edges_a, sizeof edges_a / sizeof *edges_a);
}

static pc_circuit *circuit_b(void)
{
    return of_edges(edges_b, sizeof edges_b / sizeof *edges_b);
}

/* Frees the circuits, so that what the comparison holds must be its own. */
static pc_circuit_diff *compare(pc_circuit *a, pc_circuit *b)
{
    pc_circuit_diff *diff;
    cr_assert_eq(pc_circuit_diff_new(&diff, a, b), PC_OK, "%s", pc_last_error());
    pc_circuit_free(b);
    pc_circuit_free(a);
    return diff;
}

static void expect_row(const pc_circuit_diff *diff, size_t i, const char *from, const char *to,
                       pc_diff_side side, double a, double b)
{
    const pc_diff_row *row = pc_circuit_diff_row_at(diff, i);
    cr_assert(row, "row %zu", i);
    cr_expect_str_eq(row->from, from, "row %zu", i);
    cr_expect_str_eq(row->to, to, "row %zu", i);
    cr_expect_eq(row->side, side, "row %zu: %s->%s", i, from, to);
    cr_expect(row->a == a && row->b == b, "row %zu: %g %g", i, row->a, row->b);
}

Test(graph_diff, what_is_shared_is_counted_and_listed)
{
    pc_circuit_diff *diff = compare(circuit_a(), circuit_b());
    const pc_diff_summary *s = pc_circuit_diff_summary(diff);
    cr_expect_eq(s->kind, PC_DIFF_EDGES);
    cr_expect(s->n_both == 2 && s->n_only_a == 1 && s->n_only_b == 2);
    cr_expect(s->n_a == 3 && s->n_b == 4 && s->n_all_a == 5 && s->n_all_b == 6);
    cr_expect(s->jaccard == 0.4, "%g", s->jaccard);
    cr_assert_eq(pc_circuit_diff_n_rows(diff), 5);
    expect_row(diff, 0, "input", "a0.h2<v>", PC_DIFF_BOTH, -4, 8);
    expect_row(diff, 1, "a0.h2", "logits", PC_DIFF_BOTH, 1, -3);
    expect_row(diff, 2, "a0.h2", "a1.h3<k>", PC_DIFF_ONLY_A, -3, 1);
    expect_row(diff, 3, "a1.h3", "logits", PC_DIFF_ONLY_B, -2, 6);
    expect_row(diff, 4, "m1", "logits", PC_DIFF_ONLY_B, 0, 0.5);
    cr_expect_not(pc_circuit_diff_row_at(diff, 4)->is_measured_a);
    cr_expect_null(pc_circuit_diff_row_at(diff, 5));
    pc_circuit_diff_free(diff);
}

/* Ranks of |effect| of the five in both: A 4 0 3 1 2, B 4 0.5 0.5 2 3; about 2 they are
 * 2 -2 1 -1 0 and 2 -1.5 -1.5 0 1, with products 5.5 and squares 10 and 9.5. */
Test(graph_diff, ranks_are_correlated_with_ties_in_the_middle)
{
    pc_circuit_diff *diff = compare(circuit_a(), circuit_b());
    const pc_diff_summary *s = pc_circuit_diff_summary(diff);
    cr_expect_eq(s->n_ranked, 5);
    cr_expect_float_eq(s->rank_correlation, 5.5 / sqrt(95), 1e-15, "%.17g", s->rank_correlation);
    pc_circuit_diff_free(diff);
}

Test(graph_diff, a_circuit_is_itself)
{
    for (int i = 0; i < 2; i++) {
        pc_circuit_diff *diff = i ? compare(sample_neurons(3, 40), sample_neurons(3, 40))
                                  : compare(sample_induction(), sample_induction());
        const pc_diff_summary *s = pc_circuit_diff_summary(diff);
        cr_expect_eq(s->n_only_a + s->n_only_b, 0);
        cr_expect(s->n_both == (i ? 30 : 15) && s->jaccard == 1);
        cr_expect_float_eq(s->rank_correlation, 1, 1e-15);
        cr_expect_eq(s->kind, i ? PC_DIFF_NEURONS : PC_DIFF_EDGES);
        pc_circuit_diff_free(diff);
    }
}

Test(graph_diff, from_the_other_side_it_is_the_same)
{
    pc_circuit_diff *one = compare(circuit_a(), circuit_b()),
                    *other = compare(circuit_b(), circuit_a());
    const pc_diff_summary *s = pc_circuit_diff_summary(one), *t = pc_circuit_diff_summary(other);
    cr_expect(s->n_both == t->n_both && s->n_only_a == t->n_only_b && s->n_only_b == t->n_only_a);
    cr_expect(s->jaccard == t->jaccard && s->rank_correlation == t->rank_correlation);
    for (size_t i = 0; i < 2; i++) {
        const pc_diff_row *x = pc_circuit_diff_row_at(one, i),
                          *y = pc_circuit_diff_row_at(other, i);
        cr_expect(strcmp(x->from, y->from) == 0 && x->a == y->b && x->b == y->a);
    }
    pc_circuit_diff_free(other);
    pc_circuit_diff_free(one);
}

/* One circuit of edges, one of components: its nodes are compared, without the logits. */
Test(graph_diff, edges_beside_components_are_compared_as_components)
{
    static const sample_shape nodes = {2, 4, 4, 0, 1};
    pc_circuit *a = sample_induction(), *b = sample_random(&nodes);
    pc_circuit_model model = *pc_circuit_describe_model(a);
    cr_assert_eq(pc_circuit_set_model(b, &model), PC_OK);
    cr_assert_eq(pc_circuit_add_node(b, &(pc_circuit_node){.name = "logits", .in_circuit = true}),
                 PC_OK);
    pc_circuit_diff *diff = compare(a, b);
    cr_expect_eq(pc_circuit_diff_summary(diff)->kind, PC_DIFF_COMPONENTS);
    cr_expect_eq(pc_circuit_diff_summary(diff)->n_all_b, 10);
    for (size_t i = 0; i < pc_circuit_diff_n_rows(diff); i++)
        cr_expect_null(pc_circuit_diff_row_at(diff, i)->to);
    pc_circuit_diff_free(diff);
}

Test(graph_diff, nothing_in_common_has_no_numbers)
{
    pc_circuit_diff *diff = compare(begin("demo", 2), begin("demo", 2));
    const pc_diff_summary *s = pc_circuit_diff_summary(diff);
    cr_expect(isnan(s->jaccard) && isnan(s->rank_correlation));
    pc_text text = {0};
    cr_expect_eq(pc_circuit_diff_put_figure(&text, diff, NULL, NULL, pc_figure_put_svg), PC_OK);
    cr_expect_not(strstr(text.data, "nan"));
    pc_text_free(&text);
    pc_circuit_diff_free(diff);
}

static void expect_refusal(pc_circuit *a, pc_circuit *b, const char *words)
{
    pc_circuit_diff *diff = NULL;
    cr_expect_eq(pc_circuit_diff_new(&diff, a, b), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), words), "%s", pc_last_error());
    cr_expect_null(diff);
    pc_circuit_free(b);
    pc_circuit_free(a);
}

Test(graph_diff, what_cannot_be_compared_is_refused)
{
    expect_refusal(begin("one", 2), begin("two", 3),
                   "A is of one (2 layers of 4 heads), B of two (3 of 4)");
    pc_circuit *other = begin("tuned", 2);
    pc_circuit_model model = *pc_circuit_describe_model(other);
    model.sha256 = "9999";
    cr_assert_eq(pc_circuit_set_model(other, &model), PC_OK);
    expect_refusal(begin("demo", 2), other, "other weights (sha256 abcd... and 9999...)");
    pc_circuit *neurons = begin("demo", 2);
    cr_assert_eq(pc_circuit_add_node(neurons, &(pc_circuit_node){.name = "m1.n3"}), PC_OK);
    expect_refusal(neurons, circuit_a(), "A is of neurons, B is not");
    pc_circuit *a = circuit_a(), *b = circuit_b();
    cr_assert_eq(pc_circuit_set_option(a, "kv_granularity", "kv"), PC_OK);
    cr_assert_eq(pc_circuit_set_option(b, "kv_granularity", "query"), PC_OK);
    expect_refusal(a, b, "once per kv head, B once per query head");
}

/* ---- the figure ---- */

static size_t count_edges(const pc_figure *figure, int colour, pc_dash dash)
{
    size_t n = 0;
    for (size_t i = 0; i < figure->n_marks; i++) {
        const pc_mark *mark = &figure->marks[i];
        n += mark->role == PC_ROLE_EDGE && mark->stroke == colour && mark->dash == dash;
    }
    return n;
}

Test(graph_diff, the_figure_tells_sides_by_hue_and_by_dash)
{
    static const char *const names[] = {"exact", "a <b> & (c)"};
    pc_circuit_diff *diff = compare(circuit_a(), circuit_b());
    pc_figure figure = {0};
    pc_text svg = {0};
    cr_assert_eq(pc_draw_diff(&figure, diff, names, NULL), PC_OK);
    cr_expect_eq(count_edges(&figure, pc_side_colour(PC_DIFF_BOTH), PC_DASH_NONE), 2);
    cr_expect_eq(count_edges(&figure, pc_side_colour(PC_DIFF_ONLY_A), PC_DASH_LONG), 1);
    cr_expect_eq(count_edges(&figure, pc_side_colour(PC_DIFF_ONLY_B), PC_DASH_DOTS), 2);
    cr_assert_eq(pc_figure_put_svg(&svg, &figure), PC_OK);
    cr_expect(strstr(svg.data, ">only in A (exact): 1</text>"));
    cr_expect(strstr(svg.data, ">only in B (a &lt;b&gt; &amp; (c)): 2</text>"));
    cr_expect(strstr(svg.data, ">2 of 5 edges in both (Jaccard 0.400). "));
    pc_text_free(&svg);
    pc_figure_free(&figure);
    pc_circuit_diff_free(diff);
}

/* Boxes and numbers of the edges; the circuits share half of what they have. */
Test(graph_diff, labels_and_boxes_never_overlap)
{
    static const sample_shape shapes[][2] = {{{2, 4, 4, 12, 8}, {2, 4, 4, 12, 8}},
                                             {{12, 12, 12, 80, 40}, {12, 12, 12, 70, 30}},
                                             {{12, 12, 12, 0, 40}, {12, 12, 12, 0, 30}}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        pc_circuit_diff *diff = compare(sample_random(&shapes[i][0]), sample_random(&shapes[i][1]));
        pc_figure figure = {0};
        cr_assert_eq(pc_draw_diff(&figure, diff, NULL, NULL), PC_OK);
        cr_expect(legible_expect(&figure, "two circuits") > 20);
        pc_figure_free(&figure);
        pc_circuit_diff_free(diff);
    }
}
