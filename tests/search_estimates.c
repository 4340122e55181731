/* Estimates are the EAP-IG library's, recorded by golden/make_estimates.py; hybrid and checks
 * measure. */
#include "support/golden.h"

#include "patchclamp/find.h"
#include "search/estimate_check.h"
#include "search/estimating.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const models[] = {"tl-ln",       "tl-lnpre", "tl-modern",
                                     "tl-parallel", "tl-rms",   "tl-rmspre"};
enum { N_MODELS = sizeof models / sizeof *models };

typedef struct setting {
    const char *theirs, *ours;
    pc_source source;
} setting;

static const setting settings[] = {
    {"EAP", "eap", PC_SOURCE_RESAMPLE},
    {"EAP-IG-inputs", "eap-ig", PC_SOURCE_RESAMPLE},
    {"EAP-IG-activations", "eap-ig-activations", PC_SOURCE_RESAMPLE},
    {"clean-corrupted", "clean-corrupted", PC_SOURCE_RESAMPLE},
    {"EAP zero", "eap", PC_SOURCE_ZERO},
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

static json_t *read_estimates(const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/tests/golden/models/%s/estimates.json", PC_SOURCE_DIR, name);
    json_t *golden = json_load_file(path, 0, &error);
    cr_assert_not_null(golden, "%s: %s", path, error.text);
    return golden;
}

/* Theirs in double, ours in float32: 1e-5 of the largest. */
static void compare(const char *name, const setting *s, const pc_effect *effects,
                    const pc_candidates *candidates, const json_t *expected)
{
    double most = 0;
    int64_t n_found = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)expected, key, value) most =
        fmax(most, fabs(json_number_value(value)));
    for (int64_t i = 0; i < candidates->n; i++) {
        char edge[2 * PC_NAME_BYTES + 2];
        pc_candidate_name(edge, candidates, i);
        const json_t *theirs = json_object_get(expected, edge);
        if (!theirs) continue;
        n_found++;
        cr_expect(fabs(effects[i].mean - json_number_value(theirs)) <= 1e-5 * most,
                  "%s, %s: %s is %.9g, theirs %.9g, the largest %.3g", name, s->theirs, edge,
                  effects[i].mean, json_number_value(theirs), most);
    }
    cr_expect_eq(n_found, (int64_t)json_object_size(expected), "%s, %s: %lld edges of %zu", name,
                 s->theirs, (long long)n_found, json_object_size(expected));
    cr_expect(most > 0.01, "%s, %s: nothing has a score", name, s->theirs);
}

static void check_model(const char *name)
{
    pc_model *model = golden_open(name);
    json_t *golden = golden_read(name), *estimates = read_estimates(name);
    pc_task *task = golden_task(golden, model);
    pc_candidates candidates;
    const pc_watch nobody = {0};
    cr_assert_eq(pc_candidates_init(&candidates, model, PC_LEVEL_EDGE), PC_OK);
    pc_effect *effects = calloc((size_t)candidates.n, sizeof *effects);
    for (int i = 0; i < N_SETTINGS; i++) {
        pc_find_options options = PC_FIND_OPTIONS_INIT;
        options.method = settings[i].ours;
        options.evaluation.source = settings[i].source;
        options.ig_steps = 4;
        cr_assert_eq(pc_estimating(effects, NULL, &candidates, options.method, task, &options,
                                   &nobody, NULL, NULL),
                     PC_OK, "%s", pc_last_error());
        compare(name, &settings[i], effects, &candidates,
                json_object_get(estimates, settings[i].theirs));
    }
    free(effects);
    pc_task_free(task);
    json_decref(estimates);
    json_decref(golden);
    pc_model_free(model);
}

Test(search_estimates, every_score_is_the_librarys)
{
    for (int i = 0; i < N_MODELS; i++)
        check_model(models[i]);
}

/* ---- what does not change them ---- */

static pc_effect *estimate(int64_t *n, pc_model *model, const pc_task *task,
                           const pc_find_options *options)
{
    pc_candidates candidates;
    const pc_watch nobody = {0};
    cr_assert_eq(pc_candidates_init(&candidates, model, options->level), PC_OK);
    pc_effect *effects = calloc((size_t)candidates.n, sizeof *effects);
    cr_assert_eq(pc_estimating(effects, NULL, &candidates, options->method, task, options, &nobody,
                               NULL, NULL),
                 PC_OK, "%s", pc_last_error());
    *n = candidates.n;
    return effects;
}

static void expect_same(const pc_effect *a, const pc_effect *b, int64_t n, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        cr_expect(a[i].mean == b[i].mean && a[i].standard_error == b[i].standard_error,
                  "%s: %lld is %.17g, not %.17g", what, (long long)i, a[i].mean, b[i].mean);
}

static pc_task *task_of(const char *name, const pc_model *model)
{
    json_t *golden = golden_read(name);
    pc_task *task = golden_task(golden, model);
    json_decref(golden);
    return task;
}

/* A bound on memory makes batches smaller. */
Test(search_estimates, threads_and_memory_change_no_bit)
{
    static const pc_level levels[] = {PC_LEVEL_EDGE, PC_LEVEL_NODE, PC_LEVEL_NEURON};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        pc_model *model = golden_open("gemma2-caps");
        pc_task *task = task_of("gemma2-caps", model);
        pc_find_options options = PC_FIND_OPTIONS_INIT;
        int64_t n;
        options.level = levels[i];
        options.method = "eap-ig";
        options.evaluation.n_threads = 1;
        pc_effect *one = estimate(&n, model, task, &options);
        options.evaluation.n_threads = 3;
        pc_effect *three = estimate(&n, model, task, &options);
        expect_same(three, one, n, "three threads");
        options.evaluation.n_threads = 1;
        options.evaluation.memory = 2000000;
        pc_effect *little = estimate(&n, model, task, &options);
        expect_same(little, one, n, "little memory");
        free(little);
        free(three);
        free(one);
        pc_task_free(task);
        pc_model_free(model);
    }
}

/* All of a writer's edges are the writer: the estimates of nodes and of edges are two ways through
 * the same gradients. */
Test(search_estimates, a_writers_estimate_is_the_sum_of_its_edges)
{
    for (int m = 0; m < N_GOLDEN_MODELS; m++) {
        pc_model *model = golden_open(golden_models[m]);
        pc_task *task = task_of(golden_models[m], model);
        pc_find_options options = PC_FIND_OPTIONS_INIT;
        pc_candidates edges;
        const pc_watch nobody = {0};
        int64_t n;
        options.method = "eap";
        options.level = PC_LEVEL_NODE;
        pc_effect *nodes = estimate(&n, model, task, &options);
        cr_assert_eq(pc_candidates_init(&edges, model, PC_LEVEL_EDGE), PC_OK);
        pc_effect *of_edges = calloc((size_t)edges.n, sizeof *of_edges);
        pc_effect *sums = calloc((size_t)n, sizeof *sums);
        cr_assert_eq(
            pc_estimating(of_edges, sums, &edges, "eap", task, &options, &nobody, NULL, NULL),
            PC_OK);
        double most = 0;
        for (int64_t u = 0; u < n; u++)
            most = fmax(most, fabs(nodes[u].mean));
        for (int64_t u = 0; u < n; u++)
            cr_expect(fabs(nodes[u].mean - sums[u].mean) <= 1e-5 * most,
                      "%s: writer %lld is %.9g, its edges add up to %.9g", golden_models[m],
                      (long long)u, nodes[u].mean, sums[u].mean);
        free(sums);
        free(of_edges);
        free(nodes);
        pc_task_free(task);
        pc_model_free(model);
    }
}

/* ---- refused ---- */

static void expect_refused(const pc_find_options *options, const char *why)
{
    pc_model *model = golden_open("gpt2-plain");
    pc_task *task = task_of("gpt2-plain", model);
    pc_circuit *circuit;
    cr_assert_eq(pc_find(&circuit, model, task, options), PC_ERR_INPUT, "%s", why);
    cr_expect(strstr(pc_last_error(), why), "\"%s\", expected \"%s\"", pc_last_error(), why);
    pc_task_free(task);
    pc_model_free(model);
}

Test(search_estimates, what_has_no_gradient_is_refused)
{
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.method = "eap";
    options.evaluation.metric = PC_METRIC_ACCURACY;
    expect_refused(&options, "accuracy has no gradient");
    options.evaluation.metric = PC_METRIC_KL;
    expect_refused(&options, "its gradient at the clean run is 0");
    options.method = "eap-ig";
    options.ig_steps = 0;
    expect_refused(&options, "ig-steps is 0");
    options = (pc_find_options)PC_FIND_OPTIONS_INIT;
    options.method = "hybrid";
    options.estimate = "guess";
    expect_refused(&options, "estimate \"guess\" does not exist");
}

/* ---- hybrid, and checks ---- */

static pc_circuit *find(pc_model *model, const pc_task *task, const pc_find_options *options)
{
    pc_circuit *circuit;
    cr_assert_eq(pc_find(&circuit, model, task, options), PC_OK, "%s", pc_last_error());
    return circuit;
}

/* With everybody a candidate, hybrid is the exact search. */
Test(search_estimates, hybrid_measures_its_candidates_and_nobody_else)
{
    pc_model *model = golden_open("gpt2-plain");
    pc_task *task = task_of("gpt2-plain", model);
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.selection = PC_SELECT_TOP;
    options.top = 5;
    pc_circuit *exact = find(model, task, &options);
    options.method = "hybrid";
    options.n_candidates = 12;
    pc_circuit *some = find(model, task, &options);
    options.n_candidates = 1000;
    pc_circuit *all = find(model, task, &options);
    size_t n_measured = 0;
    for (size_t i = 0; i < pc_circuit_n_edges(exact); i++) {
        const pc_circuit_edge *e = pc_circuit_edge_at(exact, i), *s = pc_circuit_edge_at(some, i),
                              *a = pc_circuit_edge_at(all, i);
        n_measured += s->is_measured;
        cr_expect(!s->is_measured || s->effect == e->effect, "%s->%s", e->from, e->to);
        cr_expect(a->effect == e->effect && a->in_circuit == e->in_circuit, "%s->%s", e->from,
                  e->to);
    }
    cr_expect_eq(n_measured, 12);
    pc_circuit_free(all);
    pc_circuit_free(some);
    pc_circuit_free(exact);
    pc_task_free(task);
    pc_model_free(model);
}

Test(search_estimates, a_check_measures_what_was_estimated)
{
    pc_model *model = golden_open("gpt2-plain");
    pc_task *task = task_of("gpt2-plain", model);
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.selection = PC_SELECT_TOP;
    options.top = 5;
    pc_circuit *exact = find(model, task, &options);
    options.method = "eap-ig";
    options.n_checked = 9;
    pc_circuit *estimated = find(model, task, &options);
    size_t n, n_found = 0;
    const pc_checked_estimate *rows = pc_circuit_checked(estimated, &n);
    cr_assert_eq(n, 9);
    for (size_t i = 0; i < pc_circuit_n_edges(exact); i++) {
        const pc_circuit_edge *e = pc_circuit_edge_at(exact, i);
        char name[128];
        snprintf(name, sizeof name, "%s->%s", e->from, e->to);
        for (size_t k = 0; k < n; k++) {
            if (strcmp(rows[k].name, name) != 0) continue;
            n_found++;
            cr_expect(rows[k].effect == e->effect, "%s", name);
            cr_expect(rows[k].estimate == pc_circuit_edge_at(estimated, i)->effect, "%s", name);
        }
    }
    cr_expect_eq(n_found, n);
    for (size_t k = 1; k < n; k++)
        cr_expect(fabs(rows[k].estimate - rows[k].effect) <=
                  fabs(rows[k - 1].estimate - rows[k - 1].effect));
    pc_circuit_free(estimated);
    pc_circuit_free(exact);
    pc_task_free(task);
    pc_model_free(model);
}
