/* What speaks for a circuit: intervals that hold, identities, minimality against circuits measured
 * one by one. */
#include "support/golden.h"

#include "base/rng.h"
#include "graph/circuit_private.h"
#include "patchclamp/circuit.h"
#include "patchclamp/find.h"
#include "search/evidence.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the interval ---- */

static double normal(pc_rng *rng)
{
    const double u = 1 - pc_rng_unit(rng), v = pc_rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

Test(search_evidence, the_interval_holds_the_ratio_as_often_as_it_says)
{
    enum { N = 60, TRIALS = 600 };
    const double ratio = 0.7;
    double circuit[N], zero[N], one[N];
    pc_rng rng = {.seed = 5};
    int n_held = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double low, high;
        for (int i = 0; i < N; i++) {
            zero[i] = 1 + 0.5 * normal(&rng);
            one[i] = zero[i] + 3 + normal(&rng);
            circuit[i] = zero[i] + 3 * ratio + 1.5 * normal(&rng);
        }
        cr_assert_eq(pc_bootstrap_ratio(&low, &high, circuit, zero, one, N, 0.05), PC_OK);
        cr_assert(low < high);
        n_held += low <= ratio && ratio <= high;
    }
    /* percentiles are a little narrow at 60 prompts; four standard errors of a share are 0.04 */
    cr_expect(n_held > 0.90 * TRIALS && n_held < 0.985 * TRIALS, "%d of %d", n_held, TRIALS);
}

Test(search_evidence, what_does_not_vary_has_no_width)
{
    const double circuit[] = {2, 2, 2}, zero[] = {1, 1, 1}, one[] = {5, 5, 5};
    double low, high;
    cr_assert_eq(pc_bootstrap_ratio(&low, &high, circuit, zero, one, 3, 0.05), PC_OK);
    cr_expect(low == 0.25 && high == 0.25, "%g %g", low, high);
}

/* ---- circuits ---- */

typedef struct setting {
    pc_model *model;
    pc_task *task;
    pc_evaluator_options options;
} setting;

static setting open_setting(const char *name, pc_direction direction)
{
    setting s = {.model = golden_open(name), .options = PC_EVALUATOR_OPTIONS_INIT};
    json_t *golden = golden_read(name);
    s.task = golden_task(golden, s.model);
    json_decref(golden);
    s.options.direction = direction;
    s.options.n_threads = 1;
    s.options.metric = PC_METRIC_LOSS; /* whose ends lie apart in these models */
    return s;
}

static void close_setting(setting *s)
{
    pc_task_free(s->task);
    pc_model_free(s->model);
}

static pc_circuit *find_top(const setting *s, int64_t top)
{
    pc_circuit *circuit;
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    o.evaluation = s->options;
    o.selection = PC_SELECT_TOP;
    o.top = top;
    cr_assert_eq(pc_find(&circuit, s->model, s->task, &o), PC_OK, "%s", pc_last_error());
    return circuit;
}

/* Golden tasks are small and random models' metrics noisy: some have no scale. */
static bool evaluate(pc_faithfulness *out, const setting *s, const pc_circuit *circuit)
{
    const pc_status status = pc_circuit_evaluate(out, circuit, s->model, s->task, &s->options);
    if (status == PC_OK) return true;
    cr_assert(strstr(pc_last_error(), "two standard errors"), "%s", pc_last_error());
    return false;
}

Test(search_evidence, everything_is_faithful_and_nothing_is_not)
{
    int n_scales = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        for (int direction = 0; direction < 2; direction++) {
            setting s = open_setting(golden_models[i], (pc_direction)direction);
            pc_faithfulness f;
            pc_circuit *all = find_top(&s, INT64_MAX);
            if (evaluate(&f, &s, all)) {
                n_scales++;
                cr_expect(f.faithfulness == 1 && f.low == 1 && f.high == 1, "%s: %g, %g to %g",
                          golden_models[i], f.faithfulness, f.low, f.high);
                cr_expect(f.complement == 0, "%s: %g", golden_models[i], f.complement);
                cr_expect(fabs(f.random_mean - 1) < 1e-12 && f.random_most == 1, "%s",
                          golden_models[i]);
            }
            pc_circuit_free(all);
            close_setting(&s);
        }
    cr_expect(n_scales >= 4, "only %d of the models have a scale", n_scales);
}

static pc_circuit_edge *edge_named(pc_circuit *circuit, const char *name)
{
    for (size_t i = 0; i < circuit->n_edges; i++) {
        pc_circuit_edge *edge = &circuit->edges[i];
        const size_t length = strlen(edge->from);
        if (strncmp(name, edge->from, length) == 0 && strncmp(name + length, "->", 2) == 0 &&
            strcmp(name + length + 2, edge->to) == 0)
            return edge;
    }
    cr_assert_fail("no edge %s", name);
    return NULL;
}

/* Each row, from circuits that are measured by themselves. */
static void check_minimality(const setting *s, const char *name, pc_circuit *circuit)
{
    pc_minimality *rows;
    int64_t n;
    pc_faithfulness whole, part;
    cr_assert_eq(pc_circuit_minimality(&rows, &n, circuit, s->model, s->task, &s->options), PC_OK,
                 "%s", pc_last_error());
    cr_assert(evaluate(&whole, s, circuit));
    cr_expect_eq(n, whole.n_kept);
    for (int64_t i = 0; i < n; i++) {
        cr_expect(i == 0 || rows[i - 1].drop <= rows[i].drop);
        cr_expect(rows[i].low <= rows[i].drop + 1e-12 && rows[i].drop <= rows[i].high + 1e-12,
                  "%s: %s %g in %g to %g", name, rows[i].name, rows[i].drop, rows[i].low,
                  rows[i].high);
        pc_circuit_edge *edge = edge_named(circuit, rows[i].name);
        edge->in_circuit = false;
        cr_assert(evaluate(&part, s, circuit));
        edge->in_circuit = true;
        cr_expect_eq(part.n_kept, n - 1);
        cr_expect(fabs(whole.faithfulness - part.faithfulness - rows[i].drop) < 1e-9,
                  "%s: without %s %g, expected %g", name, rows[i].name, rows[i].drop,
                  whole.faithfulness - part.faithfulness);
    }
    free(rows);
}

Test(search_evidence, minimality_is_the_faithfulness_that_is_lost)
{
    int n_checked = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        setting s = open_setting(golden_models[i], PC_DIRECTION_NOISE);
        pc_circuit *circuit = find_top(&s, 12);
        pc_faithfulness f;
        if (evaluate(&f, &s, circuit)) {
            check_minimality(&s, golden_models[i], circuit);
            n_checked++;
        }
        pc_circuit_free(circuit);
        close_setting(&s);
    }
    cr_expect(n_checked >= 3, "only %d models have a scale", n_checked);
}
