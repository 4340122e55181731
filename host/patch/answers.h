/* Effects of metrics that look at the answers' logits alone, on the engine's device. */
#ifndef PC_PATCH_ANSWERS_H
#define PC_PATCH_ANSWERS_H

#include "kernels/answer_delta.h"
#include "patch/metric_delta.h"

/* The columns of a prompt's targets side by side; on the device what operators read. */
typedef struct pc_answers {
    const pc_device *device;
    pc_answer_columns *targets; /* (n_targets) */
    float *w;                   /* (n_columns, d_model) the unembedding of the columns' tokens */
    double *logits;             /* (n_columns) the base run's, before a softcap */
    const pc_answer_columns *targets_placed;
    const float *w_placed;
    const double *logits_placed;
} pc_answers;

int64_t pc_answers_bytes(const pc_prompt *pair, pc_metric metric, const pc_model *model);

/* From the targets' bases, which are filled. PC_ERR_NOMEM. */
pc_status pc_answers_new(pc_answers *out, const pc_prompt *pair, const pc_target_base *bases,
                         pc_metric metric, const pc_model *model, const pc_device *device);
void pc_answers_free(pc_answers *answers);

/* Of rows dy (n, d_model), the effect of each at its target; all arrays are the device's. */
void pc_answers_effects(double *effects, const pc_answers *answers, pc_queue *queue,
                        const float *dy, const int32_t *targets, int n, const pc_model *model);

#endif
