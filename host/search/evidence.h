/* What speaks for a circuit, from the metric of each prompt. */
#ifndef PC_SEARCH_EVIDENCE_H
#define PC_SEARCH_EVIDENCE_H

#include "patch/journal.h"
#include "search/candidates.h"

/* Fills the faithfulness of kept (candidates->n), its interval, the complement's and that of random
 * circuits. The scale has been checked. */
pc_status pc_evidence_measure(pc_faithfulness *out, const bool *kept,
                              const pc_candidates *candidates, pc_journal *journal,
                              pc_direction direction);

/* The 95 % interval of the faithfulness of kept (candidates->n). */
pc_status pc_evidence_interval(double *low, double *high, const bool *kept,
                               const pc_candidates *candidates, pc_journal *journal,
                               pc_direction direction);

/* What the removal of each component costs, the least first. Free *rows. */
pc_status pc_evidence_minimality(pc_minimality **rows, int64_t *n, const bool *kept,
                                 const pc_candidates *candidates, pc_journal *journal,
                                 pc_direction direction);

/* The percentile interval at level 1 - alpha of (mean c - mean z) / (mean o - mean z) over prompts
 * drawn with replacement, each with its three metrics; 2,000 times, always the same draws.
 * PC_ERR_NOMEM. */
pc_status pc_bootstrap_ratio(double *low, double *high, const double *circuit, const double *zero,
                             const double *one, int n, double alpha);

#endif
