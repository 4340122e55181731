/* What the base run says at targets, and effects from changes of the answers' logits, without
 * taking the difference of two metrics (DESIGN.md, section 4). Effects from changes of all logits
 * are target_delta's. */
#ifndef PC_PATCH_METRIC_DELTA_H
#define PC_PATCH_METRIC_DELTA_H

#include "kernels/target_delta.h"
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
                          is that run, and until it has been told */
} pc_target_base;

/* ... at a prompt's targets: one block of n_arrays arrays (n, vocab_out), as in pc_target_logits,
 * the first alone unless the metric looks at all logits, the last of those that are referred. */
typedef struct pc_target_bases {
    pc_target_base *of; /* (n) */
    double *memory;
    int n, n_arrays;
} pc_target_bases;

/* Whether the metric looks at other logits than the answers'. */
bool pc_metric_needs_all_logits(pc_metric metric);

/* The bytes of a target's base, with a reference. */
int64_t pc_target_base_bytes(pc_metric metric, const pc_model *model);
/* Not filled; where they are to be referred, with room for that. PC_ERR_NOMEM. */
pc_status pc_target_bases_new(pc_target_bases *out, const pc_target *targets, int n,
                              pc_metric metric, bool is_referred, const pc_model *model);
/* Makes the clean run's log-probabilities target t's reference: those of its base + d, d as below.
 */
void pc_target_bases_refer(pc_target_bases *bases, int t, const double *d, const pc_model *model);
void pc_target_bases_free(pc_target_bases *bases);

/* The block's size, and its arrays in a copy of it that stands at `memory`. */
size_t pc_target_bases_bytes(const pc_target_bases *bases, const pc_model *model);
pc_target_logits pc_target_logits_at(const pc_target_bases *bases, const double *memory,
                                     const pc_model *model);

/* Fills the base from the final norm's output y (d_model) in double. */
void pc_target_base_fill(pc_target_base *base, const double *y, pc_metric metric,
                         const pc_model *model);

/* The metric of the base run at the target. */
double pc_metric_of_base(pc_metric metric, const pc_target_base *base, const pc_model *model);

/* metric(base + d) - metric(base) at the target, of a metric that looks at the answers' logits
 * alone.
 *   d  (vocab_out) the logits' changes before a softcap, of which the answers' count; overwritten
 */
double pc_metric_effect(pc_metric metric, const pc_target_base *base, double *d,
                        const pc_model *model);

/* The changes of all logits before a softcap, from the change dy (d_model) of the final norm's
 * output. */
void pc_all_changes(double *d, const double *dy, const pc_model *model);

#endif
