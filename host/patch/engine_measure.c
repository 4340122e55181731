/* Measuring on the delta engine: batches of interventions on every chosen prompt, by all threads.
 */
#include "patch/engine_private.h"

#include "base/memory.h"
#include "patch/first_change.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One call's work. Each item writes to places of its own. */
typedef struct measuring {
    pc_engine *engine;
    const pc_intervention *const *interventions;
    pc_engine_batches batches;
    const int *prompts; /* (n_prompts) those asked for */
    int n_prompts;
    int first;           /* of them, the first that is prepared at the moment */
    double *effects;     /* (n, n_prompts) */
    uint8_t *is_touched; /* (n, n_prompts) */
} measuring;

/* Where an effect goes: `at` counts the prompts asked for. */
static int64_t place(const measuring *m, int index, int at)
{
    return (int64_t)index * m->n_prompts + at;
}

/* The same intervention in double, by the definition. */
static pc_status measure_again(double *effect, measuring *m, pc_engine_hand *h, int prompt,
                               int index)
{
    const pc_engine *e = m->engine;
    bool is_touched;
    double metric;
    PC_TRY(pc_engine_make_twin(e, h));
    if (h->twin_prompt != prompt) {
        double clean, corrupted;
        h->twin_prompt = -1;
        PC_TRY(pc_prompt_runner_baseline(&clean, &corrupted, h->twin, prompt));
        PC_TRY(pc_prompt_runner_prepare(h->twin, prompt));
        h->twin_base = e->options.direction == PC_DIRECTION_DENOISE ? corrupted : clean;
        h->twin_prompt = prompt;
    }
    PC_TRY(pc_prompt_runner_measure(&metric, &is_touched, h->twin, m->interventions[index]));
    *effect = metric - h->twin_base;
    h->n_frail++;
    return PC_OK;
}

static pc_status measure_variants(measuring *m, pc_engine_hand *h, int at, int n, bool has_history)
{
    pc_engine *e = m->engine;
    const int prompt = m->prompts[at];
    pc_engine_prompt *p = &e->prompts[prompt];
    pc_delta_run *run = has_history ? h->keeping : h->plain;
    if (n == 0) return PC_OK;
    PC_TRY(pc_delta_run_batch(run, &p->view, h->variants, n));
    PC_TRY(pc_engine_prompt_effects(h->effects, p, run, h->variants, n, e->weights, &e->options,
                                    &h->room));
    for (int i = 0; i < n; i++) {
        /* in double; and where that is not finite either, the twin says where */
        if (pc_delta_run_is_frail(run, i) || !isfinite(h->effects[i]))
            PC_TRY(measure_again(&h->effects[i], m, h, prompt, h->indices[i]));
        /* as a difference of two metrics in double, so that effects and metrics agree to the bit */
        m->effects[place(m, h->indices[i], at)] = p->base_metric + h->effects[i] - p->base_metric;
    }
    return PC_OK;
}

/* Whether an intervention changes anything in a prompt, and from where on. */
static bool begins(int *first, measuring *m, const pc_routed *r, const uint8_t *is_cut_at, int at)
{
    const pc_engine *e = m->engine;
    const pc_engine_prompt *p = &e->prompts[m->prompts[at]];
    const int seq = p->view.seq;
    *first = pc_first_change(&p->change, seq, &r->routing, is_cut_at, &e->model->components);
    m->effects[place(m, r->index, at)] = 0;
    m->is_touched[place(m, r->index, at)] = *first < seq;
    return pc_first_row(first, seq, e->options.without);
}

static pc_status measure_batch(measuring *m, pc_engine_hand *h, int at, const pc_engine_batch *b)
{
    const pc_engine *e = m->engine;
    const int longest = pc_task_longest(e->task);
    int n = 0;
    for (int i = b->first; i < b->first + b->n; i++) {
        const pc_routed *r = &m->batches.list[i];
        const pc_intervention *x = m->interventions[r->index];
        uint8_t *is_cut_at = x->n_positions ? h->is_cut_at + n * longest : NULL;
        int first;
        if (is_cut_at) PC_TRY(pc_mark_positions(is_cut_at, x, e->task, m->prompts[at]));
        if (!begins(&first, m, r, is_cut_at, at)) continue;
        h->variants[n] =
            (pc_variant){.routing = &r->routing, .is_cut_at = is_cut_at, .first = first};
        h->indices[n++] = r->index;
    }
    return measure_variants(m, h, at, n, m->batches.list[b->first].routing.has_history);
}

/* ---- paths ---- */

/* Gives every receiver of a path its place among the recordings. */
static void point_recordings(pc_engine_hand *h, const pc_engine *e, const pc_routing *receiving)
{
    const int64_t size = pc_task_longest(e->task) * e->model->shape.d_model;
    memset(h->by_reader, 0, (size_t)e->model->components.n_readers * sizeof *h->by_reader);
    for (size_t i = 0; i < receiving->n_inputs; i++)
        h->by_reader[receiving->inputs[i].reader] = h->by_input[i] =
            h->recorded + (int64_t)i * size;
}

static pc_status measure_path(measuring *m, pc_engine_hand *h, int at, const pc_routed *r)
{
    pc_engine *e = m->engine;
    const int prompt = m->prompts[at];
    const pc_intervention *x = m->interventions[r->index];
    const uint8_t *is_cut_at = x->n_positions ? h->is_cut_at : NULL;
    int first;
    if (is_cut_at) PC_TRY(pc_mark_positions(h->is_cut_at, x, e->task, prompt));
    if (!begins(&first, m, r, is_cut_at, at)) return PC_OK;
    point_recordings(h, e, &r->receiving);
    const pc_variant sending = {
        .routing = &r->routing, .is_cut_at = is_cut_at, .first = first, .record = h->by_reader};
    PC_TRY(pc_delta_run_batch(h->plain, &e->prompts[prompt].view, &sending, 1));
    if (pc_delta_run_is_frail(h->plain, 0))
        return measure_again(&m->effects[place(m, r->index, at)], m, h, prompt, r->index);
    h->variants[0] = (pc_variant){.routing = &r->receiving, .first = first, .given = h->by_input};
    h->indices[0] = r->index;
    return measure_variants(m, h, at, 1, false);
}

/* ---- all ---- */

static pc_status measure_item(void *payload, pc_crew *crew, int worker, int64_t item)
{
    measuring *m = payload;
    pc_engine_hand *h = &m->engine->hands[worker];
    /* prompt by prompt, so that a base run's rows stay in the cache */
    const int at = m->first + (int)(item / m->batches.n_batches);
    const pc_engine_batch *b = &m->batches.batches[item % m->batches.n_batches];
    PC_TRY(pc_workers_check(crew, worker));
    if (m->batches.list[b->first].is_path)
        return measure_path(m, h, at, &m->batches.list[b->first]);
    return measure_batch(m, h, at, b);
}

static pc_status reserve_recordings(pc_engine_hand *h, const pc_engine *e, size_t n)
{
    const size_t size = (size_t)pc_task_longest(e->task) * (size_t)e->model->shape.d_model;
    if (n <= h->n_recordings) return PC_OK;
    free(h->by_input);
    pc_device_release(e->device, h->recorded);
    h->recorded = NULL;
    h->n_recordings = 0;
    h->by_input = pc_alloc(n, sizeof *h->by_input);
    if (!h->by_input) return PC_ERR_NOMEM;
    void *memory;
    PC_TRY(pc_device_allocate(&memory, e->device, n * size * sizeof *h->recorded));
    h->recorded = memory;
    h->n_recordings = n;
    return PC_OK;
}

/* All that the workers need, so that they allocate nothing. */
static pc_status reserve(const measuring *m)
{
    for (int i = 0; i < m->engine->n_hands; i++) {
        pc_engine_hand *h = &m->engine->hands[i];
        PC_TRY(pc_delta_run_reserve(h->plain, m->batches.most_inputs));
        PC_TRY(pc_delta_run_reserve(h->keeping, m->batches.most_inputs));
        PC_TRY(reserve_recordings(h, m->engine, m->batches.most_receivers));
    }
    return PC_OK;
}

static pc_status measure_all(measuring *m)
{
    pc_engine *e = m->engine;
    pc_status status = PC_OK;
    for (int n; status == PC_OK && m->first < m->n_prompts; m->first += n) {
        const int *prompts = m->prompts + m->first;
        n = pc_engine_block(e, prompts, m->n_prompts - m->first);
        status = pc_engine_prepare(e, prompts, n); /* may make the hands anew */
        if (status == PC_OK) status = reserve(m);
        pc_workers_job job =
            pc_engine_job(e, e->n_hands, (int64_t)n * m->batches.n_batches, measure_item, m);
        if (status == PC_OK) status = pc_workers_run(&job);
        if (!e->keeps_prompts) pc_engine_drop(e, prompts, n);
    }
    return status;
}

/* With the batches that memory allows at the moment. */
static pc_status measure_so(measuring *m, int n)
{
    pc_engine *e = m->engine;
    const pc_batch_limits limits = pc_batch_limits_of(e->task, &e->options, &e->sizes);
    m->first = 0;
    pc_status status = pc_engine_batches_new(&m->batches, m->interventions, n,
                                             &e->model->components, &limits, e->options.without);
    if (status == PC_OK) status = measure_all(m);
    pc_engine_batches_free(&m->batches);
    return status;
}

pc_status pc_engine_measure(double *effects, bool *is_touched, pc_engine *e,
                            const pc_intervention *const *interventions, int n, const int *prompts,
                            int n_prompts)
{
    const size_t width = (size_t)n_prompts;
    measuring m = {.engine = e,
                   .interventions = interventions,
                   .prompts = prompts,
                   .n_prompts = n_prompts,
                   .effects = effects};
    m.is_touched = pc_alloc((size_t)n * width, 1);
    if (!m.is_touched) return PC_ERR_NOMEM;
    pc_status status = measure_so(&m, n);
    while (status == PC_ERR_NOMEM && pc_engine_shrink(e))
        status = measure_so(&m, n);
    for (int i = 0; i < n && is_touched && status == PC_OK; i++)
        is_touched[i] = memchr(m.is_touched + (size_t)i * width, 1, width) != NULL;
    free(m.is_touched);
    return status;
}
