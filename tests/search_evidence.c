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
#include <stdio.h>
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

/* A held-out task of a split of one's own: what find says of it is what evaluating says. */
static pc_circuit *find_with(const setting *s, const pc_task *const *others, int n)
{
    pc_circuit *circuit = NULL;
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    o.evaluation = s->options;
    o.selection = PC_SELECT_TOP;
    o.top = 12;
    o.held_out = others;
    o.n_held_out = n;
    pc_find(&circuit, s->model, s->task, &o);
    return circuit;
}

static double number(const pc_circuit *circuit, const char *name)
{
    double value = NAN;
    pc_circuit_evaluation(&value, circuit, name);
    return value;
}

static pc_task *generated(const setting *s, const char *split)
{
    const pc_model_info *info = pc_model_describe(s->model);
    const pc_task_limits limits = {
        .vocab = info->vocab, .vocab_out = info->vocab_out, .n_ctx = info->n_ctx, .bos = info->bos};
    const pc_task_options options = {.n = 5, .split = split};
    pc_task *task;
    if (pc_task_generate(&task, "induction", NULL, &limits, &options) == PC_OK) return task;
    cr_assert(strstr(pc_last_error(), "words in the vocabulary") ||
                  strstr(pc_last_error(), "context"),
              "%s", pc_last_error());
    return NULL; /* a model too small */
}

static void expect_number(const pc_circuit *circuit, const char *name, double expected)
{
    cr_expect(number(circuit, name) == expected, "%s is %.17g, expected %.17g", name,
              number(circuit, name), expected);
}

/* Returns whether the circuit has a scale on these prompts; where not, nothing is said. */
static bool check_found(const setting *s, const pc_circuit *circuit, const pc_task *task,
                        const char *prefix)
{
    const setting there = {s->model, (pc_task *)task, s->options};
    const char *const names[] = {"faithfulness", "low", "high", "circuit"};
    pc_faithfulness f = {.faithfulness = NAN};
    const bool has_scale = evaluate(&f, &there, circuit);
    const double expected[] = {f.faithfulness, f.low, f.high, f.circuit};
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s%s", prefix, names[i]);
        if (has_scale) expect_number(circuit, name, expected[i]);
        else cr_expect(isnan(number(circuit, name)) || i == 3, "%s", name);
    }
    return has_scale;
}

Test(search_evidence, find_says_of_held_out_prompts_what_evaluating_says)
{
    int n_scales[2] = {0};
    for (int i = 0; i < 2 * N_GOLDEN_MODELS; i++) {
        setting s = open_setting(golden_models[i / 2], (pc_direction)(i % 2));
        pc_task_free(s.task);
        s.task = generated(&s, "train");
        pc_task *other = generated(&s, "test");
        const pc_task *const others[] = {other};
        if (s.task && other) {
            pc_circuit *circuit = find_with(&s, others, 1);
            cr_assert(circuit, "%s", pc_last_error());
            n_scales[0] += check_found(&s, circuit, s.task, "");
            n_scales[1] += check_found(&s, circuit, other, "test_");
            expect_number(circuit, "test_n", 5);
            pc_circuit_free(circuit);
        }
        pc_task_free(other);
        close_setting(&s);
    }
    cr_expect(n_scales[0] >= 4 && n_scales[1] >= 4, "%d and %d scales", n_scales[0], n_scales[1]);
}

Test(search_evidence, held_out_tasks_have_splits_of_their_own)
{
    setting s = open_setting("gpt2-plain", PC_DIRECTION_NOISE);
    pc_task_free(s.task);
    s.task = generated(&s, "train");
    pc_task *same = generated(&s, "train"), *test = generated(&s, "test");
    const pc_task *const as_own[] = {same}, *const twice[] = {test, test};
    cr_expect_null(find_with(&s, as_own, 1));
    cr_expect(strstr(pc_last_error(), "of split \"train\""), "%s", pc_last_error());
    cr_expect_null(find_with(&s, twice, 2));
    cr_expect(strstr(pc_last_error(), "of split \"test\""), "%s", pc_last_error());
    pc_task_free(same);
    pc_task_free(test);
    close_setting(&s);
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

/* ---- the curve ---- */

/* The same point, by its own circuit. */
static double faithfulness_of(const setting *s, pc_circuit *circuit, const bool *kept)
{
    pc_faithfulness f;
    for (size_t i = 0; i < circuit->n_edges; i++)
        circuit->edges[i].in_circuit = kept[i];
    cr_assert(evaluate(&f, s, circuit));
    return f.faithfulness;
}

static void check_points(const setting *s, pc_circuit *circuit, const pc_curve_point *points,
                         double sign)
{
    const size_t n = circuit->n_edges;
    pc_candidates candidates;
    bool *kept = calloc(n, sizeof *kept);
    cr_assert_eq(pc_candidates_init(&candidates, s->model, PC_LEVEL_EDGE), PC_OK);
    for (int i = 0; i < PC_CURVE_POINTS; i++) {
        cr_expect_eq(points[i].n, (int64_t)(points[i].share * (double)n));
        memset(kept, 0, n * sizeof *kept);
        for (int64_t k = 0; k < points[i].n; k++) { /* the largest that is left */
            size_t best = n;
            for (size_t e = 0; e < n; e++) {
                const double score =
                    sign ? sign * circuit->edges[e].effect : fabs(circuit->edges[e].effect);
                const double most = best == n ? -INFINITY
                                    : sign    ? sign * circuit->edges[best].effect
                                              : fabs(circuit->edges[best].effect);
                if (!kept[e] && score > most) best = e;
            }
            kept[best] = true;
        }
        cr_assert_eq(pc_candidates_prune(kept, &candidates), PC_OK);
        cr_expect(fabs(faithfulness_of(s, circuit, kept) - points[i].faithfulness) < 1e-9,
                  "point %d: %g, expected %g", i, points[i].faithfulness,
                  faithfulness_of(s, circuit, kept));
    }
    free(kept);
}

static double area(const pc_curve_point *p, bool is_distance)
{
    double sum = 0;
    for (int i = 1; i < PC_CURVE_POINTS; i++) {
        const double f = p[i - 1].faithfulness, g = p[i].faithfulness;
        const double height = is_distance ? fabs(f - 1) + fabs(g - 1) : f + g;
        sum += (p[i].share - p[i - 1].share) * height / 2;
    }
    return sum;
}

Test(search_evidence, the_curve_is_that_of_the_rankings_circuits)
{
    int n_checked = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        for (int direction = 0; direction < 2; direction++) {
            setting s = open_setting(golden_models[i], (pc_direction)direction);
            pc_circuit *circuit = find_top(&s, 12);
            pc_faithfulness f;
            pc_curve curve;
            if (evaluate(&f, &s, circuit)) {
                cr_assert_eq(pc_circuit_curve(&curve, circuit, s.model, s.task, &s.options), PC_OK,
                             "%s", pc_last_error());
                /* the loss grows where something important is cut, falls where it is restored */
                check_points(&s, circuit, curve.by_score, direction == 0 ? 1 : -1);
                check_points(&s, circuit, curve.by_strength, 0);
                cr_expect(fabs(curve.cpr - area(curve.by_score, false)) < 1e-12);
                cr_expect(fabs(curve.cmd - area(curve.by_strength, true)) < 1e-12);
                cr_expect(curve.by_score[PC_CURVE_POINTS - 1].faithfulness == 1);
                n_checked++;
            }
            pc_circuit_free(circuit);
            close_setting(&s);
        }
    cr_expect(n_checked >= 4, "only %d models have a scale", n_checked);
}

/* ---- the truth ---- */

Test(search_evidence, the_area_is_that_of_all_pairs)
{
    setting s = open_setting("gpt2-odd", PC_DIRECTION_NOISE);
    pc_circuit *circuit = find_top(&s, 12), *truth = find_top(&s, 12);
    pc_rng rng = {.seed = 9};
    const size_t n = circuit->n_edges;
    for (int trial = 0; trial < 20; trial++) {
        double wins = 0, pairs = 0;
        pc_judgement j;
        for (size_t i = 0; i < n; i++) {
            truth->edges[i].in_circuit = pc_rng_below(&rng, 4) == 0;
            circuit->edges[i].effect = (double)pc_rng_below(&rng, 12) - 6; /* many ties */
            circuit->edges[i].is_measured = pc_rng_below(&rng, 10) > 0;
        }
        for (size_t a = 0; a < n; a++)
            for (size_t b = 0; b < n; b++) {
                const pc_circuit_edge *x = &circuit->edges[a], *y = &circuit->edges[b];
                const double p = x->is_measured ? fabs(x->effect) : -1;
                const double q = y->is_measured ? fabs(y->effect) : -1;
                if (!truth->edges[a].in_circuit || truth->edges[b].in_circuit) continue;
                pairs++;
                wins += p > q ? 1 : p == q ? 0.5 : 0;
            }
        cr_assert_eq(pc_circuit_judge(&j, circuit, truth), PC_OK, "%s", pc_last_error());
        cr_expect(fabs(j.auroc - wins / pairs) < 1e-12, "%g, expected %g", j.auroc, wins / pairs);
    }
    pc_circuit_free(truth);
    pc_circuit_free(circuit);
    close_setting(&s);
}
