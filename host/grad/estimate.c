/* Estimates over a task: batches of prompts on all threads, added up in the prompts' order. */
#include "grad/estimate.h"

#include "base/memory.h"
#include "patch/metric_delta.h"
#include "patch/workers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Prompts that run together. */
typedef struct batch {
    int first, n;
} batch;

/* A thread's room, and what its batch came to: (most_prompts, n_scores). */
typedef struct hand {
    pc_grad_run *run;
    double *scores;
    batch done;
} hand;

/* Means and squared deviations so far (Welford 1962). */
typedef struct sums {
    double *mean, *squares;
    int64_t n;
} sums;

typedef struct estimation {
    const pc_model *model;
    const pc_task *task;
    const pc_estimate_options *options;
    const pc_device *device;
    pc_grad_run_options run;
    pc_grad_sizes sizes;
    pc_grad_weights *weights;
    pc_grad_prompt *prompts;
    batch *batches;
    int n_batches, n_prompts;
    hand *hands;
    int n_hands;
    pc_engine_means means;
    pc_means twin_means; /* come along, and are not used */
    bool has_means;
    int first_batch; /* of those that run at the moment */
    sums candidates, writers;
    double *values; /* of one prompt's writers */
} estimation;

/* ---- checks ---- */

static pc_status check_metric(const pc_estimate_options *o)
{
    const pc_evaluator_options *e = o->evaluation;
    bool is_all_at_base = true;
    for (int i = 0; i < o->n_points; i++)
        is_all_at_base = is_all_at_base && o->points[i].at == 0;
    if (e->metric == PC_METRIC_ACCURACY)
        return pc_fail(PC_ERR_INPUT, "metric accuracy has no gradient: nothing can be estimated");
    if (e->metric == PC_METRIC_KL && e->direction == PC_DIRECTION_NOISE && is_all_at_base)
        return pc_fail(PC_ERR_INPUT, "metric kl: its gradient at the clean run is 0, where this "
                                     "method takes it; use eap-ig or another metric");
    return PC_OK;
}

/* ---- prompts ---- */

static void take_prompts(estimation *e)
{
    const pc_evaluator_options *o = e->options->evaluation;
    const bool is_denoising = o->direction == PC_DIRECTION_DENOISE;
    for (int i = 0; i < e->n_prompts; i++) {
        const pc_prompt *pair = pc_task_prompt(e->task, i);
        const int32_t *source = is_denoising ? pair->clean : pair->corrupted;
        e->prompts[i] = (pc_grad_prompt){
            .pair = pair,
            .base = is_denoising ? pair->corrupted : pair->clean,
            .source = o->source == PC_SOURCE_RESAMPLE ? source : NULL,
        };
    }
}

/* The longest prompt and the most targets have room in any case. */
static void find_sizes(estimation *e)
{
    const pc_device_facts *facts = &e->device->facts;
    e->sizes.rows = facts->history_rows;
    for (int i = 0; i < e->n_prompts; i++) {
        const pc_prompt *pair = e->prompts[i].pair;
        const int rows = pc_grad_rows(pair);
        if (rows > e->sizes.longest) e->sizes.longest = rows;
        if (pair->n_targets > e->sizes.targets) e->sizes.targets = pair->n_targets;
    }
    if (e->sizes.longest > e->sizes.rows) e->sizes.rows = e->sizes.longest;
    if (e->sizes.targets < facts->logit_rows) e->sizes.targets = facts->logit_rows;
}

/* What a batch computes does not depend on who is in it. */
static void make_batches(estimation *e)
{
    const int most = pc_grad_most_prompts(e->model, e->options->what, &e->sizes);
    int64_t rows = 0, targets = 0;
    e->n_batches = 0;
    for (int i = 0; i < e->n_prompts; i++) {
        batch *b = e->n_batches ? &e->batches[e->n_batches - 1] : NULL;
        const int64_t r = pc_grad_rows(e->prompts[i].pair), t = e->prompts[i].pair->n_targets;
        const bool fits =
            b && b->n < most && rows + r <= e->sizes.rows && targets + t <= e->sizes.targets;
        if (!fits) {
            b = &e->batches[e->n_batches++];
            *b = (batch){i, 0};
            rows = targets = 0;
        }
        b->n++;
        rows += r;
        targets += t;
    }
}

/* ---- room ---- */

static int n_hands(const estimation *e)
{
    const int most = e->device->facts.n_queues;
    const int n = most ? most : pc_workers_count(e->options->evaluation->n_threads, INT32_MAX);
    return n < e->n_batches ? n : e->n_batches;
}

static pc_unembedding unembedding_of(const estimation *e)
{
    return pc_metric_needs_all_logits(e->run.metric) ? PC_UNEMBED_ALL : PC_UNEMBED_ANSWERS;
}

static int64_t scores_of_batch(const estimation *e)
{
    return pc_grad_most_prompts(e->model, e->options->what, &e->sizes) *
           pc_grad_n_scores(e->model, e->options->what);
}

static pc_status check_memory(const estimation *e)
{
    const int64_t a_hand =
        pc_grad_run_bytes(e->model, e->device, &e->run, &e->sizes) + 8 * scores_of_batch(e);
    const int64_t weights = pc_grad_weights_bytes(e->model, e->device, unembedding_of(e));
    const int64_t added = 32 * (e->candidates.n + e->writers.n);
    return pc_memory_allows(e->options->evaluation,
                            e->model->weights.n_bytes + weights + added + n_hands(e) * a_hand);
}

/* Batches of half as many rows, as long as the longest prompt has room. */
static bool halve(estimation *e)
{
    if (e->sizes.rows <= e->sizes.longest) return false;
    e->sizes.rows = (e->sizes.rows + 1) / 2;
    if (e->sizes.rows < e->sizes.longest) e->sizes.rows = e->sizes.longest;
    make_batches(e);
    return true;
}

/* Fewer rows at a time where the options allow too little memory. */
static pc_status fit_memory(estimation *e)
{
    pc_status status = check_memory(e);
    while (status == PC_ERR_INPUT && halve(e))
        status = check_memory(e);
    return status;
}

static pc_status make_hand(hand *h, const estimation *e)
{
    h->scores = pc_alloc((size_t)scores_of_batch(e), sizeof *h->scores);
    return h->scores ? pc_grad_run_new(&h->run, e->weights, &e->run, &e->sizes) : PC_ERR_NOMEM;
}

static void free_hand(hand *h)
{
    pc_grad_run_free(h->run);
    free(h->scores);
    *h = (hand){0};
}

/* Smaller batches where there is no memory for the first. */
static pc_status make_first_hand(estimation *e)
{
    pc_status status = make_hand(&e->hands[0], e);
    while (status == PC_ERR_NOMEM && halve(e)) {
        free_hand(&e->hands[0]);
        status = make_hand(&e->hands[0], e);
    }
    return status;
}

/* One at least; fewer than there are threads where memory ends: slower, the same numbers. */
static pc_status make_hands(estimation *e)
{
    const int n = n_hands(e);
    e->hands = pc_alloc((size_t)n, sizeof *e->hands);
    if (!e->hands) return PC_ERR_NOMEM;
    for (; e->n_hands < n; e->n_hands++) {
        hand *h = &e->hands[e->n_hands];
        const pc_status status = e->n_hands == 0 ? make_first_hand(e) : make_hand(h, e);
        if (status == PC_OK) continue;
        free_hand(h);
        return status == PC_ERR_NOMEM && e->n_hands > 0 ? PC_OK : status;
    }
    return PC_OK;
}

static pc_status make_sums(sums *out)
{
    out->mean = pc_alloc((size_t)out->n, sizeof *out->mean);
    out->squares = pc_alloc((size_t)out->n, sizeof *out->squares);
    return out->mean && out->squares ? PC_OK : PC_ERR_NOMEM;
}

static bool holds_outputs(const pc_estimate_options *o)
{
    for (int i = 0; i < o->n_points; i++)
        if (o->points[i].held != PC_HELD_INPUT) return true;
    return false;
}

static pc_status open_all(estimation *e)
{
    const pc_evaluator_options *o = e->options->evaluation;
    PC_TRY(pc_evaluator_check(e->model, e->task, o));
    PC_TRY(check_metric(e->options));
    PC_TRY(pc_device_get(&e->device, o->device, o->precision));
    e->run = (pc_grad_run_options){.what = e->options->what,
                                   .rule = e->options->rule,
                                   .metric = o->metric,
                                   .is_referred_to_source = o->direction == PC_DIRECTION_DENOISE,
                                   .holds_outputs = holds_outputs(e->options)};
    e->prompts = pc_alloc((size_t)e->n_prompts, sizeof *e->prompts);
    e->batches = pc_alloc((size_t)e->n_prompts, sizeof *e->batches);
    e->values = pc_alloc((size_t)e->model->components.n_writers, sizeof *e->values);
    if (!e->prompts || !e->batches || !e->values) return PC_ERR_NOMEM;
    take_prompts(e);
    find_sizes(e);
    make_batches(e);
    PC_TRY(fit_memory(e));
    PC_TRY(make_sums(&e->candidates));
    PC_TRY(make_sums(&e->writers));
    PC_TRY(pc_grad_weights_new(&e->weights, PC_GRAD_AND_BACK, e->model, e->device, e->sizes.longest,
                               unembedding_of(e)));
    if (o->source == PC_SOURCE_MEAN || o->source == PC_SOURCE_MEAN_POSITIONAL) {
        e->has_means = true;
        PC_TRY(pc_engine_means_new(&e->means, &e->twin_means, e->weights->forward, e->task,
                                   o->source, e->options->keep_going, e->options->payload));
    }
    return make_hands(e);
}

static void close_all(estimation *e)
{
    for (int i = 0; i < e->n_hands; i++)
        free_hand(&e->hands[i]);
    free(e->hands);
    pc_engine_means_free(&e->means, &e->twin_means);
    pc_grad_weights_free(e->weights);
    free(e->writers.squares);
    free(e->writers.mean);
    free(e->candidates.squares);
    free(e->candidates.mean);
    free(e->values);
    free(e->batches);
    free(e->prompts);
}

/* ---- adding up ---- */

static void add_values(sums *s, const double *values, int n_before)
{
    for (int64_t i = 0; i < s->n; i++) {
        const double off = values[i] - s->mean[i];
        s->mean[i] += off / (n_before + 1);
        s->squares[i] += off * (values[i] - s->mean[i]);
    }
}

static void sum_edges(double *out, const double *scores, const pc_components *c)
{
    memset(out, 0, (size_t)c->n_writers * sizeof *out);
    for (int reader = 0; reader < c->n_readers; reader++)
        for (int u = 0; u < c->readers[reader].n_visible; u++)
            out[u] += scores[c->readers[reader].first_edge + u];
}

static double sum_of(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

/* Channels follow each other as the writers do. */
static void sum_channels(double *out, const double *scores, const pc_model *model)
{
    const pc_components *c = &model->components;
    for (int u = 0; u < c->n_writers; u++) {
        const bool is_head = c->writers[u].kind == PC_WRITER_HEAD;
        const int64_t n = is_head ? model->shape.d_head : model->shape.d_model;
        out[u] = sum_of(scores, n);
        scores += n;
    }
}

static void add_prompt(estimation *e, double *scores, int prompt)
{
    const double factor = pc_metric_factor(e->options->evaluation, e->model);
    const int64_t n = pc_grad_n_scores(e->model, e->options->what);
    for (int64_t i = 0; i < n && factor != 1; i++)
        scores[i] *= factor;
    if (e->options->what == PC_GRAD_EDGES) sum_edges(e->values, scores, &e->model->components);
    if (e->options->what == PC_GRAD_WRITERS) sum_channels(e->values, scores, e->model);
    add_values(&e->candidates, e->options->what == PC_GRAD_WRITERS ? e->values : scores, prompt);
    add_values(&e->writers, e->values, prompt);
}

static void add_batches(estimation *e, int n)
{
    const int64_t n_scores = pc_grad_n_scores(e->model, e->options->what);
    for (int i = 0; i < n; i++) {
        const batch *b = &e->batches[e->first_batch + i];
        const hand *h = e->hands;
        while (h->done.first != b->first) /* who had it */
            h++;
        for (int k = 0; k < b->n; k++)
            add_prompt(e, h->scores + k * n_scores, b->first + k);
    }
}

/* ---- running ---- */

static pc_status run_batch(void *payload, pc_crew *crew, int worker, int64_t item)
{
    estimation *e = payload;
    const batch *b = &e->batches[e->first_batch + item];
    hand *h = &e->hands[item]; /* as many are running as there are hands */
    (void)worker;
    PC_TRY(pc_workers_check(crew, worker));
    h->done = *b;
    return pc_grad_run_batch(h->scores, h->run, e->prompts + b->first, b->n,
                             e->has_means ? &e->means : NULL, e->options->points,
                             e->options->n_points, b->first);
}

static pc_status run_all(estimation *e)
{
    const pc_estimate_options *o = e->options;
    for (int n; e->first_batch < e->n_batches; e->first_batch += n) {
        n = e->n_batches - e->first_batch < e->n_hands ? e->n_batches - e->first_batch : e->n_hands;
        const pc_workers_job job = {.n_workers = n,
                                    .n_items = n,
                                    .work = run_batch,
                                    .payload = e,
                                    .keep_going = o->keep_going,
                                    .keep_going_payload = o->payload};
        PC_TRY(pc_workers_run(&job));
        add_batches(e, n);
        const batch *last = &e->batches[e->first_batch + n - 1];
        if (o->tell) o->tell(o->payload, last->first + last->n, e->n_prompts);
    }
    return PC_OK;
}

/* ---- */

static void take(pc_estimates *out, sums *s, int n_prompts)
{
    const double n = n_prompts;
    *out = (pc_estimates){s->mean, s->squares, s->n, n_prompts};
    for (int64_t i = 0; i < s->n; i++)
        s->squares[i] = n_prompts > 1 ? sqrt(s->squares[i] / (n - 1) / n) : 0;
    *s = (sums){0};
}

static int64_t n_candidates(const pc_model *model, pc_grad_scores what)
{
    return what == PC_GRAD_WRITERS ? model->components.n_writers : pc_grad_n_scores(model, what);
}

pc_status pc_estimate(pc_estimates *out, pc_estimates *writers, const pc_model *model,
                      const pc_task *task, const pc_estimate_options *options)
{
    estimation e = {.model = model,
                    .task = task,
                    .options = options,
                    .n_prompts = pc_task_n(task),
                    .candidates = {.n = n_candidates(model, options->what)}};
    if (options->what == PC_GRAD_EDGES) e.writers.n = model->components.n_writers;
    pc_status status = open_all(&e);
    if (status == PC_OK) status = run_all(&e);
    *out = (pc_estimates){0};
    if (writers) *writers = (pc_estimates){0};
    if (status == PC_OK) take(out, &e.candidates, e.n_prompts);
    if (status == PC_OK && writers && e.writers.n) take(writers, &e.writers, e.n_prompts);
    close_all(&e);
    return status;
}

void pc_estimates_free(pc_estimates *estimates)
{
    free(estimates->standard_error);
    free(estimates->mean);
    *estimates = (pc_estimates){0};
}
