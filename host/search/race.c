/* The race: looks, intervals, decisions. */
#include "search/race.h"

#include "base/memory.h"
#include "base/rng.h"
#include "search/statistics.h"
#include "search/student.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_LOOK = 8 };

typedef enum standing { RUNNING, IN, OUT } standing;

/* |mean| over all prompts lies between. */
typedef struct bounds {
    double low, high;
} bounds;

typedef struct running {
    const pc_race *race;
    pc_race_result *result;
    int *order;           /* (n_prompts) */
    int *chosen;          /* (n_prompts) of a look, ascending */
    int64_t *live;        /* (n) */
    double *measured;     /* (n, n_prompts) of a look */
    double *seen;         /* (n_prompts) of one component, in the order of the prompts */
    standing *stands;     /* (n) */
    bounds *bounds;       /* (n) */
    double *lows, *highs; /* (n) sorted */
    int n_looks, k;       /* looks in all; prompts looked at */
} running;

/* ---- prompts ---- */

static void shuffle(int *order, int n)
{
    pc_rng rng = {.seed = 0, .stream = (uint64_t)n};
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        const int j = (int)pc_rng_below(&rng, (uint64_t)i + 1), was = order[i];
        order[i] = order[j];
        order[j] = was;
    }
}

static int compare_ints(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* How many prompts have been looked at after a look. */
static int prompts_after(int look, int n)
{
    int64_t k = FIRST_LOOK;
    for (int i = 0; i < look && k < n; i++)
        k *= 2;
    return k < n ? (int)k : n;
}

static int count_looks(int n)
{
    int looks = 1;
    while (prompts_after(looks - 1, n) < n)
        looks++;
    return looks;
}

/* ---- one look ---- */

static void take(running *r, int64_t n_live, int n_chosen)
{
    const int n = r->race->n_prompts;
    for (int64_t i = 0; i < n_live; i++)
        for (int c = 0; c < n_chosen; c++) {
            const int64_t at = r->live[i] * n + r->chosen[c];
            r->result->values[at] = r->measured[i * n_chosen + c];
            r->result->is_known[at] = true;
        }
    for (int64_t i = 0; i < n_live; i++)
        r->result->n_measured[r->live[i]] += n_chosen;
    r->result->n_evaluations += n_live * n_chosen;
}

/* Measures live[0 .. n_live) on a look's new prompts. */
static pc_status look_at(running *r, int64_t n_live, int look)
{
    const pc_race *race = r->race;
    const int first = look ? prompts_after(look - 1, race->n_prompts) : 0;
    const int end = prompts_after(look, race->n_prompts), n_chosen = end - first;
    memcpy(r->chosen, r->order + first, (size_t)n_chosen * sizeof *r->chosen);
    qsort(r->chosen, (size_t)n_chosen, sizeof *r->chosen, compare_ints);
    PC_TRY(race->measure(r->measured, r->live, n_live, r->chosen, n_chosen, look, race->payload));
    take(r, n_live, n_chosen);
    return PC_OK;
}

/* ---- decisions ---- */

static int collect(running *r, int64_t component)
{
    const int n = r->race->n_prompts;
    int k = 0;
    for (int p = 0; p < n; p++)
        if (r->result->is_known[component * n + p])
            r->seen[k++] = r->result->values[component * n + p];
    return k;
}

static double largest_effect(const running *r)
{
    double most = 0;
    for (int64_t i = 0; i < r->race->n * r->race->n_prompts; i++)
        if (r->result->is_known[i]) most = fmax(most, fabs(r->result->values[i]));
    return most;
}

static bool all_equal(const double *x, int n)
{
    for (int i = 1; i < n; i++)
        if (x[i] != x[0]) return false;
    return true;
}

pc_race_interval pc_race_interval_of(int k, int n, double errors)
{
    return (pc_race_interval){k, n, errors, k < n ? pc_student_quantile(errors / 2, k - 1) : 0};
}

double pc_race_width(const pc_race_interval *v, const double *seen, double largest)
{
    if (v->k == v->n) return 0;
    if (all_equal(seen, v->k)) /* nothing was seen to differ anywhere: nothing is known */
        return largest > 0 ? (1 - pow(v->errors, 1.0 / v->k)) * (largest + fabs(seen[0]))
                           : INFINITY;
    return v->quantile * pc_standard_error(seen, v->k) * sqrt(1 - (double)v->k / v->n);
}

static void find_bounds(running *r)
{
    const double errors = (1 - r->race->confidence) / ((double)r->race->n * r->n_looks);
    const pc_race_interval interval = pc_race_interval_of(r->k, r->race->n_prompts, errors);
    const double largest = largest_effect(r);
    for (int64_t i = 0; i < r->race->n; i++) {
        if (r->stands[i] != RUNNING) continue;
        const int k = collect(r, i);
        const double width = pc_race_width(&interval, r->seen, largest);
        const double mean = fabs(pc_mean(r->seen, k));
        r->bounds[i] = (bounds){fmax(0, mean - width), mean + width};
    }
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many of sorted x (n) are larger than y. */
static int64_t count_above(const double *x, int64_t n, double y)
{
    int64_t first = 0, end = n;
    while (first < end) {
        const int64_t middle = first + (end - first) / 2;
        if (x[middle] > y) end = middle;
        else first = middle + 1;
    }
    return n - first;
}

static void decide(running *r)
{
    const int64_t n = r->race->n, top = r->race->top;
    for (int64_t i = 0; i < n; i++) {
        r->lows[i] = r->bounds[i].low;
        r->highs[i] = r->bounds[i].high;
    }
    qsort(r->lows, (size_t)n, sizeof *r->lows, compare_doubles);
    qsort(r->highs, (size_t)n, sizeof *r->highs, compare_doubles);
    int64_t n_in = 0;
    for (int64_t i = 0; i < n; i++)
        n_in += r->stands[i] == IN;
    for (int64_t i = 0; i < n; i++) {
        if (r->stands[i] != RUNNING) continue;
        const bounds b = r->bounds[i];
        const int64_t may_be_above = count_above(r->highs, n, b.low) - (b.high > b.low);
        if (count_above(r->lows, n, b.high) >= top) r->stands[i] = OUT;
        else if (may_be_above < top && n_in < top) { /* n_in: were an interval wrong */
            r->stands[i] = IN;
            n_in++;
        }
    }
}

/* At the last look the means of those that run are known: the strongest take the places left. */
static void decide_finally(running *r)
{
    int64_t n_left = r->race->top;
    for (int64_t i = 0; i < r->race->n; i++)
        n_left -= r->stands[i] == IN;
    for (; n_left > 0; n_left--) {
        int64_t best = -1;
        for (int64_t i = 0; i < r->race->n; i++)
            if (r->stands[i] == RUNNING && (best < 0 || r->bounds[i].low > r->bounds[best].low))
                best = i;
        if (best < 0) return;
        r->stands[best] = IN;
    }
}

/* ---- all ---- */

static int64_t list(running *r, standing stands)
{
    int64_t n = 0;
    for (int64_t i = 0; i < r->race->n; i++)
        if (r->stands[i] == stands) r->live[n++] = i;
    return n;
}

/* Those that are in, on the prompts that they have not seen: look by look, as the others. */
static pc_status complete(running *r)
{
    for (int look = 1; look < r->n_looks; look++) {
        const int seen = prompts_after(look - 1, r->race->n_prompts);
        int64_t n = 0;
        for (int64_t i = 0; i < r->race->n; i++)
            if (r->stands[i] == IN && r->result->n_measured[i] == seen) r->live[n++] = i;
        if (n > 0) PC_TRY(look_at(r, n, look));
    }
    return PC_OK;
}

static pc_status race(running *r)
{
    const int n_prompts = r->race->n_prompts;
    for (int look = 0; look < r->n_looks; look++) {
        const int64_t n = list(r, RUNNING);
        if (n == 0) break;
        PC_TRY(look_at(r, n, look));
        r->k = prompts_after(look, n_prompts);
        find_bounds(r);
        if (r->k < n_prompts) decide(r);
        else decide_finally(r);
    }
    PC_TRY(complete(r));
    for (int64_t i = 0; i < r->race->n; i++)
        r->result->is_top[i] = r->stands[i] == IN;
    return PC_OK;
}

static pc_status allocate(running *r)
{
    const size_t n = (size_t)r->race->n, p = (size_t)r->race->n_prompts;
    pc_race_result *out = r->result;
    out->values = pc_alloc(n, p * sizeof *out->values);
    out->is_known = pc_alloc(n, p * sizeof *out->is_known);
    out->n_measured = pc_alloc(n, sizeof *out->n_measured);
    out->is_top = pc_alloc(n, sizeof *out->is_top);
    r->order = pc_alloc(p, sizeof *r->order);
    r->chosen = pc_alloc(p, sizeof *r->chosen);
    r->seen = pc_alloc(p, sizeof *r->seen);
    r->live = pc_alloc(n, sizeof *r->live);
    r->measured = pc_alloc(n, p * sizeof *r->measured);
    r->stands = pc_alloc(n, sizeof *r->stands);
    r->bounds = pc_alloc(n, sizeof *r->bounds);
    r->lows = pc_alloc(n, sizeof *r->lows);
    r->highs = pc_alloc(n, sizeof *r->highs);
    const bool has_all = out->values && out->is_known && out->n_measured && out->is_top &&
                         r->order && r->chosen && r->seen && r->live && r->measured && r->stands &&
                         r->bounds && r->lows && r->highs;
    return has_all ? PC_OK : PC_ERR_NOMEM;
}

pc_status pc_race_run(pc_race_result *out, const pc_race *options)
{
    running r = {.race = options, .result = out, .n_looks = count_looks(options->n_prompts)};
    *out = (pc_race_result){0};
    pc_status status = allocate(&r);
    if (status == PC_OK) {
        shuffle(r.order, options->n_prompts);
        status = race(&r);
    }
    free(r.highs);
    free(r.lows);
    free(r.bounds);
    free(r.stands);
    free(r.measured);
    free(r.live);
    free(r.seen);
    free(r.chosen);
    free(r.order);
    if (status != PC_OK) pc_race_result_free(out);
    return status;
}

void pc_race_result_free(pc_race_result *r)
{
    free(r->is_top);
    free(r->n_measured);
    free(r->is_known);
    free(r->values);
    *r = (pc_race_result){0};
}
