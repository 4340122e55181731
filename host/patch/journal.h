/* The journalling evaluator: what was measured once is looked up, what is measured is kept.
 *
 * The key is the canonical intervention, the value its per-prompt effects, so resuming, merging and
 * replaying are look-ups and give the same bytes as measuring. */
#ifndef PC_PATCH_JOURNAL_H
#define PC_PATCH_JOURNAL_H

#include "patch/intervention.h"
#include "store/run_store.h"

typedef struct pc_journal {
    const pc_model *model;
    pc_evaluator *evaluator;
    pc_store *store;    /* NULL: nothing is kept */
    const int *prompts; /* (n_prompts) those measured on, in ascending order; NULL: all */
    int n_prompts;
    const char *suffix; /* of every key: settings that are not the run's own; NULL: none */
} pc_journal;

/* pc_evaluator_measure through the journal. *n_found = how many of the n were in the store. */
pc_status pc_journal_measure(double *effects, bool *is_touched, int *n_found, pc_journal *journal,
                             const pc_intervention *const *interventions, int n);

#endif
