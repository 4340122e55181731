/* The evaluator: the delta engine, or the slow twin, whose workers take prompts and measure every
 * intervention on its own. */
#include "patch/evaluator.h"

#include "base/memory.h"
#include "patch/delta_engine.h"
#include "patch/metric.h"
#include "patch/prompt_runner.h"
#include "patch/workers.h"

#include <stdlib.h>
#include <string.h>

struct pc_evaluator {
    const pc_model *model;
    const pc_task *task;
    pc_evaluator_options options;
    int n_prompts;
    int *all_prompts;          /* 0, 1, 2 ... */
    double *clean, *corrupted; /* (n_prompts) */
    pc_means means;
    pc_engine *engine;          /* NULL: the twin measures, with */
    pc_prompt_runner **runners; /* one per thread */
    int n_runners;
    pc_keep_going_fn keep_going; /* NULL: nobody stops it */
    void *payload;
};

/* One call's work, shared by the workers. Each prompt's results go to their own places. */
typedef struct measuring {
    pc_evaluator *evaluator;
    const pc_intervention *const *interventions; /* NULL: the baseline */
    int n;
    const int *prompts; /* (n_prompts) those asked for */
    int n_prompts;
    double *effects;     /* (n, n_prompts) */
    uint8_t *is_touched; /* (n, n_prompts) */
} measuring;

static bool is_loss(pc_metric metric)
{
    return metric == PC_METRIC_KL || metric == PC_METRIC_LOSS;
}

double pc_metric_sign_of_worse(const pc_evaluator_options *o)
{
    return is_loss(o->metric) || o->sense == PC_SENSE_LOSS ? 1 : -1;
}

double pc_metric_factor(const pc_evaluator_options *o, const pc_model *model)
{
    const double sign = o->sense == PC_SENSE_LOSS && !is_loss(o->metric) ? -1 : 1;
    const bool is_mean = o->metric == PC_METRIC_KL && o->kl == PC_KL_MEAN;
    return is_mean ? sign / (double)model->shape.vocab_out : sign;
}

static void scale(double *x, size_t n, double factor)
{
    for (size_t i = 0; i < n && factor != 1; i++)
        x[i] *= factor;
}

static bool goes_on(const pc_evaluator *e)
{
    return !e->keep_going || e->keep_going(e->payload);
}

static pc_status measure_prompt(void *payload, pc_crew *crew, int worker, int64_t item)
{
    const measuring *m = payload;
    pc_evaluator *e = m->evaluator;
    pc_prompt_runner *runner = e->runners[worker];
    const int prompt = m->prompts[item];
    PC_TRY(pc_workers_check(crew, worker));
    if (!m->interventions)
        return pc_prompt_runner_baseline(&e->clean[prompt], &e->corrupted[prompt], runner, prompt);
    const double factor = pc_metric_factor(&e->options, e->model);
    const double base = pc_evaluator_base(e)[prompt];
    PC_TRY(pc_prompt_runner_prepare(runner, prompt));
    for (int i = 0; i < m->n; i++) {
        double metric;
        bool is_touched;
        /* before each run of the model: seconds at most even for large ones */
        PC_TRY(pc_workers_check(crew, worker));
        PC_TRY(pc_prompt_runner_measure(&metric, &is_touched, runner, m->interventions[i]));
        const int64_t at = (int64_t)i * m->n_prompts + item;
        m->effects[at] = metric * factor - base;
        m->is_touched[at] = is_touched;
    }
    return PC_OK;
}

static pc_status run(measuring *m)
{
    const pc_evaluator *e = m->evaluator;
    const pc_workers_job job = {.n_workers = e->n_runners,
                                .n_items = m->n_prompts,
                                .work = measure_prompt,
                                .payload = m,
                                .keep_going = e->keep_going,
                                .keep_going_payload = e->payload};
    return pc_workers_run(&job);
}

/* ---- opening ---- */

static pc_status check_options(const pc_task *task, const pc_evaluator_options *o)
{
    if (o->kl == PC_KL_MEAN && o->direction == PC_DIRECTION_DENOISE)
        return pc_fail(PC_ERR_INPUT,
                       "the KL's mean over the vocabulary is there under noise alone");
    if (pc_metric_needs_wrong_answers(o->metric) && !pc_task_has_wrong_answers(task))
        return pc_fail(PC_ERR_INPUT, "metric %s needs wrong_answers, task %s has targets without",
                       pc_metric_name(o->metric), pc_task_name(task));
    if (o->direction == PC_DIRECTION_DENOISE && o->source != PC_SOURCE_RESAMPLE)
        return pc_fail(PC_ERR_INPUT,
                       "direction denoise patches clean values: source must be resample, not %s",
                       pc_source_name(o->source));
    if (o->source == PC_SOURCE_MEAN_POSITIONAL && !pc_task_has_equal_lengths(task))
        return pc_fail(PC_ERR_INPUT,
                       "source mean-positional needs prompts of one length, task %s "
                       "has several",
                       pc_task_name(task));
    return PC_OK;
}

/* A task may have been read for another model: its ids index this one's logits. */
static pc_status check_answers(const pc_model *model, const int32_t *answers, int n)
{
    for (int i = 0; i < n; i++)
        if (answers[i] < 0 || answers[i] >= model->shape.vocab_out)
            return pc_fail(PC_ERR_INPUT, "answer %d is not a logit of %s, expected 0 to %lld",
                           (int)answers[i], model->info.name,
                           (long long)model->shape.vocab_out - 1);
    return PC_OK;
}

static pc_status check_task(const pc_model *model, const pc_task *task)
{
    for (int i = 0; i < pc_task_n(task); i++) {
        const pc_prompt *pair = pc_task_prompt(task, i);
        pc_status status = pc_model_check_tokens(model, pair->clean, pair->n_tokens);
        if (status == PC_OK) status = pc_model_check_tokens(model, pair->corrupted, pair->n_tokens);
        for (int t = 0; t < pair->n_targets && status == PC_OK; t++) {
            const pc_target *target = &pair->targets[t];
            status = check_answers(model, target->answers, target->n_answers);
            if (status == PC_OK)
                status = check_answers(model, target->wrong_answers, target->n_wrong_answers);
        }
        if (status != PC_OK)
            return pc_fail_within(status, "task %s, pair %d", pc_task_name(task), i);
    }
    return PC_OK;
}

pc_status pc_evaluator_check(const pc_model *model, const pc_task *task,
                             const pc_evaluator_options *options)
{
    PC_TRY(check_options(task, options));
    return check_task(model, task);
}

static pc_status make_runners(pc_evaluator *e)
{
    const int n = pc_workers_count(e->options.n_threads, e->n_prompts);
    e->runners = pc_alloc((size_t)n, sizeof(pc_prompt_runner *));
    if (!e->runners) return PC_ERR_NOMEM;
    for (; e->n_runners < n; e->n_runners++) {
        const pc_status status = pc_prompt_runner_new(&e->runners[e->n_runners], e->model, e->task,
                                                      &e->options, &e->means);
        /* memory for fewer threads than there are processors: slower, the same numbers */
        if (status == PC_ERR_NOMEM && e->n_runners > 0) return PC_OK;
        PC_TRY(status);
    }
    return PC_OK;
}

static void divide(double *sums, int64_t n_blocks, int n_positions, int64_t width,
                   const int64_t *counts)
{
    for (int64_t block = 0; block < n_blocks; block++)
        for (int64_t p = 0; p < n_positions; p++)
            for (int64_t i = 0; i < width; i++)
                sums[(block * n_positions + p) * width + i] /= (double)counts[p];
}

/* In prompt order on one thread: the sum must not depend on who computed what. */
static pc_status compute_means(pc_evaluator *e)
{
    const pc_shape *s = &e->model->shape;
    const pc_components *c = &e->model->components;
    pc_means *m = &e->means;
    m->n_positions = e->options.source == PC_SOURCE_MEAN_POSITIONAL ? pc_task_longest(e->task) : 1;
    const size_t rows = (size_t)m->n_positions;
    m->writers = pc_alloc((size_t)c->n_writers * rows, sizeof(double) * (size_t)s->d_model);
    m->acts = pc_alloc((size_t)s->n_layers * rows, sizeof(double) * (size_t)s->d_mlp);
    int64_t *counts = pc_alloc(rows, sizeof *counts);
    pc_status status = m->writers && m->acts && counts ? PC_OK : PC_ERR_NOMEM;
    for (int i = 0; i < e->n_prompts && status == PC_OK; i++)
        status = goes_on(e) ? pc_prompt_runner_add_to_means(m, counts, e->runners[0], i)
                            : pc_fail(PC_ERR_INTERRUPTED, "stopped while measuring");
    if (status == PC_OK && counts[0] == 0)
        status = pc_fail(PC_ERR_INPUT, "source mean: the prompts have no token besides BOS");
    if (status == PC_OK) {
        divide(m->writers, c->n_writers, m->n_positions, s->d_model, counts);
        divide(m->acts, s->n_layers, m->n_positions, s->d_mlp, counts);
    }
    free(counts);
    return status;
}

pc_status pc_memory_allows(const pc_evaluator_options *o, int64_t needed)
{
    if (o->memory == 0 || needed <= o->memory) return PC_OK;
    return pc_fail(
        PC_ERR_INPUT,
        "memory: %.1f MB are allowed, the %s engine needs at least %.1f MB on %d threads",
        1e-6 * (double)o->memory, pc_engine_name(o->engine), 1e-6 * (double)needed,
        pc_workers_count(o->n_threads, INT32_MAX));
}

static pc_status plan_runners(const pc_evaluator *e)
{
    const double runs =
        pc_evaluator_bytes(e->model, &e->options, e->n_prompts, pc_task_longest(e->task));
    return pc_memory_allows(&e->options, e->model->weights.n_bytes + (int64_t)runs);
}

static pc_status open_into(pc_evaluator *e)
{
    PC_TRY(pc_evaluator_check(e->model, e->task, &e->options));
    e->clean = pc_alloc((size_t)e->n_prompts, sizeof *e->clean);
    e->corrupted = pc_alloc((size_t)e->n_prompts, sizeof *e->corrupted);
    e->all_prompts = pc_alloc((size_t)e->n_prompts, sizeof *e->all_prompts);
    if (!e->clean || !e->corrupted || !e->all_prompts) return PC_ERR_NOMEM;
    for (int i = 0; i < e->n_prompts; i++)
        e->all_prompts[i] = i;
    if (e->options.engine == PC_ENGINE_DELTA)
        return pc_engine_new(&e->engine, e->clean, e->corrupted, e->model, e->task, e->n_prompts,
                             &e->options, e->keep_going, e->payload);
    PC_TRY(plan_runners(e));
    PC_TRY(make_runners(e));
    const bool needs_means =
        e->options.source == PC_SOURCE_MEAN || e->options.source == PC_SOURCE_MEAN_POSITIONAL;
    if (needs_means) PC_TRY(compute_means(e));
    measuring m = {.evaluator = e, .prompts = e->all_prompts, .n_prompts = e->n_prompts};
    return run(&m);
}

static pc_status open_some(pc_evaluator **out, const pc_model *model, const pc_task *task,
                           const pc_evaluator_options *options, int n_prompts,
                           pc_keep_going_fn keep_going, void *payload)
{
    *out = NULL;
    pc_evaluator *e = pc_alloc(1, sizeof *e);
    if (!e) return PC_ERR_NOMEM;
    e->model = model;
    e->task = task;
    e->options = *options;
    e->n_prompts = n_prompts;
    e->keep_going = keep_going ? keep_going : options->keep_going;
    e->payload = keep_going ? payload : options->payload;
    pc_status status = open_into(e);
    if (status == PC_OK) {
        const double factor = pc_metric_factor(&e->options, model);
        scale(e->clean, (size_t)n_prompts, factor);
        scale(e->corrupted, (size_t)n_prompts, factor);
        *out = e;
    } else pc_evaluator_free(e);
    return status;
}

pc_status pc_evaluator_open_watched(pc_evaluator **out, const pc_model *model, const pc_task *task,
                                    const pc_evaluator_options *options,
                                    pc_keep_going_fn keep_going, void *payload)
{
    return open_some(out, model, task, options, pc_task_n(task), keep_going, payload);
}

pc_status pc_evaluator_open_first(pc_evaluator **out, const pc_model *model, const pc_task *task,
                                  const pc_evaluator_options *options, int n_prompts)
{
    return open_some(out, model, task, options, n_prompts, NULL, NULL);
}

pc_status pc_evaluator_time_preparing(double *seconds, pc_evaluator *e)
{
    *seconds = 0;
    return e->engine ? pc_engine_time_preparing(seconds, e->engine) : PC_OK;
}

const pc_task *pc_evaluator_task(const pc_evaluator *e)
{
    return e->task;
}

pc_status pc_evaluator_open(pc_evaluator **out, const pc_model *model, const pc_task *task,
                            const pc_evaluator_options *options)
{
    return pc_evaluator_open_watched(out, model, task, options, NULL, NULL);
}

int64_t pc_evaluator_n_again(const pc_evaluator *e)
{
    return e->engine ? pc_engine_n_again(e->engine) : 0;
}

double pc_evaluator_bytes(const pc_model *model, const pc_evaluator_options *options, int n_prompts,
                          int n_tokens)
{
    const int n_threads = pc_workers_count(options->n_threads, n_prompts);
    if (options->engine == PC_ENGINE_DELTA)
        return pc_engine_bytes(model, options, n_prompts, n_tokens);
    return (double)n_threads * (double)pc_prompt_runner_bytes(model, n_tokens);
}

bool pc_evaluator_keeps_prompts(const pc_evaluator *e)
{
    return !e->engine || pc_engine_keeps_prompts(e->engine);
}

int64_t pc_evaluator_held(const pc_evaluator *e)
{
    return e->engine ? pc_engine_held(e->engine) : 0;
}

double pc_evaluator_flop(const pc_evaluator *e)
{
    return e->engine ? pc_engine_flop(e->engine) : 0;
}

const pc_evaluator_options *pc_evaluator_settings(const pc_evaluator *e)
{
    return &e->options;
}

void pc_evaluator_free(pc_evaluator *e)
{
    if (!e) return;
    for (int i = 0; i < e->n_runners; i++)
        pc_prompt_runner_free(e->runners[i]);
    free(e->runners);
    pc_engine_free(e->engine);
    free(e->means.acts);
    free(e->means.writers);
    free(e->corrupted);
    free(e->clean);
    free(e->all_prompts);
    free(e);
}

pc_status pc_evaluator_measure_on(double *effects, bool *is_touched, pc_evaluator *e,
                                  const pc_intervention *const *interventions, int n,
                                  const int *prompts, int n_prompts)
{
    const size_t width = (size_t)n_prompts;
    if (e->engine) {
        PC_TRY(pc_engine_measure(effects, is_touched, e->engine, interventions, n, prompts,
                                 n_prompts));
        scale(effects, (size_t)n * width, pc_metric_factor(&e->options, e->model));
        return PC_OK;
    }
    uint8_t *touched = pc_alloc((size_t)n * width, 1);
    if (!touched) return PC_ERR_NOMEM;
    measuring m = {.evaluator = e,
                   .interventions = interventions,
                   .n = n,
                   .prompts = prompts,
                   .n_prompts = n_prompts,
                   .effects = effects,
                   .is_touched = touched};
    pc_status status = run(&m);
    for (int i = 0; i < n && is_touched && status == PC_OK; i++)
        is_touched[i] = memchr(touched + (size_t)i * width, 1, width) != NULL;
    free(touched);
    return status;
}

pc_status pc_evaluator_measure(double *effects, bool *is_touched, pc_evaluator *e,
                               const pc_intervention *const *interventions, int n)
{
    return pc_evaluator_measure_on(effects, is_touched, e, interventions, n, e->all_prompts,
                                   e->n_prompts);
}

const double *pc_evaluator_clean(const pc_evaluator *e)
{
    return e->clean;
}

const double *pc_evaluator_corrupted(const pc_evaluator *e)
{
    return e->corrupted;
}

const double *pc_evaluator_base(const pc_evaluator *e)
{
    return e->options.direction == PC_DIRECTION_DENOISE ? e->corrupted : e->clean;
}
