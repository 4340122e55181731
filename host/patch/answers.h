/* Effects at a prompt's targets, on the engine's device: what its operators read there. */
#ifndef PC_PATCH_ANSWERS_H
#define PC_PATCH_ANSWERS_H

#include "kernels/answer_delta.h"
#include "kernels/target_delta.h"
#include "patch/metric_delta.h"

/* The answers of a prompt's targets side by side, as columns. Where the metric looks at all logits,
 * the base run's at every target, which may be borrowed from the targets' bases; where not, the
 * answers' columns of the unembedding. */
typedef struct pc_answers {
    const pc_device *device;
    const pc_model *model;
    pc_metric metric;
    pc_answer_columns *targets; /* (n_targets) */
    int32_t *tokens;            /* (n_columns) */
    float *w;                   /* (n_columns, d_model) the unembedding of these tokens */
    double *logits;             /* (n_columns) the base run's, before a softcap */
    /* on the device */
    const pc_answer_columns *targets_placed;
    const int32_t *tokens_placed;
    const float *w_placed;
    const double *logits_placed;
    const double *bases_placed;
    pc_target_logits bases; /* in these */
} pc_answers;

/* Beside the targets' bases. */
int64_t pc_answers_bytes(const pc_prompt *pair, pc_metric metric, const pc_model *model);

/* From the targets' bases, which are filled and referred. PC_ERR_NOMEM. */
pc_status pc_answers_new(pc_answers *out, const pc_prompt *pair, const pc_target_bases *bases,
                         pc_metric metric, const pc_model *model, const pc_device *device);
void pc_answers_free(pc_answers *answers);

/* Of n rows, the effect of each at its target; all arrays are the device's, but for the scratch.
 *   rows     (n, vocab_out) changes of the logits, where the metric looks at all of them; else
 *            (n, d_model) of the final norm's output
 *   scratch  (vocab_out) */
void pc_answers_effects(double *effects, const pc_answers *answers, pc_queue *queue,
                        const float *rows, const int32_t *targets, int n, double *scratch);

#endif
