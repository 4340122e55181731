/* Effects on a metric from the changes of the logits, without taking the difference of two metrics
 * (DESIGN.md, section 4). */
#ifndef PC_PATCH_METRIC_DELTA_H
#define PC_PATCH_METRIC_DELTA_H

#include "patch/engine_weights.h"
#include "patch/metric.h"

/* What the base run says at one target. Arrays are (vocab_out); NULL where the metric does not
 * look.
 */
typedef struct pc_target_base {
    const pc_target *target;
    double *logits;    /* before a softcap; only the answers' are filled unless all are needed */
    double *log_probs; /* log softmax of the logits, behind the softcap */
    double *probs;     /* exp of these */
    double *reference; /* log-probabilities of the full clean run, for the KL; NULL where the base
                          is that run */
} pc_target_base;

/* Whether the metric looks at other logits than the answers'. */
bool pc_metric_needs_all_logits(pc_metric metric);

/* The bytes of a target's base, without a reference. */
int64_t pc_target_base_bytes(pc_metric metric, const pc_model *model);
/* Without a reference. */
pc_status pc_target_base_new(pc_target_base *out, const pc_target *target, pc_metric metric,
                             const pc_model *model);
/* Makes the clean run's log-probabilities the reference: those of base + d, d as above. */
pc_status pc_target_base_refer(pc_target_base *base, const double *d, const pc_model *model);
void pc_target_base_free(pc_target_base *base);

/* Fills the base from the final norm's output y (d_model) in double. */
void pc_target_base_fill(pc_target_base *base, const double *y, pc_metric metric,
                         const pc_model *model);

/* The metric of the base run at the target. */
double pc_metric_of_base(pc_metric metric, const pc_target_base *base, const pc_model *model);

/* metric(base + d) - metric(base) at the target.
 *   d  (vocab_out) the logits' changes before a softcap, or only the answers' filled; overwritten
 */
double pc_metric_effect(pc_metric metric, const pc_target_base *base, double *d,
                        const pc_model *model);

/* The changes of all logits before a softcap, from the change dy (d_model) of the final norm's
 * output. */
void pc_all_changes(double *d, const double *dy, const pc_model *model);

#endif
