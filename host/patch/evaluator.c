/* The evaluator on the slow twin: workers take prompts, each measures every intervention on its
 * own. */
#define _POSIX_C_SOURCE 200809L
#include "patch/evaluator.h"

#include "base/memory.h"
#include "patch/delta_engine.h"
#include "patch/metric.h"
#include "patch/prompt_runner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_THREADS = 256 };

struct pc_evaluator {
    const pc_model *model;
    const pc_task *task;
    pc_evaluator_options options;
    int n_prompts;
    double *clean, *corrupted; /* (n_prompts) */
    pc_means means;
    pc_engine *engine;          /* NULL: the twin measures, with */
    pc_prompt_runner **runners; /* one per thread */
    int n_runners;
    pc_keep_going_fn keep_going; /* NULL: nobody stops it */
    void *payload;
};

/* One call's work, shared by the workers. Each prompt's results go to their own places. */
typedef struct job {
    pc_evaluator *evaluator;
    const pc_intervention *const *interventions; /* NULL: the baseline */
    int n;
    double *effects;     /* (n, n_prompts) */
    uint8_t *is_touched; /* (n, n_prompts) */
    atomic_int next_prompt;
    atomic_bool is_stopped;
    pthread_mutex_t lock; /* guards what follows */
    int failed_prompt;    /* the first prompt that failed, so that the message does not depend on
                             threads */
    pc_status status;
    char *message;
} job;

typedef struct worker {
    job *job;
    pc_prompt_runner *runner;
    bool is_caller; /* runs on the calling thread, which alone may ask whether to go on */
    pthread_t thread;
} worker;

static pc_status fail_stopped(void)
{
    return pc_fail(PC_ERR_INTERRUPTED, "stopped while measuring");
}

static bool goes_on(const pc_evaluator *e)
{
    return !e->keep_going || e->keep_going(e->payload);
}

/* Before each run of the model: seconds at most even for large ones. */
static pc_status check_stop(worker *w)
{
    job *j = w->job;
    if (w->is_caller && !goes_on(j->evaluator)) atomic_store(&j->is_stopped, true);
    return atomic_load(&j->is_stopped) ? fail_stopped() : PC_OK;
}

static pc_status measure_prompt(worker *w, int prompt)
{
    job *j = w->job;
    pc_evaluator *e = j->evaluator;
    pc_prompt_runner *runner = w->runner;
    PC_TRY(check_stop(w));
    if (!j->interventions)
        return pc_prompt_runner_baseline(&e->clean[prompt], &e->corrupted[prompt], runner, prompt);
    const double base = pc_evaluator_base(e)[prompt];
    PC_TRY(pc_prompt_runner_prepare(runner, prompt));
    for (int i = 0; i < j->n; i++) {
        double metric;
        bool is_touched;
        PC_TRY(check_stop(w));
        PC_TRY(pc_prompt_runner_measure(&metric, &is_touched, runner, j->interventions[i]));
        const int64_t at = (int64_t)i * e->n_prompts + prompt;
        j->effects[at] = metric - base;
        j->is_touched[at] = is_touched;
    }
    return PC_OK;
}

static void note_failure(job *j, int prompt, pc_status status)
{
    pthread_mutex_lock(&j->lock);
    if (j->status == PC_OK || prompt < j->failed_prompt) {
        free(j->message);
        j->message = pc_copy_text(pc_last_error()); /* the message is the thread's: carry it over */
        j->status = status;
        j->failed_prompt = prompt;
    }
    pthread_mutex_unlock(&j->lock);
}

static void *work(void *payload)
{
    worker *w = payload;
    job *j = w->job;
    for (;;) {
        const int prompt = atomic_fetch_add(&j->next_prompt, 1);
        if (prompt >= j->evaluator->n_prompts) return NULL;
        pc_status status = measure_prompt(w, prompt);
        if (status == PC_OK) continue;
        note_failure(j, prompt, status);
        /* prompts are taken in order: those before this one are all in hands already */
        atomic_store(&j->next_prompt, j->evaluator->n_prompts);
    }
}

static pc_status run_job(job *j)
{
    pc_evaluator *e = j->evaluator;
    worker *workers = pc_alloc((size_t)e->n_runners, sizeof *workers);
    if (!workers) return PC_ERR_NOMEM;
    pthread_mutex_init(&j->lock, NULL);
    int n_started = 1; /* this thread is the first worker */
    for (int i = 0; i < e->n_runners; i++)
        workers[i] = (worker){.job = j, .runner = e->runners[i], .is_caller = i == 0};
    while (n_started < e->n_runners &&
           pthread_create(&workers[n_started].thread, NULL, work, &workers[n_started]) == 0)
        n_started++;
    work(&workers[0]);
    for (int i = 1; i < n_started; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_mutex_destroy(&j->lock);
    free(workers);
    if (j->status != PC_OK) pc_fail(j->status, "%s", j->message ? j->message : "out of memory");
    free(j->message);
    return j->status;
}

/* ---- opening ---- */

static pc_status check_options(const pc_task *task, const pc_evaluator_options *o)
{
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

static int count_threads(const pc_evaluator *e)
{
    long n = e->options.n_threads > 0 ? e->options.n_threads : sysconf(_SC_NPROCESSORS_ONLN);
    if (n > MOST_THREADS) n = MOST_THREADS;
    if (n > e->n_prompts) n = e->n_prompts;
    return n < 1 ? 1 : (int)n;
}

static pc_status make_runners(pc_evaluator *e)
{
    const int n = count_threads(e);
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
                            : fail_stopped();
    if (status == PC_OK && counts[0] == 0)
        status = pc_fail(PC_ERR_INPUT, "source mean: the prompts have no token besides BOS");
    if (status == PC_OK) {
        divide(m->writers, c->n_writers, m->n_positions, s->d_model, counts);
        divide(m->acts, s->n_layers, m->n_positions, s->d_mlp, counts);
    }
    free(counts);
    return status;
}

static pc_status open_into(pc_evaluator *e)
{
    PC_TRY(pc_evaluator_check(e->model, e->task, &e->options));
    e->clean = pc_alloc((size_t)e->n_prompts, sizeof *e->clean);
    e->corrupted = pc_alloc((size_t)e->n_prompts, sizeof *e->corrupted);
    if (!e->clean || !e->corrupted) return PC_ERR_NOMEM;
    if (e->options.engine == PC_ENGINE_DELTA)
        return pc_engine_new(&e->engine, e->clean, e->corrupted, e->model, e->task, &e->options,
                             e->keep_going, e->payload);
    PC_TRY(make_runners(e));
    const bool needs_means =
        e->options.source == PC_SOURCE_MEAN || e->options.source == PC_SOURCE_MEAN_POSITIONAL;
    if (needs_means) PC_TRY(compute_means(e));
    job j = {.evaluator = e};
    return run_job(&j);
}

pc_status pc_evaluator_open_watched(pc_evaluator **out, const pc_model *model, const pc_task *task,
                                    const pc_evaluator_options *options,
                                    pc_keep_going_fn keep_going, void *payload)
{
    *out = NULL;
    pc_evaluator *e = pc_alloc(1, sizeof *e);
    if (!e) return PC_ERR_NOMEM;
    e->model = model;
    e->task = task;
    e->options = *options;
    e->n_prompts = pc_task_n(task);
    e->keep_going = keep_going;
    e->payload = payload;
    pc_status status = open_into(e);
    if (status == PC_OK) *out = e;
    else pc_evaluator_free(e);
    return status;
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
    free(e);
}

pc_status pc_evaluator_measure(double *effects, bool *is_touched, pc_evaluator *e,
                               const pc_intervention *const *interventions, int n)
{
    if (e->engine) return pc_engine_measure(effects, is_touched, e->engine, interventions, n);
    uint8_t *touched = pc_alloc((size_t)n * (size_t)e->n_prompts, 1);
    if (!touched) return PC_ERR_NOMEM;
    job j = {.evaluator = e,
             .interventions = interventions,
             .n = n,
             .effects = effects,
             .is_touched = touched};
    pc_status status = run_job(&j);
    for (int i = 0; i < n && is_touched && status == PC_OK; i++)
        is_touched[i] =
            memchr(touched + (size_t)i * (size_t)e->n_prompts, 1, (size_t)e->n_prompts) != NULL;
    free(touched);
    return status;
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
