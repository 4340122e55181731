/* A sweep over some of a model's edges, and what all of them would take. */
#include "base/clock.h"
#include "base/memory.h"
#include "bench/edge_sample.h"
#include "patch/evaluator.h"
#include "patch/planner.h"
#include "patchclamp/bench.h"

#include <math.h>
#include <stdlib.h>

enum { ROUNDS = 3 };

/* The products of a sample's edges on all prompts. */
static pc_status count_flop(double *flop, const pc_edge_sample *s, const pc_model *model,
                            const pc_task *task, const pc_evaluator_options *o)
{
    pc_plan plan;
    pc_planner *planner;
    PC_TRY(pc_planner_new(&planner, &plan, model, task, o, pc_task_n(task)));
    const pc_status status = pc_planner_add(planner, (const pc_intervention *const *)s->list, s->n);
    pc_planner_free(planner);
    *flop = plan.flop;
    return status;
}

static pc_status time_sample(pc_bench_sweep *out, pc_evaluator *e, const pc_edge_sample *s)
{
    double *effects = pc_alloc((size_t)s->n * (size_t)out->n_prompts, sizeof *effects);
    pc_status status = effects ? PC_OK : PC_ERR_NOMEM;
    out->seconds_measured = INFINITY;
    for (int round = 0; round < ROUNDS && status == PC_OK; round++) {
        const double start = pc_seconds();
        status =
            pc_evaluator_measure(effects, NULL, e, (const pc_intervention *const *)s->list, s->n);
        out->seconds_measured = fmin(out->seconds_measured, pc_seconds() - start);
    }
    free(effects);
    return status;
}

static pc_status run(pc_bench_sweep *out, const pc_edge_sample *all, const pc_edge_sample *some,
                     const pc_model *model, const pc_task *task, const pc_evaluator_options *o)
{
    pc_evaluator *e;
    PC_TRY(count_flop(&out->flop, all, model, task, o));
    PC_TRY(count_flop(&out->flop_measured, some, model, task, o));
    PC_TRY(pc_evaluator_open(&e, model, task, o));
    const pc_status status = time_sample(out, e, some);
    pc_evaluator_free(e);
    return status;
}

pc_status pc_bench_sweep_run(pc_bench_sweep *out, pc_model *model, const pc_task *task,
                             const pc_evaluator_options *options, int64_t every)
{
    pc_edge_sample all, some;
    if (!out || !model || !task || !options || every < 1)
        return pc_fail(PC_ERR_ARG, "pc_bench_sweep_run: an argument is NULL or below 1");
    PC_TRY(pc_edge_sample_new(&all, model, 1));
    pc_status status = pc_edge_sample_new(&some, model, every);
    if (status == PC_OK) {
        *out =
            (pc_bench_sweep){.n_edges = all.n, .n_measured = some.n, .n_prompts = pc_task_n(task)};
        status = run(out, &all, &some, model, task, options);
        pc_edge_sample_free(&some);
    }
    pc_edge_sample_free(&all);
    return status;
}
