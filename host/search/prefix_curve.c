/* The faithfulness of the first components of a ranking, at sizes that grow. */
#include "search/prefix_curve.h"

#include "base/memory.h"
#include "patch/evaluator.h"
#include "search/evidence.h"
#include "search/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Circuits measured at once: fixed, as in selection. */
enum { AT_ONCE = 8, ALL_UP_TO = 20 };

/* 20, 25, 32, 40, 50, 63, 79, 100, 126, ... the preferred numbers' steps, ten a decade. */
static int64_t next_size(int64_t n)
{
    static const int steps[] = {100, 126, 158, 200, 251, 316, 398, 501, 631, 794, 1000};
    int64_t decade = 1;
    if (n < ALL_UP_TO) return n + 1;
    while (decade * 10 <= n)
        decade *= 10;
    for (int i = 0;; i++) {
        const int64_t size = (steps[i] * decade + 50) / 100;
        if (size > n) return size;
    }
}

typedef struct ranked {
    double strength; /* below 0: not measured */
    int64_t index;
} ranked;

typedef struct walker {
    pc_prefix_curve *out;
    const pc_candidates *candidates;
    const pc_scale *scale;
    pc_journal *journal;
    ranked *order;   /* (n) */
    int64_t n;       /* components */
    bool *kept;      /* (AT_ONCE, n) */
    double *metrics; /* (AT_ONCE + 2, n_prompts) of the circuits, of nothing and of all */
    pc_intervention *circuits[AT_ONCE + 2];
} walker;

static int compare(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->strength != y->strength) return x->strength > y->strength ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static void rank(walker *c, const pc_effect *effects)
{
    for (int64_t i = 0; i < c->n; i++)
        c->order[i] = (ranked){effects[i].n > 0 ? fabs(effects[i].mean) : -1, i};
    qsort(c->order, (size_t)c->n, sizeof *c->order, compare);
}

static pc_status mark(walker *c, int which, int64_t size)
{
    bool *kept = c->kept + which * c->n;
    memset(kept, 0, (size_t)c->n * sizeof *kept);
    for (int64_t i = 0; i < size; i++)
        kept[c->order[i].index] = true;
    return pc_candidates_prune(kept, c->candidates);
}

static int64_t count_kept(const walker *c, int which)
{
    int64_t count = 0;
    for (int64_t i = 0; i < c->n; i++)
        count += c->kept[which * c->n + i];
    return count;
}

/* The last two circuits are the ends of the scale: none of the components, and all. */
static pc_status make_circuits(walker *c, int n)
{
    const pc_direction direction = c->scale->direction;
    for (int i = 0; i < n; i++)
        PC_TRY(
            pc_candidates_circuit(&c->circuits[i], c->candidates, c->kept + i * c->n, direction));
    bool *ends = pc_alloc((size_t)c->n, sizeof *ends);
    pc_status status = ends ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK)
        status = pc_candidates_circuit(&c->circuits[n], c->candidates, ends, direction);
    for (int64_t i = 0; ends && i < c->n; i++)
        ends[i] = true;
    if (status == PC_OK)
        status = pc_candidates_circuit(&c->circuits[n + 1], c->candidates, ends, direction);
    free(ends);
    return status;
}

static pc_status measure(walker *c, int n)
{
    bool is_touched[AT_ONCE + 2];
    int n_found;
    pc_status status = make_circuits(c, n);
    if (status == PC_OK)
        status = pc_journal_measure(c->metrics, is_touched, &n_found, c->journal,
                                    (const pc_intervention *const *)c->circuits, n + 2);
    for (int i = 0; i < n + 2; i++) {
        pc_intervention_free(c->circuits[i]);
        c->circuits[i] = NULL;
        for (int p = 0; p < c->scale->n_prompts; p++)
            c->metrics[i * c->scale->n_prompts + p] += c->scale->base[p];
    }
    return status;
}

static pc_status append(pc_prefix_curve *curve, const pc_circuit_prefix *point)
{
    pc_circuit_prefix *points =
        pc_grow(curve->points, &curve->capacity, curve->n + 1, sizeof *points);
    if (!points) return PC_ERR_NOMEM;
    curve->points = points;
    curve->points[curve->n++] = *point;
    return PC_OK;
}

static pc_status add(walker *c, const int64_t *sizes, int n)
{
    const int n_prompts = c->scale->n_prompts;
    for (int i = 0; i < n; i++) {
        const double *metrics = c->metrics + i * n_prompts;
        pc_circuit_prefix prefix = {.n = sizes[i], .n_kept = count_kept(c, i)};
        prefix.faithfulness = pc_scale_faithfulness(c->scale, pc_mean(metrics, n_prompts));
        PC_TRY(pc_bootstrap_ratio(&prefix.low, &prefix.high, metrics, c->metrics + n * n_prompts,
                                  c->metrics + (n + 1) * n_prompts, n_prompts, 0.05));
        if (isfinite(prefix.low)) PC_TRY(append(c->out, &prefix));
    }
    return PC_OK;
}

static pc_status walk(walker *c, const pc_watch *watch)
{
    pc_progress progress = {.phase = "curve", .unit = "circuits"};
    int64_t sizes[AT_ONCE], size = 0;
    for (int64_t s = 0; s < c->n; s = next_size(s))
        progress.n_all++;
    while (size < c->n) {
        int n = 0;
        for (; n < AT_ONCE && size < c->n; n++) {
            size = next_size(size) < c->n ? next_size(size) : c->n;
            sizes[n] = size;
            PC_TRY(mark(c, n, size));
        }
        PC_TRY(measure(c, n));
        PC_TRY(add(c, sizes, n));
        progress.n_done += n;
        PC_TRY(pc_watch_tell(watch, &progress, c->journal));
    }
    return PC_OK;
}

pc_status pc_prefix_curve_measure(pc_prefix_curve *out, const pc_effect *effects,
                                  const pc_candidates *candidates, const pc_scale *scale,
                                  pc_journal *journal, const pc_watch *watch)
{
    walker c = {.out = out,
                .candidates = candidates,
                .n = candidates->n,
                .scale = scale,
                .journal = journal};
    *out = (pc_prefix_curve){0};
    if (pc_scale_check(scale) != PC_OK) return PC_OK;
    c.order = pc_alloc((size_t)c.n, sizeof *c.order);
    c.kept = pc_alloc((size_t)c.n, AT_ONCE * sizeof *c.kept);
    c.metrics = pc_alloc((AT_ONCE + 2) * (size_t)scale->n_prompts, sizeof *c.metrics);
    pc_status status = c.order && c.kept && c.metrics ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) rank(&c, effects);
    if (status == PC_OK) status = walk(&c, watch);
    free(c.metrics);
    free(c.kept);
    free(c.order);
    return status;
}

pc_status pc_prefix_curve_build(pc_circuit *circuit, const pc_prefix_curve *curve)
{
    for (size_t i = 0; i < curve->n; i++)
        PC_TRY(pc_circuit_add_prefix(circuit, &curve->points[i]));
    return PC_OK;
}

void pc_prefix_curve_free(pc_prefix_curve *curve)
{
    free(curve->points);
    *curve = (pc_prefix_curve){0};
}
