/* What each precision loses of edges' effects. */
#include "base/clock.h"
#include "base/memory.h"
#include "bench/edge_sample.h"
#include "patch/evaluator.h"
#include "patchclamp/bench.h"

#include <math.h>
#include <stdlib.h>

/* Effects (n, n_prompts) of one evaluator. */
static pc_status measure(double *effects, pc_bench_precision *row, const pc_edge_sample *s,
                         const pc_model *model, const pc_task *task, const pc_evaluator_options *o)
{
    pc_evaluator *e;
    PC_TRY(pc_evaluator_open(&e, model, task, o));
    const double start = pc_seconds();
    const pc_status status =
        pc_evaluator_measure(effects, NULL, e, (const pc_intervention *const *)s->list, s->n);
    row->seconds = pc_seconds() - start;
    row->n_again = pc_evaluator_n_again(e);
    pc_evaluator_free(e);
    return status;
}

/* ---- ranks ---- */

typedef struct ranked {
    double value;
    int index;
} ranked;

static int compare(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Ranks (n) by the mean over prompts; equal means share the mean of their ranks. */
static void rank(double *ranks, ranked *room, const double *effects, int n, int n_prompts)
{
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int p = 0; p < n_prompts; p++)
            sum += effects[(int64_t)i * n_prompts + p];
        room[i] = (ranked){sum / n_prompts, i};
    }
    qsort(room, (size_t)n, sizeof *room, compare);
    for (int first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && room[end].value == room[first].value;)
            end++;
        for (int i = first; i < end; i++)
            ranks[room[i].index] = 0.5 * (first + end - 1);
    }
}

static double correlation(const double *x, const double *y, int n)
{
    const double mean = 0.5 * (n - 1); /* of ranks */
    double xy = 0, xx = 0, yy = 0;
    for (int i = 0; i < n; i++) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    return xy / sqrt(xx * yy);
}

/* ---- a row ---- */

static void compare_effects(pc_bench_precision *row, const double *found, const double *expected,
                            int n)
{
    double error = 0, effect = 0;
    row->n_effects = n;
    row->worst_error = 0;
    for (int i = 0; i < n; i++) {
        const double d = found[i] - expected[i];
        error += d * d;
        effect += expected[i] * expected[i];
        if (!(fabs(d) <= row->worst_error)) row->worst_error = fabs(d); /* NaN too */
    }
    row->rms_error = sqrt(error / n);
    row->rms_effect = sqrt(effect / n);
}

/* Arrays of n edges. */
typedef struct room {
    double *found, *expected; /* (n, n_prompts) */
    double *ranks, *expected_ranks;
    ranked *sorted;
} room;

static pc_status fill_rows(pc_bench_precision *rows, const room *r, const pc_edge_sample *s,
                           const pc_model *model, const pc_task *task,
                           const pc_evaluator_options *options)
{
    const int n_prompts = pc_task_n(task);
    pc_evaluator_options o = *options;
    o.engine = PC_ENGINE_TWIN;
    PC_TRY(measure(r->expected, &rows[0], s, model, task, &o));
    rank(r->expected_ranks, r->sorted, r->expected, s->n, n_prompts);
    o.engine = PC_ENGINE_DELTA;
    for (int i = 0; i < PC_N_PRECISIONS; i++) {
        rows[i] = (pc_bench_precision){.precision = (pc_precision)i};
        o.precision = rows[i].precision;
        PC_TRY(measure(r->found, &rows[i], s, model, task, &o));
        compare_effects(&rows[i], r->found, r->expected, s->n * n_prompts);
        rank(r->ranks, r->sorted, r->found, s->n, n_prompts);
        rows[i].agreement = correlation(r->ranks, r->expected_ranks, s->n);
    }
    return PC_OK;
}

static pc_status run(pc_bench_precision *rows, const pc_edge_sample *s, const pc_model *model,
                     const pc_task *task, const pc_evaluator_options *options)
{
    const size_t n = (size_t)s->n, all = n * (size_t)pc_task_n(task);
    const room r = {pc_alloc(all, sizeof *r.found), pc_alloc(all, sizeof *r.expected),
                    pc_alloc(n, sizeof *r.ranks), pc_alloc(n, sizeof *r.expected_ranks),
                    pc_alloc(n, sizeof *r.sorted)};
    const bool has_all = r.found && r.expected && r.ranks && r.expected_ranks && r.sorted;
    const pc_status status = has_all ? fill_rows(rows, &r, s, model, task, options) : PC_ERR_NOMEM;
    free(r.sorted);
    free(r.expected_ranks);
    free(r.ranks);
    free(r.expected);
    free(r.found);
    return status;
}

pc_status pc_bench_precision_run(pc_bench_precision *rows, pc_model *model, const pc_task *task,
                                 const pc_evaluator_options *options, int n_edges)
{
    pc_edge_sample s;
    if (!rows || !model || !task || !options || n_edges < 1)
        return pc_fail(PC_ERR_ARG, "pc_bench_precision_run: an argument is NULL or below 1");
    const int64_t all = pc_model_describe(model)->n_edges;
    PC_TRY(pc_edge_sample_new(&s, model, (all + n_edges - 1) / n_edges));
    const pc_status status = run(rows, &s, model, task, options);
    pc_edge_sample_free(&s);
    return status;
}
