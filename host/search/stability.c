/* Selecting again and again, on prompts drawn with replacement. */
#include "search/stability.h"

#include "base/memory.h"
#include "base/rng.h"
#include "search/profile.h"

#include <stdlib.h>
#include <string.h>

enum { SEED = 2, TOGETHER = 8 };

typedef struct bootstrap {
    const double *effects; /* (n, n_prompts) */
    int n_prompts;
    const pc_reselection *rule;
    const pc_candidates *candidates;
    double *times;    /* (n_prompts, TOGETHER) how often each prompt was drawn */
    double *strength; /* (TOGETHER, n) of the mean over the draw */
    double *room;     /* (n) */
    bool *kept;       /* (n) */
    double *counts;   /* (n) */
} bootstrap;

static void draw(bootstrap *b, pc_rng *rng)
{
    const int n = b->n_prompts;
    memset(b->times, 0, (size_t)n * TOGETHER * sizeof *b->times);
    for (int k = 0; k < TOGETHER; k++)
        for (int p = 0; p < n; p++)
            b->times[(int)pc_rng_below(rng, (uint64_t)n) * TOGETHER + k]++;
}

/* Some draws side by side: an effect is read once for all of them. */
static void find_strengths(bootstrap *b)
{
    const int64_t n = b->candidates->n;
    for (int64_t i = 0; i < n; i++) {
        double sums[TOGETHER] = {0};
        for (int p = 0; p < b->n_prompts; p++)
            for (int k = 0; k < TOGETHER; k++)
                sums[k] += b->effects[i * b->n_prompts + p] * b->times[p * TOGETHER + k];
        for (int k = 0; k < TOGETHER; k++)
            b->strength[k * n + i] = pc_strength(sums[k], b->rule->sign) / b->n_prompts;
    }
}

static void swap(double *a, double *b)
{
    const double x = *a;
    *a = *b;
    *b = x;
}

/* The value that would stand at place k of the values in falling order (Hoare's selection); the
 * values change places. */
static double value_at(double *values, int64_t n, int64_t k)
{
    int64_t first = 0, last = n - 1;
    while (first < last) {
        const double pivot = values[first + (last - first) / 2];
        int64_t i = first, j = last;
        while (i <= j) {
            while (values[i] > pivot)
                i++;
            while (values[j] < pivot)
                j--;
            if (i <= j) swap(&values[i++], &values[j--]);
        }
        if (k <= j) last = j;
        else if (k >= i) first = i;
        else break;
    }
    return values[k];
}

/* All above the weakest of the top; of its equals, the first ones. */
static void keep_top(bootstrap *b, const double *strength)
{
    const int64_t n = b->candidates->n, top = b->rule->top < n ? b->rule->top : n;
    int64_t left = top;
    memset(b->kept, 0, (size_t)n * sizeof *b->kept);
    if (top == 0) return;
    memcpy(b->room, strength, (size_t)n * sizeof *b->room);
    const double weakest = value_at(b->room, n, top - 1);
    for (int64_t i = 0; i < n; i++) {
        b->kept[i] = strength[i] > weakest;
        left -= b->kept[i];
    }
    for (int64_t i = 0; i < n && left > 0; i++)
        if (strength[i] == weakest) b->kept[i] = true, left--;
}

static pc_status reselect(bootstrap *b, const double *strength)
{
    const int64_t n = b->candidates->n;
    if (b->rule->selection == PC_SELECT_TOP) keep_top(b, strength);
    else
        for (int64_t i = 0; i < n; i++)
            b->kept[i] = strength[i] >= b->rule->threshold;
    PC_TRY(pc_candidates_prune(b->kept, b->candidates));
    for (int64_t i = 0; i < n; i++)
        b->counts[i] += b->kept[i];
    return PC_OK;
}

static pc_status run(double *frequency, bootstrap *b)
{
    const int64_t n = b->candidates->n;
    pc_rng rng = {.seed = SEED};
    for (int done = 0; done < PC_BOOTSTRAPS; done += TOGETHER) {
        draw(b, &rng);
        find_strengths(b);
        for (int k = 0; k < TOGETHER; k++)
            PC_TRY(reselect(b, b->strength + k * n));
    }
    for (int64_t i = 0; i < n; i++)
        frequency[i] = b->counts[i] / PC_BOOTSTRAPS;
    return PC_OK;
}

pc_status pc_selection_frequency(double *frequency, const double *effects, int n_prompts,
                                 const pc_reselection *rule, const pc_candidates *candidates)
{
    const size_t n = (size_t)candidates->n;
    bootstrap b = {
        .effects = effects, .n_prompts = n_prompts, .rule = rule, .candidates = candidates};
    b.times = pc_alloc((size_t)n_prompts * TOGETHER, sizeof *b.times);
    b.strength = pc_alloc(n * TOGETHER, sizeof *b.strength);
    b.room = pc_alloc(n, sizeof *b.room);
    b.kept = pc_alloc(n, sizeof *b.kept);
    b.counts = pc_alloc(n, sizeof *b.counts);
    const bool has_all = b.times && b.strength && b.room && b.kept && b.counts;
    const pc_status status = has_all ? run(frequency, &b) : PC_ERR_NOMEM;
    free(b.counts);
    free(b.kept);
    free(b.room);
    free(b.strength);
    free(b.times);
    return status;
}
