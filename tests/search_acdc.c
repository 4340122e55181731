/* ACDC's decisions are those of the algorithm that measures one circuit after the other, in double,
 * by the definition. */
#include "support/golden.h"
#include "support/test_folder.h"

#include "patch/evaluator.h"
#include "patchclamp/circuit.h"
#include "patchclamp/find.h"
#include "search/acdc.h"
#include "search/candidates.h"

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

static double number(const pc_circuit *circuit, const char *key)
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
    cr_expect(number(circuit, "decided_by_measuring") == (double)o.n_measured, "%s", name);
    cr_expect(number(circuit, "unreached") == (double)o.n_unreached, "%s", name);
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

/* ---- resuming ---- */

typedef struct stopper {
    int64_t n_left;
} stopper;

static bool stop_soon(const pc_progress *progress, void *payload)
{
    stopper *s = payload;
    return strcmp(progress->phase, "deciding") != 0 || s->n_left-- > 0;
}

TestSuite(search_acdc, .init = test_folder_set_up, .fini = test_folder_clean_up);

Test(search_acdc, a_stopped_search_goes_on_to_the_same_bytes)
{
    pc_model *model = golden_open("gpt2-odd");
    json_t *golden = golden_read("gpt2-odd");
    pc_task *task = golden_task(golden, model);
    pc_find_options o = options_of(PC_METRIC_KL, 1e-3);
    pc_circuit *circuit = NULL;
    char whole[256];
    strcpy(whole, test_folder_path("whole", ""));
    o.directory = whole;
    cr_assert_eq(pc_find(&circuit, model, task, &o), PC_OK, "%s", pc_last_error());
    pc_circuit_free(circuit);
    char stopped[256];
    strcpy(stopped, test_folder_path("stopped", ""));
    o.directory = stopped;
    o.progress = stop_soon;
    int n_stops = 0;
    pc_status status = PC_ERR_INTERRUPTED;
    while (status == PC_ERR_INTERRUPTED && n_stops < 100) {
        stopper s = {.n_left = 3 + 3 * n_stops};
        o.payload = &s;
        status = pc_find(&circuit, model, task, &o);
        n_stops += status == PC_ERR_INTERRUPTED;
        o.resume = PC_RESUME_YES;
    }
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    cr_expect(n_stops >= 3, "%d stops", n_stops);
    test_folder_expect_same("whole", "stopped", "circuit.json");
    test_folder_expect_same("whole", "stopped", "scores.csv");
    pc_circuit_free(circuit);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
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
}
