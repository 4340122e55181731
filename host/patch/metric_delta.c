/* Effects from changes of logits. */
#include "patch/metric_delta.h"

#include "base/memory.h"

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

pc_status pc_target_base_new(pc_target_base *out, const pc_target *target, pc_metric metric,
                             const pc_model *model)
{
    const size_t n = (size_t)model->shape.vocab_out;
    *out = (pc_target_base){.target = target};
    out->logits = pc_alloc(n, sizeof *out->logits);
    bool has_all = out->logits != NULL;
    if (pc_metric_needs_all_logits(metric)) {
        out->log_probs = pc_alloc(n, sizeof *out->log_probs);
        out->probs = pc_alloc(n, sizeof *out->probs);
        has_all = has_all && out->log_probs && out->probs;
    }
    if (has_all) return PC_OK;
    pc_target_base_free(out);
    return PC_ERR_NOMEM;
}

void pc_target_base_free(pc_target_base *base)
{
    free(base->reference);
    free(base->probs);
    free(base->log_probs);
    free(base->logits);
    *base = (pc_target_base){0};
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

/* capped(l + d) - capped(l), by tanh's addition theorem. */
static double capped_change(double logit, double d, double cap)
{
    if (!(cap > 0)) return d;
    const double t = tanh(logit / cap), u = tanh(d / cap);
    return cap * u * (1 - t * t) / (1 + t * u);
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

pc_status pc_target_base_refer(pc_target_base *base, const double *d, const pc_model *model)
{
    const int64_t n = model->shape.vocab_out;
    const double cap = model->shape.logit_softcap;
    base->reference = pc_alloc((size_t)n, sizeof *base->reference);
    if (!base->reference) return PC_ERR_NOMEM;
    for (int64_t v = 0; v < n; v++)
        base->reference[v] = base->log_probs[v] + capped_change(base->logits[v], d[v], cap);
    pc_log_softmax(base->reference, base->reference, n);
    return PC_OK;
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

/* log(sum p exp(d)): what the logarithm of the normalisation gains. */
static double log_sum_change(const double *probs, const double *d, int64_t n)
{
    double sum = 0;
    for (int64_t v = 0; v < n; v++)
        sum += probs[v] * expm1(d[v]);
    return log1p(sum);
}

static double probability_change(const double *probs, const double *d, double total,
                                 const int32_t *tokens, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += probs[tokens[i]] * expm1(d[tokens[i]] - total);
    return sum;
}

/* KL(base || base + d) = log1p(sum p (expm1(t) - t)), t = d - sum p d: no difference of large
 * terms. */
static double divergence(const double *p, const double *d, int64_t n)
{
    double mean = 0, sum = 0;
    for (int64_t v = 0; v < n; v++)
        mean += p[v] * d[v];
    for (int64_t v = 0; v < n; v++)
        sum += p[v] * (expm1(d[v] - mean) - (d[v] - mean));
    return log1p(sum);
}

/* KL(c || base + d) - KL(c || base) = log(sum p exp(d)) - sum c d. */
static double divergence_change(const pc_target_base *base, const double *d, int64_t n)
{
    double sum = 0;
    if (!base->reference) return divergence(base->probs, d, n);
    for (int64_t v = 0; v < n; v++)
        sum += exp(base->reference[v]) * d[v];
    return log_sum_change(base->probs, d, n) - sum;
}

static double accuracy_change(const pc_target_base *base, double *d, const pc_model *model)
{
    const int64_t n = model->shape.vocab_out;
    const double was = metric_of(PC_METRIC_ACCURACY, base->log_probs, base, model);
    for (int64_t v = 0; v < n; v++)
        d[v] += base->log_probs[v];
    return metric_of(PC_METRIC_ACCURACY, d, base, model) - was;
}

double pc_metric_effect(pc_metric metric, const pc_target_base *base, double *d,
                        const pc_model *model)
{
    const pc_target *t = base->target;
    const double cap = model->shape.logit_softcap;
    const int64_t n = model->shape.vocab_out;
    for (int64_t v = 0; cap > 0 && pc_metric_needs_all_logits(metric) && v < n; v++)
        d[v] = capped_change(base->logits[v], d[v], cap);
    for (int i = 0;
         cap > 0 && !pc_metric_needs_all_logits(metric) && i < t->n_answers + t->n_wrong_answers;
         i++) {
        const int32_t token = i < t->n_answers ? t->answers[i] : t->wrong_answers[i - t->n_answers];
        d[token] = capped_change(base->logits[token], d[token], cap);
    }
    switch (metric) {
    case PC_METRIC_LOGIT_DIFF:
        return mean_change(d, t->answers, t->n_answers) -
               mean_change(d, t->wrong_answers, t->n_wrong_answers);
    case PC_METRIC_LOGIT:
        return mean_change(d, t->answers, t->n_answers);
    case PC_METRIC_LOG_PROB:
        return mean_change(d, t->answers, t->n_answers) - log_sum_change(base->probs, d, n);
    case PC_METRIC_LOSS:
        return log_sum_change(base->probs, d, n) - mean_change(d, t->answers, t->n_answers);
    case PC_METRIC_PROB_DIFF: {
        const double total = log_sum_change(base->probs, d, n);
        return probability_change(base->probs, d, total, t->answers, t->n_answers) -
               probability_change(base->probs, d, total, t->wrong_answers, t->n_wrong_answers);
    }
    case PC_METRIC_KL:
        return divergence_change(base, d, n);
    case PC_METRIC_ACCURACY:
        return accuracy_change(base, d, model);
    }
    return NAN;
}
