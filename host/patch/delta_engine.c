/* The fast engine: prompts are prepared once, interventions routed, batched and run on all threads.
 */
#include "patch/delta_engine.h"

#include "base/memory.h"
#include "patch/engine_means.h"
#include "patch/engine_prompt.h"
#include "patch/prompt_runner.h"
#include "patch/workers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 512,         /* of a batch: enough for the products, little enough for the cache */
    HISTORY_ROWS = 128, /* where every layer's changes are kept */
    MOST_IN_BATCH = 64  /* interventions of an item */
};

/* Room for prepared prompts where the options set no bound. */
static const int64_t most_cached = (int64_t)2 << 30;

/* One thread's rooms. */
typedef struct hand {
    pc_delta_run *plain, *keeping;
    pc_prompt_runner *twin; /* for frail variants, made when the first one comes */
    int twin_prompt;        /* that it is prepared for; -1: none */
    double twin_base;
    int64_t n_frail;
    pc_logit_room room;
    uint8_t *is_cut_at; /* (MOST_IN_BATCH, longest) */
    pc_variant *variants;
    int *indices;
    double *effects;
} hand;

struct pc_engine {
    const pc_model *model;
    const pc_task *task;
    pc_evaluator_options options;
    pc_engine_weights *weights;
    pc_engine_prompt *prompts;
    int n_prompts;
    pc_engine_means means;
    pc_means twin_means; /* the same for the twin */
    hand *hands;
    int n_hands;
    int64_t cache_bytes; /* room for prepared prompts */
    bool keeps_prompts;  /* there is room for all */
    pc_keep_going_fn keep_going;
    void *payload;
};

/* ---- rooms ---- */

static void free_hand(hand *h)
{
    free(h->effects);
    free(h->indices);
    free(h->variants);
    free(h->is_cut_at);
    free(h->room.y);
    free(h->room.d);
    free(h->room.logits);
    free(h->room.rows);
    pc_prompt_runner_free(h->twin);
    pc_delta_run_free(h->keeping);
    pc_delta_run_free(h->plain);
    *h = (hand){0};
}

static int64_t at_least(int64_t rows, int longest)
{
    return rows > longest ? rows : longest;
}

static pc_status make_hand(hand *h, const pc_engine *e)
{
    const int longest = pc_task_longest(e->task);
    const pc_shape *s = &e->model->shape;
    const size_t rows = pc_metric_needs_all_logits(e->options.metric) ? PC_LOGIT_ROWS : 0;
    PC_TRY(pc_delta_run_new(&h->plain, e->weights, longest, at_least(ROWS, longest),
                            PC_DELTA_KEEPS_NOTHING));
    PC_TRY(pc_delta_run_new(&h->keeping, e->weights, longest, at_least(HISTORY_ROWS, longest),
                            PC_DELTA_KEEPS_HISTORY));
    h->room.rows = pc_alloc(rows * (size_t)s->d_model, sizeof(float));
    h->room.logits = pc_alloc(rows * (size_t)s->vocab_out, sizeof(float));
    h->room.d = pc_alloc((size_t)s->vocab_out, sizeof(double));
    h->room.y = pc_alloc((size_t)s->d_model, sizeof(double));
    h->is_cut_at = pc_alloc(MOST_IN_BATCH, (size_t)longest);
    h->variants = pc_alloc(MOST_IN_BATCH, sizeof *h->variants);
    h->indices = pc_alloc(MOST_IN_BATCH, sizeof *h->indices);
    h->effects = pc_alloc(MOST_IN_BATCH, sizeof *h->effects);
    return h->room.rows && h->room.logits && h->room.d && h->room.y && h->is_cut_at &&
                   h->variants && h->indices && h->effects
               ? PC_OK
               : PC_ERR_NOMEM;
}

/* Memory for fewer threads than there are processors: slower, the same numbers. */
static pc_status make_hands(pc_engine *e)
{
    const int n = pc_workers_count(e->options.n_threads, INT32_MAX);
    e->hands = pc_alloc((size_t)n, sizeof *e->hands);
    if (!e->hands) return PC_ERR_NOMEM;
    for (; e->n_hands < n; e->n_hands++) {
        const pc_status status = make_hand(&e->hands[e->n_hands], e);
        if (status == PC_OK) continue;
        free_hand(&e->hands[e->n_hands]);
        return e->n_hands > 0 ? PC_OK : status;
    }
    return PC_OK;
}

/* ---- prompts ---- */

static pc_workers_job job_of(pc_engine *e, int64_t n_items, pc_work_fn work, void *payload)
{
    return (pc_workers_job){.n_workers = n_items < e->n_hands ? (int)n_items : e->n_hands,
                            .n_items = n_items,
                            .work = work,
                            .payload = payload,
                            .keep_going = e->keep_going,
                            .keep_going_payload = e->payload};
}

typedef struct prompt_block {
    pc_engine *engine;
    int first, n;
} prompt_block;

static pc_status make_twin(const pc_engine *e, hand *h)
{
    if (h->twin) return PC_OK;
    h->twin_prompt = -1;
    return pc_prompt_runner_new(&h->twin, e->model, e->task, &e->options, &e->twin_means);
}

/* Something is not finite: the twin says where. */
static pc_status locate(const pc_engine *e, hand *h, int prompt, pc_status status)
{
    double clean, corrupted;
    PC_TRY(make_twin(e, h));
    PC_TRY(pc_prompt_runner_baseline(&clean, &corrupted, h->twin, prompt));
    return pc_fail(status, "prompt %d: the %s is not a finite number in float32", prompt,
                   pc_metric_name(e->options.metric));
}

static pc_status prepare(void *payload, pc_crew *crew, int worker, int64_t item)
{
    const prompt_block *block = payload;
    pc_engine *e = block->engine;
    const int index = block->first + (int)item;
    pc_engine_prompt *p = &e->prompts[index];
    hand *h = &e->hands[worker];
    if (p->is_ready) return PC_OK;
    PC_TRY(pc_workers_check(crew, worker));
    const pc_status status =
        pc_engine_prompt_prepare(p, e->weights, &e->options, &e->means, h->plain, &h->room, index);
    return status == PC_ERR_INPUT ? locate(e, h, index, status) : status;
}

static pc_status prepare_block(pc_engine *e, int first, int n)
{
    prompt_block block = {e, first, n};
    pc_workers_job job = job_of(e, n, prepare, &block);
    return pc_workers_run(&job);
}

static void drop_block(pc_engine *e, int first, int n)
{
    for (int i = first; i < first + n; i++)
        pc_engine_prompt_free(&e->prompts[i]);
}

/* As many prompts from the first on as fit into the cache, at least one. */
static int block_from(const pc_engine *e, int first)
{
    int64_t bytes = 0;
    int n = 0;
    for (; first + n < e->n_prompts; n++) {
        bytes += pc_engine_prompt_bytes(e->prompts[first + n].pair, e->model, e->options.metric);
        if (n > 0 && bytes > e->cache_bytes) break;
    }
    return n;
}

/* ---- measuring ---- */

/* Interventions routed and put in the order in which they are run together. */
typedef struct routed {
    int index;
    bool is_path;
    pc_routing routing, receiving; /* the second of paths alone */
} routed;

typedef struct chunk {
    int first, n; /* of the routed list */
} chunk;

typedef struct measuring {
    pc_engine *engine;
    const pc_intervention *const *interventions;
    routed *list;
    chunk *chunks;
    int n, n_chunks;
    int first_prompt, n_block;
    double *effects;     /* (n, n_prompts) */
    uint8_t *is_touched; /* (n, n_prompts) */
} measuring;

static int compare_routed(const void *a, const void *b)
{
    const routed *x = a, *y = b;
    if (x->is_path != y->is_path) return x->is_path ? 1 : -1;
    if (x->routing.start != y->routing.start) return x->routing.start < y->routing.start ? -1 : 1;
    if (x->routing.has_history != y->routing.has_history) return x->routing.has_history ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static pc_status route(routed *out, const pc_intervention *x, int index, const pc_components *c)
{
    *out = (routed){.index = index, .is_path = x->path.n_receivers > 0};
    if (x->path.n_via > 0)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "the delta engine does not follow paths through stops, the twin does");
    if (out->is_path) {
        PC_TRY(pc_routing_new_send(&out->routing, x, c));
        return pc_routing_new_receive(&out->receiving, x, c);
    }
    for (size_t i = 0; i < x->n_cuts; i++)
        if (x->cuts[i].kind == PC_PLACE_PATTERN)
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "the delta engine does not cut attention patterns, the twin does");
    return pc_routing_new(&out->routing, x, c);
}

static bool go_together(const routed *a, const routed *b)
{
    return !a->is_path && !b->is_path && a->routing.start == b->routing.start &&
           a->routing.has_history == b->routing.has_history;
}

static int most_together(const pc_engine *e, const routed *r)
{
    const int longest = pc_task_longest(e->task);
    const int64_t rows = r->routing.has_history ? HISTORY_ROWS : ROWS;
    const int64_t n = rows / longest;
    return n < 1 ? 1 : n > MOST_IN_BATCH ? (int)MOST_IN_BATCH : (int)n;
}

static void make_chunks(measuring *m)
{
    for (int first = 0, n; first < m->n; first += n) {
        const int most = most_together(m->engine, &m->list[first]);
        for (n = 1; n < most && first + n < m->n; n++)
            if (!go_together(&m->list[first], &m->list[first + n])) break;
        m->chunks[m->n_chunks++] = (chunk){first, n};
    }
}

static pc_status mark_positions(uint8_t *is_cut_at, const pc_intervention *x, const pc_engine *e,
                                int prompt)
{
    memset(is_cut_at, 0, (size_t)pc_task_prompt(e->task, prompt)->n_tokens);
    for (int i = 0; i < x->n_positions; i++) {
        pc_span span;
        PC_TRY(pc_position_find(&span, &x->positions[i], e->task, prompt));
        memset(is_cut_at + span.first, 1, (size_t)(span.last - span.first + 1));
    }
    return PC_OK;
}

static bool neuron_changes(const pc_engine_prompt *p, const pc_engine *e, pc_cut cut, int position)
{
    const int64_t layer = e->model->components.writers[cut.writer].layer;
    const int64_t d_mlp = e->model->shape.d_mlp;
    return p->change.act[(layer * p->view.seq + position) * d_mlp + cut.neuron] != 0;
}

static bool cut_changes(const pc_engine_prompt *p, const pc_engine *e, pc_cut cut, int position)
{
    if (cut.neuron >= 0) return neuron_changes(p, e, cut, position);
    return p->change.is_changed[(int64_t)cut.writer * p->view.seq + position] != 0;
}

static bool is_sent(uint8_t state)
{
    return state == PC_WRITER_REPLACED || state == PC_WRITER_SENDING;
}

/* Whether something cut differs at a position. */
static bool changes_at(const pc_engine_prompt *p, const pc_engine *e, const pc_routing *r,
                       int position)
{
    const int seq = p->view.seq;
    for (int u = 0; u < e->model->components.n_writers; u++)
        if (is_sent(r->states[u]) && p->change.is_changed[(int64_t)u * seq + position]) return true;
    for (size_t i = 0; i < r->n_replaced; i++)
        if (neuron_changes(p, e, r->replaced[i], position)) return true;
    for (size_t i = 0; i < r->n_inputs; i++)
        for (size_t k = 0; k < r->inputs[i].n; k++)
            if (cut_changes(p, e, r->cuts[r->inputs[i].first + k], position)) return true;
    return false;
}

/* The first position where anything changes; view.seq if there is none. */
static int first_change(const pc_engine_prompt *p, const pc_engine *e, const pc_routing *r,
                        const uint8_t *is_cut_at)
{
    for (int t = 0; t < p->view.seq; t++)
        if ((!is_cut_at || is_cut_at[t]) && changes_at(p, e, r, t)) return t;
    return p->view.seq;
}

/* The same intervention in double, by the definition. */
static pc_status measure_again(double *effect, measuring *m, hand *h, int prompt, int index)
{
    const pc_engine *e = m->engine;
    bool is_touched;
    double metric;
    PC_TRY(make_twin(e, h));
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

static pc_status measure_variants(measuring *m, hand *h, int prompt, int n, bool has_history)
{
    pc_engine *e = m->engine;
    pc_engine_prompt *p = &e->prompts[prompt];
    pc_delta_run *run = has_history ? h->keeping : h->plain;
    if (n == 0) return PC_OK;
    PC_TRY(pc_delta_run_batch(run, &p->view, h->variants, n));
    pc_engine_prompt_effects(h->effects, p, run, h->variants, n, e->weights, e->options.metric,
                             &h->room);
    for (int i = 0; i < n; i++) {
        /* in double; and where that is not finite either, the twin says where */
        if (pc_delta_run_is_frail(run, i) || !isfinite(h->effects[i]))
            PC_TRY(measure_again(&h->effects[i], m, h, prompt, h->indices[i]));
        /* as a difference of two metrics in double, so that effects and metrics agree to the bit */
        m->effects[(int64_t)h->indices[i] * e->n_prompts + prompt] =
            p->base_metric + h->effects[i] - p->base_metric;
    }
    return PC_OK;
}

static pc_status measure_chunk(measuring *m, hand *h, int prompt, const chunk *c)
{
    pc_engine *e = m->engine;
    const pc_engine_prompt *p = &e->prompts[prompt];
    const int longest = pc_task_longest(e->task);
    int n = 0;
    for (int i = c->first; i < c->first + c->n; i++) {
        const routed *r = &m->list[i];
        const pc_intervention *x = m->interventions[r->index];
        uint8_t *is_cut_at = x->n_positions ? h->is_cut_at + n * longest : NULL;
        if (is_cut_at) PC_TRY(mark_positions(is_cut_at, x, e, prompt));
        const int first = first_change(p, e, &r->routing, is_cut_at);
        const int64_t at = (int64_t)r->index * e->n_prompts + prompt;
        m->effects[at] = 0;
        m->is_touched[at] = first < p->view.seq;
        if (first == p->view.seq) continue;
        h->variants[n] =
            (pc_variant){.routing = &r->routing, .is_cut_at = is_cut_at, .first = first};
        h->indices[n++] = r->index;
    }
    return measure_variants(m, h, prompt, n, m->list[c->first].routing.has_history);
}

/* ---- paths ---- */

/* Where each receiver's input is recorded in the first phase. */
typedef struct recording {
    float **by_reader; /* (n_readers) */
    float **by_input;  /* (n receivers) */
    float *memory;
} recording;

static void free_recording(recording *r)
{
    free(r->memory);
    free(r->by_input);
    free(r->by_reader);
}

static pc_status make_recording(recording *out, const pc_engine *e, const pc_routing *receiving,
                                int seq)
{
    const size_t row = (size_t)seq * (size_t)e->model->shape.d_model;
    out->by_reader = pc_alloc((size_t)e->model->components.n_readers, sizeof *out->by_reader);
    out->by_input = pc_alloc(receiving->n_inputs, sizeof *out->by_input);
    out->memory = pc_alloc(receiving->n_inputs, row * sizeof *out->memory);
    if (!out->by_reader || !out->by_input || !out->memory) return PC_ERR_NOMEM;
    for (size_t i = 0; i < receiving->n_inputs; i++)
        out->by_reader[receiving->inputs[i].reader] = out->by_input[i] = out->memory + i * row;
    return PC_OK;
}

static pc_status measure_path(measuring *m, hand *h, int prompt, const routed *r)
{
    pc_engine *e = m->engine;
    pc_engine_prompt *p = &e->prompts[prompt];
    const pc_intervention *x = m->interventions[r->index];
    const int64_t at = (int64_t)r->index * e->n_prompts + prompt;
    recording kept = {0};
    if (x->n_positions) PC_TRY(mark_positions(h->is_cut_at, x, e, prompt));
    const uint8_t *is_cut_at = x->n_positions ? h->is_cut_at : NULL;
    const int first = first_change(p, e, &r->routing, is_cut_at);
    m->effects[at] = 0;
    m->is_touched[at] = first < p->view.seq;
    if (first == p->view.seq) return PC_OK;
    pc_status status = make_recording(&kept, e, &r->receiving, p->view.seq);
    const pc_variant sending = {
        .routing = &r->routing, .is_cut_at = is_cut_at, .first = first, .record = kept.by_reader};
    if (status == PC_OK) status = pc_delta_run_batch(h->plain, &p->view, &sending, 1);
    const bool is_frail = status == PC_OK && pc_delta_run_is_frail(h->plain, 0);
    h->variants[0] = (pc_variant){.routing = &r->receiving, .first = first, .given = kept.by_input};
    h->indices[0] = r->index;
    if (is_frail) status = measure_again(&m->effects[at], m, h, prompt, r->index);
    else if (status == PC_OK) status = measure_variants(m, h, prompt, 1, false);
    free_recording(&kept);
    return status;
}

static pc_status measure_item(void *payload, pc_crew *crew, int worker, int64_t item)
{
    measuring *m = payload;
    hand *h = &m->engine->hands[worker];
    /* prompt by prompt, so that a base run's rows stay in the cache */
    const int prompt = m->first_prompt + (int)(item / m->n_chunks);
    const chunk *c = &m->chunks[item % m->n_chunks];
    PC_TRY(pc_workers_check(crew, worker));
    if (m->list[c->first].is_path) return measure_path(m, h, prompt, &m->list[c->first]);
    return measure_chunk(m, h, prompt, c);
}

static pc_status measure_all(measuring *m)
{
    pc_engine *e = m->engine;
    pc_status status = PC_OK;
    for (int first = 0, n; status == PC_OK && first < e->n_prompts; first += n) {
        n = block_from(e, first);
        status = prepare_block(e, first, n);
        m->first_prompt = first;
        m->n_block = n;
        pc_workers_job job = job_of(e, (int64_t)n * m->n_chunks, measure_item, m);
        if (status == PC_OK) status = pc_workers_run(&job);
        if (!e->keeps_prompts) drop_block(e, first, n);
    }
    return status;
}

pc_status pc_engine_measure(double *effects, bool *is_touched, pc_engine *e,
                            const pc_intervention *const *interventions, int n)
{
    measuring m = {.engine = e, .interventions = interventions, .effects = effects};
    m.list = pc_alloc((size_t)n, sizeof *m.list);
    m.chunks = pc_alloc((size_t)n, sizeof *m.chunks);
    m.is_touched = pc_alloc((size_t)n * (size_t)e->n_prompts, 1);
    pc_status status = m.list && m.chunks && m.is_touched ? PC_OK : PC_ERR_NOMEM;
    for (; status == PC_OK && m.n < n; m.n++)
        status = route(&m.list[m.n], interventions[m.n], m.n, &e->model->components);
    if (status == PC_OK) {
        qsort(m.list, (size_t)n, sizeof *m.list, compare_routed);
        make_chunks(&m);
        status = measure_all(&m);
    }
    for (int i = 0; i < n && is_touched && status == PC_OK; i++)
        is_touched[i] = memchr(m.is_touched + (size_t)i * (size_t)e->n_prompts, 1,
                               (size_t)e->n_prompts) != NULL;
    for (int i = 0; m.list && i < m.n; i++) {
        pc_routing_free(&m.list[i].receiving);
        pc_routing_free(&m.list[i].routing);
    }
    free(m.is_touched);
    free(m.chunks);
    free(m.list);
    return status;
}

/* ---- opening ---- */

/* What is held at most beside the prompts: packed weights, means and, for each thread, its rooms,
 * the runs that prepare a prompt, and the twin that measures frail effects again. */
static int64_t fixed_bytes(const pc_model *model, const pc_evaluator_options *o, int longest)
{
    const pc_shape *s = &model->shape;
    const bool needs_all = pc_metric_needs_all_logits(o->metric);
    const int64_t outputs =
        8 * (s->d_model + s->n_layers * (pc_q_width(s) + s->d_model + s->d_mlp));
    const int64_t rows =
        at_least(ROWS, longest) * pc_delta_row_bytes(model, PC_DELTA_KEEPS_NOTHING) +
        at_least(HISTORY_ROWS, longest) * pc_delta_row_bytes(model, PC_DELTA_KEEPS_HISTORY);
    const int64_t logits =
        8 * s->vocab_out + (needs_all ? 4 * PC_LOGIT_ROWS * (s->vocab_out + s->d_model) : 0);
    const int64_t preparing = 2 * outputs * longest + pc_base_run_bytes(model, longest);
    const int64_t means = o->source == PC_SOURCE_MEAN              ? 1
                          : o->source == PC_SOURCE_MEAN_POSITIONAL ? longest
                                                                   : 0;
    const int64_t twin = pc_prompt_runner_bytes(model, longest);
    const int64_t thread = rows + logits + preparing + twin;
    return pc_engine_weights_bytes(model, needs_all ? PC_UNEMBED_ALL : PC_UNEMBED_ANSWERS) +
           means * (outputs + twin / (3 * longest)) +
           pc_workers_count(o->n_threads, INT32_MAX) * thread;
}

/* The room for prompts that the options leave, or what would have to be left. */
static pc_status plan_cache(pc_engine *e)
{
    const int64_t fixed = fixed_bytes(e->model, &e->options, pc_task_longest(e->task));
    const int64_t held = e->model->weights.n_bytes + fixed;
    int64_t largest = 0;
    for (int i = 0; i < e->n_prompts; i++) {
        const int64_t bytes =
            pc_engine_prompt_bytes(e->prompts[i].pair, e->model, e->options.metric);
        if (bytes > largest) largest = bytes;
    }
    e->cache_bytes = e->options.memory ? e->options.memory - held : most_cached;
    return pc_memory_allows(&e->options, held + largest);
}

static pc_status open_into(pc_engine *e, double *clean, double *corrupted)
{
    PC_TRY(plan_cache(e));
    const bool is_denoising = e->options.direction == PC_DIRECTION_DENOISE;
    const bool needs_all = pc_metric_needs_all_logits(e->options.metric);
    PC_TRY(pc_engine_weights_new(&e->weights, e->model, pc_task_longest(e->task),
                                 needs_all ? PC_UNEMBED_ALL : PC_UNEMBED_ANSWERS));
    PC_TRY(make_hands(e));
    if (e->options.source == PC_SOURCE_MEAN || e->options.source == PC_SOURCE_MEAN_POSITIONAL)
        PC_TRY(pc_engine_means_new(&e->means, &e->twin_means, e->weights, e->task,
                                   e->options.source, e->keep_going, e->payload));
    e->keeps_prompts = block_from(e, 0) == e->n_prompts;
    for (int first = 0, n; first < e->n_prompts; first += n) {
        n = block_from(e, first);
        PC_TRY(prepare_block(e, first, n));
        for (int i = first; i < first + n; i++) {
            const pc_engine_prompt *p = &e->prompts[i];
            clean[i] = is_denoising ? p->other_metric : p->base_metric;
            corrupted[i] = is_denoising ? p->base_metric : p->other_metric;
        }
        if (!e->keeps_prompts) drop_block(e, first, n);
    }
    return PC_OK;
}

pc_status pc_engine_new(pc_engine **out, double *clean, double *corrupted, const pc_model *model,
                        const pc_task *task, const pc_evaluator_options *options,
                        pc_keep_going_fn keep_going, void *payload)
{
    *out = NULL;
    pc_engine *e = pc_alloc(1, sizeof *e);
    if (!e) return PC_ERR_NOMEM;
    e->model = model;
    e->task = task;
    e->options = *options;
    e->n_prompts = pc_task_n(task);
    e->keep_going = keep_going;
    e->payload = payload;
    e->prompts = pc_alloc((size_t)e->n_prompts, sizeof *e->prompts);
    pc_status status = e->prompts ? PC_OK : PC_ERR_NOMEM;
    for (int i = 0; status == PC_OK && i < e->n_prompts; i++)
        e->prompts[i].pair = pc_task_prompt(task, i);
    if (status == PC_OK) status = open_into(e, clean, corrupted);
    if (status == PC_OK) *out = e;
    else pc_engine_free(e);
    return status;
}

void pc_engine_free(pc_engine *e)
{
    if (!e) return;
    for (int i = 0; i < e->n_hands; i++)
        free_hand(&e->hands[i]);
    free(e->hands);
    pc_engine_means_free(&e->means, &e->twin_means);
    if (e->prompts) drop_block(e, 0, e->n_prompts);
    free(e->prompts);
    pc_engine_weights_free(e->weights);
    free(e);
}

int64_t pc_engine_n_again(const pc_engine *e)
{
    int64_t n = 0;
    for (int i = 0; i < e->n_hands; i++)
        n += e->hands[i].n_frail;
    return n;
}

bool pc_engine_keeps_prompts(const pc_engine *e)
{
    return e->keeps_prompts;
}

double pc_engine_bytes(const pc_model *model, const pc_evaluator_options *o, int n_prompts,
                       int n_tokens)
{
    const pc_prompt prompt = {.n_tokens = n_tokens, .n_targets = 1};
    const double prompts =
        (double)n_prompts * (double)pc_engine_prompt_bytes(&prompt, model, o->metric);
    return (double)fixed_bytes(model, o, n_tokens) +
           (prompts < (double)most_cached ? prompts : (double)most_cached);
}

double pc_engine_flop(const pc_engine *e)
{
    double flop = 0;
    for (int i = 0; i < e->n_hands; i++)
        flop += pc_delta_run_flop(e->hands[i].plain) + pc_delta_run_flop(e->hands[i].keeping);
    return flop;
}
