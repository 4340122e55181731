/* The metrics' formulas. */
#include "patch/metric.h"

#include <math.h>

static double log_sum_exp(const double *logits, int64_t n)
{
    double most = logits[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        if (logits[i] > most) most = logits[i];
    for (int64_t i = 0; i < n; i++)
        sum += exp(logits[i] - most);
    return most + log(sum);
}

void pc_log_softmax(double *out, const double *logits, int64_t n)
{
    const double total = log_sum_exp(logits, n);
    for (int64_t i = 0; i < n; i++)
        out[i] = logits[i] - total;
}

static double sum_logits(const double *logits, const int32_t *tokens, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += logits[tokens[i]];
    return sum;
}

static double sum_probabilities(const double *logits, double total, const int32_t *tokens, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += exp(logits[tokens[i]] - total);
    return sum;
}

static double accuracy(const double *logits, int64_t n, const pc_target *t)
{
    int64_t best = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(logits[i])) return NAN; /* comparisons would pass over it */
        if (logits[i] > logits[best]) best = i;
    }
    for (int i = 0; i < t->n_answers; i++)
        if (t->answers[i] == best) return 1;
    return 0;
}

/* sum p (log p - log q) = sum p (expm1(t) - t) with t = log q - log p, since p and q both sum to 1:
 * no difference of large terms, so tiny divergences keep their digits (DESIGN.md, section 4). */
static double kl_divergence(const double *logits, const double *reference, int64_t n)
{
    const double total = log_sum_exp(logits, n);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double t = logits[i] - total - reference[i];
        const double p = exp(reference[i]);
        if (p > 0) sum += p * (expm1(t) - t);
    }
    return sum;
}

double pc_metric_at(pc_metric metric, const double *logits, const double *reference,
                    int64_t vocab_out, const pc_target *t)
{
    switch (metric) {
    case PC_METRIC_LOGIT_DIFF:
        return sum_logits(logits, t->answers, t->n_answers) / t->n_answers -
               sum_logits(logits, t->wrong_answers, t->n_wrong_answers) / t->n_wrong_answers;
    case PC_METRIC_PROB_DIFF: {
        const double total = log_sum_exp(logits, vocab_out);
        return sum_probabilities(logits, total, t->answers, t->n_answers) -
               sum_probabilities(logits, total, t->wrong_answers, t->n_wrong_answers);
    }
    case PC_METRIC_LOGIT:
        return sum_logits(logits, t->answers, t->n_answers) / t->n_answers;
    case PC_METRIC_LOG_PROB:
        return sum_logits(logits, t->answers, t->n_answers) / t->n_answers -
               log_sum_exp(logits, vocab_out);
    case PC_METRIC_LOSS:
        return log_sum_exp(logits, vocab_out) -
               sum_logits(logits, t->answers, t->n_answers) / t->n_answers;
    case PC_METRIC_KL:
        return kl_divergence(logits, reference, vocab_out);
    case PC_METRIC_ACCURACY:
        return accuracy(logits, vocab_out, t);
    }
    return NAN;
}

bool pc_metric_needs_wrong_answers(pc_metric metric)
{
    return metric == PC_METRIC_LOGIT_DIFF || metric == PC_METRIC_PROB_DIFF;
}
