/* Racing on a model. */
#include "search/racing.h"

#include "base/memory.h"
#include "patch/evaluator.h"
#include "search/race.h"
#include "search/statistics.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct racing {
    const pc_candidates *candidates;
    pc_journal *journal;
    const pc_watch *watch;
    pc_progress progress;
    pc_intervention **made; /* (group) */
    bool *is_touched;       /* (group) */
    uint8_t *was_touched;   /* (candidates->n) on some prompt */
    int group;
} racing;

static pc_status make(racing *r, int *n_made, const int64_t *live, int n)
{
    for (*n_made = 0; *n_made < n; ++*n_made) {
        const pc_place place = pc_candidate_place(r->candidates, live[*n_made]);
        PC_TRY(pc_intervention_cut(&r->made[*n_made], &r->candidates->model->components, &place));
    }
    return PC_OK;
}

static pc_status measure_group(racing *r, double *values, const int64_t *live, int n)
{
    int n_made, n_found = 0;
    pc_status status = make(r, &n_made, live, n);
    if (status == PC_OK)
        status = pc_journal_measure(values, r->is_touched, &n_found, r->journal,
                                    (const pc_intervention *const *)r->made, n);
    for (int i = 0; i < n_made; i++)
        pc_intervention_free(r->made[i]);
    PC_TRY(status);
    for (int i = 0; i < n; i++)
        r->was_touched[live[i]] |= r->is_touched[i];
    r->progress.n_done += n;
    r->progress.n_from_journal += n_found;
    return pc_watch_tell(r->watch, &r->progress, r->journal);
}

/* A look: every live candidate on the look's prompts. The journal knows them by the look's number:
 * a run has one order of prompts. */
static pc_status measure_look(double *values, const int64_t *live, int64_t n_live,
                              const int *chosen, int n_chosen, int look, void *payload)
{
    racing *r = payload;
    char suffix[32];
    snprintf(suffix, sizeof suffix, " | look %d", look);
    r->progress = (pc_progress){.phase = look ? "measuring on more prompts" : "measuring",
                                .unit = pc_sweep_of(r->candidates).unit,
                                .n_all = n_live};
    pc_journal all = *r->journal;
    r->journal->suffix = suffix;
    r->journal->prompts = chosen;
    r->journal->n_prompts = n_chosen;
    pc_status status = PC_OK;
    for (int64_t first = 0; status == PC_OK && first < n_live; first += r->group) {
        const int64_t left = n_live - first;
        status = measure_group(r, values + first * n_chosen, live + first,
                               left < r->group ? (int)left : r->group);
    }
    *r->journal = all;
    return status;
}

static void take_effect(pc_effect *out, const pc_race_result *result, int64_t i, int n_prompts,
                        double *seen)
{
    int n = 0;
    for (int p = 0; p < n_prompts; p++)
        if (result->is_known[i * n_prompts + p]) seen[n++] = result->values[i * n_prompts + p];
    *out = (pc_effect){.mean = pc_mean(seen, n),
                       .standard_error = pc_standard_error(seen, n),
                       .n = n,
                       .is_ahead = result->is_top[i]};
}

static pc_status run(pc_effect *out, int64_t *n_evaluations, racing *r, const pc_racing_options *o)
{
    const int n_prompts = r->journal->n_prompts;
    const pc_race race = {.n = r->candidates->n,
                          .n_prompts = n_prompts,
                          .top = o->top < r->candidates->n ? o->top : r->candidates->n,
                          .confidence = o->confidence,
                          .measure = measure_look,
                          .payload = r};
    pc_race_result result;
    double *seen = pc_alloc((size_t)n_prompts, sizeof *seen);
    if (!seen) return PC_ERR_NOMEM;
    const pc_status status = pc_race_run(&result, &race);
    for (int64_t i = 0; status == PC_OK && i < race.n; i++) {
        take_effect(&out[i], &result, i, n_prompts, seen);
        out[i].is_touched = r->was_touched[i] != 0;
    }
    free(seen);
    if (status != PC_OK) return status;
    *n_evaluations = result.n_evaluations;
    pc_race_result_free(&result);
    return PC_OK;
}

pc_status pc_racing(pc_effect *out, int64_t *n_evaluations, const pc_candidates *candidates,
                    const pc_racing_options *options, pc_journal *journal, const pc_watch *watch)
{
    const pc_evaluator *e = journal->evaluator;
    racing r = {.candidates = candidates, .journal = journal, .watch = watch};
    r.group = pc_sweep_group(candidates->n, candidates->model, pc_evaluator_task(e),
                             pc_evaluator_settings(e), pc_evaluator_keeps_prompts(e));
    r.made = pc_alloc((size_t)r.group, sizeof(pc_intervention *));
    r.is_touched = pc_alloc((size_t)r.group, sizeof *r.is_touched);
    r.was_touched = pc_alloc((size_t)candidates->n, sizeof *r.was_touched);
    const pc_status status = r.made && r.is_touched && r.was_touched
                                 ? run(out, n_evaluations, &r, options)
                                 : PC_ERR_NOMEM;
    free(r.was_touched);
    free(r.is_touched);
    free(r.made);
    return status;
}
