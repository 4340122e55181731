/* Selection: top-n, threshold, or the fewest that keep a given faithfulness. */
#include "search/select.h"

#include "base/memory.h"
#include "search/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Circuits measured at once while walking down the ranking. Fixed: the journal's content must not
 * depend on the machine. */
enum { CIRCUITS_AT_ONCE = 8 };

typedef struct ranked {
    bool is_ahead;
    double strength;
    int64_t index;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->is_ahead != y->is_ahead) return x->is_ahead ? -1 : 1;
    if (x->strength != y->strength) return x->strength > y->strength ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static pc_status rank(int64_t *order, const double *strength, const pc_effect *effects, int64_t n)
{
    ranked *rows = pc_alloc((size_t)n, sizeof *rows);
    if (!rows) return PC_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++)
        rows[i] = (ranked){effects[i].is_ahead, strength[i], i};
    qsort(rows, (size_t)n, sizeof *rows, compare_ranked);
    for (int64_t i = 0; i < n; i++)
        order[i] = rows[i].index;
    free(rows);
    return PC_OK;
}

static pc_status mark_first(bool *kept, const int64_t *order, int64_t n,
                            const pc_candidates *candidates)
{
    for (int64_t i = 0; i < candidates->n; i++)
        kept[i] = false;
    for (int64_t i = 0; i < n; i++)
        kept[order[i]] = true;
    return pc_candidates_prune(kept, candidates);
}

static int64_t count_above(const double *strength, const int64_t *order, int64_t n,
                           double threshold)
{
    int64_t count = 0;
    while (count < n && strength[order[count]] >= threshold)
        count++;
    return count;
}

static pc_status take_first(pc_choice *out, const int64_t *order, int64_t n, const pc_scale *scale,
                            const pc_candidates *candidates, pc_journal *journal)
{
    out->n_taken = n;
    PC_TRY(mark_first(out->kept, order, n, candidates));
    return pc_measure_circuits(&out->metric, scale, candidates, journal, out->kept, 1);
}

/* The prefixes first + 1 ... first + n of the ranking, pruned: kept (n, candidates->n). */
static pc_status mark_prefixes(bool *kept, const int64_t *order, int64_t first, int n,
                               const pc_candidates *candidates)
{
    for (int i = 0; i < n; i++)
        PC_TRY(mark_first(kept + i * candidates->n, order, first + i + 1, candidates));
    return PC_OK;
}

static pc_status walk(pc_choice *out, bool *kept, const int64_t *order, const double *strength,
                      double wanted, const pc_scale *scale, const pc_candidates *candidates,
                      pc_journal *journal, const pc_watch *watch)
{
    pc_progress progress = {.phase = "selecting", .unit = "circuits", .n_all = candidates->n};
    double best = -INFINITY;
    for (int64_t first = 0; first < candidates->n; first += CIRCUITS_AT_ONCE) {
        const int64_t left = candidates->n - first;
        const int n = left < CIRCUITS_AT_ONCE ? (int)left : CIRCUITS_AT_ONCE;
        pc_circuit_metric metrics[CIRCUITS_AT_ONCE];
        PC_TRY(mark_prefixes(kept, order, first, n, candidates));
        PC_TRY(pc_measure_circuits(metrics, scale, candidates, journal, kept, n));
        for (int i = 0; i < n; i++) {
            const double reached = pc_scale_faithfulness(scale, metrics[i].mean);
            if (reached > best) best = reached;
            if (reached < wanted) continue;
            memcpy(out->kept, kept + i * candidates->n, (size_t)candidates->n * sizeof *kept);
            out->metric = metrics[i];
            out->n_taken = first + i + 1;
            out->cut = strength[order[first + i]];
            return PC_OK;
        }
        progress.n_done += n;
        PC_TRY(pc_watch_tell(watch, &progress, journal));
    }
    return pc_fail(PC_ERR_INPUT, "no circuit reaches faithfulness %.4g: the best has %.4g", wanted,
                   best);
}

static pc_status select_by_faithfulness(pc_choice *out, const int64_t *order,
                                        const double *strength, double wanted,
                                        const pc_scale *scale, const pc_candidates *candidates,
                                        pc_journal *journal, const pc_watch *watch)
{
    PC_TRY(pc_scale_check(scale));
    bool *kept = pc_alloc((size_t)candidates->n, sizeof *kept * CIRCUITS_AT_ONCE);
    if (!kept) return PC_ERR_NOMEM;
    pc_status status = walk(out, kept, order, strength, wanted, scale, candidates, journal, watch);
    free(kept);
    return status;
}

static pc_status select_ranked(pc_choice *out, const int64_t *order, const double *strength,
                               const pc_find_options *options, const pc_scale *scale,
                               const pc_candidates *candidates, pc_journal *journal,
                               const pc_watch *watch)
{
    int64_t n = candidates->n;
    switch (options->selection) {
    case PC_SELECT_FAITHFULNESS:
        return select_by_faithfulness(out, order, strength, options->faithfulness, scale,
                                      candidates, journal, watch);
    case PC_SELECT_TOP:
        if (options->top < n) n = options->top;
        break;
    case PC_SELECT_THRESHOLD:
        n = count_above(strength, order, n, options->threshold);
        break;
    }
    const bool is_bound = options->selection == PC_SELECT_THRESHOLD;
    out->cut = is_bound ? options->threshold : n ? strength[order[n - 1]] : 0;
    return take_first(out, order, n, scale, candidates, journal);
}

pc_status pc_select(pc_choice *out, const pc_effect *effects, const pc_find_options *options,
                    const pc_scale *scale, const pc_candidates *candidates, pc_journal *journal,
                    const pc_watch *watch)
{
    int64_t *order = pc_alloc((size_t)candidates->n, sizeof *order);
    double *strength = pc_alloc((size_t)candidates->n, sizeof *strength);
    pc_status status = order && strength ? PC_OK : PC_ERR_NOMEM;
    for (int64_t i = 0; i < candidates->n && status == PC_OK; i++)
        strength[i] = pc_strength(effects[i].mean, pc_ranking_sign(options));
    if (status == PC_OK) status = rank(order, strength, effects, candidates->n);
    if (status == PC_OK)
        status = select_ranked(out, order, strength, options, scale, candidates, journal, watch);
    free(strength);
    free(order);
    return status;
}
