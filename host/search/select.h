/* Choosing the circuit from the measured effects. */
#ifndef PC_SEARCH_SELECT_H
#define PC_SEARCH_SELECT_H

#include "search/faithfulness.h"
#include "search/sweep.h"

/* What was chosen. */
typedef struct pc_choice {
    bool *kept; /* (candidates->n) after pruning */
    double cut; /* the |effect| of the weakest that was taken, before pruning; or the threshold */
    int64_t n_taken; /* before pruning */
    pc_circuit_metric metric;
} pc_choice;

/* Ranks by |mean effect| (ties in component order), selects as the options say, prunes, and
 * measures the circuit. Selection by faithfulness takes the strongest one after another until the
 * pruned circuit reaches the wanted value; PC_ERR_INPUT if even all of them do not. out->kept is
 * allocated by the caller. */
pc_status pc_select(pc_choice *out, const pc_effect *effects, const pc_find_options *options,
                    const pc_scale *scale, const pc_candidates *candidates, pc_journal *journal,
                    const pc_watch *watch);

#endif
