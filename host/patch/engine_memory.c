/* What the delta engine takes. */
#include "patch/engine_memory.h"

#include "patch/engine_private.h"

/* Room for prepared prompts where the options set no bound. */
static const int64_t most_cached = (int64_t)2 << 30;

void pc_engine_lay_out_hand(pc_engine_hand *h, pc_arena *a, const pc_model *model, pc_metric metric,
                            int longest)
{
    const pc_shape *s = &model->shape;
    const int64_t rows = pc_metric_needs_all_logits(metric) ? PC_LOGIT_ROWS : 0;
    h->room.rows = pc_arena_take(a, rows * s->d_model, sizeof *h->room.rows);
    h->room.logits = pc_arena_take(a, rows * s->vocab_out, sizeof *h->room.logits);
    h->room.d = pc_arena_take(a, s->vocab_out, sizeof *h->room.d);
    h->room.y = pc_arena_take(a, s->d_model, sizeof *h->room.y);
    h->is_cut_at = pc_arena_take(a, (int64_t)PC_BATCH_MOST * longest, sizeof *h->is_cut_at);
    h->variants = pc_arena_take(a, PC_BATCH_MOST, sizeof *h->variants);
    h->indices = pc_arena_take(a, PC_BATCH_MOST, sizeof *h->indices);
    h->effects = pc_arena_take(a, PC_BATCH_MOST, sizeof *h->effects);
    h->by_reader = pc_arena_take(a, model->components.n_readers, sizeof *h->by_reader);
}

static int64_t hand_bytes(const pc_model *model, pc_metric metric, int longest)
{
    pc_engine_hand h = {0};
    pc_arena counting = {0};
    pc_engine_lay_out_hand(&h, &counting, model, metric, longest);
    return (int64_t)counting.used +
           pc_delta_run_bytes(model, longest, pc_batch_rows(false, longest),
                              PC_DELTA_KEEPS_NOTHING) +
           pc_delta_run_bytes(model, longest, pc_batch_rows(true, longest), PC_DELTA_KEEPS_HISTORY);
}

/* Both runs that prepare a prompt, and what their writers write in double. */
static int64_t preparing_bytes(const pc_model *model, int longest)
{
    return pc_base_run_bytes(model, longest) + 2 * pc_outputs_bytes(model, longest);
}

static int64_t means_bytes(const pc_model *model, pc_source source, int longest)
{
    const int64_t n_positions = source == PC_SOURCE_MEAN              ? 1
                                : source == PC_SOURCE_MEAN_POSITIONAL ? longest
                                                                      : 0;
    const int64_t twin = pc_prompt_runner_bytes(model, longest);
    return n_positions * (pc_outputs_bytes(model, 1) + twin / (3 * longest));
}

pc_engine_needs pc_engine_needs_of(const pc_model *model, const pc_evaluator_options *o,
                                   int longest)
{
    const bool needs_all = pc_metric_needs_all_logits(o->metric);
    return (pc_engine_needs){
        .n_threads = pc_workers_count(o->n_threads, INT32_MAX),
        .model = model->weights.n_bytes,
        .packed = pc_engine_weights_bytes(model, needs_all ? PC_UNEMBED_ALL : PC_UNEMBED_ANSWERS),
        .means = means_bytes(model, o->source, longest),
        .thread = hand_bytes(model, o->metric, longest),
        .preparing = preparing_bytes(model, longest),
        .twin = pc_prompt_runner_bytes(model, longest),
    };
}

static int64_t beside_prompts(const pc_engine_needs *n)
{
    return n->packed + n->means + n->n_threads * (n->thread + n->preparing + n->twin);
}

int64_t pc_engine_needs_fixed(const pc_engine_needs *n)
{
    return n->model + beside_prompts(n);
}

/* Blocks are filled from the first prompt on, with one at least (pc_engine_block). */
pc_engine_kept pc_engine_kept_of(const pc_model *model, const pc_task *task, int n_prompts,
                                 const pc_evaluator_options *o, const pc_engine_needs *needs)
{
    pc_engine_kept k = {.room = o->memory ? o->memory - pc_engine_needs_fixed(needs) : most_cached,
                        .is_all = true};
    int64_t block = 0;
    for (int i = 0; i < n_prompts; i++) {
        const int64_t bytes = pc_engine_prompt_bytes(pc_task_prompt(task, i), model, o->metric);
        if (bytes > k.largest) k.largest = bytes;
        if (block > 0 && block + bytes > k.room) {
            k.is_all = false;
            block = 0;
        }
        block += bytes;
        if (block > k.bytes) k.bytes = block;
    }
    return k;
}

pc_status pc_engine_plan_cache(pc_engine *e)
{
    const pc_engine_needs needs =
        pc_engine_needs_of(e->model, &e->options, pc_task_longest(e->task));
    const pc_engine_kept kept =
        pc_engine_kept_of(e->model, e->task, e->n_prompts, &e->options, &needs);
    e->cache_bytes = kept.room;
    e->keeps_prompts = kept.is_all;
    return pc_memory_allows(&e->options, pc_engine_needs_fixed(&needs) + kept.largest);
}

double pc_engine_bytes(const pc_model *model, const pc_evaluator_options *o, int n_prompts,
                       int n_tokens)
{
    const pc_engine_needs needs = pc_engine_needs_of(model, o, n_tokens);
    pc_target target = {.n_answers = 1, .n_wrong_answers = 1};
    const pc_prompt prompt = {.n_tokens = n_tokens, .targets = &target, .n_targets = 1};
    const double prompts =
        (double)n_prompts * (double)pc_engine_prompt_bytes(&prompt, model, o->metric);
    return (double)beside_prompts(&needs) +
           (prompts < (double)most_cached ? prompts : (double)most_cached);
}

int64_t pc_engine_held(const pc_engine *e)
{
    int64_t bytes = 0;
    for (int i = 0; i < e->n_hands; i++)
        bytes += (int64_t)e->hands[i].arena.size + pc_delta_run_held(e->hands[i].plain) +
                 pc_delta_run_held(e->hands[i].keeping);
    for (int i = 0; i < e->n_prompts; i++)
        if (e->prompts[i].is_ready)
            bytes += pc_engine_prompt_bytes(e->prompts[i].pair, e->model, e->options.metric);
    return bytes;
}
