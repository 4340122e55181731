/* The delta engine on a CUDA device equals the definition, on every architecture, whatever the
 * batch and the order of threads. */
#include "on_device.h"

#include "backend/device_private.h"
#include "backend/plugin.h"
#include "support/drawn.h"
#include "support/golden.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* DESIGN.md, section 5: float32 against double. */
#define RELATIVE 1e-5
#define ABSOLUTE 3e-6

enum { MOST_PROMPTS = 16 };

/* Fewer where every access is looked at. */
static int n_drawn(void)
{
    return device_is_watched() ? 12 : 40;
}

static int is_left_out(int model)
{
    return device_is_watched() && model % 4 != 0;
}

static pc_direction direction = PC_DIRECTION_NOISE; /* of every evaluator that is opened */

static const char *device_name(void)
{
    static const pc_ops *ops;
    if (!ops) pc_device_register(ops = patchclamp_plugin_ops());
    return ops->name;
}

static pc_evaluator *open_on(const drawn *d, const char *device, pc_precision precision,
                             pc_metric metric)
{
    pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    o.engine = device ? PC_ENGINE_DELTA : PC_ENGINE_TWIN;
    o.n_threads = 1;
    o.metric = metric;
    o.direction = direction;
    o.device = device;
    o.precision = precision;
    cr_assert_eq(pc_evaluator_open(&evaluator, d->model, d->task, &o), PC_OK, "%s",
                 pc_last_error());
    return evaluator;
}

/* How many effects the twin measured again. */
static int64_t measure(double *effects, const drawn *d, const char *device, pc_precision precision,
                       pc_metric metric)
{
    pc_evaluator *e = open_on(d, device, precision, metric);
    cr_assert_eq(
        pc_evaluator_measure(effects, NULL, e, (const pc_intervention *const *)d->list, d->n),
        PC_OK, "%s", pc_last_error());
    const int64_t n_again = pc_evaluator_n_again(e);
    pc_evaluator_free(e);
    return n_again;
}

static double spread(const double *x, int n)
{
    double mean = 0, sum = 0;
    for (int i = 0; i < n; i++)
        mean += x[i] / n;
    for (int i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (n > 1 ? n - 1 : 1));
}

static double scale_of(const drawn *d, pc_metric metric)
{
    pc_evaluator *twin = open_on(d, NULL, PC_PRECISION_FP32, metric);
    const double scale = fmax(1, spread(pc_evaluator_clean(twin), pc_task_n(d->task)));
    pc_evaluator_free(twin);
    return scale;
}

/* All effects, against the twin's to a tolerance in units of the precision's; returns how many were
 * left to the twin. */
static int64_t compare_with_twin(const char *name, uint64_t seed, pc_precision precision,
                                 pc_metric metric, double relative, double absolute)
{
    static double found[MOST_DRAWN * MOST_PROMPTS], expected[MOST_DRAWN * MOST_PROMPTS];
    drawn d = draw_all(name, seed, n_drawn());
    const int n = pc_task_n(d.task);
    const double scale = scale_of(&d, metric);
    const int64_t n_again = measure(found, &d, device_name(), precision, metric);
    measure(expected, &d, NULL, PC_PRECISION_FP32, metric);
    for (int i = 0; i < d.n * n; i++)
        cr_expect(fabs(found[i] - expected[i]) <= relative * fabs(expected[i]) + absolute * scale,
                  "%s in %s: intervention %d, pair %d has effect %.9g, the twin %.9g", name,
                  pc_precision_name(precision), i / n, i % n, found[i], expected[i]);
    /* what is left to the twin, NaN above all, says nothing about the device */
    cr_expect(n_again <= d.n * n / 2, "%s in %s: %lld of %d effects were left to the twin", name,
              pc_precision_name(precision), (long long)n_again, d.n * n);
    free_all(&d);
    return n_again;
}

Test(cuda_engine, random_interventions_equal_the_twin)
{
    static const pc_metric metrics[] = {PC_METRIC_LOGIT_DIFF, PC_METRIC_KL, PC_METRIC_PROB_DIFF};
    int64_t n_again = 0, n = 0;
    device_use_order(0);
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        if (is_left_out(i)) continue;
        n_again += compare_with_twin(golden_models[i], 300 + (uint64_t)i, PC_PRECISION_FP32,
                                     metrics[i % 3], RELATIVE, ABSOLUTE);
        n += n_drawn();
    }
    cr_expect(n_again < n, "%lld effects of %lld interventions were left to the twin",
              (long long)n_again, (long long)n);
}

/* With a softcap and without. The KL's reference is the base run or, denoising, the other one. */
Test(cuda_engine, metrics_of_all_logits_equal_the_twin_in_both_directions)
{
    static const struct {
        pc_metric metric;
        pc_direction direction;
        const char *model;
    } rows[] = {{PC_METRIC_KL, PC_DIRECTION_DENOISE, "gpt2-odd"},
                {PC_METRIC_KL, PC_DIRECTION_DENOISE, "gemma2-caps"},
                {PC_METRIC_LOG_PROB, PC_DIRECTION_DENOISE, "gpt2-odd"},
                {PC_METRIC_LOSS, PC_DIRECTION_NOISE, "gemma2-caps"},
                {PC_METRIC_ACCURACY, PC_DIRECTION_NOISE, "gpt2-odd"}};
    device_use_order(0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        direction = rows[i].direction;
        compare_with_twin(rows[i].model, 500 + i, PC_PRECISION_FP32, rows[i].metric, RELATIVE,
                          ABSOLUTE);
    }
}

/* What these models' effects lose in each precision: about ten times what was seen. */
Test(cuda_engine, each_precision_keeps_what_it_promises)
{
    static const struct {
        pc_precision precision;
        double relative, absolute;
    } rows[] = {{PC_PRECISION_BF16X3, 1e-4, 1e-4},
                {PC_PRECISION_TF32, 5e-3, 5e-3},
                {PC_PRECISION_BF16, 5e-2, 5e-2}};
    device_use_order(0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        compare_with_twin("gpt2-odd", 400, rows[i].precision, PC_METRIC_LOGIT_DIFF,
                          rows[i].relative, rows[i].absolute);
}

Test(cuda_engine, order_batch_and_repetition_change_no_bit)
{
    static double all[MOST_DRAWN * MOST_PROMPTS], other[MOST_DRAWN * MOST_PROMPTS];
    const char *const names[] = {"gpt2-odd", "gemma2-caps", "qwen3-norm"};
    const size_t n_names = device_is_watched() ? 1 : sizeof names / sizeof *names;
    for (size_t k = 0; k < n_names; k++) {
        drawn d = draw_all(names[k], 7, n_drawn());
        const int n = pc_task_n(d.task);
        const size_t bytes = sizeof(double) * (size_t)(d.n * n);
        device_use_order(0);
        measure(all, &d, device_name(), PC_PRECISION_FP32, PC_METRIC_LOGIT_DIFF);
        for (int order = 1; order < device_n_orders(); order++) {
            const char *what = device_use_order(order);
            measure(other, &d, device_name(), PC_PRECISION_FP32, PC_METRIC_LOGIT_DIFF);
            cr_expect(memcmp(all, other, bytes) == 0, "%s: %s", names[k], what);
        }
        pc_evaluator *e = open_on(&d, device_name(), PC_PRECISION_FP32, PC_METRIC_LOGIT_DIFF);
        for (int i = d.n - 1; i >= 0; i--) {
            const pc_intervention *one[] = {d.list[i]};
            cr_assert_eq(pc_evaluator_measure(other, NULL, e, one, 1), PC_OK, "%s",
                         pc_last_error());
            cr_expect(memcmp(all + i * n, other, sizeof(double) * (size_t)n) == 0,
                      "%s: intervention %d alone", names[k], i);
        }
        pc_evaluator_free(e);
        free_all(&d);
    }
}
