/* Greedy elimination goes the way of the algorithm that measures one circuit after the other, in
 * double, by the definition. */
#include "support/golden.h"
#include "support/test_folder.h"

#include "patch/evaluator.h"
#include "patchclamp/circuit.h"
#include "patchclamp/find.h"
#include "search/candidates.h"
#include "search/statistics.h"
#include "store/run_store.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(search_greedy, .init = test_folder_set_up, .fini = test_folder_clean_up, .timeout = 200);

enum { MOST_PROMPTS = 16, MOST_COMPONENTS = 300 };

/* ---- one circuit at a time ---- */

typedef struct oracle {
    pc_evaluator *twin;
    pc_candidates candidates;
    pc_find_options options;
    int n_prompts;
    double sign, zero, one, base, now[MOST_PROMPTS];
    bool kept[MOST_COMPONENTS], is_fresh[MOST_COMPONENTS];
    double cost[MOST_COMPONENTS];
    int64_t n_measured, n_unreached;
    int64_t removed[MOST_COMPONENTS], n_removed; /* by measuring, in order */
} oracle;

static void measure(double *effects, oracle *o, const bool *kept)
{
    pc_intervention *circuit;
    cr_assert_eq(pc_candidates_circuit(&circuit, &o->candidates, kept, PC_DIRECTION_NOISE), PC_OK);
    const pc_intervention *list[] = {circuit};
    cr_assert_eq(pc_evaluator_measure(effects, NULL, o->twin, list, 1), PC_OK, "%s",
                 pc_last_error());
    pc_intervention_free(circuit);
}

/* The effects of the circuit without component i. */
static void measure_without(double *effects, oracle *o, int64_t i)
{
    o->kept[i] = false;
    measure(effects, o, o->kept);
    o->kept[i] = true;
}

static void measure_cost(oracle *o, int64_t i)
{
    double effects[MOST_PROMPTS];
    measure_without(effects, o, i);
    for (int p = 0; p < o->n_prompts; p++)
        effects[p] -= o->now[p];
    o->cost[i] = o->sign * pc_mean(effects, o->n_prompts);
    o->is_fresh[i] = true;
    o->n_measured++;
}

/* The kept one with the lowest cost among those that are fresh, or among the others; -1: none. */
static int64_t lowest(const oracle *o, bool is_fresh)
{
    int64_t found = -1;
    for (int64_t i = 0; i < o->candidates.n; i++)
        if (o->kept[i] && o->is_fresh[i] == is_fresh && (found < 0 || o->cost[i] < o->cost[found]))
            found = i;
    return found;
}

static bool may_go(oracle *o, int64_t i)
{
    double effects[MOST_PROMPTS];
    if (o->options.selection == PC_SELECT_TOP) return true;
    if (o->options.selection == PC_SELECT_THRESHOLD) return o->cost[i] < o->options.threshold;
    measure_without(effects, o, i);
    const double metric = o->base + pc_mean(effects, o->n_prompts);
    return (metric - o->zero) / (o->one - o->zero) >= o->options.faithfulness;
}

/* -1: none may go. */
static int64_t find_cheapest(oracle *o)
{
    for (int64_t i = 0; i < o->candidates.n; i++)
        o->is_fresh[i] = false;
    for (;;) {
        for (int64_t k = 0; k < o->options.n_candidates && lowest(o, false) >= 0; k++)
            measure_cost(o, lowest(o, false));
        const int64_t best = lowest(o, true), other = lowest(o, false);
        if (best >= 0 && (other < 0 || o->cost[best] <= o->cost[other]) && may_go(o, best))
            return best;
        if (other < 0) return -1;
    }
}

/* Whether anybody who reads at this edge's end has an out-edge: looked for from scratch. */
static bool is_reached(const oracle *o, int64_t edge)
{
    const pc_components *c = &o->candidates.model->components;
    int writer, reader, first, end;
    pc_edge_ends(&writer, &reader, c, edge);
    if (reader == pc_reader_of_logits(c)) return true;
    pc_reader_owners(&first, &end, c, reader);
    for (int64_t e = 0; e < c->n_edges; e++) {
        int to;
        pc_edge_ends(&writer, &to, c, e);
        if (o->kept[e] && writer >= first && writer < end) return true;
    }
    return false;
}

static void drop_unreached(oracle *o)
{
    bool has_changed = o->candidates.level == PC_LEVEL_EDGE;
    while (has_changed) {
        has_changed = false;
        for (int64_t e = 0; e < o->candidates.n; e++) {
            if (!o->kept[e] || is_reached(o, e)) continue;
            o->kept[e] = false;
            o->n_unreached++;
            has_changed = true;
        }
    }
}

static int64_t count_kept(const oracle *o)
{
    int64_t n = 0;
    for (int64_t i = 0; i < o->candidates.n; i++)
        n += o->kept[i];
    return n;
}

static void eliminate(oracle *o)
{
    const int64_t top = o->options.selection == PC_SELECT_TOP ? o->options.top : 0;
    while (count_kept(o) > top) {
        const int64_t i = find_cheapest(o);
        if (i < 0) return;
        measure_without(o->now, o, i);
        o->kept[i] = false;
        o->removed[o->n_removed++] = i;
        drop_unreached(o);
    }
}

static void measure_scale(oracle *o)
{
    bool none[MOST_COMPONENTS] = {false};
    double effects[MOST_PROMPTS];
    o->base = pc_mean(pc_evaluator_base(o->twin), o->n_prompts);
    measure(effects, o, none);
    o->zero = o->base + pc_mean(effects, o->n_prompts);
    o->one = o->base;
}

static void run_oracle(oracle *o, const pc_model *model, const pc_task *task,
                       const pc_find_options *options)
{
    pc_evaluator_options evaluation = options->evaluation;
    evaluation.engine = PC_ENGINE_TWIN;
    evaluation.n_threads = 1;
    *o = (oracle){.n_prompts = pc_task_n(task),
                  .options = *options,
                  .sign = pc_metric_sign_of_worse(&evaluation)};
    if (o->options.n_candidates == 0) o->options.n_candidates = 16;
    cr_assert_eq(pc_evaluator_open(&o->twin, model, task, &evaluation), PC_OK, "%s",
                 pc_last_error());
    cr_assert_eq(pc_candidates_init(&o->candidates, model, options->level), PC_OK);
    cr_assert(o->candidates.n <= MOST_COMPONENTS);
    for (int64_t i = 0; i < o->candidates.n; i++) {
        o->kept[i] = true;
        o->cost[i] = -INFINITY;
    }
    measure_scale(o);
    eliminate(o);
}

/* ---- the search ---- */

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

static pc_find_options options_of(pc_level level, pc_metric metric)
{
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    o.method = "greedy";
    o.level = level;
    o.evaluation.engine = PC_ENGINE_DELTA;
    o.evaluation.metric = metric;
    o.selection = PC_SELECT_THRESHOLD;
    o.threshold = 0.01;
    return o;
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

static double number_of(const pc_circuit *circuit, const char *key)
{
    const char *value = pc_circuit_option(circuit, key);
    return value ? atof(value) : NAN;
}

/* ---- decisions beside the oracle's ---- */

typedef struct comparison {
    const char *run;
    const oracle *o;
    int64_t n, n_removed, n_unreached, n_kept;
} comparison;

static pc_status compare_decision(void *context, const pc_decision *d)
{
    comparison *x = context;
    char name[2 * PC_NAME_BYTES + 2] = "none";
    cr_expect_str_eq(d->search, "greedy");
    cr_expect_eq(d->step, x->n++, "%s", x->run);
    if (strcmp(d->how, "unreached") == 0) {
        x->n_unreached++;
        cr_expect(isnan(d->change) && isnan(d->metric_with) && !d->is_kept);
        return PC_OK;
    }
    cr_expect_str_eq(d->how, "measured");
    cr_expect(fabs(d->metric_with + d->change - d->metric_without) < 1e-12);
    if (d->is_kept) {
        x->n_kept++;
        return PC_OK;
    }
    cr_expect_eq(x->n_kept, 0, "%s: %s is removed behind one that stays", x->run, d->name);
    if (x->n_removed < x->o->n_removed)
        pc_candidate_name(name, &x->o->candidates, x->o->removed[x->n_removed]);
    cr_expect_str_eq(d->name, name, "%s: removed at place %lld is %s, expected %s", x->run,
                     (long long)x->n_removed, d->name, name);
    x->n_removed++;
    return PC_OK;
}

static void compare_decisions(const char *run, const oracle *o)
{
    comparison x = {.run = run, .o = o};
    pc_store *store;
    cr_assert_eq(pc_store_open(&store, test_folder_path(run, "run.db"), NULL, 0, PC_STORE_READ),
                 PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_store_each_decision(store, compare_decision, &x), PC_OK);
    cr_expect_eq(x.n, o->candidates.n, "%s: %lld decisions", run, (long long)x.n);
    cr_expect_eq(x.n_removed, o->n_removed, "%s", run);
    cr_expect_eq(x.n_unreached, o->n_unreached, "%s", run);
    cr_expect_eq(x.n_kept, count_kept(o), "%s", run);
    pc_store_free(store);
}

static bool is_in_circuit(const pc_circuit *circuit, pc_level level, size_t i)
{
    return level == PC_LEVEL_EDGE ? pc_circuit_edge_at(circuit, i)->in_circuit
                                  : pc_circuit_node_at(circuit, i)->in_circuit;
}

/* With the twin, whose numbers are the oracle's to the bit. */
static void compare(const char *name, pc_find_options options)
{
    opened on = open_golden(name);
    oracle *o = malloc(sizeof *o);
    char run[96];
    snprintf(run, sizeof run, "%s-%s-%d-%d-%lld", name, pc_level_name(options.level),
             (int)options.evaluation.metric, (int)options.selection,
             (long long)options.n_candidates);
    options.evaluation.engine = PC_ENGINE_TWIN;
    pc_circuit *circuit = run_in(&on, run, options);
    run_oracle(o, on.model, on.task, &options);
    compare_decisions(run, o);
    const int64_t n_left = count_kept(o);
    cr_expect_eq(pc_candidates_prune(o->kept, &o->candidates), PC_OK);
    for (int64_t i = 0; i < o->candidates.n; i++)
        cr_expect_eq(is_in_circuit(circuit, options.level, (size_t)i), o->kept[i], "%s: %lld", run,
                     (long long)i);
    cr_expect(number_of(circuit, "removed_by_measuring") == (double)o->n_removed, "%s", run);
    cr_expect(number_of(circuit, "unreached") == (double)o->n_unreached, "%s", run);
    if (options.selection == PC_SELECT_TOP)
        cr_expect(n_left <= options.top, "%s: %lld left", run, (long long)n_left);
    pc_evaluator_free(o->twin);
    free(o);
    pc_circuit_free(circuit);
    close_golden(&on);
}

static pc_find_options by_threshold(pc_level level, pc_metric metric, double threshold,
                                    int64_t n_candidates)
{
    pc_find_options o = options_of(level, metric);
    o.threshold = threshold;
    o.n_candidates = n_candidates;
    return o;
}

Test(search_greedy, with_all_candidates_it_is_plain_greedy)
{
    compare("neox-sequential", by_threshold(PC_LEVEL_EDGE, PC_METRIC_KL, 0.01, 1000));
    compare("llama-bias", by_threshold(PC_LEVEL_EDGE, PC_METRIC_LOGIT_DIFF, 0.02, 1000));
    compare("tl-parallel", by_threshold(PC_LEVEL_EDGE, PC_METRIC_LOSS, 0.003, 1000));
    compare("gpt2-odd", by_threshold(PC_LEVEL_NODE, PC_METRIC_KL, 0.01, 1000));
    compare("tl-ln", by_threshold(PC_LEVEL_NEURON, PC_METRIC_LOGIT_DIFF, 0, 1000));
}

Test(search_greedy, a_batch_of_candidates_decides_as_one_circuit_after_the_other)
{
    compare("tl-lnpre", by_threshold(PC_LEVEL_EDGE, PC_METRIC_KL, 0.003, 0));
    compare("mistral-window", by_threshold(PC_LEVEL_EDGE, PC_METRIC_KL, 0.01, 3));
    compare("tl-attn-only", by_threshold(PC_LEVEL_EDGE, PC_METRIC_LOGIT_DIFF, 0.05, 7));
    compare("tl-modern", by_threshold(PC_LEVEL_EDGE, PC_METRIC_LOGIT_DIFF, 0, 1));
    compare("qwen2-bias", by_threshold(PC_LEVEL_NODE, PC_METRIC_LOSS, 0.01, 2));
}

Test(search_greedy, it_stops_where_the_selection_says)
{
    pc_find_options o = options_of(PC_LEVEL_EDGE, PC_METRIC_KL);
    o.selection = PC_SELECT_TOP;
    for (o.top = 1; o.top < 40; o.top = 3 * o.top + 2) {
        o.n_candidates = o.top;
        compare("tl-rmspre", o);
    }
    o.selection = PC_SELECT_FAITHFULNESS;
    for (o.faithfulness = 0.5; o.faithfulness <= 1; o.faithfulness += 0.25) {
        o.n_candidates = (int64_t)(o.faithfulness * 20);
        compare("tl-lnpre", o);
    }
}

/* ---- what it ends with ---- */

/* The decisions' metrics in float32, beside the definition's of the same circuits; none of those
 * that stay costs less than the threshold, all of those that went did. */
typedef struct chain {
    oracle *o;
    double metric; /* the twin's, of what is left */
    int64_t n, n_kept;
} chain;

static int64_t index_of(const oracle *o, const char *wanted)
{
    for (int64_t i = 0; i < o->candidates.n; i++) {
        char name[2 * PC_NAME_BYTES + 2];
        pc_candidate_name(name, &o->candidates, i);
        if (strcmp(name, wanted) == 0) return i;
    }
    cr_assert_fail("%s", wanted);
    return -1;
}

static pc_status follow(void *context, const pc_decision *d)
{
    chain *x = context;
    double effects[MOST_PROMPTS];
    const double room = 1e-4;
    const int64_t i = index_of(x->o, d->name);
    x->n++;
    measure_without(effects, x->o, i);
    const double then = x->o->base + pc_mean(effects, x->o->n_prompts);
    x->o->kept[i] = d->is_kept;
    if (strcmp(d->how, "unreached") == 0) {
        cr_expect(fabs(then - x->metric) < 1e-9, "%s changes %g", d->name, then - x->metric);
        return PC_OK;
    }
    cr_expect(fabs(d->metric_with - x->metric) < room && fabs(d->metric_without - then) < room,
              "%s: %g %g, expected %g %g", d->name, d->metric_with, d->metric_without, x->metric,
              then);
    cr_expect_eq(d->is_kept, !(x->o->sign * d->change < x->o->options.threshold), "%s", d->name);
    if (!d->is_kept) x->metric = then;
    x->n_kept += d->is_kept;
    return PC_OK;
}

static void expect_minimal(const char *name, pc_metric metric, double threshold, pc_source source)
{
    opened on = open_golden(name);
    pc_find_options options = by_threshold(PC_LEVEL_EDGE, metric, threshold, 0);
    oracle *o = malloc(sizeof *o);
    pc_store *store;
    options.evaluation.source = source;
    pc_circuit_free(run_in(&on, name, options));
    options.selection = PC_SELECT_TOP; /* the oracle does nothing but open */
    options.top = MOST_COMPONENTS;
    run_oracle(o, on.model, on.task, &options);
    o->options.threshold = threshold;
    chain x = {.o = o, .metric = o->base};
    cr_assert_eq(pc_store_open(&store, test_folder_path(name, "run.db"), NULL, 0, PC_STORE_READ),
                 PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_store_each_decision(store, follow, &x), PC_OK);
    cr_expect_eq(x.n, o->candidates.n, "%s", name);
    cr_expect(x.n_kept > 0 && x.n_kept < x.n, "%s keeps %lld", name, (long long)x.n_kept);
    pc_store_free(store);
    pc_evaluator_free(o->twin);
    free(o);
    close_golden(&on);
}

Test(search_greedy, what_is_left_is_minimal_and_every_metric_is_the_definitions)
{
    expect_minimal("gpt2-odd", PC_METRIC_KL, 0.003, PC_SOURCE_RESAMPLE);
    expect_minimal("llama-gqa", PC_METRIC_LOGIT_DIFF, 0.02, PC_SOURCE_ZERO);
    expect_minimal("neox-parallel", PC_METRIC_LOSS, 0.003, PC_SOURCE_MEAN);
}

/* ---- resuming, and what does not fit ---- */

static bool stop_soon(const pc_progress *progress, void *payload)
{
    int *n_left = payload;
    return strcmp(progress->phase, "removing") != 0 || (*n_left)-- > 0;
}

Test(search_greedy, a_stopped_search_goes_on_to_the_same_bytes)
{
    opened on = open_golden("gpt2-odd");
    pc_find_options o = options_of(PC_LEVEL_EDGE, PC_METRIC_KL);
    pc_circuit *circuit = NULL;
    pc_circuit_free(run_in(&on, "whole", o));
    char stopped[256];
    strcpy(stopped, test_folder_path("stopped", ""));
    o.directory = stopped;
    o.progress = stop_soon;
    int n_stops = 0;
    pc_status status = PC_ERR_INTERRUPTED;
    while (status == PC_ERR_INTERRUPTED && n_stops < 100) {
        int n_left = 5 + 40 * n_stops;
        o.payload = &n_left;
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

Test(search_greedy, what_does_not_fit_is_refused)
{
    pc_find_options o = options_of(PC_LEVEL_NODE, PC_METRIC_KL);
    cr_expect_eq(pc_find_check(&o), PC_OK);
    o.n_candidates = -1;
    cr_expect_eq(pc_find_check(&o), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "candidates is -1"), "%s", pc_last_error());
    o.n_candidates = 0;
    o.evaluation.direction = PC_DIRECTION_DENOISE;
    cr_expect_eq(pc_find_check(&o), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "direction must be noise"), "%s", pc_last_error());
}
