/* What the base run says at targets; effects from changes of the answers' logits. */
#include "patch/metric_delta.h"

#include "base/memory.h"
#include "kernels/softcap_double.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDENED_TOGETHER = 1024 }; /* weights, where they are kept in 16 bits */

bool pc_metric_needs_all_logits(pc_metric metric)
{
    return metric != PC_METRIC_LOGIT_DIFF && metric != PC_METRIC_LOGIT;
}

int64_t pc_target_base_bytes(pc_metric metric, const pc_model *model)
{
    const int64_t logits = 8 * model->shape.vocab_out;
    return pc_metric_needs_all_logits(metric) ? 4 * logits : logits;
}

/* Behind the others the references, where they will come. */
static void lay_out(pc_target_bases *b, double *memory, const pc_target *targets, pc_metric metric,
                    int64_t vocab)
{
    const int64_t n = b->n * vocab;
    const bool has_all = pc_metric_needs_all_logits(metric);
    b->memory = memory;
    for (int t = 0; t < b->n; t++) {
        double *logits = memory + t * vocab;
        b->of[t] = (pc_target_base){.target = &targets[t],
                                    .logits = logits,
                                    .log_probs = has_all ? logits + n : NULL,
                                    .probs = has_all ? logits + 2 * n : NULL};
    }
}

pc_status pc_target_bases_new(pc_target_bases *out, const pc_target *targets, int n,
                              pc_metric metric, bool is_referred, const pc_model *model)
{
    const int64_t vocab = model->shape.vocab_out;
    const size_t n_arrays = !pc_metric_needs_all_logits(metric) ? 1 : is_referred ? 4 : 3;
    *out = (pc_target_bases){.n = n, .n_arrays = (int)n_arrays};
    out->of = pc_alloc((size_t)n, sizeof *out->of);
    double *memory = pc_alloc((size_t)n * n_arrays, (size_t)vocab * sizeof *memory);
    if (out->of && memory) {
        lay_out(out, memory, targets, metric, vocab);
        return PC_OK;
    }
    free(memory);
    pc_target_bases_free(out);
    return PC_ERR_NOMEM;
}

void pc_target_bases_free(pc_target_bases *bases)
{
    free(bases->memory);
    free(bases->of);
    *bases = (pc_target_bases){0};
}

size_t pc_target_bases_bytes(const pc_target_bases *b, const pc_model *model)
{
    return (size_t)(b->n * b->n_arrays * model->shape.vocab_out) * sizeof *b->memory;
}

pc_target_logits pc_target_logits_at(const pc_target_bases *b, const double *memory,
                                     const pc_model *model)
{
    const int64_t n = b->n * model->shape.vocab_out;
    return (pc_target_logits){.logits = memory,
                              .log_probs = b->n_arrays > 1 ? memory + n : NULL,
                              .probs = b->n_arrays > 1 ? memory + 2 * n : NULL,
                              .reference = b->n_arrays > 3 ? memory + 3 * n : NULL};
}

/* W_U[token] . y */
static double dot_row(int64_t token, const double *y, const pc_model *model)
{
    float buffer[WIDENED_TOGETHER];
    const int64_t d = model->shape.d_model;
    double sum = 0;
    for (int64_t i = 0; i < d; i += WIDENED_TOGETHER) {
        const int64_t n = d - i < WIDENED_TOGETHER ? d - i : WIDENED_TOGETHER;
        const float *w = pc_model_matrix(buffer, model, PC_W_U, 0, token * d + i, n);
        for (int64_t k = 0; k < n; k++)
            sum += (double)w[k] * y[i + k];
    }
    return sum;
}

static double logit_of(int64_t token, const double *y, const pc_model *model)
{
    const float *bias = pc_model_vector(model, PC_B_U, 0);
    return dot_row(token, y, model) + (bias ? (double)bias[token] : 0);
}

static double capped(double logit, double cap)
{
    return cap > 0 ? cap * tanh(logit / cap) : logit;
}

void pc_target_base_fill(pc_target_base *base, const double *y, pc_metric metric,
                         const pc_model *model)
{
    const int64_t n = model->shape.vocab_out;
    const pc_target *t = base->target;
    if (!pc_metric_needs_all_logits(metric)) {
        for (int i = 0; i < t->n_answers; i++)
            base->logits[t->answers[i]] = logit_of(t->answers[i], y, model);
        for (int i = 0; i < t->n_wrong_answers; i++)
            base->logits[t->wrong_answers[i]] = logit_of(t->wrong_answers[i], y, model);
        return;
    }
    for (int64_t v = 0; v < n; v++)
        base->logits[v] = logit_of(v, y, model);
    for (int64_t v = 0; v < n; v++)
        base->log_probs[v] = capped(base->logits[v], model->shape.logit_softcap);
    pc_log_softmax(base->log_probs, base->log_probs, n);
    for (int64_t v = 0; v < n; v++)
        base->probs[v] = exp(base->log_probs[v]);
}

void pc_target_bases_refer(pc_target_bases *bases, int t, const double *d, const pc_model *model)
{
    const int64_t n = model->shape.vocab_out;
    const double cap = model->shape.logit_softcap;
    pc_target_base *base = &bases->of[t];
    assert(bases->n_arrays == 4);
    double *reference = bases->memory + (3 * bases->n + t) * n;
    for (int64_t v = 0; v < n; v++)
        reference[v] = base->log_probs[v] + pc_capped_change_double(base->logits[v], d[v], cap);
    pc_log_softmax(reference, reference, n);
    base->reference = reference;
}

/* A metric of the logits behind the softcap: `logits` is overwritten. */
static double metric_of(pc_metric metric, double *logits, const pc_target_base *base,
                        const pc_model *model)
{
    const double *reference = base->reference ? base->reference : base->log_probs;
    return pc_metric_at(metric, logits, reference, model->shape.vocab_out, base->target);
}

double pc_metric_of_base(pc_metric metric, const pc_target_base *base, const pc_model *model)
{
    const pc_target *t = base->target;
    const double cap = model->shape.logit_softcap;
    double answers = 0, wrong = 0;
    if (pc_metric_needs_all_logits(metric)) return metric_of(metric, base->log_probs, base, model);
    for (int i = 0; i < t->n_answers; i++)
        answers += capped(base->logits[t->answers[i]], cap);
    for (int i = 0; i < t->n_wrong_answers; i++)
        wrong += capped(base->logits[t->wrong_answers[i]], cap);
    answers /= t->n_answers;
    return metric == PC_METRIC_LOGIT ? answers : answers - wrong / t->n_wrong_answers;
}

void pc_all_changes(double *d, const double *dy, const pc_model *model)
{
    for (int32_t v = 0; v < model->shape.vocab_out; v++)
        d[v] = dot_row(v, dy, model);
}

static double mean_change(const double *d, const int32_t *tokens, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += d[tokens[i]];
    return sum / n;
}

double pc_metric_effect(pc_metric metric, const pc_target_base *base, double *d,
                        const pc_model *model)
{
    const pc_target *t = base->target;
    const double cap = model->shape.logit_softcap;
    assert(!pc_metric_needs_all_logits(metric));
    for (int i = 0; cap > 0 && i < t->n_answers + t->n_wrong_answers; i++) {
        const int32_t token = i < t->n_answers ? t->answers[i] : t->wrong_answers[i - t->n_answers];
        d[token] = pc_capped_change_double(base->logits[token], d[token], cap);
    }
    const double answers = mean_change(d, t->answers, t->n_answers);
    return metric == PC_METRIC_LOGIT
               ? answers
               : answers - mean_change(d, t->wrong_answers, t->n_wrong_answers);
}
