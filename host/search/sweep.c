/* The exact sweep: every candidate alone, in groups. */
#include "search/sweep.h"

#include "base/memory.h"
#include "patch/evaluator.h"
#include "search/statistics.h"

#include <stdlib.h>
#include <string.h>

pc_status pc_watch_tell(const pc_watch *watch, const pc_progress *progress, pc_journal *journal)
{
    if (!watch->progress || watch->progress(progress, watch->payload)) return PC_OK;
    if (journal->store) PC_TRY(pc_store_flush(journal->store));
    return pc_fail(PC_ERR_INTERRUPTED, "stopped while %s, after %lld of %lld %s", progress->phase,
                   (long long)progress->n_done, (long long)progress->n_all, progress->unit);
}

/* Interventions that are measured together. */
typedef struct group {
    pc_intervention **interventions; /* (most) */
    double *effects;                 /* (most, n_prompts) */
    bool *is_touched;                /* (most) */
    int n, most;
} group;

static void clear(group *g, const pc_sweep_list *list)
{
    for (int i = 0; i < g->n && !list->is_lent; i++)
        pc_intervention_free(g->interventions[i]);
    g->n = 0;
}

static pc_status measure(pc_effect *out, int *n_found, group *g, const pc_sweep_list *list,
                         pc_journal *journal, int64_t first, int n)
{
    for (; g->n < n; g->n++)
        PC_TRY(list->make(&g->interventions[g->n], list->payload, first + g->n));
    PC_TRY(pc_journal_measure(g->effects, g->is_touched, n_found, journal,
                              (const pc_intervention *const *)g->interventions, n));
    if (list->per_prompt)
        memcpy(list->per_prompt + first * journal->n_prompts, g->effects,
               (size_t)n * (size_t)journal->n_prompts * sizeof *g->effects);
    for (int i = 0; i < n; i++) {
        const double *effects = g->effects + (int64_t)i * journal->n_prompts;
        out[first + i] =
            (pc_effect){.mean = pc_mean(effects, journal->n_prompts),
                        .standard_error = pc_standard_error(effects, journal->n_prompts),
                        .n = journal->n_prompts,
                        .is_touched = g->is_touched[i]};
    }
    return PC_OK;
}

static pc_status sweep_in_groups(pc_effect *out, group *g, const pc_sweep_list *list,
                                 pc_journal *journal, const pc_watch *watch)
{
    pc_progress progress = {
        .phase = list->phase ? list->phase : "measuring", .unit = list->unit, .n_all = list->n};
    PC_TRY(pc_watch_tell(watch, &progress, journal));
    while (progress.n_done < list->n) {
        const int64_t left = list->n - progress.n_done;
        const int n = left < g->most ? (int)left : g->most;
        int n_found;
        PC_TRY(measure(out, &n_found, g, list, journal, progress.n_done, n));
        clear(g, list);
        progress.n_done += n;
        progress.n_from_journal += n_found;
        PC_TRY(pc_watch_tell(watch, &progress, journal));
    }
    return PC_OK;
}

pc_status pc_sweep_list_measure(pc_effect *out, const pc_sweep_list *list, pc_journal *journal,
                                const pc_watch *watch)
{
    const pc_evaluator *e = journal->evaluator;
    const size_t width = (size_t)journal->n_prompts;
    group g = {.most = pc_sweep_group(list->n, journal->model, pc_evaluator_task(e),
                                      pc_evaluator_settings(e), pc_evaluator_keeps_prompts(e))};
    g.interventions = pc_alloc((size_t)g.most, sizeof(pc_intervention *));
    g.effects = pc_alloc((size_t)g.most * width, sizeof *g.effects);
    g.is_touched = pc_alloc((size_t)g.most, sizeof *g.is_touched);
    pc_status status = g.interventions && g.effects && g.is_touched ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = sweep_in_groups(out, &g, list, journal, watch);
    clear(&g, list);
    free(g.is_touched);
    free(g.effects);
    free(g.interventions);
    return status;
}

static const char *unit_of(pc_level level)
{
    return level == PC_LEVEL_NODE ? "nodes" : level == PC_LEVEL_EDGE ? "edges" : "neurons";
}

static pc_status cut_candidate(pc_intervention **out, const void *payload, int64_t i)
{
    const pc_candidates *candidates = payload;
    const pc_place place = pc_candidate_place(candidates, i);
    return pc_intervention_cut(out, &candidates->model->components, &place);
}

pc_sweep_list pc_sweep_of(const pc_candidates *candidates)
{
    return (pc_sweep_list){.n = candidates->n,
                           .unit = unit_of(candidates->level),
                           .make = cut_candidate,
                           .payload = candidates};
}

pc_status pc_sweep(pc_effect *out, const pc_candidates *candidates, pc_journal *journal,
                   const pc_watch *watch)
{
    const pc_sweep_list list = pc_sweep_of(candidates);
    return pc_sweep_list_measure(out, &list, journal, watch);
}

typedef struct chosen {
    pc_sweep_list all;
    const int64_t *indices;
} chosen;

static pc_status make_chosen(pc_intervention **out, const void *payload, int64_t i)
{
    const chosen *c = payload;
    return c->all.make(out, c->all.payload, c->indices[i]);
}

pc_status pc_sweep_chosen(pc_effect *out, const int64_t *indices, int64_t n,
                          const pc_candidates *candidates, const char *phase, pc_journal *journal,
                          const pc_watch *watch)
{
    const chosen c = {pc_sweep_of(candidates), indices};
    const pc_sweep_list list = {
        .n = n, .phase = phase, .unit = c.all.unit, .make = make_chosen, .payload = &c};
    return pc_sweep_list_measure(out, &list, journal, watch);
}
