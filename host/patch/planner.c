/* Counts what measuring interventions takes. */
#include "patch/planner.h"

#include "base/memory.h"
#include "patch/batch_cost.h"
#include "patch/engine_batches.h"
#include "patch/engine_memory.h"
#include "patch/first_change.h"
#include "patch/metric_delta.h"
#include "patch/prompt_runner.h"
#include "patch/workers.h"

#include <stdlib.h>
#include <string.h>

/* Prompts that are alike in all that a plan looks at. */
typedef struct prompt_kind {
    int prompt, n; /* the first, and how many there are */
    int seq, first_target, first_difference;
} prompt_kind;

struct pc_planner {
    const pc_model *model;
    const pc_task *task;
    pc_evaluator_options options;
    pc_plan *plan;
    int n_prompts;
    prompt_kind *kinds; /* (n_kinds) */
    prompt_kind *each;  /* (n_prompts) every prompt by itself */
    int n_kinds;
    pc_change change; /* what is expected to change in the prompt at hand: is_changed alone */
    pc_batch_sizes sizes;
    uint8_t *is_cut_at;   /* (sizes.most, longest) */
    pc_variant *variants; /* (sizes.most) */
};

/* ---- prompts ---- */

static prompt_kind kind_of(const pc_task *task, int prompt)
{
    const pc_prompt *p = pc_task_prompt(task, prompt);
    prompt_kind kind = {.prompt = prompt, .n = 1, .first_target = p->targets[0].position};
    for (int t = 0; t < p->n_targets; t++) {
        const int position = p->targets[t].position;
        if (position < kind.first_target) kind.first_target = position;
        if (position >= kind.seq) kind.seq = position + 1;
    }
    while (kind.first_difference < kind.seq &&
           p->clean[kind.first_difference] == p->corrupted[kind.first_difference])
        kind.first_difference++;
    return kind;
}

static bool is_alike(const pc_task *task, const prompt_kind *a, const prompt_kind *b)
{
    const pc_prompt *x = pc_task_prompt(task, a->prompt), *y = pc_task_prompt(task, b->prompt);
    if (x->n_tokens != y->n_tokens || x->n_targets != y->n_targets) return false;
    for (int t = 0; t < x->n_targets; t++)
        if (x->targets[t].position != y->targets[t].position) return false;
    for (int t = 0; t < x->n_tokens; t++)
        if ((x->clean[t] == x->corrupted[t]) != (y->clean[t] == y->corrupted[t])) return false;
    return true;
}

static void sort_prompts(pc_planner *p)
{
    for (int i = 0; i < p->n_prompts; i++) {
        int k = 0;
        p->each[i] = kind_of(p->task, i);
        while (k < p->n_kinds && !is_alike(p->task, &p->kinds[k], &p->each[i]))
            k++;
        if (k < p->n_kinds) p->kinds[k].n++;
        else p->kinds[p->n_kinds++] = p->each[i];
    }
}

/* Everything from the first token that differs on, the input only where tokens do. Sources that are
 * no run of another prompt differ everywhere. */
static void expect_changes(pc_planner *p, const prompt_kind *kind)
{
    const pc_prompt *pair = pc_task_prompt(p->task, kind->prompt);
    const bool is_resampled = p->options.source == PC_SOURCE_RESAMPLE;
    for (int u = 0; u < p->model->components.n_writers; u++)
        for (int t = 0; t < kind->seq; t++) {
            const bool differs =
                u == 0 ? pair->clean[t] != pair->corrupted[t] : t >= kind->first_difference;
            p->change.is_changed[(int64_t)u * kind->seq + t] = !is_resampled || differs;
        }
}

/* ---- the twin ---- */

static void add_whole_runs(pc_planner *p, int n)
{
    for (int k = 0; k < p->n_kinds; k++) {
        const int n_tokens = pc_task_prompt(p->task, p->kinds[k].prompt)->n_tokens;
        const int64_t n_run = (int64_t)n * p->kinds[k].n;
        const double flop = (double)n_run * pc_forward_flop(p->model, n_tokens);
        p->plan->n_run += n_run;
        p->plan->n_batches += n_run;
        p->plan->n_rows += n_run * n_tokens;
        p->plan->flop += flop;
        p->plan->flop_whole += flop;
        for (int saving = 0; saving < PC_N_SAVINGS; saving++)
            p->plan->flop_without[saving] += flop;
    }
}

/* ---- the delta engine ---- */

/* One group under one set of savings. */
typedef struct counted {
    pc_batch_cost cost;
    int64_t n_run, n_batches;
} counted;

static void count_logits(counted *out, const pc_planner *p, const prompt_kind *kind, int n,
                         unsigned without)
{
    const pc_prompt *pair = pc_task_prompt(p->task, kind->prompt);
    const bool needs_all = pc_metric_needs_all_logits(p->options.metric);
    if (!needs_all && pc_saves(without, PC_SAVING_COLUMNS)) return;
    int64_t rows = 0;
    for (int i = 0; i < n; i++)
        for (int t = 0; t < pair->n_targets; t++)
            rows += pair->targets[t].position >= p->variants[i].first;
    pc_product_cost_add(&out->cost, rows, p->model->shape.d_model, p->model->shape.vocab_out);
}

static void count_variants(counted *out, pc_planner *p, const prompt_kind *kind, int n,
                           unsigned without)
{
    const pc_delta_prompt view = {.seq = kind->seq, .first_target = kind->first_target};
    if (n == 0) return;
    pc_batch_cost_add(&out->cost, p->model, &view, p->variants, n, without);
    count_logits(out, p, kind, n, without);
}

/* The second phase has the receivers' inputs. */
static void count_path(counted *out, pc_planner *p, const prompt_kind *kind, const pc_routed *r,
                       unsigned without)
{
    static float *const recorded[] = {NULL};
    const pc_delta_prompt view = {.seq = kind->seq, .first_target = kind->first_target};
    pc_batch_cost_add(&out->cost, p->model, &view, p->variants, 1, without);
    p->variants[0].routing = &r->receiving;
    p->variants[0].is_cut_at = NULL;
    p->variants[0].given = recorded;
    count_variants(out, p, kind, 1, without);
}

static pc_status count_batch(counted *out, pc_planner *p, const pc_engine_batches *b,
                             const pc_engine_batch *batch, const pc_intervention *const *list,
                             const prompt_kind *kind, unsigned without)
{
    const int longest = pc_task_longest(p->task);
    int n = 0;
    for (int i = batch->first; i < batch->first + batch->n; i++) {
        const pc_routed *r = &b->list[i];
        const pc_intervention *x = list[r->index];
        uint8_t *is_cut_at = x->n_positions ? p->is_cut_at + n * longest : NULL;
        if (is_cut_at) PC_TRY(pc_mark_positions(is_cut_at, x, p->task, kind->prompt));
        int first =
            pc_first_change(&p->change, kind->seq, &r->routing, is_cut_at, &p->model->components);
        if (!pc_first_row(&first, kind->seq, without)) continue;
        p->variants[n++] =
            (pc_variant){.routing = &r->routing, .is_cut_at = is_cut_at, .first = first};
    }
    out->n_run += n;
    out->n_batches += n > 0;
    if (n > 0 && b->list[batch->first].is_path)
        count_path(out, p, kind, &b->list[batch->first], without);
    else count_variants(out, p, kind, n, without);
    return PC_OK;
}

static pc_status count_prompts(counted *out, pc_planner *p, const pc_engine_batches *b,
                               const pc_intervention *const *list, const prompt_kind *kinds,
                               int n_kinds, unsigned without)
{
    for (int k = 0; k < n_kinds; k++) {
        counted one = {0};
        const double n = kinds[k].n;
        expect_changes(p, &kinds[k]);
        for (int i = 0; i < b->n_batches; i++)
            PC_TRY(count_batch(&one, p, b, &b->batches[i], list, &kinds[k], without));
        out->cost.flop += n * one.cost.flop;
        out->cost.bytes += n * one.cost.bytes;
        out->cost.rows += kinds[k].n * one.cost.rows;
        out->n_run += kinds[k].n * one.n_run;
        out->n_batches += kinds[k].n * one.n_batches;
    }
    return PC_OK;
}

/* A task may give its names to other positions in each prompt. */
static bool has_named_positions(const pc_intervention *const *list, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < list[i]->n_positions; k++)
            if (list[i]->positions[k].name) return true;
    return false;
}

static pc_status count(counted *out, pc_planner *p, const pc_intervention *const *list, int n,
                       unsigned without)
{
    const bool is_each = has_named_positions(list, n);
    pc_engine_batches batches;
    *out = (counted){0};
    pc_evaluator_options options = p->options;
    options.without = without;
    const pc_batch_limits limits = pc_batch_limits_of(p->task, &options, &p->sizes);
    PC_TRY(pc_engine_batches_new(&batches, list, n, &p->model->components, &limits, without));
    const pc_status status = count_prompts(out, p, &batches, list, is_each ? p->each : p->kinds,
                                           is_each ? p->n_prompts : p->n_kinds, without);
    pc_engine_batches_free(&batches);
    return status;
}

/* The whole model run for each effect. */
static double count_whole(const pc_planner *p, int n)
{
    double flop = 0;
    for (int k = 0; k < p->n_kinds; k++)
        flop += (double)n * p->kinds[k].n *
                pc_forward_flop(p->model, pc_task_prompt(p->task, p->kinds[k].prompt)->n_tokens);
    return flop;
}

static pc_status add_deltas(pc_planner *p, const pc_intervention *const *list, int n)
{
    pc_plan *plan = p->plan;
    counted made, other;
    PC_TRY(count(&made, p, list, n, p->options.without));
    plan->n_run += made.n_run;
    plan->n_untouched += (int64_t)n * p->n_prompts - made.n_run;
    plan->n_batches += made.n_batches;
    plan->n_rows += made.cost.rows;
    plan->flop += made.cost.flop;
    plan->bytes += made.cost.bytes;
    plan->flop_whole += count_whole(p, n);
    for (int saving = 0; saving < PC_N_SAVINGS; saving++) {
        PC_TRY(count(&other, p, list, n, p->options.without | 1u << saving));
        plan->flop_without[saving] += other.cost.flop;
    }
    return PC_OK;
}

pc_status pc_planner_add(pc_planner *p, const pc_intervention *const *interventions, int n)
{
    p->plan->n_interventions += n;
    p->plan->n_groups++;
    if (p->options.engine == PC_ENGINE_DELTA) return add_deltas(p, interventions, n);
    add_whole_runs(p, n);
    return PC_OK;
}

pc_status pc_planner_flop(double *flop, pc_planner *p, const pc_intervention *const *interventions,
                          int n)
{
    counted made;
    if (p->options.engine == PC_ENGINE_TWIN) {
        *flop = count_whole(p, n);
        return PC_OK;
    }
    PC_TRY(count(&made, p, interventions, n, p->options.without));
    *flop = made.cost.flop;
    return PC_OK;
}

/* ---- memory ---- */

double pc_plan_memory_sum(const pc_plan_memory *m)
{
    return m->model + m->packed + m->means + m->prompts + m->threads + m->twin;
}

static void fill_memory(pc_planner *p)
{
    const int longest = pc_task_longest(p->task);
    pc_plan_memory *m = &p->plan->memory;
    if (p->options.engine == PC_ENGINE_TWIN) {
        m->model = (double)p->model->weights.n_bytes;
        m->twin = pc_evaluator_bytes(p->model, &p->options, p->n_prompts, longest);
        p->plan->keeps_prompts = true;
        return;
    }
    const pc_engine_needs needs = pc_engine_needs_of(p->model, &p->options, longest);
    const pc_engine_kept kept =
        pc_engine_kept_of(p->model, p->task, p->n_prompts, &p->options, &needs);
    m->model = (double)needs.model;
    m->packed = (double)needs.packed;
    m->means = (double)needs.means;
    m->prompts = (double)kept.bytes;
    m->threads = (double)needs.n_hands * (double)needs.thread +
                 (double)needs.n_threads * (double)needs.preparing;
    m->twin = (double)needs.n_threads * (double)needs.twin;
    p->plan->keeps_prompts = kept.is_all;
}

/* ---- opening ---- */

static pc_status allocate(pc_planner *p)
{
    const size_t n = (size_t)p->n_prompts, longest = (size_t)pc_task_longest(p->task);
    p->kinds = pc_alloc(n, sizeof *p->kinds);
    p->each = pc_alloc(n, sizeof *p->each);
    p->change.is_changed = pc_alloc((size_t)p->model->components.n_writers, longest);
    p->is_cut_at = pc_alloc((size_t)p->sizes.most, longest);
    p->variants = pc_alloc((size_t)p->sizes.most, sizeof *p->variants);
    const bool has_all = p->kinds && p->each && p->change.is_changed && p->is_cut_at && p->variants;
    return has_all ? PC_OK : PC_ERR_NOMEM;
}

pc_status pc_planner_new(pc_planner **out, pc_plan *plan, const pc_model *model,
                         const pc_task *task, const pc_evaluator_options *options, int n_prompts)
{
    *out = NULL;
    pc_planner *p = pc_alloc(1, sizeof *p);
    if (!p) return PC_ERR_NOMEM;
    p->model = model;
    p->task = task;
    p->options = *options;
    p->plan = plan;
    p->n_prompts = n_prompts;
    p->sizes = pc_batch_sizes_of(options);
    *plan = (pc_plan){.engine = options->engine,
                      .n_prompts = n_prompts,
                      .longest = pc_task_longest(task),
                      .n_threads = pc_workers_count(options->n_threads, INT32_MAX)};
    pc_status status = allocate(p);
    if (status == PC_OK) {
        sort_prompts(p);
        fill_memory(p);
        status = pc_memory_allows(options, (int64_t)pc_plan_memory_sum(&plan->memory));
    }
    if (status == PC_OK) *out = p;
    else pc_planner_free(p);
    return status;
}

void pc_planner_free(pc_planner *p)
{
    if (!p) return;
    free(p->variants);
    free(p->is_cut_at);
    free(p->change.is_changed);
    free(p->each);
    free(p->kinds);
    free(p);
}
