/* The delta engine equals the definition: every golden intervention of every architecture. */
#include "support/drawn.h"
#include "support/golden.h"

#include "base/text.h"
#include "patch/engine_memory.h"
#include "patch/evaluator.h"
#include "patch/planner.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* DESIGN.md, section 5: float32 against double. */
#define RELATIVE 1e-5
#define ABSOLUTE 3e-6

enum { MOST_PROMPTS = 16 };

static double spread(const double *x, int n)
{
    double mean = 0, sum = 0;
    for (int i = 0; i < n; i++)
        mean += x[i] / n;
    for (int i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (n > 1 ? n - 1 : 1));
}

static pc_evaluator *open_for(const json_t *row, const pc_model *model, const pc_task *task)
{
    pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    o.n_threads = 1;
    o.engine = PC_ENGINE_DELTA;
    cr_assert_eq(pc_source_parse(&o.source, json_string_value(json_object_get(row, "source"))),
                 PC_OK);
    cr_assert_eq(
        pc_direction_parse(&o.direction, json_string_value(json_object_get(row, "direction"))),
        PC_OK);
    cr_assert_eq(pc_metric_parse(&o.metric, json_string_value(json_object_get(row, "metric"))),
                 PC_OK);
    cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &o), PC_OK, "%s", pc_last_error());
    return evaluator;
}

static int64_t n_again, n_effects; /* of these goldens, left to the twin; and all */

static void check_row(const char *name, const json_t *row, const pc_model *model,
                      const pc_task *task)
{
    double effects[MOST_PROMPTS];
    const int n = pc_task_n(task);
    char *json = json_dumps(json_object_get(row, "intervention"), JSON_COMPACT);
    char *whole = json_dumps(row, JSON_COMPACT);
    pc_evaluator *evaluator = open_for(row, model, task);
    pc_intervention *x;
    cr_assert_eq(pc_intervention_parse(&x, model, json), PC_OK, "%s", pc_last_error());
    const pc_intervention *list[] = {x};
    cr_assert_eq(pc_evaluator_measure(effects, NULL, evaluator, list, 1), PC_OK, "%s: %s", name,
                 pc_last_error());
    const double scale = fmax(1, spread(pc_evaluator_clean(evaluator), n));
    const json_t *expected = json_object_get(row, "effects");
    for (int i = 0; i < n; i++) {
        const double want = json_number_value(json_array_get(expected, (size_t)i));
        cr_expect(fabs(effects[i] - want) <= RELATIVE * fabs(want) + ABSOLUTE * scale,
                  "%s: pair %d has effect %.9g, expected %.9g: %.200s", name, i, effects[i], want,
                  whole);
    }
    n_again += pc_evaluator_n_again(evaluator);
    n_effects += n;
    pc_intervention_free(x);
    pc_evaluator_free(evaluator);
    free(whole);
    free(json);
}

static size_t check_model(const char *name, const char *key, pc_kv_granularity granularity)
{
    pc_model *model = golden_open(name);
    cr_assert_eq(pc_model_set_kv_granularity(model, granularity), PC_OK);
    json_t *golden = golden_read(name);
    pc_task *task = golden_task(golden, model);
    size_t i = 0;
    json_t *row;
    json_array_foreach(json_object_get(golden, key), i, row) check_row(name, row, model, task);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
    return i;
}

Test(patch_engine, effects_equal_the_brute_force)
{
    size_t n = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        n += check_model(golden_models[i], "interventions", PC_KV_SHARED);
    cr_expect(n >= 1000, "only %zu interventions were compared", n);
    /* what is left to the twin says nothing about the engine */
    cr_expect(n_again < n_effects / 10, "%lld of %lld effects were left to the twin",
              (long long)n_again, (long long)n_effects);
}

Test(patch_engine, effects_per_query_head_equal_the_brute_force)
{
    size_t n = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        n += check_model(golden_models[i], "per_query", PC_KV_PER_QUERY);
    cr_expect(n >= 300, "only %zu interventions were compared", n);
}

/* ---- random interventions, against the twin ---- */

enum { N_RANDOM = MOST_DRAWN };

static pc_evaluator *open_engine(const drawn *d, pc_engine_kind engine, int n_threads,
                                 pc_metric metric)
{
    pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    o.engine = engine;
    o.n_threads = n_threads;
    o.metric = metric;
    cr_assert_eq(pc_evaluator_open(&evaluator, d->model, d->task, &o), PC_OK, "%s",
                 pc_last_error());
    return evaluator;
}

static void measure(double *effects, bool *is_touched, const drawn *d, pc_engine_kind engine,
                    int n_threads, pc_metric metric)
{
    pc_evaluator *evaluator = open_engine(d, engine, n_threads, metric);
    cr_assert_eq(pc_evaluator_measure(effects, is_touched, evaluator,
                                      (const pc_intervention *const *)d->list, N_RANDOM),
                 PC_OK, "%s", pc_last_error());
    pc_evaluator_free(evaluator);
}

static void compare_engines(const char *name, uint64_t seed, pc_metric metric)
{
    static double fast[N_RANDOM * MOST_PROMPTS], slow[N_RANDOM * MOST_PROMPTS];
    bool fast_touched[N_RANDOM], slow_touched[N_RANDOM];
    drawn d = draw_all(name, seed, N_RANDOM);
    const int n = pc_task_n(d.task);
    measure(fast, fast_touched, &d, PC_ENGINE_DELTA, 1, metric);
    measure(slow, slow_touched, &d, PC_ENGINE_TWIN, 1, metric);
    pc_evaluator *twin = open_engine(&d, PC_ENGINE_TWIN, 1, metric);
    const double scale = fmax(1, spread(pc_evaluator_clean(twin), n));
    for (int i = 0; i < N_RANDOM; i++) {
        pc_text key = {0};
        pc_intervention_key(&key, d.list[i], &d.model->components);
        cr_expect_eq(fast_touched[i], slow_touched[i], "%s: %.300s", name, key.data);
        for (int p = 0; p < n; p++) {
            const double f = fast[i * n + p], s = slow[i * n + p];
            cr_expect(fabs(f - s) <= RELATIVE * fabs(s) + ABSOLUTE * scale,
                      "%s: pair %d has effect %.9g, the twin %.9g: %.300s", name, p, f, s,
                      key.data);
        }
        pc_text_free(&key);
    }
    pc_evaluator_free(twin);
    free_all(&d);
}

Test(patch_engine, random_interventions_equal_the_twin)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        compare_engines(golden_models[i], (uint64_t)i, PC_METRIC_LOGIT_DIFF);
}

Test(patch_engine, random_interventions_equal_the_twin_in_divergence)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        compare_engines(golden_models[i], 100 + (uint64_t)i, PC_METRIC_KL);
}

/* ---- what must not matter ---- */

Test(patch_engine, threads_batch_and_order_change_no_bit)
{
    static double all[N_RANDOM * MOST_PROMPTS], other[N_RANDOM * MOST_PROMPTS];
    const char *const names[] = {"gpt2-odd", "qwen3-norm", "gemma2-caps", "neox-parallel"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        drawn d = draw_all(names[k], 7, N_RANDOM);
        const int n = pc_task_n(d.task);
        measure(all, NULL, &d, PC_ENGINE_DELTA, 1, PC_METRIC_LOGIT_DIFF);
        measure(other, NULL, &d, PC_ENGINE_DELTA, 3, PC_METRIC_LOGIT_DIFF);
        cr_expect(memcmp(all, other, sizeof(double) * (size_t)(N_RANDOM * n)) == 0, "%s: threads",
                  names[k]);
        pc_evaluator *evaluator = open_engine(&d, PC_ENGINE_DELTA, 1, PC_METRIC_LOGIT_DIFF);
        for (int i = N_RANDOM - 1; i >= 0; i--) {
            const pc_intervention *one[] = {d.list[i]};
            cr_assert_eq(pc_evaluator_measure(other, NULL, evaluator, one, 1), PC_OK);
            cr_expect(memcmp(all + i * n, other, sizeof(double) * (size_t)n) == 0,
                      "%s: intervention %d alone", names[k], i);
        }
        pc_evaluator_free(evaluator);
        free_all(&d);
    }
}

/* ---- savings ---- */

/* The same bits without a saving; *flop = what the products took. */
static void measure_without(double *effects, bool *is_touched, double *flop, const drawn *d,
                            pc_source source, unsigned without)
{
    pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *e;
    o.engine = PC_ENGINE_DELTA;
    o.n_threads = 1;
    o.source = source;
    o.without = without;
    cr_assert_eq(pc_evaluator_open(&e, d->model, d->task, &o), PC_OK, "%s", pc_last_error());
    const double before = pc_evaluator_flop(e);
    cr_assert_eq(pc_evaluator_measure(effects, is_touched, e,
                                      (const pc_intervention *const *)d->list, N_RANDOM),
                 PC_OK, "%s", pc_last_error());
    *flop = pc_evaluator_flop(e) - before;
    pc_evaluator_free(e);
}

/* How much more the products take without each saving, over all models. */
static double extra[PC_N_SAVINGS + 1];

static void check_savings(const char *name, uint64_t seed, pc_source source)
{
    static double with[N_RANDOM * MOST_PROMPTS], without[N_RANDOM * MOST_PROMPTS];
    bool touched[N_RANDOM], touched_without[N_RANDOM];
    double least, flop;
    drawn d = draw_all(name, seed, N_RANDOM);
    const int n = pc_task_n(d.task);
    measure_without(with, touched, &least, &d, source, 0);
    for (unsigned saving = 0; saving <= PC_N_SAVINGS; saving++) {
        const bool is_all = saving == PC_N_SAVINGS;
        const char *what = is_all ? "all" : pc_saving_name((pc_saving)saving);
        measure_without(without, touched_without, &flop, &d, source,
                        is_all ? (1u << PC_N_SAVINGS) - 1 : 1u << saving);
        cr_expect(flop >= least, "%s: without %s %g, with it %g", name, what, flop, least);
        extra[saving] += flop / least - 1;
        for (int i = 0; i < N_RANDOM; i++) {
            pc_text key = {0};
            pc_intervention_key(&key, d.list[i], &d.model->components);
            cr_expect_eq(touched[i], touched_without[i], "%s, %s: %.300s", name, what, key.data);
            cr_expect(memcmp(with + i * n, without + i * n, sizeof(double) * (size_t)n) == 0,
                      "%s: without %s: %.17g and %.17g: %.300s", name, what, with[i * n],
                      without[i * n], key.data);
            pc_text_free(&key);
        }
    }
    free_all(&d);
}

Test(patch_engine, no_saving_changes_a_bit)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        check_savings(golden_models[i], 200 + (uint64_t)i,
                      i % 3 == 1 ? PC_SOURCE_ZERO : PC_SOURCE_RESAMPLE);
    for (unsigned saving = 0; saving <= PC_N_SAVINGS; saving++) {
        /* logits are read in double, and counted nowhere */
        if (saving == PC_SAVING_COLUMNS) continue;
        cr_expect(extra[saving] > 0, "saving %u saves nothing", saving);
    }
}

/* ---- the plan ---- */

/* Models with writers that are equal in both runs where a plan has to expect a change: weights of
 * attention that are 0 even in double, the embedding of a padding token. */
static bool has_zeros(const char *model)
{
    return strcmp(model, "tl-parallel") == 0 || strcmp(model, "qwen3-norm") == 0 ||
           strcmp(model, "gemma2-caps") == 0;
}

/* What the plan says, and what was multiplied. */
static void compare_plan(const char *name, const drawn *d, const pc_intervention *const *list,
                         int n, pc_metric metric, pc_source source)
{
    static double effects[N_RANDOM * MOST_PROMPTS];
    pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
    pc_plan plan;
    pc_planner *planner;
    o.engine = PC_ENGINE_DELTA;
    o.n_threads = 1;
    o.metric = metric;
    o.source = source;
    cr_assert_eq(pc_planner_new(&planner, &plan, d->model, d->task, &o, pc_task_n(d->task)), PC_OK);
    cr_assert_eq(pc_planner_add(planner, list, n), PC_OK, "%s", pc_last_error());
    pc_planner_free(planner);
    cr_expect_eq(plan.n_run + plan.n_untouched, (int64_t)n * pc_task_n(d->task));
    for (unsigned saving = 0; saving <= PC_N_SAVINGS; saving++) {
        pc_evaluator *e;
        o.without = saving == PC_N_SAVINGS ? 0 : 1u << saving;
        cr_assert_eq(pc_evaluator_open(&e, d->model, d->task, &o), PC_OK);
        const double before = pc_evaluator_flop(e);
        cr_assert_eq(pc_evaluator_measure(effects, NULL, e, list, n), PC_OK);
        const double measured = pc_evaluator_flop(e) - before;
        const double planned = saving == PC_N_SAVINGS ? plan.flop : plan.flop_without[saving];
        /* logits that the metric does not read are multiplied out in double, and not counted */
        if (saving != PC_SAVING_COLUMNS)
            cr_expect(has_zeros(name) && saving != PC_SAVING_UNTOUCHED ? planned >= measured
                      : has_zeros(name)                                ? planned > 0
                                                                       : planned == measured,
                      "%s: %.17g FLOP were planned without saving %u, %.17g run", name, planned,
                      saving, measured);
        pc_evaluator_free(e);
    }
}

/* A plan cannot know of neurons that are 0 in both runs, nor that float32 will lose a path halfway.
 */
static bool is_foreseen(const pc_intervention *x)
{
    for (size_t i = 0; i < x->n_cuts; i++)
        if (x->cuts[i].neuron >= 0) return false;
    return x->path.n_receivers == 0;
}

Test(patch_engine, the_plan_counts_what_is_multiplied)
{
    int n_all = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        drawn d = draw_all(golden_models[i], 300 + (uint64_t)i, N_RANDOM);
        const pc_intervention *list[N_RANDOM];
        int n = 0;
        for (int k = 0; k < N_RANDOM; k++)
            if (is_foreseen(d.list[k])) list[n++] = d.list[k];
        compare_plan(golden_models[i], &d, list, n, i % 2 ? PC_METRIC_KL : PC_METRIC_LOGIT_DIFF,
                     i % 3 ? PC_SOURCE_RESAMPLE : PC_SOURCE_ZERO);
        n_all += n;
        free_all(&d);
    }
    cr_expect(n_all > N_GOLDEN_MODELS * N_RANDOM / 4, "only %d interventions", n_all);
}

/* Rooms and prompts take what was said before the engine was opened, to the byte. */
Test(patch_engine, the_plan_knows_what_is_held)
{
    static double effects[N_RANDOM * MOST_PROMPTS];
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        drawn d = draw_all(golden_models[i], 1, N_RANDOM);
        pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
        pc_evaluator *e;
        o.engine = PC_ENGINE_DELTA;
        o.n_threads = 1 + i % 3;
        o.metric = i % 2 ? PC_METRIC_KL : PC_METRIC_LOGIT_DIFF;
        const pc_engine_needs needs = pc_engine_needs_of(d.model, &o, pc_task_longest(d.task));
        const pc_engine_kept kept =
            pc_engine_kept_of(d.model, d.task, pc_task_n(d.task), &o, &needs);
        const int64_t planned = needs.n_hands * needs.thread + kept.bytes;
        cr_assert_eq(pc_evaluator_open(&e, d.model, d.task, &o), PC_OK);
        cr_expect_eq(pc_evaluator_held(e), planned, "%s", golden_models[i]);
        cr_assert_eq(pc_evaluator_measure(effects, NULL, e, (const pc_intervention *const *)d.list,
                                          N_RANDOM),
                     PC_OK, "%s", pc_last_error());
        cr_expect_eq(pc_evaluator_held(e), planned, "%s: after measuring", golden_models[i]);
        pc_evaluator_free(e);
        free_all(&d);
    }
}

/* The effects on some prompts are columns of those on all of them, on either engine. */
Test(patch_engine, chosen_prompts_give_the_same_bits)
{
    static double all[N_RANDOM * MOST_PROMPTS], some[N_RANDOM * MOST_PROMPTS];
    const pc_engine_kind engines[] = {PC_ENGINE_DELTA, PC_ENGINE_TWIN};
    for (int k = 0; k < 2; k++) {
        drawn d = draw_all("gpt2-odd", 7, N_RANDOM);
        const int n = pc_task_n(d.task), chosen[] = {1, n - 1};
        cr_assert(n > 2);
        pc_evaluator *e = open_engine(&d, engines[k], 2, PC_METRIC_LOGIT_DIFF);
        measure(all, NULL, &d, engines[k], 1, PC_METRIC_LOGIT_DIFF);
        cr_assert_eq(pc_evaluator_measure_on(some, NULL, e, (const pc_intervention *const *)d.list,
                                             N_RANDOM, chosen, 2),
                     PC_OK, "%s", pc_last_error());
        for (int i = 0; i < N_RANDOM; i++)
            for (int c = 0; c < 2; c++)
                cr_expect(memcmp(&some[2 * i + c], &all[i * n + chosen[c]], sizeof(double)) == 0);
        pc_evaluator_free(e);
        free_all(&d);
    }
}

/* With room for one prompt at a time every measurement prepares them again. */
Test(patch_engine, a_bound_on_memory_changes_no_bit_and_too_little_is_refused)
{
    static double all[N_RANDOM * MOST_PROMPTS], tight[N_RANDOM * MOST_PROMPTS];
    const pc_engine_kind engines[] = {PC_ENGINE_DELTA, PC_ENGINE_TWIN};
    for (int k = 0; k < 2; k++) {
        drawn d = draw_all("gpt2-odd", 7, N_RANDOM);
        const int n = pc_task_n(d.task), longest = pc_task_longest(d.task);
        pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
        pc_evaluator *e;
        o.engine = engines[k];
        o.n_threads = 1;
        const int64_t least = pc_model_describe(d.model)->weights_bytes +
                              (int64_t)pc_evaluator_bytes(d.model, &o, 1, longest);
        measure(all, NULL, &d, o.engine, 1, o.metric);
        o.memory = least + 4096; /* for a prompt's targets */
        cr_assert_eq(pc_evaluator_open(&e, d.model, d.task, &o), PC_OK, "%s", pc_last_error());
        cr_assert_eq(
            pc_evaluator_measure(tight, NULL, e, (const pc_intervention *const *)d.list, N_RANDOM),
            PC_OK, "%s", pc_last_error());
        cr_expect(memcmp(all, tight, sizeof(double) * (size_t)(N_RANDOM * n)) == 0);
        pc_evaluator_free(e);
        o.memory = least / 2;
        cr_expect_eq(pc_evaluator_open(&e, d.model, d.task, &o), PC_ERR_INPUT);
        cr_expect(strstr(pc_last_error(), "are allowed") &&
                      strstr(pc_last_error(), "needs at least"),
                  "%s", pc_last_error());
        free_all(&d);
    }
}

Test(patch_engine, the_full_circuit_changes_nothing_and_the_empty_one_is_the_other_run)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        double effects[2 * MOST_PROMPTS];
        drawn d = draw_all(golden_models[i], 1, N_RANDOM);
        const int n = pc_task_n(d.task);
        const pc_components *c = &d.model->components;
        uint8_t *kept = calloc((size_t)c->n_edges, 1);
        pc_intervention *full, *empty;
        cr_assert_eq(pc_intervention_circuit(&empty, c, kept), PC_OK);
        memset(kept, 1, (size_t)c->n_edges);
        cr_assert_eq(pc_intervention_circuit(&full, c, kept), PC_OK);
        const pc_intervention *list[] = {full, empty};
        pc_evaluator *e = open_engine(&d, PC_ENGINE_DELTA, 1, PC_METRIC_LOGIT_DIFF);
        cr_assert_eq(pc_evaluator_measure(effects, NULL, e, list, 2), PC_OK, "%s", pc_last_error());
        for (int p = 0; p < n; p++) {
            const double other = pc_evaluator_clean(e)[p] + effects[n + p];
            cr_expect(effects[p] == 0, "%s: %g", golden_models[i], effects[p]);
            cr_expect(other == pc_evaluator_corrupted(e)[p], "%s: %.17g and %.17g",
                      golden_models[i], other, pc_evaluator_corrupted(e)[p]);
        }
        pc_evaluator_free(e);
        pc_intervention_free(full);
        pc_intervention_free(empty);
        free(kept);
        free_all(&d);
    }
}
