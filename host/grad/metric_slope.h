/* Gradients of the metrics at logits. */
#ifndef PC_GRAD_METRIC_SLOPE_H
#define PC_GRAD_METRIC_SLOPE_H

#include "patchclamp/patch.h"

/* slope (vocab_out) = the gradient of pc_metric_at() (patch/metric.h) at the logits. Of the
 * accuracy, which has none, 0. With p = softmax(logits), A the answers, W the wrong ones and r the
 * reference:
 *
 *   logit-diff  1/|A| on A, -1/|W| on W            logit      1/|A| on A
 *   log-prob    1/|A| on A, less p                 loss       its negative
 *   prob-diff   p (1 on A, less p(A)) - p (1 on W, less p(W))
 *   KL          p - exp(r) */
void pc_metric_slope(double *slope, pc_metric metric, const double *logits, const double *reference,
                     int64_t vocab_out, const pc_target *target);

/* That of a metric of the answers' logits alone: the answers' and wrong answers' slopes. */
double pc_metric_slope_of_answers(const pc_target *target);
double pc_metric_slope_of_wrong(pc_metric metric, const pc_target *target);

#endif
