/* Metrics: one number from the logits at a prompt's targets. */
#ifndef PC_PATCH_METRIC_H
#define PC_PATCH_METRIC_H

#include "patchclamp/patch.h"

/* The metric at one target.
 *   logits     (vocab_out) of the run
 *   reference  (vocab_out) log-probabilities of the full clean run; used by the KL alone, else NULL
 */
double pc_metric_at(pc_metric metric, const double *logits, const double *reference,
                    int64_t vocab_out, const pc_target *target);

/* out (n) = log softmax of logits (n); they may be the same array. */
void pc_log_softmax(double *out, const double *logits, int64_t n);

bool pc_metric_needs_wrong_answers(pc_metric metric);

#endif
