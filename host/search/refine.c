/* Effects near the cut, measured again in float32. */
#include "search/refine.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

enum { FIRST = 32 };
static const double errors_of_margin = 4; /* times their root mean square */

bool pc_precision_is_low(pc_precision precision)
{
    return precision == PC_PRECISION_TF32 || precision == PC_PRECISION_BF16;
}

/* A candidate that is still known in low precision alone. */
typedef struct near_one {
    double distance;
    int64_t index;
} near_one;

typedef struct refining {
    pc_effect *effects;
    const pc_candidates *candidates;
    pc_journal *fine;
    const pc_watch *watch;
    bool *is_fine;    /* (n) measured again */
    near_one *list;   /* (n) room */
    int64_t *indices; /* (n) ... of those to be measured */
    pc_effect *again; /* (n) ... and what came out */
    double squares;   /* of the errors */
    pc_refinement *told;
} refining;

static int compare(const void *a, const void *b)
{
    const near_one *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* The candidates that are known in low precision alone, the nearest to the cut first. */
static int64_t sort_by_distance(refining *r, double cut)
{
    int64_t n = 0;
    for (int64_t i = 0; i < r->candidates->n; i++)
        if (!r->is_fine[i] && r->effects[i].is_touched)
            r->list[n++] = (near_one){fabs(fabs(r->effects[i].mean) - cut), i};
    qsort(r->list, (size_t)n, sizeof *r->list, compare);
    return n;
}

/* Measures the first n of r->list again. */
static pc_status measure_again(refining *r, int64_t n)
{
    if (n == 0) return PC_OK;
    for (int64_t i = 0; i < n; i++)
        r->indices[i] = r->list[i].index;
    PC_TRY(pc_sweep_chosen(r->again, r->indices, n, r->candidates, "measuring again", r->fine,
                           r->watch));
    for (int64_t i = 0; i < n; i++) {
        pc_effect *known = &r->effects[r->indices[i]];
        const double error = known->mean - r->again[i].mean;
        r->squares += error * error;
        const double p = known->p; /* the test's, which the last digits do not change */
        *known = r->again[i];
        known->p = p;
        r->is_fine[r->indices[i]] = true;
    }
    r->told->n += n;
    return PC_OK;
}

/* The first of all tell how large errors are here. */
static pc_status refine(refining *r, double cut)
{
    int64_t n = sort_by_distance(r, cut), n_near = 0;
    if (r->told->n == 0) {
        PC_TRY(measure_again(r, n < FIRST ? n : FIRST));
        n = sort_by_distance(r, cut);
    }
    if (r->told->n == 0) return PC_OK;
    const double error = sqrt(r->squares / (double)r->told->n);
    r->told->margin = fmax(r->told->margin, errors_of_margin * error);
    while (n_near < n && r->list[n_near].distance <= r->told->margin)
        n_near++;
    return measure_again(r, n_near);
}

/* Until a selection has nobody near its cut who was not measured again. */
static pc_status select_in_rounds(pc_choice *out, refining *r, const pc_find_options *options,
                                  const pc_scale *scale)
{
    int64_t before;
    do {
        before = r->told->n;
        PC_TRY(pc_select(out, r->effects, options, scale, r->candidates, r->fine, r->watch));
        PC_TRY(refine(r, out->cut));
    } while (r->told->n > before);
    return PC_OK;
}

pc_status pc_select_refined(pc_choice *out, pc_refinement *refinement, pc_effect *effects,
                            const pc_find_options *options, const pc_scale *scale,
                            const pc_candidates *candidates, pc_journal *fine,
                            const pc_watch *watch)
{
    const size_t n = (size_t)candidates->n;
    *refinement = (pc_refinement){0};
    refining r = {.effects = effects,
                  .candidates = candidates,
                  .fine = fine,
                  .watch = watch,
                  .is_fine = pc_alloc(n, sizeof *r.is_fine),
                  .list = pc_alloc(n, sizeof *r.list),
                  .indices = pc_alloc(n, sizeof *r.indices),
                  .again = pc_alloc(n, sizeof *r.again),
                  .told = refinement};
    pc_status status = r.is_fine && r.list && r.indices && r.again ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = select_in_rounds(out, &r, options, scale);
    free(r.again);
    free(r.indices);
    free(r.list);
    free(r.is_fine);
    return status;
}
