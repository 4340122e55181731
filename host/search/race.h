/* Racing: the components with the largest |mean effect| over n prompts, found on as few of them as
 * it takes (Maron and Moore 1994, "Hoeffding races"; here with intervals for finite populations).
 *
 * Prompts are taken in a random order, 8, 16, 32 ... of them, at last all. After each look at k
 * of n prompts a component's mean over all n lies, for every component and at every look at once
 * with probability >= confidence, in
 *
 *   m +- t s sqrt((1 - k / n) / k)      t = Student's quantile at (1 - confidence) / (2 C L), k - 1
 *                                       degrees of freedom, for C components and L looks
 *
 * as far as means of k effects are near normal. They are not for a component that acts on few
 * prompts: where it acts on one in ten, all of the first 8 often miss it, and it may be put out
 * wrongly far more often than the confidence says. Where all k effects are equal, s says nothing:
 * then at most a share q of the prompts can have another effect, (1 - q)^k = (1 - confidence) / (C
 * L), and none is taken to be farther away than the largest effect that any component has had. A
 * component is in once all but top - 1 others lie surely below it, out once `top` others lie surely
 * above it; the rest are measured on. At the last look means are known and ties go by order. */
#ifndef PC_SEARCH_RACE_H
#define PC_SEARCH_RACE_H

#include "base/fail.h"

#include <stdbool.h>
#include <stdint.h>

/* The interval after k of n effects were seen: the mean of all n lies outside with probability
 * `errors`. */
typedef struct pc_race_interval {
    int k, n;
    double errors, quantile;
} pc_race_interval;
pc_race_interval pc_race_interval_of(int k, int n, double errors);

/* Half its width from the effects seen (k). `largest`: no effect of any component is larger. */
double pc_race_width(const pc_race_interval *interval, const double *seen, double largest);

typedef struct pc_race {
    int64_t n; /* components */
    int n_prompts;
    int64_t top;
    double confidence;
    /* values (n_live, n_chosen) = the effects of components live[0 .. n_live) on prompts chosen[0
     * .. n_chosen), which ascend; `look` counts from 0 */
    pc_status (*measure)(double *values, const int64_t *live, int64_t n_live, const int *chosen,
                         int n_chosen, int look, void *payload);
    void *payload;
} pc_race;

typedef struct pc_race_result {
    double *values;  /* (n, n_prompts) what was measured */
    bool *is_known;  /* (n, n_prompts) */
    int *n_measured; /* (n) prompts */
    bool *is_top;    /* (n) those are measured on every prompt */
    int64_t n_evaluations;
} pc_race_result;

pc_status pc_race_run(pc_race_result *out, const pc_race *race);
void pc_race_result_free(pc_race_result *result);

#endif
