/* Plans of sweeps: counted by the planner, timed on a sample. */
#include "search/sweep_plan.h"

#include "base/clock.h"
#include "base/memory.h"
#include "patch/engine_batches.h"
#include "patch/planner.h"

#include <math.h>
#include <stdlib.h>

/* What a plan is made for. */
typedef struct job {
    const pc_sweep_list *lists;
    int n_lists;
    const pc_model *model;
    const pc_task *task;
    const pc_evaluator_options *options;
} job;

/* Interventions of a list: first, first + step ... */
static pc_status make_some(pc_intervention **out, int *n_made, const pc_sweep_list *list,
                           int64_t first, int64_t step, int n)
{
    for (*n_made = 0; *n_made < n; ++*n_made)
        PC_TRY(list->make(&out[*n_made], list->payload, first + *n_made * step));
    return PC_OK;
}

static void drop(pc_intervention **made, int n, const pc_sweep_list *list)
{
    for (int i = 0; i < n && !list->is_lent; i++)
        pc_intervention_free(made[i]);
}

static pc_status add_group(pc_planner *planner, pc_intervention **room, const pc_sweep_list *list,
                           int64_t first, int n)
{
    int n_made;
    pc_status status = make_some(room, &n_made, list, first, 1, n);
    if (status == PC_OK) status = pc_planner_add(planner, (const pc_intervention *const *)room, n);
    drop(room, n_made, list);
    return status;
}

static pc_status add_list(pc_planner *planner, const pc_plan *plan, const pc_sweep_list *list,
                          const job *j)
{
    const int size = pc_sweep_group(list->n, j->model, j->task, j->options, plan->keeps_prompts);
    pc_intervention **room = pc_alloc((size_t)size, sizeof *room);
    pc_status status = room ? PC_OK : PC_ERR_NOMEM;
    for (int64_t first = 0; status == PC_OK && first < list->n; first += size)
        status = add_group(planner, room, list, first,
                           list->n - first < size ? (int)(list->n - first) : size);
    free(room);
    return status;
}

/* ---- time ---- */

/* What is measured to know how fast this machine is: some of the longest list's interventions on
 * some prompts. */
typedef struct sample {
    const pc_sweep_list *list;
    pc_intervention **interventions;
    int n, n_prompts;
    double *effects; /* (n, n_prompts) */
    int *prompts;
    double flop;
} sample;

/* Enough for each thread to have full batches. */
static void choose_sample(sample *s, const job *j, const pc_plan *plan)
{
    const pc_batch_sizes sizes = pc_batch_sizes_of(j->options);
    const pc_batch_limits limits = pc_batch_limits_of(j->task, j->options, &sizes);
    const int wanted = j->options->engine == PC_ENGINE_TWIN ? 4 : 2 * pc_batch_fill(&limits);
    s->list = &j->lists[0];
    for (int i = 1; i < j->n_lists; i++)
        if (j->lists[i].n > s->list->n) s->list = &j->lists[i];
    s->n = s->list->n < wanted ? (int)s->list->n : wanted;
    s->n_prompts = plan->n_threads < plan->n_prompts ? plan->n_threads : plan->n_prompts;
}

static pc_status count_sample(sample *s, const job *j)
{
    pc_plan plan;
    pc_planner *planner;
    PC_TRY(pc_planner_new(&planner, &plan, j->model, j->task, j->options, s->n_prompts));
    const pc_status status =
        pc_planner_add(planner, (const pc_intervention *const *)s->interventions, s->n);
    s->flop = plan.flop;
    pc_planner_free(planner);
    return status;
}

/* The faster of two rounds: the first also touches the memory for the first time. */
static pc_status time_sample(double *seconds, const sample *s, pc_evaluator *e)
{
    *seconds = INFINITY;
    for (int round = 0; round < 2; round++) {
        const double start = pc_seconds();
        PC_TRY(pc_evaluator_measure_on(s->effects, NULL, e,
                                       (const pc_intervention *const *)s->interventions, s->n,
                                       s->prompts, s->n_prompts));
        *seconds = fmin(*seconds, pc_seconds() - start);
    }
    return PC_OK;
}

static pc_status time_with(pc_plan *plan, const sample *s, const job *j)
{
    pc_evaluator *e = NULL;
    double opening, preparing = 0, measuring = 0;
    const double start = pc_seconds();
    PC_TRY(pc_evaluator_open_first(&e, j->model, j->task, j->options, s->n_prompts));
    opening = pc_seconds() - start;
    pc_status status = pc_evaluator_time_preparing(&preparing, e);
    if (status == PC_OK) status = time_sample(&measuring, s, e);
    pc_evaluator_free(e);
    PC_TRY(status);
    const double rounds = (double)(plan->n_prompts - s->n_prompts) / s->n_prompts;
    const double again =
        plan->keeps_prompts ? 0 : (double)plan->n_groups * plan->n_prompts / s->n_prompts;
    plan->flop_rate = s->flop / measuring;
    plan->seconds_preparing = opening + (rounds + again) * preparing;
    plan->seconds = plan->seconds_preparing + plan->flop / plan->flop_rate;
    return PC_OK;
}

static pc_status time_plan(pc_plan *plan, const job *j)
{
    sample s = {0};
    int n_made = 0;
    choose_sample(&s, j, plan);
    if (s.n == 0) return PC_OK;
    s.interventions = pc_alloc((size_t)s.n, sizeof *s.interventions);
    s.effects = pc_alloc((size_t)s.n * (size_t)s.n_prompts, sizeof *s.effects);
    s.prompts = pc_alloc((size_t)s.n_prompts, sizeof *s.prompts);
    pc_status status = s.interventions && s.effects && s.prompts ? PC_OK : PC_ERR_NOMEM;
    for (int i = 0; status == PC_OK && i < s.n_prompts; i++)
        s.prompts[i] = i;
    const int64_t step = s.list->n / s.n;
    if (status == PC_OK) status = make_some(s.interventions, &n_made, s.list, step / 2, step, s.n);
    if (status == PC_OK) status = count_sample(&s, j);
    if (status == PC_OK && s.flop > 0) status = time_with(plan, &s, j);
    if (s.interventions) drop(s.interventions, n_made, s.list);
    free(s.prompts);
    free(s.effects);
    free(s.interventions);
    return status;
}

/* ---- all ---- */

pc_status pc_sweep_plan(pc_plan *out, const pc_sweep_list *lists, int n_lists,
                        const pc_model *model, const pc_task *task,
                        const pc_evaluator_options *options, pc_plan_time time)
{
    const job j = {lists, n_lists, model, task, options};
    pc_planner *planner;
    PC_TRY(pc_evaluator_check(model, task, options));
    PC_TRY(pc_planner_new(&planner, out, model, task, options, pc_task_n(task)));
    pc_status status = PC_OK;
    for (int i = 0; status == PC_OK && i < n_lists; i++)
        status = add_list(planner, out, &lists[i], &j);
    pc_planner_free(planner);
    if (status == PC_OK && time == PC_PLAN_TIMED) status = time_plan(out, &j);
    return status;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static void join_memory(pc_plan_memory *to, const pc_plan_memory *other)
{
    to->model = larger(to->model, other->model);
    to->packed = larger(to->packed, other->packed);
    to->means = larger(to->means, other->means);
    to->prompts = larger(to->prompts, other->prompts);
    to->threads = larger(to->threads, other->threads);
    to->twin = larger(to->twin, other->twin);
}

void pc_plan_join(pc_plan *to, const pc_plan *other)
{
    if (to->n_interventions == 0) {
        *to = *other;
        return;
    }
    const double measuring =
        to->seconds - to->seconds_preparing + other->seconds - other->seconds_preparing;
    if (other->engine != PC_ENGINE_TWIN) to->engine = other->engine;
    to->n_interventions += other->n_interventions;
    to->n_run += other->n_run;
    to->n_untouched += other->n_untouched;
    to->n_groups += other->n_groups;
    to->n_batches += other->n_batches;
    to->n_rows += other->n_rows;
    to->flop += other->flop;
    to->bytes += other->bytes;
    to->flop_whole += other->flop_whole;
    for (int i = 0; i < PC_N_SAVINGS; i++)
        to->flop_without[i] += other->flop_without[i];
    to->keeps_prompts = to->keeps_prompts && other->keeps_prompts;
    join_memory(&to->memory, &other->memory);
    to->seconds += other->seconds;
    to->seconds_preparing += other->seconds_preparing;
    to->flop_rate = measuring > 0 ? to->flop / measuring : 0;
}
