/* Racing on a model: the race of race.h with interventions, through the journal. */
#ifndef PC_SEARCH_RACING_H
#define PC_SEARCH_RACING_H

#include "search/sweep.h"

typedef struct pc_racing_options {
    int64_t top;
    double confidence;
} pc_racing_options;

/* Effects of all candidates, out (candidates->n), each over the prompts that it was measured on;
 * the top are is_ahead, and measured on all. *n_evaluations = interventions times prompts. */
pc_status pc_racing(pc_effect *out, int64_t *n_evaluations, const pc_candidates *candidates,
                    const pc_racing_options *options, pc_journal *journal, const pc_watch *watch);

#endif
