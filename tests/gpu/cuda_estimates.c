/* Estimates on a CUDA device equal the processor's, on every architecture, whatever the order of
 * threads. */
#include "on_device.h"

#include "backend/device_private.h"
#include "backend/plugin.h"
#include "grad/estimate.h"
#include "support/golden.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const char *device_name(void)
{
    static const pc_ops *ops;
    if (!ops) pc_device_register(ops = patchclamp_plugin_ops());
    return ops->name;
}

/* What is estimated, and how. */
typedef struct setting {
    pc_grad_scores what;
    pc_gradient_rule rule;
    pc_metric metric;
    double at;
} setting;

static const setting settings[] = {
    {PC_GRAD_EDGES, PC_GRADIENT, PC_METRIC_LOGIT_DIFF, 0},
    {PC_GRAD_EDGES, PC_GRADIENT, PC_METRIC_KL, 0.5},
    {PC_GRAD_WRITERS, PC_RELEVANCE, PC_METRIC_LOGIT_DIFF, 0},
    {PC_GRAD_NEURONS, PC_GRADIENT, PC_METRIC_LOG_PROB, 0},
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

/* A golden model and its task. */
typedef struct golden {
    const char *name;
    json_t *json;
    pc_model *model;
    pc_task *task;
} golden;

static golden open_golden(const char *name)
{
    golden g = {.name = name, .json = golden_read(name), .model = golden_open(name)};
    g.task = golden_task(g.json, g.model);
    return g;
}

static void free_golden(golden *g)
{
    pc_task_free(g->task);
    pc_model_free(g->model);
    json_decref(g->json);
}

static pc_estimates estimate(const golden *g, const setting *s, const char *device)
{
    const pc_grad_point point = {PC_HELD_INPUT, -1, s->at, 1, -1};
    pc_evaluator_options evaluation = PC_EVALUATOR_OPTIONS_INIT;
    pc_estimates found = {0};
    evaluation.metric = s->metric;
    evaluation.device = device;
    evaluation.n_threads = 1;
    const pc_estimate_options options = {.evaluation = &evaluation,
                                         .what = s->what,
                                         .rule = s->rule,
                                         .points = &point,
                                         .n_points = 1};
    cr_assert_eq(pc_estimate(&found, NULL, g->model, g->task, &options), PC_OK, "%s: %s", g->name,
                 pc_last_error());
    return found;
}

/* Both are float32's, each right to 2e-5 of the largest (tests/grad_estimates.c). */
static void compare(const golden *g, const setting *s)
{
    pc_estimates found = estimate(g, s, device_name()), expected = estimate(g, s, "cpu");
    double most = 0;
    for (int64_t i = 0; i < expected.n; i++)
        most = fmax(most, fabs(expected.mean[i]));
    cr_expect(most > 0, "%s: nothing is estimated", g->name);
    for (int64_t i = 0; i < expected.n; i++)
        cr_expect(fabs(found.mean[i] - expected.mean[i]) <= 4e-5 * most,
                  "%s, %d: %lld is %.9g, on the processor %.9g of at most %.3g", g->name, s->what,
                  (long long)i, found.mean[i], expected.mean[i], most);
    pc_estimates_free(&expected);
    pc_estimates_free(&found);
}

/* Edges by their gradients on each model, and one of the other ways in turn; where every access is
 * looked at, some models in one way. */
Test(cuda_estimates, are_the_processors)
{
    const int step = device_is_watched() ? 5 : 1, n_ways = device_is_watched() ? 1 : 2;
    device_use_order(0);
    for (int i = 0; i < N_GOLDEN_MODELS; i += step) {
        golden g = open_golden(golden_models[i]);
        const setting *const ways[] = {&settings[1 + i % (N_SETTINGS - 1)], &settings[0]};
        for (int k = 0; k < n_ways; k++)
            if (ways[k]->what != PC_GRAD_NEURONS || g.model->shape.d_mlp > 0) compare(&g, ways[k]);
        free_golden(&g);
    }
}

Test(cuda_estimates, order_and_repetition_change_no_bit)
{
    golden g = open_golden("gemma2-caps");
    device_use_order(0);
    pc_estimates first = estimate(&g, &settings[0], device_name());
    for (int order = 1; order < device_n_orders(); order++) {
        const char *what = device_use_order(order);
        pc_estimates again = estimate(&g, &settings[0], device_name());
        cr_expect(memcmp(again.mean, first.mean, (size_t)first.n * sizeof *first.mean) == 0, "%s",
                  what);
        pc_estimates_free(&again);
    }
    pc_estimates_free(&first);
    free_golden(&g);
}
