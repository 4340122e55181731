/* How good estimates are: some of the components measured, beside what was estimated. */
#ifndef PC_SEARCH_ESTIMATE_CHECK_H
#define PC_SEARCH_ESTIMATE_CHECK_H

#include "graph/circuit_private.h"
#include "search/sweep.h"

typedef struct pc_check_row {
    int64_t index; /* of the candidate */
    double estimate;
    pc_effect effect; /* what was measured */
} pc_check_row;

/* Of n components: half of them the strongest by estimate, the others spread evenly over the
 * ranking behind these. */
typedef struct pc_estimate_check {
    pc_check_row *rows; /* (n) by |estimate - effect|, the worst first */
    int64_t n;
    double pearson, spearman; /* between estimates and effects; NaN where one of them is constant */
    double same_sign;         /* share of those whose effect is not 0 */
} pc_estimate_check;

/* Measures at most n. */
pc_status pc_estimate_check_measure(pc_estimate_check *out, int64_t n, const pc_effect *effects,
                                    const pc_candidates *candidates, pc_journal *journal,
                                    const pc_watch *watch);
void pc_estimate_check_free(pc_estimate_check *check);

#endif
