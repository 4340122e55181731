/* ACDC's decisions are those of the algorithm that measures one circuit after the other, in double,
 * by the definition. */
#include "support/golden.h"
#include "support/test_folder.h"

#include "base/file.h"
#include "base/text.h"
#include "patch/evaluator.h"
#include "patchclamp/circuit.h"
#include "patchclamp/find.h"
#include "patchclamp/thresholds.h"
#include "search/acdc.h"
#include "search/candidates.h"
#include "store/run_store.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PROMPTS = 16 };

/* One circuit at a time. */
typedef struct oracle {
    pc_evaluator *twin;
    pc_candidates candidates;
    int n_prompts;
    bool *kept;
    int64_t n_measured, n_unreached;
} oracle;

static double measure(oracle *o, const bool *kept)
{
    double effects[MOST_PROMPTS], sum = 0;
    pc_intervention *circuit;
    cr_assert_eq(pc_candidates_circuit(&circuit, &o->candidates, kept, PC_DIRECTION_NOISE), PC_OK);
    const pc_intervention *list[] = {circuit};
    cr_assert_eq(pc_evaluator_measure(effects, NULL, o->twin, list, 1), PC_OK, "%s",
                 pc_last_error());
    for (int p = 0; p < o->n_prompts; p++)
        sum += effects[p];
    pc_intervention_free(circuit);
    return sum / o->n_prompts;
}

/* Whether anybody who reads at this edge's end has an out-edge: looked for from scratch. */
static bool is_reached(const oracle *o, int reader)
{
    const pc_components *c = &o->candidates.model->components;
    int first, end;
    if (reader == pc_reader_of_logits(c)) return true;
    pc_reader_owners(&first, &end, c, reader);
    for (int64_t e = 0; e < c->n_edges; e++) {
        int writer, to;
        pc_edge_ends(&writer, &to, c, e);
        if (o->kept[e] && writer >= first && writer < end) return true;
    }
    return false;
}

static void decide_all(oracle *o, double threshold, double sign)
{
    const pc_components *c = &o->candidates.model->components;
    for (int64_t e = 0; e < c->n_edges; e++)
        o->kept[e] = true;
    double now = 0;
    for (int reader = c->n_readers - 1; reader >= 0; reader--)
        for (int u = c->readers[reader].n_visible - 1; u >= 0; u--) {
            const int64_t edge = c->readers[reader].first_edge + u;
            const bool needs_measuring = is_reached(o, reader);
            o->kept[edge] = false;
            o->n_unreached += !needs_measuring;
            o->n_measured += needs_measuring;
            if (!needs_measuring) continue;
            const double then = measure(o, o->kept);
            if (sign * (then - now) < threshold) now = then;
            else o->kept[edge] = true;
        }
}

static void run_oracle(oracle *o, const pc_model *model, const pc_task *task,
                       const pc_find_options *found, double threshold)
{
    pc_evaluator_options options = found->evaluation;
    options.engine = PC_ENGINE_TWIN;
    options.n_threads = 1;
    *o = (oracle){.n_prompts = pc_task_n(task)};
    cr_assert_eq(pc_evaluator_open(&o->twin, model, task, &options), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_candidates_init(&o->candidates, model, PC_LEVEL_EDGE), PC_OK);
    o->kept = calloc((size_t)o->candidates.n, sizeof *o->kept);
    const double sign = pc_metric_sign_of_worse(&options);
    decide_all(o, threshold, options.direction == PC_DIRECTION_DENOISE ? -sign : sign);
    cr_assert_eq(pc_candidates_prune(o->kept, &o->candidates), PC_OK);
}

static void free_oracle(oracle *o)
{
    free(o->kept);
    pc_evaluator_free(o->twin);
}

static pc_find_options options_of(pc_metric metric, double threshold)
{
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    o.method = "acdc";
    o.evaluation.engine = PC_ENGINE_DELTA;
    o.evaluation.metric = metric;
    o.selection = PC_SELECT_THRESHOLD;
    o.threshold = threshold;
    return o;
}

static double number_of(const pc_circuit *circuit, const char *key)
{
    const char *value = pc_circuit_option(circuit, key);
    return value ? atof(value) : NAN;
}

static int64_t n_kept, n_removed;

static void compare(const char *name, pc_metric metric, double threshold, pc_source source,
                    pc_direction direction)
{
    pc_model *model = golden_open(name);
    json_t *golden = golden_read(name);
    pc_task *task = golden_task(golden, model);
    pc_find_options options = options_of(metric, threshold);
    pc_circuit *circuit;
    oracle o;
    options.evaluation.source = source;
    options.evaluation.direction = direction;
    cr_assert_eq(pc_find(&circuit, model, task, &options), PC_OK, "%s: %s", name, pc_last_error());
    run_oracle(&o, model, task, &options, threshold);
    for (int64_t e = 0; e < o.candidates.n; e++) {
        const pc_circuit_edge *edge = pc_circuit_edge_at(circuit, (size_t)e);
        cr_expect_eq(edge->in_circuit, o.kept[e], "%s, %s at %g: %s->%s", name,
                     pc_metric_name(metric), threshold, edge->from, edge->to);
        n_kept += o.kept[e];
        n_removed += !o.kept[e];
    }
    cr_expect(number_of(circuit, "decided_by_measuring") == (double)o.n_measured, "%s", name);
    cr_expect(number_of(circuit, "unreached") == (double)o.n_unreached, "%s", name);
    free_oracle(&o);
    pc_circuit_free(circuit);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
}

Test(search_acdc, decisions_are_the_sequential_algorithms)
{
    static const struct {
        pc_metric metric;
        double threshold;
    } rows[] = {{PC_METRIC_KL, 1e-4},        {PC_METRIC_KL, 0.01},
                {PC_METRIC_LOGIT_DIFF, 0},   {PC_METRIC_LOGIT_DIFF, 0.01},
                {PC_METRIC_LOGIT_DIFF, 0.1}, {PC_METRIC_LOSS, 0.003}};
    const size_t n_rows = sizeof rows / sizeof *rows;
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        for (size_t k = 0; k < n_rows; k++)
            if ((i + (int)k) % 3 == 0)
                compare(golden_models[i], rows[k].metric, rows[k].threshold,
                        k < 2    ? PC_SOURCE_RESAMPLE
                        : k == 4 ? PC_SOURCE_MEAN
                                 : (i % 2 ? PC_SOURCE_ZERO : PC_SOURCE_RESAMPLE),
                        PC_DIRECTION_NOISE);
    for (int i = 0; i < N_GOLDEN_MODELS; i += 3) /* the mirror image */
        compare(golden_models[i], rows[i / 3 % 6].metric, rows[i / 3 % 6].threshold,
                PC_SOURCE_RESAMPLE, PC_DIRECTION_DENOISE);
    cr_expect(n_kept > 200 && n_removed > 200, "%lld kept, %lld removed", (long long)n_kept,
              (long long)n_removed);
}

TestSuite(search_acdc, .init = test_folder_set_up, .fini = test_folder_clean_up, .timeout = 120);

/* ---- several thresholds ---- */

static pc_find_options several(pc_metric metric, const double *thresholds, int n)
{
    pc_find_options o = options_of(metric, 0);
    o.selection = PC_SELECT_FAITHFULNESS;
    o.thresholds = thresholds;
    o.n_thresholds = n;
    return o;
}

/* A golden model and its task. */
typedef struct opened {
    pc_model *model;
    json_t *golden;
    pc_task *task;
} opened;

static opened open_golden(const char *name)
{
    opened o = {.model = golden_open(name), .golden = golden_read(name)};
    o.task = golden_task(o.golden, o.model);
    return o;
}

static void close_golden(opened *o)
{
    pc_task_free(o->task);
    json_decref(o->golden);
    pc_model_free(o->model);
}

static pc_circuit *run_in(const opened *on, const char *run, pc_find_options o)
{
    char directory[256];
    pc_circuit *circuit;
    strcpy(directory, test_folder_path(run, ""));
    o.directory = directory;
    cr_assert_eq(pc_find(&circuit, on->model, on->task, &o), PC_OK, "%s: %s", run, pc_last_error());
    return circuit;
}

static void expect_same_text(const char *a_run, const char *a_file, const char *b_run,
                             const char *b_file)
{
    char *a, *b;
    char path[256];
    size_t a_length, b_length;
    strcpy(path, test_folder_path(a_run, a_file));
    cr_assert_eq(pc_file_read(&a, &a_length, path, 1 << 24), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_file_read(&b, &b_length, test_folder_path(b_run, b_file), 1 << 24), PC_OK, "%s",
                 pc_last_error());
    cr_expect(a_length == b_length && memcmp(a, b, a_length) == 0, "%s/%s is not %s/%s", a_run,
              a_file, b_run, b_file);
    free(b);
    free(a);
}

static double sum_of_rows(const pc_threshold_row *rows, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)rows[i].n_evaluations;
    return sum;
}

/* One run with all thresholds, and one with each alone. Returns the evaluations that sharing saves,
 * in `in_double` what the twin decided. */
static double compare_with_alone(double *in_double, const char *name, pc_metric metric,
                                 const double *thresholds, int n)
{
    opened on = open_golden(name);
    char run[64];
    size_t n_rows;
    snprintf(run, sizeof run, "%s-%s-all", name, pc_metric_name(metric));
    pc_circuit *all = run_in(&on, run, several(metric, thresholds, n));
    const pc_threshold_row *rows = pc_circuit_thresholds(&n_rows, all);
    cr_assert_eq(n_rows, (size_t)n);
    *in_double = 0;
    for (int i = 0; i < n; i++) {
        char alone_run[96], file[64], number[32];
        double metric_alone, kept;
        snprintf(alone_run, sizeof alone_run, "%s-%d", run, i);
        snprintf(file, sizeof file, "circuit-%s.json", pc_format_number(number, thresholds[i]));
        pc_circuit *alone = run_in(&on, alone_run, options_of(metric, thresholds[i]));
        expect_same_text(alone_run, "circuit.json", run, file);
        if (rows[i].is_chosen) test_folder_expect_same(alone_run, run, "circuit.json");
        if (rows[i].is_chosen) test_folder_expect_same(alone_run, run, "scores.csv");
        cr_assert(pc_circuit_evaluation(&metric_alone, alone, "circuit"));
        cr_assert(pc_circuit_evaluation(&kept, alone, "kept"));
        cr_expect(rows[i].threshold == thresholds[i] && rows[i].metric == metric_alone &&
                      (double)rows[i].n_kept == kept,
                  "%s: row %d", name, i);
        *in_double += number_of(alone, "decided_in_double");
        pc_circuit_free(alone);
    }
    const double saved = sum_of_rows(rows, n_rows) - (double)pc_circuit_thresholds_evaluations(all);
    cr_expect(saved >= 0, "%s: %g", name, saved);
    pc_circuit_free(all);
    close_golden(&on);
    return saved;
}

Test(search_acdc, several_thresholds_decide_as_each_alone)
{
    static const double kl[] = {0, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1};
    static const double logits[] = {0, 0.003, 0.03, 0.1, 0.3};
    static const double loss[] = {1e-4, 0.003, 0.05};
    double in_double, saved = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        const char *name = golden_models[i];
        if (i % 3 == 0) saved += compare_with_alone(&in_double, name, PC_METRIC_KL, kl, 7);
        if (i % 3 == 1)
            saved += compare_with_alone(&in_double, name, PC_METRIC_LOGIT_DIFF, logits, 5);
        if (i % 3 == 2) saved += compare_with_alone(&in_double, name, PC_METRIC_LOSS, loss, 3);
    }
    cr_expect(saved > 0, "nothing was shared");
}

/* The edge at a step: readers from the last on, writers of each from the last on. */
static int64_t edge_at(const pc_components *c, int64_t step)
{
    int reader = c->n_readers - 1;
    for (; step >= c->readers[reader].n_visible; reader--)
        step -= c->readers[reader].n_visible;
    return c->readers[reader].first_edge + c->readers[reader].n_visible - 1 - step;
}

/* By how much the first edge that 1e-3 keeps changes KL, as this engine has it. */
static double first_kept_change(const opened *on, pc_engine_kind engine)
{
    pc_find_options o = options_of(PC_METRIC_KL, 1e-3);
    pc_circuit *circuit;
    double change = 0;
    o.evaluation.engine = engine;
    cr_assert_eq(pc_find(&circuit, on->model, on->task, &o), PC_OK, "%s", pc_last_error());
    for (int64_t step = 0; !(change > 1e-3); step++) {
        const int64_t edge = edge_at(&on->model->components, step);
        change = pc_circuit_edge_at(circuit, (size_t)edge)->effect;
    }
    pc_circuit_free(circuit);
    return change;
}

/* Thresholds that are this edge's change itself, and a hair beside it: all come to the edge alike,
 * the twin decides for some of them and not for others, and they part. One lies between the change
 * in float32 and in double. */
Test(search_acdc, thresholds_beside_a_change_are_decided_in_double)
{
    opened on = open_golden("gpt2-odd");
    const double change = first_kept_change(&on, PC_ENGINE_DELTA);
    const double between = (change + first_kept_change(&on, PC_ENGINE_TWIN)) / 2;
    const double thresholds[] = {1e-3,           change * 0.999,      change * (1 - 1e-6),
                                 between,        change * (1 + 1e-6), change * (1 + 2e-6),
                                 change * 1.001, change * 1.01};
    double in_double;
    cr_assert(between != change);
    compare_with_alone(&in_double, "gpt2-odd", PC_METRIC_KL, thresholds, 8);
    cr_expect(in_double >= 4, "%g decisions in double", in_double);
    compare("gpt2-odd", PC_METRIC_KL, between, PC_SOURCE_RESAMPLE, PC_DIRECTION_NOISE);
    close_golden(&on);
}

static void expect_chosen(const opened *on, double wanted, const char *run)
{
    static const double thresholds[] = {1e-5, 1e-3, 0.01, 0.03, 0.1, 0.3};
    pc_find_options o = several(PC_METRIC_KL, thresholds, 6);
    size_t n, chosen = 0, best = 0;
    o.faithfulness = wanted;
    pc_circuit *circuit = run_in(on, run, o);
    const pc_threshold_row *rows = pc_circuit_thresholds(&n, circuit);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].is_chosen) chosen = i;
        if (!(rows[i].faithfulness >= wanted)) continue;
        if (rows[best].faithfulness < wanted || rows[i].n_kept < rows[best].n_kept ||
            (rows[i].n_kept == rows[best].n_kept && rows[i].faithfulness > rows[best].faithfulness))
            best = i;
    }
    cr_expect_eq(chosen, best, "%g: %g, expected %g", wanted, rows[chosen].threshold,
                 rows[best].threshold);
    cr_expect_eq(atof(pc_circuit_option(circuit, "threshold")), rows[chosen].threshold);
    pc_circuit_free(circuit);
}

Test(search_acdc, the_smallest_that_is_faithful_enough_is_chosen)
{
    opened on = open_golden("gpt2-odd");
    expect_chosen(&on, 1e-9, "little");
    expect_chosen(&on, 0.9, "much");
    expect_chosen(&on, 1, "all");
    close_golden(&on);
}

/* ---- decisions ---- */

/* The oracle's decisions are played again from run.db's. */
typedef struct replay {
    oracle *oracle;
    const char *search;
    const pc_components *c;
    double threshold, sign, now; /* the metric, in double, of what is kept */
    bool *kept;
    int64_t n;
} replay;

static double metric_of(const replay *r, const bool *kept)
{
    double sum = 0;
    const double *base = pc_evaluator_base(r->oracle->twin);
    for (int p = 0; p < r->oracle->n_prompts; p++)
        sum += base[p];
    return sum / r->oracle->n_prompts + measure(r->oracle, kept);
}

static pc_status play(void *context, const pc_decision *d)
{
    replay *r = context;
    char name[2 * PC_NAME_BYTES + 2];
    if (strcmp(d->search, r->search) != 0) return PC_OK;
    const int64_t edge = edge_at(r->c, d->step);
    pc_candidate_name(name, &r->oracle->candidates, edge);
    cr_expect_eq(d->step, r->n++);
    cr_expect_str_eq(d->name, name);
    r->kept[edge] = false;
    if (strcmp(d->how, "unreached") == 0) {
        cr_expect(!d->is_kept && isnan(d->change) && isnan(d->metric_with), "%s", name);
        return PC_OK;
    }
    const double then = metric_of(r, r->kept), room = 1e-4;
    cr_expect(fabs(d->metric_with - r->now) < room && fabs(d->metric_without - then) < room &&
                  fabs(d->change - (then - r->now)) < room,
              "%s: %g %g %g, expected %g %g", name, d->metric_with, d->metric_without, d->change,
              r->now, then);
    cr_expect_eq(d->is_kept, !(r->sign * d->change < r->threshold), "%s", name);
    r->kept[edge] = d->is_kept;
    if (!d->is_kept) r->now = then;
    return PC_OK;
}

static void expect_played(const opened *on, const char *run, pc_metric metric, double threshold)
{
    char search[PC_ACDC_NAME_BYTES];
    pc_find_options o = options_of(metric, threshold);
    pc_store *store;
    oracle found;
    run_oracle(&found, on->model, on->task, &o, threshold);
    replay r = {.oracle = &found,
                .search = pc_acdc_name(search, threshold),
                .c = &found.candidates.model->components,
                .threshold = threshold,
                .sign = pc_metric_sign_of_worse(&o.evaluation),
                .kept = malloc((size_t)found.candidates.n)};
    memset(r.kept, true, (size_t)found.candidates.n);
    r.now = metric_of(&r, r.kept);
    cr_assert_eq(pc_store_open(&store, test_folder_path(run, "run.db"), NULL, 0, PC_STORE_READ),
                 PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_store_each_decision(store, play, &r), PC_OK);
    cr_expect_eq(r.n, found.candidates.n, "%s: %lld decisions", search, (long long)r.n);
    cr_expect_eq(pc_candidates_prune(r.kept, &found.candidates), PC_OK);
    cr_expect_eq(memcmp(r.kept, found.kept, (size_t)r.n), 0, "%s: another circuit", search);
    pc_store_free(store);
    free(r.kept);
    free_oracle(&found);
}

Test(search_acdc, every_decision_is_in_the_run_database)
{
    static const double thresholds[] = {1e-3, 0.05};
    for (int i = 0; i < 2; i++) {
        opened on = open_golden(i ? "gpt2-odd" : "tl-ln");
        const pc_metric metric = i ? PC_METRIC_KL : PC_METRIC_LOGIT_DIFF;
        const char *run = i ? "odd" : "tl-ln";
        pc_circuit_free(run_in(&on, run, several(metric, thresholds, 2)));
        for (int t = 0; t < 2; t++)
            expect_played(&on, run, metric, thresholds[t]);
        pc_circuit_free(run_in(&on, i ? "odd-1" : "tl-ln-1", options_of(metric, 0.01)));
        expect_played(&on, i ? "odd-1" : "tl-ln-1", metric, 0.01);
        close_golden(&on);
    }
}

/* ---- resuming ---- */

typedef struct stopper {
    int64_t n_left;
} stopper;

static bool stop_soon(const pc_progress *progress, void *payload)
{
    stopper *s = payload;
    return strcmp(progress->phase, "deciding") != 0 || s->n_left-- > 0;
}

/* Stopped again and again, into "stopped"; undisturbed into "whole". */
static void stop_and_go_on(pc_find_options o)
{
    opened on = open_golden("gpt2-odd");
    pc_circuit *circuit = NULL;
    pc_circuit_free(run_in(&on, "whole", o));
    char stopped[256];
    strcpy(stopped, test_folder_path("stopped", ""));
    o.directory = stopped;
    o.progress = stop_soon;
    int n_stops = 0;
    pc_status status = PC_ERR_INTERRUPTED;
    while (status == PC_ERR_INTERRUPTED && n_stops < 100) {
        stopper s = {.n_left = 3 + 3 * n_stops};
        o.payload = &s;
        status = pc_find(&circuit, on.model, on.task, &o);
        n_stops += status == PC_ERR_INTERRUPTED;
        o.resume = PC_RESUME_YES;
    }
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    cr_expect(n_stops >= 3, "%d stops", n_stops);
    test_folder_expect_same("whole", "stopped", "circuit.json");
    test_folder_expect_same("whole", "stopped", "scores.csv");
    pc_circuit_free(circuit);
    close_golden(&on);
}

Test(search_acdc, a_stopped_search_goes_on_to_the_same_bytes)
{
    stop_and_go_on(options_of(PC_METRIC_KL, 1e-3));
}

Test(search_acdc, stopped_thresholds_go_on_to_the_same_bytes)
{
    static const double thresholds[] = {1e-4, 1e-3, 0.01};
    stop_and_go_on(several(PC_METRIC_KL, thresholds, 3));
    test_folder_expect_same("whole", "stopped", "circuit-0.0001.json");
    test_folder_expect_same("whole", "stopped", "circuit-0.001.json");
    test_folder_expect_same("whole", "stopped", "circuit-0.01.json");
    test_folder_expect_same("whole", "stopped", "thresholds.csv");
}

/* ---- what does not fit ---- */

static void expect_refused(pc_find_options o, const char *words)
{
    cr_expect_eq(pc_find_check(&o), PC_ERR_INPUT, "%s", words);
    cr_expect(strstr(pc_last_error(), words), "%s", pc_last_error());
}

Test(search_acdc, what_does_not_fit_is_refused)
{
    pc_find_options o = options_of(PC_METRIC_KL, 0.1);
    cr_expect_eq(pc_find_check(&o), PC_OK);
    o.level = PC_LEVEL_NODE;
    expect_refused(o, "level must be edge");
    o = options_of(PC_METRIC_KL, 0.1);
    o.selection = PC_SELECT_FAITHFULNESS;
    expect_refused(o, "a threshold");
    o = options_of(PC_METRIC_KL, 0.1);
    o.evaluation.precision = PC_PRECISION_TF32;
    expect_refused(o, "fp32 or bf16x3");
    static const double ascending[] = {0, 0.1}, twice[] = {0.1, 0.1}, negative[] = {-1, 0.1};
    o = several(PC_METRIC_KL, ascending, 2);
    cr_expect_eq(pc_find_check(&o), PC_OK);
    o.method = "exact";
    expect_refused(o, "thresholds belong to method acdc");
    o = several(PC_METRIC_KL, ascending, 2);
    o.selection = PC_SELECT_THRESHOLD;
    expect_refused(o, "selection by faithfulness alone");
    expect_refused(several(PC_METRIC_KL, twice, 2), "each once, in ascending order");
    expect_refused(several(PC_METRIC_KL, negative, 2), "threshold is -1");
}
