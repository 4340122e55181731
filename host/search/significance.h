/* Which effects are more than chance, many at a time. */
#ifndef PC_SEARCH_SIGNIFICANCE_H
#define PC_SEARCH_SIGNIFICANCE_H

#include "base/fail.h"

#include <stdint.h>

enum { PC_SIGN_FLIPS = 1000 };

/* p (n) = familywise p-values of n effects over prompts, effects (n, n_prompts), against the
 * hypothesis that all are as likely positive as negative: the largest of all statistics |sum x| /
 * sqrt(sum x^2) under 1,000 random flips of the prompts' signs, each for all components at once
 * (max-T, Westfall and Young 1993), so that what goes together in the components is kept. p = (1 +
 * flips with a largest of at least the component's own) / 1,001; 1 where nothing changes. Always
 * the same flips. PC_ERR_NOMEM. */
pc_status pc_familywise(double *p, const double *effects, int64_t n, int n_prompts);

#endif
