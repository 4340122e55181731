/* What a change d of all logits changes in a metric at a target: metric(l + d) - metric(l), whose
 * definition is that difference in double (host/patch/metric.h). Nothing here subtracts two large
 * numbers. With p the base run's probabilities:
 *
 *   t  = c tanh((l + d) / c) - c tanh(l / c)   under a softcap c, by tanh's addition theorem;
 *                                              without one d
 *   m  = sum p t,  u = t - m
 *   D  = log1p(sum p (expm1(u) - u))           the changed run's divergence from the base run
 *   s  = m + D = log1p(sum p expm1(t))         what the logarithm of the normalisation gains
 *
 *   log-prob   mean of t over the answers - s;  the loss is its negative
 *   prob-diff  sum of p expm1(t - s) over the answers - the same over the wrong answers
 *   KL         D, from the base run itself;
 *              s - sum exp(r) t, the divergence's change, from the log-probabilities r
 *   accuracy   whether the largest of log p + t, the first of equals, is an answer's: 1 or 0, less
 *              the same without t
 *
 * A device takes the first form of s; the processor takes the second, which loses digits where all
 * logits fall together, unless e^s < 1/100.
 *
 * In double, of floats. A row's result depends on that row and its target alone, its sums run in an
 * order that vocab fixes. No change gives 0 exactly; a NaN in d gives NaN; infinities in d, and
 * changes whose exponential overflows, may give NaN or infinity. */
#ifndef PC_KERNELS_TARGET_DELTA_H
#define PC_KERNELS_TARGET_DELTA_H

#include "kernels/answer_delta.h"
#include "patchclamp/patch.h"

#include <stdint.h>

/* What the base run says at each target: (n_targets, vocab) each, NULL where nobody looks. */
typedef struct pc_target_logits {
    const double *logits;    /* l: before the softcap; looked at under one alone */
    const double *log_probs; /* log softmax behind the softcap; of the accuracy */
    const double *probs;     /* p = exp of these; of all other metrics */
    const double *reference; /* r, of the KL; NULL: the base run's own */
} pc_target_logits;

/*   effect   (rows) out
 *   d        (rows, vocab) row-major, before the softcap
 *   target   (rows) the target of each row
 *   columns  (n_targets) where each target's answers stand among the tokens, then its wrong ones
 *   tokens   (n_columns) in [0, vocab)
 *   base     of the targets
 *   scratch  (vocab) the processor's; a device does not look
 *   metric   one of those above; of any other, which answer_delta serves, the effect is NaN
 *   softcap  0: none
 *
 * Any rows >= 0, vocab >= 1. */
typedef struct pc_target_delta_args {
    double *effect;
    const float *d;
    const int32_t *target;
    const pc_answer_columns *columns;
    const int32_t *tokens;
    pc_target_logits base;
    double *scratch;
    pc_metric metric;
    double softcap;
    int64_t rows, vocab;
} pc_target_delta_args;

typedef void pc_target_delta_fn(const pc_target_delta_args *args);

pc_target_delta_fn pc_target_delta_baseline, pc_target_delta_avx2;

#endif
