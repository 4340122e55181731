/* The fast engine: prompts are prepared once, on all threads, and kept.
 */
#include "patch/delta_engine.h"

#include "base/clock.h"
#include "base/memory.h"
#include "patch/engine_private.h"

#include <stdlib.h>

/* ---- rooms ---- */

static void free_hand(pc_engine_hand *h)
{
    free(h->by_input);
    free(h->recorded);
    pc_arena_free(&h->arena);
    pc_prompt_runner_free(h->twin);
    pc_delta_run_free(h->keeping);
    pc_delta_run_free(h->plain);
    *h = (pc_engine_hand){0};
}

static pc_status make_hand(pc_engine_hand *h, const pc_engine *e)
{
    const int longest = pc_task_longest(e->task);
    PC_TRY(pc_delta_run_new(&h->plain, e->weights, longest, pc_batch_rows(false, longest),
                            PC_DELTA_KEEPS_NOTHING, e->options.without));
    PC_TRY(pc_delta_run_new(&h->keeping, e->weights, longest, pc_batch_rows(true, longest),
                            PC_DELTA_KEEPS_HISTORY, e->options.without));
    PC_TRY(pc_delta_run_reserve(h->plain, 0));
    pc_engine_lay_out_hand(h, &h->arena, e->model, e->options.metric, longest);
    PC_TRY(pc_arena_open(&h->arena));
    pc_engine_lay_out_hand(h, &h->arena, e->model, e->options.metric, longest);
    return PC_OK;
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

pc_workers_job pc_engine_job(pc_engine *e, int64_t n_items, pc_work_fn work, void *payload)
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

static pc_status prepare(void *payload, pc_crew *crew, int worker, int64_t item)
{
    const prompt_block *block = payload;
    pc_engine *e = block->engine;
    const int index = block->prompts[item];
    pc_engine_prompt *p = &e->prompts[index];
    pc_engine_hand *h = &e->hands[worker];
    if (p->is_ready) return PC_OK;
    PC_TRY(pc_workers_check(crew, worker));
    const pc_status status =
        pc_engine_prompt_prepare(p, e->weights, &e->options, &e->means, h->plain, &h->room, index);
    return status == PC_ERR_INPUT ? locate(e, h, index, status) : status;
}

pc_status pc_engine_prepare(pc_engine *e, const int *prompts, int n)
{
    prompt_block block = {e, prompts};
    pc_workers_job job = pc_engine_job(e, n, prepare, &block);
    return pc_workers_run(&job);
}

void pc_engine_drop(pc_engine *e, const int *prompts, int n)
{
    for (int i = 0; i < n; i++)
        pc_engine_prompt_free(&e->prompts[prompts[i]]);
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

static pc_status open_into(pc_engine *e, double *clean, double *corrupted)
{
    const bool needs_all = pc_metric_needs_all_logits(e->options.metric);
    PC_TRY(pc_engine_plan_cache(e));
    PC_TRY(pc_engine_weights_new(&e->weights, e->model, pc_task_longest(e->task),
                                 needs_all ? PC_UNEMBED_ALL : PC_UNEMBED_ANSWERS));
    PC_TRY(make_hands(e));
    if (e->options.source == PC_SOURCE_MEAN || e->options.source == PC_SOURCE_MEAN_POSITIONAL)
        PC_TRY(pc_engine_means_new(&e->means, &e->twin_means, e->weights, e->task,
                                   e->options.source, e->keep_going, e->payload));
    for (int first = 0, n; first < e->n_prompts; first += n) {
        n = pc_engine_block(e, e->all_prompts + first, e->n_prompts - first);
        PC_TRY(pc_engine_prepare(e, e->all_prompts + first, n));
        take_metrics(e, clean, corrupted, first, n);
        if (!e->keeps_prompts) pc_engine_drop(e, e->all_prompts + first, n);
    }
    return PC_OK;
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
    for (int i = 0; i < e->n_hands; i++)
        free_hand(&e->hands[i]);
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
    int64_t n = 0;
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
    double flop = 0;
    for (int i = 0; i < e->n_hands; i++)
        flop += pc_delta_run_flop(e->hands[i].plain) + pc_delta_run_flop(e->hands[i].keeping) +
                e->hands[i].room.flop;
    return flop;
}
