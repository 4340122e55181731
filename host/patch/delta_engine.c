/* The fast engine: prompts are prepared once, on all threads, and kept.
 */
#include "patch/delta_engine.h"

#include "base/clock.h"
#include "base/memory.h"
#include "patch/engine_private.h"

#include <stdlib.h>

/* ---- rooms ---- */

static void free_hand(pc_engine_hand *h, const pc_engine *e)
{
    free(h->by_input);
    pc_device_release(e->device, h->recorded);
    pc_arena_free(&h->arena);
    pc_logit_room_free(&h->room, e->weights);
    pc_prompt_runner_free(h->twin);
    pc_delta_run_free(h->keeping);
    pc_delta_run_free(h->plain);
    if (h->queue) e->device->ops->queue_free(h->queue);
    *h = (pc_engine_hand){0};
}

static double hand_flop(const pc_engine_hand *h)
{
    return pc_delta_run_flop(h->plain) + pc_delta_run_flop(h->keeping) + h->room.flop;
}

static pc_status make_hand(pc_engine_hand *h, const pc_engine *e)
{
    const int longest = pc_task_longest(e->task);
    const int64_t plain = pc_batch_rows(&e->sizes, false, longest);
    const int64_t keeping = pc_batch_rows(&e->sizes, true, longest);
    const pc_queue_needs needs = pc_delta_run_needs(e->model, longest, plain);
    PC_TRY(pc_device_queue(&h->queue, e->device, &needs));
    PC_TRY(pc_delta_run_new(&h->plain, e->weights, h->queue, longest, plain, PC_DELTA_KEEPS_NOTHING,
                            e->options.without));
    PC_TRY(pc_delta_run_new(&h->keeping, e->weights, h->queue, longest, keeping,
                            PC_DELTA_KEEPS_HISTORY, e->options.without));
    PC_TRY(pc_delta_run_reserve(h->plain, 0));
    PC_TRY(pc_logit_room_new(&h->room, e->weights, e->options.metric, h->queue,
                             plain < keeping ? plain : keeping));
    pc_engine_lay_out_hand(h, &h->arena, e->model, &e->sizes, longest);
    PC_TRY(pc_arena_open(&h->arena));
    pc_engine_lay_out_hand(h, &h->arena, e->model, &e->sizes, longest);
    return PC_OK;
}

static bool halve(pc_engine *e)
{
    const int64_t longest = pc_task_longest(e->task);
    if (e->sizes.rows <= longest && e->sizes.history_rows <= longest) return false;
    e->sizes.rows = (e->sizes.rows + 1) / 2;
    e->sizes.history_rows = (e->sizes.history_rows + 1) / 2;
    return true;
}

/* A device that has memory of its own also has to have room for prompts. */
static pc_status make_first_hand_so(pc_engine *e)
{
    PC_TRY(make_hand(&e->hands[0], e));
    const int64_t unused = e->device->ops->unused(e->device->state);
    if (unused == 0) return PC_OK;
    if (pc_engine_room(unused) >= e->largest_prompt) return PC_OK;
    return pc_fail(PC_ERR_NOMEM,
                   "out of memory: %.1f MB are free on device %s, a prompt takes %.1f MB",
                   1e-6 * (double)unused, e->device->name, 1e-6 * (double)e->largest_prompt);
}

/* With smaller batches where there is too little memory, down to one variant. */
static pc_status make_first_hand(pc_engine *e)
{
    pc_status status = make_first_hand_so(e);
    while (status == PC_ERR_NOMEM && halve(e)) {
        free_hand(&e->hands[0], e);
        status = make_first_hand_so(e);
    }
    return status;
}

/* What all hands have left is the prompts'. Where a second hand leaves none, the first does alone.
 */
static void take_rest(pc_engine *e)
{
    int64_t unused = e->device->ops->unused(e->device->state);
    if (unused == 0) return;
    while (e->n_hands > 1 && pc_engine_room(unused) < e->largest_prompt) {
        free_hand(&e->hands[--e->n_hands], e);
        unused = e->device->ops->unused(e->device->state);
    }
    e->cache_bytes = pc_engine_room(unused);
}

/* Memory for fewer threads than there are processors: slower, the same numbers. */
static pc_status make_hands(pc_engine *e)
{
    const int most = e->device->facts.n_queues;
    const int n = most ? most : pc_workers_count(e->options.n_threads, INT32_MAX);
    if (!e->hands) e->hands = pc_alloc((size_t)n, sizeof *e->hands);
    if (!e->hands) return PC_ERR_NOMEM;
    for (e->n_hands = 0; e->n_hands < n; e->n_hands++) {
        pc_engine_hand *h = &e->hands[e->n_hands];
        const pc_status status = e->n_hands == 0 ? make_first_hand(e) : make_hand(h, e);
        if (status == PC_OK) continue;
        free_hand(h, e);
        if (e->n_hands == 0) return status;
        break;
    }
    take_rest(e);
    return PC_OK;
}

/* Frail effects that hands have counted, beyond their end. */
static void free_hands(pc_engine *e)
{
    for (int i = 0; i < e->n_hands; i++) {
        e->n_frail += e->hands[i].n_frail;
        e->flop += hand_flop(&e->hands[i]);
        free_hand(&e->hands[i], e);
    }
    e->n_hands = 0;
}

bool pc_engine_shrink(pc_engine *e)
{
    pc_engine_drop(e, e->all_prompts, e->n_prompts);
    free_hands(e);
    if (!halve(e)) return false;
    const int64_t cached = e->cache_bytes / 2;
    if (make_hands(e) != PC_OK) return false;
    e->cache_bytes = cached < e->cache_bytes ? cached : e->cache_bytes;
    e->keeps_prompts = pc_engine_block(e, e->all_prompts, e->n_prompts) == e->n_prompts;
    return true;
}

/* ---- prompts ---- */

pc_workers_job pc_engine_job(pc_engine *e, int n_workers, int64_t n_items, pc_work_fn work,
                             void *payload)
{
    return (pc_workers_job){.n_workers = n_items < n_workers ? (int)n_items : n_workers,
                            .n_items = n_items,
                            .work = work,
                            .payload = payload,
                            .keep_going = e->keep_going,
                            .keep_going_payload = e->payload};
}

typedef struct prompt_block {
    pc_engine *engine;
    const int *prompts;
} prompt_block;

pc_status pc_engine_make_twin(const pc_engine *e, pc_engine_hand *h)
{
    if (h->twin) return PC_OK;
    h->twin_prompt = -1;
    return pc_prompt_runner_new(&h->twin, e->model, e->task, &e->options, &e->twin_means);
}

/* Something is not finite: the twin says where. */
static pc_status locate(const pc_engine *e, pc_engine_hand *h, int prompt, pc_status status)
{
    double clean, corrupted;
    PC_TRY(pc_engine_make_twin(e, h));
    PC_TRY(pc_prompt_runner_baseline(&clean, &corrupted, h->twin, prompt));
    return pc_fail(status, "prompt %d: the %s is not a finite number in float32", prompt,
                   pc_metric_name(e->options.metric));
}

static pc_status run_prompt(void *payload, pc_crew *crew, int worker, int64_t item)
{
    const prompt_block *block = payload;
    pc_engine *e = block->engine;
    pc_engine_prompt *p = &e->prompts[block->prompts[item]];
    if (p->is_ready) return PC_OK;
    PC_TRY(pc_workers_check(crew, worker));
    pc_engine_prompt_free(p, e->device); /* of a try that was stopped between the two steps */
    const pc_status status = pc_engine_prompt_run(p, e->weights, &e->options, block->prompts[item]);
    return status == PC_ERR_INPUT && worker < e->n_hands
               ? locate(e, &e->hands[worker], block->prompts[item], status)
               : status;
}

static pc_status finish_prompt(void *payload, pc_crew *crew, int worker, int64_t item)
{
    const prompt_block *block = payload;
    pc_engine *e = block->engine;
    const int index = block->prompts[item];
    pc_engine_prompt *p = &e->prompts[index];
    pc_engine_hand *h = &e->hands[worker];
    if (p->is_ready) return PC_OK;
    PC_TRY(pc_workers_check(crew, worker));
    const pc_status status =
        pc_engine_prompt_finish(p, e->weights, &e->options, &e->means, h->plain, &h->room, index);
    return status == PC_ERR_INPUT ? locate(e, h, index, status) : status;
}

/* The base runs are the processor's work, by all its threads; the rest is the device's. */
pc_status pc_engine_prepare(pc_engine *e, const int *prompts, int n)
{
    prompt_block block = {e, prompts};
    if (e->n_hands == 0) PC_TRY(make_hands(e)); /* memory did not suffice the last time */
    const int n_threads = pc_workers_count(e->options.n_threads, INT32_MAX);
    pc_workers_job job = pc_engine_job(e, n_threads, n, run_prompt, &block);
    PC_TRY(pc_workers_run(&job));
    job = pc_engine_job(e, e->n_hands, n, finish_prompt, &block);
    return pc_workers_run(&job);
}

void pc_engine_drop(pc_engine *e, const int *prompts, int n)
{
    for (int i = 0; i < n; i++)
        pc_engine_prompt_free(&e->prompts[prompts[i]], e->device);
}

int pc_engine_block(const pc_engine *e, const int *prompts, int n)
{
    int64_t bytes = 0;
    for (int i = 0; i < n; i++) {
        bytes += pc_engine_prompt_bytes(e->prompts[prompts[i]].pair, e->model, e->options.metric);
        if (i > 0 && bytes > e->cache_bytes) return i;
    }
    return n;
}

/* ---- opening ---- */

static void take_metrics(const pc_engine *e, double *clean, double *corrupted, int first, int n)
{
    const bool is_denoising = e->options.direction == PC_DIRECTION_DENOISE;
    for (int i = first; i < first + n; i++) {
        const pc_engine_prompt *p = &e->prompts[i];
        clean[i] = is_denoising ? p->other_metric : p->base_metric;
        corrupted[i] = is_denoising ? p->base_metric : p->other_metric;
    }
}

static pc_status prepare_all(pc_engine *e, double *clean, double *corrupted)
{
    for (int first = 0, n; first < e->n_prompts; first += n) {
        n = pc_engine_block(e, e->all_prompts + first, e->n_prompts - first);
        PC_TRY(pc_engine_prepare(e, e->all_prompts + first, n));
        take_metrics(e, clean, corrupted, first, n);
        if (!e->keeps_prompts) pc_engine_drop(e, e->all_prompts + first, n);
    }
    return PC_OK;
}

static pc_status open_into(pc_engine *e, double *clean, double *corrupted)
{
    const bool needs_all = pc_metric_needs_all_logits(e->options.metric);
    PC_TRY(pc_device_get(&e->device, e->options.device, e->options.precision));
    e->sizes = pc_batch_sizes_of(&e->options);
    PC_TRY(pc_engine_plan_cache(e));
    PC_TRY(pc_engine_weights_new(&e->weights, e->model, e->device, pc_task_longest(e->task),
                                 needs_all ? PC_UNEMBED_ALL : PC_UNEMBED_ANSWERS));
    PC_TRY(make_hands(e));
    e->keeps_prompts = pc_engine_block(e, e->all_prompts, e->n_prompts) == e->n_prompts;
    if (e->options.source == PC_SOURCE_MEAN || e->options.source == PC_SOURCE_MEAN_POSITIONAL)
        PC_TRY(pc_engine_means_new(&e->means, &e->twin_means, e->weights, e->task,
                                   e->options.source, e->keep_going, e->payload));
    pc_status status = prepare_all(e, clean, corrupted);
    while (status == PC_ERR_NOMEM && pc_engine_shrink(e))
        status = prepare_all(e, clean, corrupted);
    return status;
}

static pc_status list_prompts(pc_engine *e)
{
    e->prompts = pc_alloc((size_t)e->n_prompts, sizeof *e->prompts);
    e->all_prompts = pc_alloc((size_t)e->n_prompts, sizeof *e->all_prompts);
    if (!e->prompts || !e->all_prompts) return PC_ERR_NOMEM;
    for (int i = 0; i < e->n_prompts; i++) {
        e->prompts[i].pair = pc_task_prompt(e->task, i);
        e->all_prompts[i] = i;
    }
    return PC_OK;
}

pc_status pc_engine_new(pc_engine **out, double *clean, double *corrupted, const pc_model *model,
                        const pc_task *task, int n_prompts, const pc_evaluator_options *options,
                        pc_keep_going_fn keep_going, void *payload)
{
    *out = NULL;
    pc_engine *e = pc_alloc(1, sizeof *e);
    if (!e) return PC_ERR_NOMEM;
    e->model = model;
    e->task = task;
    e->options = *options;
    e->n_prompts = n_prompts;
    e->keep_going = keep_going;
    e->payload = payload;
    pc_status status = list_prompts(e);
    if (status == PC_OK) status = open_into(e, clean, corrupted);
    if (status == PC_OK) *out = e;
    else pc_engine_free(e);
    return status;
}

void pc_engine_free(pc_engine *e)
{
    if (!e) return;
    free_hands(e);
    free(e->hands);
    pc_engine_means_free(&e->means, &e->twin_means);
    if (e->prompts && e->all_prompts) pc_engine_drop(e, e->all_prompts, e->n_prompts);
    free(e->all_prompts);
    free(e->prompts);
    pc_engine_weights_free(e->weights);
    free(e);
}

pc_status pc_engine_time_preparing(double *seconds, pc_engine *e)
{
    const int n = pc_engine_block(e, e->all_prompts, e->n_prompts);
    pc_engine_drop(e, e->all_prompts, n);
    const double start = pc_seconds();
    PC_TRY(pc_engine_prepare(e, e->all_prompts, n));
    *seconds = (pc_seconds() - start) * e->n_prompts / n;
    return PC_OK;
}

int64_t pc_engine_n_again(const pc_engine *e)
{
    int64_t n = e->n_frail;
    for (int i = 0; i < e->n_hands; i++)
        n += e->hands[i].n_frail;
    return n;
}

bool pc_engine_keeps_prompts(const pc_engine *e)
{
    return e->keeps_prompts;
}

double pc_engine_flop(const pc_engine *e)
{
    double flop = e->flop;
    for (int i = 0; i < e->n_hands; i++)
        flop += hand_flop(&e->hands[i]);
    return flop;
}
