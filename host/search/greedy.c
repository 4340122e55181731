/* Removing the cheapest, step by step. */
#include "search/greedy.h"

#include "base/memory.h"
#include "patch/evaluator.h"
#include "search/reach.h"
#include "search/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Circuits that exist at a time; components that are measured in a step where nothing is said. */
enum { AT_ONCE = 32, BATCH = 16 };

int64_t pc_greedy_batch(const pc_find_options *options)
{
    return options->n_candidates ? options->n_candidates : BATCH;
}

/* A component of the circuit, and the cost that was last measured: -infinity before the first. */
typedef struct known {
    double cost;
    int64_t index;
} known;

typedef struct greedy {
    const pc_candidates *candidates;
    const pc_components *c;
    const pc_find_options *options;
    const pc_scale *scale;
    pc_journal *journal;
    const pc_watch *watch;
    pc_greedy_told *told;
    pc_progress progress;
    double sign, base_mean;
    int64_t batch, n_left, n_decided;
    bool *kept;           /* (n) */
    pc_effect *changes;   /* (n) */
    int *n_out;           /* (n_writers) of edges: out-edges among the kept */
    known *order;         /* (n) the circuit's components in a step */
    int64_t n_fresh;      /* the first of them, measured in this step */
    known best;           /* of these */
    double *now;          /* (n_prompts) effects of the circuit at hand */
    double *best_effects; /* (n_prompts) ... of that without the best */
    double *effects;      /* (AT_ONCE, n_prompts) */
    double *difference;   /* (n_prompts) */
    bool is_touched[AT_ONCE];
} greedy;

/* ---- measuring ---- */

static void take_effects(greedy *g, known *k, const double *effects)
{
    const int n = g->journal->n_prompts;
    for (int p = 0; p < n; p++)
        g->difference[p] = effects[p] - g->now[p];
    const double change = pc_mean(g->difference, n);
    g->changes[k->index] = (pc_effect){.mean = change,
                                       .standard_error = pc_standard_error(g->difference, n),
                                       .n = n,
                                       .is_touched = true};
    k->cost = g->sign * change;
    const bool is_less =
        k->cost < g->best.cost || (k->cost == g->best.cost && k->index < g->best.index);
    if (g->n_fresh++ > 0 && !is_less) return;
    g->best = *k;
    memcpy(g->best_effects, effects, (size_t)n * sizeof *effects);
}

static pc_status make_circuits(pc_intervention **out, int *n_made, greedy *g, const known *rows,
                               int n)
{
    for (*n_made = 0; *n_made < n; ++*n_made) {
        g->kept[rows[*n_made].index] = false;
        const pc_status status =
            pc_candidates_circuit(&out[*n_made], g->candidates, g->kept, PC_DIRECTION_NOISE);
        g->kept[rows[*n_made].index] = true;
        PC_TRY(status);
    }
    return PC_OK;
}

/* The circuit without each of n components. */
static pc_status measure_some(greedy *g, known *rows, int n)
{
    pc_intervention *made[AT_ONCE];
    int n_made, n_found;
    PC_TRY(pc_watch_tell(g->watch, &g->progress, g->journal));
    pc_status status = make_circuits(made, &n_made, g, rows, n);
    if (status == PC_OK)
        status = pc_journal_measure(g->effects, g->is_touched, &n_found, g->journal,
                                    (const pc_intervention *const *)made, n);
    for (int i = 0; i < n_made; i++)
        pc_intervention_free(made[i]);
    PC_TRY(status);
    g->told->n_circuits += n;
    for (int i = 0; i < n; i++)
        take_effects(g, &rows[i], g->effects + (int64_t)i * g->journal->n_prompts);
    return PC_OK;
}

/* The next batch of the step's order. */
static pc_status measure_batch(greedy *g)
{
    int64_t left = g->n_left - g->n_fresh;
    if (left > g->batch) left = g->batch;
    while (left > 0) {
        const int n = left < AT_ONCE ? (int)left : AT_ONCE;
        PC_TRY(measure_some(g, g->order + g->n_fresh, n));
        left -= n;
    }
    return PC_OK;
}

/* ---- a step ---- */

static int compare_known(const void *a, const void *b)
{
    const known *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static void begin_step(greedy *g)
{
    g->n_left = 0;
    for (int64_t i = 0; i < g->candidates->n; i++) {
        if (!g->kept[i]) continue;
        const pc_effect *last = &g->changes[i];
        g->order[g->n_left++] = (known){last->n ? g->sign * last->mean : -INFINITY, i};
    }
    qsort(g->order, (size_t)g->n_left, sizeof *g->order, compare_known);
    g->n_fresh = 0;
    g->progress.n_done = g->candidates->n - g->n_left;
}

/* Whether the selection lets the best of those measured go. */
static bool may_go(const greedy *g)
{
    const double metric = g->base_mean + pc_mean(g->best_effects, g->journal->n_prompts);
    switch (g->options->selection) {
    case PC_SELECT_TOP:
        return true;
    case PC_SELECT_THRESHOLD:
        return g->best.cost < g->options->threshold;
    case PC_SELECT_FAITHFULNESS:
        return pc_scale_faithfulness(g->scale, metric) >= g->options->faithfulness;
    }
    return false;
}

/* Measures until it is clear which component goes; *goes = false: none may. */
static pc_status find_cheapest(bool *goes, greedy *g)
{
    *goes = false;
    while (!*goes && g->n_fresh < g->n_left) {
        PC_TRY(measure_batch(g));
        const bool is_least = g->n_fresh == g->n_left || g->best.cost <= g->order[g->n_fresh].cost;
        *goes = is_least && may_go(g);
    }
    return PC_OK;
}

/* ---- deciding ---- */

static pc_status put_decision(greedy *g, int64_t i, const char *how, bool is_kept)
{
    char name[2 * PC_NAME_BYTES + 2];
    if (!g->journal->store) return PC_OK;
    const pc_effect *change = &g->changes[i];
    const double with = change->n ? g->base_mean + pc_mean(g->now, g->journal->n_prompts) : NAN;
    pc_candidate_name(name, g->candidates, i);
    const pc_decision decision = {.search = "greedy",
                                  .step = g->n_decided++,
                                  .name = name,
                                  .how = how,
                                  .metric_with = with,
                                  .metric_without = with + change->mean,
                                  .change = change->n ? change->mean : NAN,
                                  .is_kept = is_kept};
    return pc_store_put_decision(g->journal->store, &decision);
}

static void remove_component(greedy *g, int64_t i)
{
    if (g->candidates->level == PC_LEVEL_EDGE) pc_reach_remove(g->kept, g->n_out, g->c, i);
    else g->kept[i] = false;
}

/* From the last reader to the first: what goes frees those before it. */
static pc_status remove_unreached(greedy *g)
{
    if (g->candidates->level != PC_LEVEL_EDGE) return PC_OK;
    for (int64_t i = g->candidates->n - 1; i >= 0; i--) {
        if (!g->kept[i] || pc_reach_has(g->c, g->n_out, i)) continue;
        remove_component(g, i);
        g->changes[i] = (pc_effect){0};
        g->told->n_unreached++;
        PC_TRY(put_decision(g, i, "unreached", false));
    }
    return PC_OK;
}

static pc_status remove_best(greedy *g)
{
    PC_TRY(put_decision(g, g->best.index, "measured", false));
    remove_component(g, g->best.index);
    memcpy(g->now, g->best_effects, (size_t)g->journal->n_prompts * sizeof *g->now);
    g->told->n_removed++;
    return remove_unreached(g);
}

static bool is_small_enough(const greedy *g)
{
    return g->options->selection == PC_SELECT_TOP && g->n_left <= g->options->top;
}

/* What is left, in the circuit that is left. */
static pc_status keep_rest(greedy *g)
{
    g->batch = g->n_left;
    PC_TRY(measure_batch(g));
    for (int64_t i = 0; i < g->candidates->n; i++)
        if (g->kept[i]) PC_TRY(put_decision(g, i, "measured", true));
    return PC_OK;
}

static pc_status walk(greedy *g)
{
    bool goes = true;
    begin_step(g);
    while (!is_small_enough(g)) {
        PC_TRY(find_cheapest(&goes, g));
        if (!goes) break;
        PC_TRY(remove_best(g));
        begin_step(g);
    }
    return keep_rest(g);
}

/* ---- all ---- */

static void keep_all(greedy *g)
{
    for (int64_t i = 0; i < g->candidates->n; i++)
        g->kept[i] = true;
    if (g->candidates->level == PC_LEVEL_EDGE) pc_reach_keep_all(g->kept, g->n_out, g->c);
}

static pc_status allocate(greedy *g)
{
    const size_t n = (size_t)g->candidates->n, n_prompts = (size_t)g->journal->n_prompts;
    g->n_out = pc_alloc((size_t)g->c->n_writers, sizeof *g->n_out);
    g->order = pc_alloc(n, sizeof *g->order);
    g->now = pc_alloc(n_prompts, sizeof *g->now);
    g->best_effects = pc_alloc(n_prompts, sizeof *g->best_effects);
    g->effects = pc_alloc(AT_ONCE * n_prompts, sizeof *g->effects);
    g->difference = pc_alloc(n_prompts, sizeof *g->difference);
    return g->n_out && g->order && g->now && g->best_effects && g->effects && g->difference
               ? PC_OK
               : PC_ERR_NOMEM;
}

static void free_all(greedy *g)
{
    free(g->difference);
    free(g->effects);
    free(g->best_effects);
    free(g->now);
    free(g->order);
    free(g->n_out);
}

pc_status pc_greedy(bool *kept, pc_effect *changes, pc_greedy_told *told,
                    const pc_candidates *candidates, const pc_find_options *options,
                    const pc_scale *scale, pc_journal *journal, const pc_watch *watch)
{
    const pc_evaluator *e = journal->evaluator;
    greedy g = {.candidates = candidates,
                .c = &candidates->model->components,
                .options = options,
                .scale = scale,
                .journal = journal,
                .watch = watch,
                .told = told,
                .progress = {.phase = "removing",
                             .unit = pc_sweep_of(candidates).unit,
                             .n_all = candidates->n},
                .sign = pc_metric_sign_of_worse(pc_evaluator_settings(e)),
                .base_mean = pc_mean(pc_evaluator_base(e), journal->n_prompts),
                .batch = pc_greedy_batch(options),
                .kept = kept,
                .changes = changes};
    *told = (pc_greedy_told){0};
    memset(changes, 0, (size_t)candidates->n * sizeof *changes);
    pc_status status = allocate(&g);
    if (status == PC_OK) {
        keep_all(&g);
        status = walk(&g);
    }
    free_all(&g);
    return status;
}
