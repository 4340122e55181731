/* What the delta engine takes. */
#include "patch/engine_memory.h"

#include "patch/engine_private.h"

/* Room for prepared prompts where the options set no bound. */
static const int64_t most_cached = (int64_t)2 << 30;

void pc_engine_lay_out_hand(pc_engine_hand *h, pc_arena *a, const pc_model *model,
                            const pc_batch_sizes *sizes, int longest)
{
    h->is_cut_at = pc_arena_take(a, (int64_t)sizes->most * longest, sizeof *h->is_cut_at);
    h->variants = pc_arena_take(a, sizes->most, sizeof *h->variants);
    h->indices = pc_arena_take(a, sizes->most, sizeof *h->indices);
    h->effects = pc_arena_take(a, sizes->most, sizeof *h->effects);
    h->by_reader = pc_arena_take(a, model->components.n_readers, sizeof *h->by_reader);
}

static int64_t hand_bytes(const pc_model *model, const pc_device *device,
                          const pc_batch_sizes *sizes, pc_metric metric, int longest)
{
    const int64_t plain = pc_batch_rows(sizes, false, longest);
    const int64_t keeping = pc_batch_rows(sizes, true, longest);
    pc_engine_hand h = {0};
    pc_arena counting = {0};
    pc_engine_lay_out_hand(&h, &counting, model, sizes, longest);
    return (int64_t)counting.used +
           pc_logit_room_bytes(model, device, metric, plain < keeping ? plain : keeping) +
           pc_delta_run_bytes(model, longest, plain, PC_DELTA_KEEPS_NOTHING) +
           pc_delta_run_bytes(model, longest, keeping, PC_DELTA_KEEPS_HISTORY);
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
    const pc_batch_sizes sizes = pc_batch_sizes_of(o);
    const pc_device *device = pc_engine_device(o);
    const int n_threads = pc_workers_count(o->n_threads, INT32_MAX);
    return (pc_engine_needs){
        .n_threads = n_threads,
        .n_hands = device->facts.n_queues ? device->facts.n_queues : n_threads,
        .model = model->weights.n_bytes,
        .packed =
            pc_engine_weights_bytes(model, device, needs_all ? PC_UNEMBED_ALL : PC_UNEMBED_ANSWERS),
        .means = means_bytes(model, o->source, longest),
        .thread = hand_bytes(model, device, &sizes, o->metric, longest),
        .preparing = preparing_bytes(model, longest),
        .twin = pc_prompt_runner_bytes(model, longest),
        .unused = device->facts.unused,
    };
}

static int64_t on_device(const pc_engine_needs *n)
{
    return n->packed + n->n_hands * n->thread;
}

static int64_t beside_prompts(const pc_engine_needs *n)
{
    return n->means + n->n_threads * (n->preparing + n->twin) + (n->unused ? 0 : on_device(n));
}

int64_t pc_engine_needs_fixed(const pc_engine_needs *n)
{
    return n->model + beside_prompts(n);
}

/* A tenth stays for what the driver and products take. */
int64_t pc_engine_room(int64_t unused)
{
    return unused - unused / 10;
}

/* Blocks are filled from the first prompt on, with one at least (pc_engine_block). */
pc_engine_kept pc_engine_kept_of(const pc_model *model, const pc_task *task, int n_prompts,
                                 const pc_evaluator_options *o, const pc_engine_needs *needs)
{
    pc_engine_kept k = {.room = needs->unused ? pc_engine_room(needs->unused - on_device(needs))
                                : o->memory   ? o->memory - pc_engine_needs_fixed(needs)
                                              : most_cached,
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
    e->largest_prompt = kept.largest;
    return pc_memory_allows(&e->options,
                            pc_engine_needs_fixed(&needs) + (needs.unused ? 0 : kept.largest));
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

static int64_t hand_held(const pc_engine_hand *h)
{
    return (int64_t)(h->arena.size + h->room.device.size + h->room.host.size) +
           pc_delta_run_held(h->plain) + pc_delta_run_held(h->keeping);
}

int64_t pc_engine_held(const pc_engine *e)
{
    int64_t bytes = 0;
    for (int i = 0; i < e->n_hands; i++)
        bytes += hand_held(&e->hands[i]);
    for (int i = 0; i < e->n_prompts; i++)
        if (e->prompts[i].is_ready)
            bytes += pc_engine_prompt_bytes(e->prompts[i].pair, e->model, e->options.metric);
    return bytes;
}
