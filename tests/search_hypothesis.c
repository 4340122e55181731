/* Tests of hypotheses: against counting by hand, false alarms as often as they say, and on circuits
 * of which the answer is known. */
#include "base/rng.h"
#include "graph/circuit_private.h"
#include "patchclamp/patchclamp.h"
#include "search/hypothesis.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- by themselves ---- */

static bool is_near(double x, double y)
{
    return fabs(x - y) < 1e-12;
}

Test(search_hypothesis, binomial_tails_are_what_counting_gives)
{
    const double epsilon = 0.1, u = 0.6, v = 0.4;
    cr_expect(is_near(pc_binomial_at_most(0, 3, 0.9), 0.001));
    cr_expect(is_near(pc_binomial_at_most(2, 3, 0.9), 1 - 0.729));
    cr_expect(is_near(pc_binomial_at_most(3, 3, 0.9), 1));
    cr_expect(is_near(pc_equivalence_p(3, 3, epsilon), u * u * u + v * v * v));
    cr_expect(is_near(pc_equivalence_p(0, 3, epsilon), u * u * u + v * v * v));
    cr_expect(is_near(pc_equivalence_p(1, 3, epsilon), 1));
    cr_expect(is_near(pc_equivalence_p(2.5, 3, epsilon), u * u * u + v * v * v), "2.5 is beyond 2");
    cr_expect(is_near(pc_equivalence_p(32, 64, epsilon), 1));
    cr_expect(pc_equivalence_p(0, 64, epsilon) < 1e-13);
}

Test(search_hypothesis, holm_is_what_its_steps_give)
{
    const double p[] = {0.01, 0.9, 0.02, 0.011, 0.6};
    const double expected[] = {0.05, 1, 0.06, 0.05, 1};
    double adjusted[5];
    cr_assert_eq(pc_holm(adjusted, p, 5), PC_OK);
    for (int i = 0; i < 5; i++)
        cr_expect(is_near(adjusted[i], expected[i]), "%d: %g, expected %g", i, adjusted[i],
                  expected[i]);
}

static double normal(pc_rng *rng)
{
    const double u = 1 - pc_rng_unit(rng), v = pc_rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

Test(search_hypothesis, equal_chances_are_rejected_seldom_and_unequal_ones_often)
{
    enum { TRIALS = 2000, N = 60 };
    pc_rng rng = {.seed = 7};
    int n_rejected[2] = {0};
    for (int trial = 0; trial < TRIALS; trial++)
        for (int is_unequal = 0; is_unequal < 2; is_unequal++) {
            int wins = 0; /* the worst that the hypothesis allows, and far beyond it */
            for (int i = 0; i < N; i++)
                wins += pc_rng_unit(&rng) < (is_unequal ? 0.85 : 0.6);
            n_rejected[is_unequal] += pc_equivalence_p(wins, N, 0.1) <= 0.05;
        }
    /* at most 100 expected, standard deviation 10 */
    cr_expect(n_rejected[0] <= 130 && n_rejected[0] > 20, "%d of %d", n_rejected[0], TRIALS);
    cr_expect(n_rejected[1] > 0.95 * TRIALS, "%d of %d", n_rejected[1], TRIALS);
}

/* The criterion by its definition, with every matrix written out. */
static double criterion(const double *x, const double *y, int n, double wx, double wy)
{
    enum { MOST = 16 };
    double k[MOST][MOST], l[MOST][MOST], h[MOST][MOST], hl[MOST][MOST] = {{0}}, trace = 0;
    double hk[MOST][MOST] = {{0}};
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            k[i][j] = exp(-(x[i] - x[j]) * (x[i] - x[j]) / (2 * wx * wx));
            l[i][j] = exp(-(y[i] - y[j]) * (y[i] - y[j]) / (2 * wy * wy));
            h[i][j] = (i == j) - 1.0 / n;
        }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            for (int m = 0; m < n; m++) {
                hk[i][j] += h[i][m] * k[m][j];
                hl[i][j] += h[i][m] * l[m][j];
            }
    for (int i = 0; i < n; i++) /* trace of HKH LH = trace of (HK)(HL) */
        for (int j = 0; j < n; j++)
            trace += hk[i][j] * hl[j][i];
    return trace / ((n - 1.0) * (n - 1.0));
}

Test(search_hypothesis, the_criterion_is_its_definition)
{
    const double x[] = {0, 1, 3, 7}, y[] = {2, 2, 2, 5};
    double hsic, p;
    cr_assert_eq(pc_independence(&hsic, &p, x, y, 4), PC_OK);
    /* distances of x: 1, 2, 3, 4, 6, 7, median 3.5; of y: 0, 0, 0, 3, 3, 3, median 1.5 */
    const double expected = criterion(x, y, 4, 3.5, 1.5);
    cr_expect(is_near(hsic, expected), "%g, expected %g", hsic, expected);
    cr_expect(p > 0 && p <= 1);
}

Test(search_hypothesis, what_does_not_vary_is_independent)
{
    const double x[] = {1, 2, 3, 4}, same[] = {2, 2, 2, 2};
    double hsic, p;
    cr_assert_eq(pc_independence(&hsic, &p, x, same, 4), PC_OK);
    cr_expect(hsic == 0 && p == 1, "%g %g", hsic, p);
}

/* Dependence without correlation too. */
Test(search_hypothesis, dependence_is_found_and_independence_rejected_as_seldom_as_it_says)
{
    enum { TRIALS = 200, N = 30 };
    double x[N], y[N], hsic, p;
    pc_rng rng = {.seed = 8};
    int n_rejected[2] = {0};
    for (int trial = 0; trial < TRIALS; trial++)
        for (int is_dependent = 0; is_dependent < 2; is_dependent++) {
            for (int i = 0; i < N; i++) {
                x[i] = normal(&rng);
                y[i] = is_dependent ? x[i] * x[i] + 0.1 * normal(&rng) : normal(&rng);
            }
            cr_assert_eq(pc_independence(&hsic, &p, x, y, N), PC_OK);
            n_rejected[is_dependent] += p <= 0.05;
        }
    /* 10 expected, standard deviation 3.1 */
    cr_expect(n_rejected[0] >= 2 && n_rejected[0] <= 20, "%d of %d", n_rejected[0], TRIALS);
    cr_expect(n_rejected[1] > 0.95 * TRIALS, "%d of %d", n_rejected[1], TRIALS);
}

/* ---- on circuits of the shipped model ---- */

typedef struct demo {
    pc_model *model;
    pc_tokenizer *tokenizer;
    pc_task *task;
    pc_circuit *circuit;
} demo;

static demo open_demo(void)
{
    static const char directory[] = PC_SOURCE_DIR "/tools/models/demo";
    demo d;
    cr_assert_eq(pc_model_open(&d.model, directory), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_tokenizer_open(&d.tokenizer, directory), PC_OK, "%s", pc_last_error());
    const pc_model_info *info = pc_model_describe(d.model);
    const pc_task_limits limits = {
        .vocab = info->vocab, .vocab_out = info->vocab_out, .n_ctx = info->n_ctx, .bos = info->bos};
    const pc_task_options task_options = {.n = 32};
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.evaluation.engine = PC_ENGINE_DELTA;
    cr_assert_eq(pc_task_generate(&d.task, "induction", d.tokenizer, &limits, &task_options), PC_OK,
                 "%s", pc_last_error());
    cr_assert_eq(pc_find(&d.circuit, d.model, d.task, &options), PC_OK, "%s", pc_last_error());
    return d;
}

static void close_demo(demo *d)
{
    pc_circuit_free(d->circuit);
    pc_task_free(d->task);
    pc_tokenizer_free(d->tokenizer);
    pc_model_free(d->model);
}

static pc_hypotheses test_circuit(const demo *d, pc_direction direction)
{
    pc_hypotheses h;
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.engine = PC_ENGINE_DELTA;
    options.direction = direction;
    cr_assert_eq(pc_circuit_test(&h, d->circuit, d->model, d->task, &options), PC_OK, "%s",
                 pc_last_error());
    return h;
}

Test(search_hypothesis, the_whole_model_is_equivalent_to_itself_and_has_no_complement)
{
    demo d = open_demo();
    for (size_t i = 0; i < d.circuit->n_edges; i++)
        d.circuit->edges[i].in_circuit = true;
    for (int direction = 0; direction < 2; direction++) {
        pc_hypotheses h = test_circuit(&d, (pc_direction)direction);
        cr_expect(h.wins == 16 && is_near(h.equivalence_p, 1), "%g wins, p %g", h.wins, h.equivalence_p);
        cr_expect_eq(h.n_references, 0);
        cr_expect_eq(h.n_components, 0);
        pc_hypotheses_free(&h);
    }
    close_demo(&d);
}

Test(search_hypothesis, a_random_circuit_is_not_equivalent)
{
    demo d = open_demo();
    pc_rng rng = {.seed = 21};
    for (size_t i = 0; i < d.circuit->n_edges; i++)
        d.circuit->edges[i].in_circuit = pc_rng_below(&rng, 8) == 0;
    pc_hypotheses h = test_circuit(&d, PC_DIRECTION_NOISE);
    cr_expect(h.equivalence_p < 1e-6, "%g wins, p %g", h.wins, h.equivalence_p);
    pc_hypotheses_free(&h);
    close_demo(&d);
}

static const pc_tested_component *component(const pc_hypotheses *h, const char *name)
{
    for (int64_t i = 0; i < h->n_components; i++)
        if (strcmp(h->components[i].name, name) == 0) return &h->components[i];
    cr_assert_fail("%s was not tested", name);
    return NULL;
}

Test(search_hypothesis, edges_that_do_nothing_are_redundant_and_those_that_do_are_not)
{
    demo d = open_demo();
    const char *const idle[] = {"a0.h0", "a0.h2"}; /* into values and queries of an idle head */
    for (size_t i = 0; i < d.circuit->n_edges; i++)
        for (int k = 0; k < 2; k++)
            if (strcmp(d.circuit->edges[i].from, idle[k]) == 0 &&
                strcmp(d.circuit->edges[i].to, "a1.h1<q>") == 0)
                d.circuit->edges[i].in_circuit = true;
    pc_hypotheses h = test_circuit(&d, PC_DIRECTION_NOISE);
    cr_expect_eq(h.n_references, 100);
    for (int k = 0; k < 2; k++) { /* nothing leaves a1.h1: their removal changes nothing at all */
        char name[32];
        snprintf(name, sizeof name, "%s->a1.h1<q>", idle[k]);
        const pc_tested_component *c = component(&h, name);
        cr_expect(c->effect == 0 && c->above == 0 && c->p_holm < 1e-50, "%s: %g, %g, p %g", name,
                  c->effect, c->above, c->p_holm);
    }
    const pc_tested_component *first = component(&h, "input->a0.h3<v>");
    cr_expect(first->above == 1 && first->p > 0.999 && first->p_holm == 1, "%g, p %g", first->above,
              first->p);
    for (int64_t i = 0; i < h.n_components; i++) {
        cr_expect(h.components[i].p_holm >= h.components[i].p);
        cr_expect(i == 0 || h.components[i].p >= h.components[i - 1].p);
    }
    pc_hypotheses_free(&h);
    close_demo(&d);
}

Test(search_hypothesis, what_cannot_be_tested_is_refused)
{
    demo d = open_demo();
    pc_hypotheses h;
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.metric = PC_METRIC_KL;
    cr_expect_eq(pc_circuit_test(&h, d.circuit, d.model, d.task, &options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "kl"), "%s", pc_last_error());
    close_demo(&d);
}
