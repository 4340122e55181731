/* How often each candidate would be selected on other prompts. */
#ifndef PC_SEARCH_STABILITY_H
#define PC_SEARCH_STABILITY_H

#include "search/candidates.h"

enum { PC_BOOTSTRAPS = 1000 };

/* The selection that is repeated: the `top` strongest by the mean effect (pc_strength(), profile.h),
 * ties in component order, or all with a strength >= threshold; then pruned. */
typedef struct pc_reselection {
    pc_selection selection; /* PC_SELECT_TOP or PC_SELECT_THRESHOLD */
    int64_t top;
    double threshold;
    double sign; /* of the ranking (profile.h); 0: by size */
} pc_reselection;

/* frequency (candidates->n) = the share of 1,000 bootstraps in which a candidate is selected: each
 * draws n_prompts prompts with replacement, the same for all candidates, and selects by the means
 * over those (Efron and Tibshirani 1993, chapter 13; as a measure of a selection, Meinshausen and
 * Buehlmann 2010, who draw halves without replacement).
 *   effects  (candidates->n, n_prompts)
 * Always the same draws. PC_ERR_NOMEM. */
pc_status pc_selection_frequency(double *frequency, const double *effects, int n_prompts,
                                 const pc_reselection *rule, const pc_candidates *candidates);

#endif
