/* The exact sweep: every candidate alone, in batches that take about half a second, or ten where
 * each has to prepare the prompts again. */
#define _POSIX_C_SOURCE 200809L
#include "search/sweep.h"

#include "base/memory.h"
#include "patch/evaluator.h"
#include "search/statistics.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_IN_BATCH = 512, FEWEST_TO_PREPARE_FOR = 64 };

pc_status pc_watch_tell(const pc_watch *watch, const pc_progress *progress, pc_journal *journal)
{
    if (!watch->progress || watch->progress(progress, watch->payload)) return PC_OK;
    if (journal->store) PC_TRY(pc_store_flush(journal->store));
    return pc_fail(PC_ERR_INTERRUPTED, "stopped while %s, after %lld of %lld %s", progress->phase,
                   (long long)progress->n_done, (long long)progress->n_all, progress->unit);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct batch {
    pc_intervention *interventions[MOST_IN_BATCH];
    double *effects; /* (MOST_IN_BATCH, n_prompts) */
    bool is_touched[MOST_IN_BATCH];
    int n;
} batch;

static void clear(batch *b)
{
    for (int i = 0; i < b->n; i++)
        pc_intervention_free(b->interventions[i]);
    b->n = 0;
}

static pc_status measure(pc_effect *out, int *n_found, batch *b, const pc_sweep_list *list,
                         pc_journal *journal, int64_t first, int n)
{
    for (; b->n < n; b->n++)
        PC_TRY(list->make(&b->interventions[b->n], list->payload, first + b->n));
    PC_TRY(pc_journal_measure(b->effects, b->is_touched, n_found, journal,
                              (const pc_intervention *const *)b->interventions, n));
    if (list->per_prompt)
        memcpy(list->per_prompt + first * journal->n_prompts, b->effects,
               (size_t)n * (size_t)journal->n_prompts * sizeof *b->effects);
    for (int i = 0; i < n; i++) {
        const double *effects = b->effects + (int64_t)i * journal->n_prompts;
        out[first + i] =
            (pc_effect){pc_mean(effects, journal->n_prompts),
                        pc_standard_error(effects, journal->n_prompts), b->is_touched[i]};
    }
    return PC_OK;
}

static pc_status sweep_in_batches(pc_effect *out, batch *b, const pc_sweep_list *list,
                                  pc_journal *journal, const pc_watch *watch)
{
    pc_progress progress = {.phase = "measuring", .unit = list->unit, .n_all = list->n};
    const bool keeps_prompts = pc_evaluator_keeps_prompts(journal->evaluator);
    const double wanted = keeps_prompts ? 0.5 : 10;
    const int fewest = keeps_prompts ? 1 : FEWEST_TO_PREPARE_FOR;
    int size = keeps_prompts ? 4 : fewest;
    PC_TRY(pc_watch_tell(watch, &progress, journal));
    while (progress.n_done < list->n) {
        const int64_t left = list->n - progress.n_done;
        const int n = left < size ? (int)left : size;
        const double start = now();
        int n_found;
        PC_TRY(measure(out, &n_found, b, list, journal, progress.n_done, n));
        clear(b);
        progress.n_done += n;
        progress.n_from_journal += n_found;
        PC_TRY(pc_watch_tell(watch, &progress, journal));
        /* the size changes when something is written and told, never a number */
        if (now() - start < wanted / 2 && size < MOST_IN_BATCH) size *= 2;
        else if (now() - start > wanted * 2 && size > fewest) size /= 2;
    }
    return PC_OK;
}

pc_status pc_sweep_list_measure(pc_effect *out, const pc_sweep_list *list, pc_journal *journal,
                                const pc_watch *watch)
{
    batch *b = pc_alloc(1, sizeof *b);
    if (!b) return PC_ERR_NOMEM;
    b->effects = pc_alloc((size_t)MOST_IN_BATCH * (size_t)journal->n_prompts, sizeof *b->effects);
    pc_status status = b->effects ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = sweep_in_batches(out, b, list, journal, watch);
    clear(b);
    free(b->effects);
    free(b);
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

pc_status pc_sweep(pc_effect *out, const pc_candidates *candidates, pc_journal *journal,
                   const pc_watch *watch)
{
    const pc_sweep_list list = {candidates->n, unit_of(candidates->level), cut_candidate,
                                candidates, NULL};
    return pc_sweep_list_measure(out, &list, journal, watch);
}
