/* Measuring many candidates, one intervention each, with progress. */
#ifndef PC_SEARCH_SWEEP_H
#define PC_SEARCH_SWEEP_H

#include "patch/journal.h"
#include "search/candidates.h"
#include "search/sweep_group.h"

/* One candidate's effect over the task's prompts, or some of them. */
typedef struct pc_effect {
    double mean, standard_error;
    int n;           /* prompts */
    bool is_ahead;   /* ranked before all that are not, whatever their means: a race decided so */
    bool is_touched; /* false: the intervention changed nothing on any prompt */
    double p;        /* familywise (significance.h); 0: not tested */
    bool has_frequency;
    double frequency; /* of being selected on other prompts (stability.h) */
} pc_effect;

/* Who is told, and who may stop the work. */
typedef struct pc_watch {
    pc_progress_fn progress; /* NULL: nobody */
    void *payload;
} pc_watch;

/* PC_ERR_INTERRUPTED if the watcher says so; what was measured is flushed to the journal first. */
pc_status pc_watch_tell(const pc_watch *watch, const pc_progress *progress, pc_journal *journal);

/* n interventions that are made one by one, and what they are called ("edges"). */
typedef struct pc_sweep_list {
    int64_t n;
    const char *phase; /* of progress; NULL: "measuring" */
    const char *unit;
    pc_status (*make)(pc_intervention **out, const void *payload, int64_t i);
    const void *payload;
    bool is_lent;       /* what is made stays the maker's */
    double *per_prompt; /* (n, n_prompts) to fill, or NULL */
} pc_sweep_list;

/* The effect of each intervention: out (list->n). */
pc_status pc_sweep_list_measure(pc_effect *out, const pc_sweep_list *list, pc_journal *journal,
                                const pc_watch *watch);

/* The list of all candidates, each alone. */
pc_sweep_list pc_sweep_of(const pc_candidates *candidates);

/* Effects of every candidate alone: out (candidates->n). */
pc_status pc_sweep(pc_effect *out, const pc_candidates *candidates, pc_journal *journal,
                   const pc_watch *watch);

/* Effects of n chosen candidates alone, in that order: out (n). */
pc_status pc_sweep_chosen(pc_effect *out, const int64_t *indices, int64_t n,
                          const pc_candidates *candidates, const char *phase, pc_journal *journal,
                          const pc_watch *watch);

#endif
