/* What operators read of a prompt's targets. */
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

/* Of a column. */
static int64_t column_bytes(pc_metric metric, const pc_model *model)
{
    return pc_metric_needs_all_logits(metric) ? (int64_t)sizeof(int32_t)
                                              : 4 * (int64_t)model->shape.d_model + 8;
}

int64_t pc_answers_bytes(const pc_prompt *pair, pc_metric metric, const pc_model *model)
{
    return count_columns(pair, metric) * column_bytes(metric, model) +
           pair->n_targets * (int64_t)sizeof(pc_answer_columns);
}

static int32_t token_of(const pc_target *target, int column)
{
    return column < target->n_answers ? target->answers[column]
                                      : target->wrong_answers[column - target->n_answers];
}

static void fill_column(pc_answers *a, int64_t column, const pc_target_base *base, int32_t token)
{
    const int64_t d = a->model->shape.d_model;
    if (a->tokens) {
        a->tokens[column] = token;
        return;
    }
    float *to = a->w + column * d;
    const float *w = pc_model_matrix(to, a->model, PC_W_U, 0, token * d, d);
    if (w != to) memcpy(to, w, (size_t)d * sizeof *to);
    a->logits[column] = base->logits[token];
}

static void fill(pc_answers *a, const pc_target_bases *bases)
{
    int64_t first = 0;
    for (int t = 0; t < bases->n; t++) {
        const pc_target_base *base = &bases->of[t];
        const pc_answer_columns c = columns_of(base->target, a->metric, first);
        for (int i = 0; i < c.n_answers + c.n_wrong; i++)
            fill_column(a, first + i, base, token_of(base->target, i));
        a->targets[t] = c;
        first += c.n_answers + c.n_wrong;
    }
}

static bool allocate(pc_answers *a, size_t n_targets, size_t n_columns)
{
    const size_t width = (size_t)a->model->shape.d_model;
    a->targets = pc_alloc(n_targets, sizeof *a->targets);
    if (pc_metric_needs_all_logits(a->metric)) {
        a->tokens = pc_alloc(n_columns, sizeof *a->tokens);
        return a->targets && a->tokens;
    }
    a->w = pc_alloc(n_columns, width * sizeof *a->w);
    a->logits = pc_alloc(n_columns, sizeof *a->logits);
    return a->targets && a->w && a->logits;
}

static pc_status place_columns(pc_answers *a, size_t n_columns)
{
    const size_t width = (size_t)a->model->shape.d_model;
    const void *w, *logits;
    PC_TRY(pc_device_place(&w, a->device, a->w, n_columns * width * sizeof *a->w));
    a->w_placed = w;
    PC_TRY(pc_device_place(&logits, a->device, a->logits, n_columns * sizeof *a->logits));
    a->logits_placed = logits;
    return PC_OK;
}

static pc_status place_bases(pc_answers *a, const pc_target_bases *bases, size_t n_columns)
{
    const void *tokens, *placed;
    const size_t bytes = pc_target_bases_bytes(bases, a->model);
    PC_TRY(pc_device_place(&tokens, a->device, a->tokens, n_columns * sizeof *a->tokens));
    a->tokens_placed = tokens;
    PC_TRY(pc_device_place(&placed, a->device, bases->memory, bytes));
    a->bases_placed = placed;
    a->bases = pc_target_logits_at(bases, placed, a->model);
    return PC_OK;
}

static pc_status place(pc_answers *a, const pc_target_bases *bases, size_t n_columns)
{
    const void *targets;
    const size_t bytes = (size_t)bases->n * sizeof *a->targets;
    PC_TRY(pc_device_place(&targets, a->device, a->targets, bytes));
    a->targets_placed = targets;
    return a->tokens ? place_bases(a, bases, n_columns) : place_columns(a, n_columns);
}

pc_status pc_answers_new(pc_answers *out, const pc_prompt *pair, const pc_target_bases *bases,
                         pc_metric metric, const pc_model *model, const pc_device *device)
{
    const size_t n_columns = (size_t)count_columns(pair, metric);
    *out = (pc_answers){.device = device, .model = model, .metric = metric};
    pc_status status = allocate(out, (size_t)bases->n, n_columns) ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) {
        fill(out, bases);
        status = place(out, bases, n_columns);
    }
    if (status != PC_OK) pc_answers_free(out);
    return status;
}

void pc_answers_free(pc_answers *a)
{
    if (a->device) {
        pc_device_unplace(a->device, a->bases_placed);
        pc_device_unplace(a->device, a->logits_placed);
        pc_device_unplace(a->device, a->w_placed);
        pc_device_unplace(a->device, a->tokens_placed);
        pc_device_unplace(a->device, a->targets_placed);
    }
    free(a->logits);
    free(a->w);
    free(a->tokens);
    free(a->targets);
    *a = (pc_answers){0};
}

static pc_answer_delta_args answers_alone(double *effects, const pc_answers *a, const float *dy,
                                          const int32_t *targets, int n)
{
    return (pc_answer_delta_args){.effect = effects,
                                  .dy = dy,
                                  .target = targets,
                                  .columns = a->targets_placed,
                                  .w = a->w_placed,
                                  .logits = a->logits_placed,
                                  .softcap = a->model->shape.logit_softcap,
                                  .rows = n,
                                  .width = a->model->shape.d_model};
}

static pc_target_delta_args all_logits(double *effects, const pc_answers *a, const float *d,
                                       const int32_t *targets, int n)
{
    return (pc_target_delta_args){.effect = effects,
                                  .d = d,
                                  .target = targets,
                                  .columns = a->targets_placed,
                                  .tokens = a->tokens_placed,
                                  .base = a->bases,
                                  .metric = a->metric,
                                  .softcap = a->model->shape.logit_softcap,
                                  .rows = n,
                                  .vocab = a->model->shape.vocab_out};
}

void pc_answers_effects(double *effects, const pc_answers *a, pc_queue *queue, const float *rows,
                        const int32_t *targets, int n, double *scratch)
{
    const pc_ops *ops = a->device->ops;
    if (pc_metric_needs_all_logits(a->metric)) {
        pc_target_delta_args args = all_logits(effects, a, rows, targets, n);
        args.scratch = scratch;
        ops->target_delta(queue, &args);
    } else {
        const pc_answer_delta_args args = answers_alone(effects, a, rows, targets, n);
        ops->answer_delta(queue, &args);
    }
}
