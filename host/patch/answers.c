/* The answers' columns of the unembedding. */
#include "patch/answers.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The columns of a target that begin at `first`. */
static pc_answer_columns columns_of(const pc_target *target, pc_metric metric, int64_t first)
{
    return (pc_answer_columns){.first = first,
                               .n_answers = target->n_answers,
                               .n_wrong = metric == PC_METRIC_LOGIT ? 0 : target->n_wrong_answers};
}

static int64_t count_columns(const pc_prompt *pair, pc_metric metric)
{
    int64_t n = 0;
    for (int t = 0; t < pair->n_targets; t++) {
        const pc_answer_columns c = columns_of(&pair->targets[t], metric, 0);
        n += c.n_answers + c.n_wrong;
    }
    return n;
}

int64_t pc_answers_bytes(const pc_prompt *pair, pc_metric metric, const pc_model *model)
{
    if (pc_metric_needs_all_logits(metric)) return 0;
    return count_columns(pair, metric) * (4 * model->shape.d_model + 8) +
           pair->n_targets * (int64_t)sizeof(pc_answer_columns);
}

static int32_t token_of(const pc_target *target, int column)
{
    return column < target->n_answers ? target->answers[column]
                                      : target->wrong_answers[column - target->n_answers];
}

static void fill(pc_answers *a, const pc_prompt *pair, const pc_target_base *bases,
                 pc_metric metric, const pc_model *model)
{
    const int64_t d = model->shape.d_model;
    int64_t first = 0;
    for (int t = 0; t < pair->n_targets; t++) {
        const pc_answer_columns c = columns_of(&pair->targets[t], metric, first);
        for (int i = 0; i < c.n_answers + c.n_wrong; i++) {
            const int32_t token = token_of(&pair->targets[t], i);
            float *column = a->w + (first + i) * d;
            const float *w = pc_model_matrix(column, model, PC_W_U, 0, token * d, d);
            if (w != column) memcpy(column, w, (size_t)d * sizeof *column);
            a->logits[first + i] = bases[t].logits[token];
        }
        a->targets[t] = c;
        first += c.n_answers + c.n_wrong;
    }
}

static pc_status place(pc_answers *a, size_t n_targets, size_t n_columns, size_t width)
{
    const void *targets, *w, *logits;
    PC_TRY(pc_device_place(&targets, a->device, a->targets, n_targets * sizeof *a->targets));
    a->targets_placed = targets;
    PC_TRY(pc_device_place(&w, a->device, a->w, n_columns * width * sizeof *a->w));
    a->w_placed = w;
    PC_TRY(pc_device_place(&logits, a->device, a->logits, n_columns * sizeof *a->logits));
    a->logits_placed = logits;
    return PC_OK;
}

pc_status pc_answers_new(pc_answers *out, const pc_prompt *pair, const pc_target_base *bases,
                         pc_metric metric, const pc_model *model, const pc_device *device)
{
    *out = (pc_answers){.device = device};
    if (pc_metric_needs_all_logits(metric)) return PC_OK;
    const size_t n = (size_t)count_columns(pair, metric), width = (size_t)model->shape.d_model;
    out->targets = pc_alloc((size_t)pair->n_targets, sizeof *out->targets);
    out->w = pc_alloc(n, width * sizeof *out->w);
    out->logits = pc_alloc(n, sizeof *out->logits);
    pc_status status = out->targets && out->w && out->logits ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) {
        fill(out, pair, bases, metric, model);
        status = place(out, (size_t)pair->n_targets, n, width);
    }
    if (status != PC_OK) pc_answers_free(out);
    return status;
}

void pc_answers_free(pc_answers *a)
{
    if (a->device) {
        pc_device_unplace(a->device, a->logits_placed);
        pc_device_unplace(a->device, a->w_placed);
        pc_device_unplace(a->device, a->targets_placed);
    }
    free(a->logits);
    free(a->w);
    free(a->targets);
    *a = (pc_answers){0};
}

void pc_answers_effects(double *effects, const pc_answers *a, pc_queue *queue, const float *dy,
                        const int32_t *targets, int n, const pc_model *model)
{
    a->device->ops->answer_delta(queue,
                                 &(pc_answer_delta_args){.effect = effects,
                                                         .dy = dy,
                                                         .target = targets,
                                                         .columns = a->targets_placed,
                                                         .w = a->w_placed,
                                                         .logits = a->logits_placed,
                                                         .softcap = model->shape.logit_softcap,
                                                         .rows = n,
                                                         .width = model->shape.d_model});
}
