/* The faithfulness curve on MIB's grid, and the areas that MIB reports. */
#include "base/memory.h"
#include "patch/evaluator.h"
#include "patchclamp/find.h"
#include "search/acdc.h"
#include "search/evaluation.h"
#include "search/faithfulness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double shares[PC_CURVE_POINTS] = {0.001, 0.002, 0.005, 0.01, 0.02,
                                               0.05,  0.1,   0.2,   0.5,  1};

/* ---- the order ---- */

typedef struct scored {
    double score;
    int64_t index;
} scored;

static int compare(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Cutting an important component makes the metric worse; putting its clean value back, better. */
static double sign_of(const pc_evaluator_options *o)
{
    const double worse = pc_metric_sign_of_worse(o);
    return o->direction == PC_DIRECTION_NOISE ? worse : -worse;
}

/* What was not measured comes last. */
static void rank(scored *order, const pc_evaluation *e, double sign, bool is_absolute)
{
    for (int64_t i = 0; i < e->candidates.n; i++) {
        const double effect = e->effects[i];
        order[i] = (scored){isnan(effect) ? -INFINITY
                            : is_absolute ? fabs(effect)
                                          : sign * effect,
                            i};
    }
    qsort(order, (size_t)e->candidates.n, sizeof *order, compare);
}

/* ---- the circuits ---- */

typedef struct curve {
    pc_evaluation *e;
    pc_scale scale;
    scored *order; /* (n) */
    bool *kept;    /* (PC_CURVE_POINTS, n) */
} curve;

static pc_status mark(curve *c, pc_curve_point *points)
{
    const int64_t n = c->e->candidates.n;
    for (int i = 0; i < PC_CURVE_POINTS; i++) {
        bool *kept = c->kept + i * n;
        points[i] = (pc_curve_point){.share = shares[i], .n = (int64_t)(shares[i] * (double)n)};
        memset(kept, 0, (size_t)n * sizeof *kept);
        for (int64_t k = 0; k < points[i].n; k++)
            kept[c->order[k].index] = true;
        PC_TRY(pc_candidates_prune(kept, &c->e->candidates));
        for (int64_t k = 0; k < n; k++)
            points[i].n_kept += kept[k];
    }
    return PC_OK;
}

static pc_status measure(pc_curve_point *points, curve *c, double sign, bool is_absolute)
{
    pc_circuit_metric metrics[PC_CURVE_POINTS];
    rank(c->order, c->e, sign, is_absolute);
    PC_TRY(mark(c, points));
    PC_TRY(pc_measure_circuits(metrics, &c->scale, &c->e->candidates, &c->e->journal, c->kept,
                               PC_CURVE_POINTS));
    for (int i = 0; i < PC_CURVE_POINTS; i++)
        points[i].faithfulness = pc_scale_faithfulness(&c->scale, metrics[i].mean);
    return PC_OK;
}

/* Trapezoids over the shares, from the first point on. */
static double area(const pc_curve_point *points, bool is_distance)
{
    double sum = 0;
    for (int i = 0; i + 1 < PC_CURVE_POINTS; i++) {
        const double f = points[i].faithfulness, g = points[i + 1].faithfulness;
        const double width = points[i + 1].share - points[i].share;
        sum += is_distance ? width * (fabs(1 - f) + fabs(1 - g)) / 2 : width * (f + g) / 2;
    }
    return sum;
}

static pc_status run(pc_curve *out, curve *c, const pc_evaluator_options *o)
{
    const int64_t n = c->e->candidates.n;
    c->order = pc_alloc((size_t)n, sizeof *c->order);
    c->kept = pc_alloc(PC_CURVE_POINTS * (size_t)n, sizeof *c->kept);
    if (!c->order || !c->kept) return PC_ERR_NOMEM;
    PC_TRY(pc_scale_measure(&c->scale, &c->e->candidates, &c->e->journal, o->direction));
    PC_TRY(pc_scale_check(&c->scale));
    PC_TRY(measure(out->by_score, c, sign_of(o), false));
    PC_TRY(measure(out->by_strength, c, sign_of(o), true));
    out->cpr = area(out->by_score, false);
    out->cmd = area(out->by_strength, true);
    return PC_OK;
}

pc_status pc_circuit_curve(pc_curve *out, const pc_circuit *circuit, const pc_model *model,
                           const pc_task *task, const pc_evaluator_options *options)
{
    pc_evaluation e = {0};
    curve c = {.e = &e};
    *out = (pc_curve){0};
    pc_status status = pc_evaluation_open(&e, circuit, model, task, options);
    if (status == PC_OK && !e.has_effects)
        status = pc_fail(PC_ERR_INPUT, "the circuit has no scores to rank its components by");
    if (status == PC_OK) status = run(out, &c, options);
    free(c.kept);
    free(c.order);
    pc_evaluation_close(&e);
    return status;
}
