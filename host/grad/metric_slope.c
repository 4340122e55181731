/* The metrics' gradients. */
#include "grad/metric_slope.h"

#include "patch/metric.h"

#include <math.h>
#include <string.h>

static void add_at(double *slope, const int32_t *tokens, int n, double by)
{
    for (int i = 0; i < n; i++)
        slope[tokens[i]] += by;
}

static double sum_at(const double *p, const int32_t *tokens, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += p[tokens[i]];
    return sum;
}

/* slope = p */
static void take_probabilities(double *slope, const double *logits, int64_t n)
{
    pc_log_softmax(slope, logits, n);
    for (int64_t i = 0; i < n; i++)
        slope[i] = exp(slope[i]);
}

static void scale(double *slope, int64_t n, double by)
{
    for (int64_t i = 0; i < n; i++)
        slope[i] *= by;
}

/* From slope = p: p_v (how often v is an answer, less the times that it is a wrong one, less
 * p(A) - p(W)). A token that stands in a list twice counts twice, as in the metric. */
static void slope_of_prob_diff(double *slope, int64_t n, const pc_target *t, const double *logits)
{
    double p_answers, p_wrong, most = -INFINITY, total = 0;
    take_probabilities(slope, logits, n);
    p_answers = sum_at(slope, t->answers, t->n_answers);
    p_wrong = sum_at(slope, t->wrong_answers, t->n_wrong_answers);
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, logits[i]);
    for (int64_t i = 0; i < n; i++)
        total += exp(logits[i] - most);
    scale(slope, n, -(p_answers - p_wrong));
    for (int i = 0; i < t->n_answers; i++)
        slope[t->answers[i]] += exp(logits[t->answers[i]] - most) / total;
    for (int i = 0; i < t->n_wrong_answers; i++)
        slope[t->wrong_answers[i]] -= exp(logits[t->wrong_answers[i]] - most) / total;
}

double pc_metric_slope_of_answers(const pc_target *t)
{
    return 1.0 / t->n_answers;
}

double pc_metric_slope_of_wrong(pc_metric metric, const pc_target *t)
{
    return metric == PC_METRIC_LOGIT_DIFF ? -1.0 / t->n_wrong_answers : 0;
}

void pc_metric_slope(double *slope, pc_metric metric, const double *logits, const double *reference,
                     int64_t n, const pc_target *t)
{
    memset(slope, 0, (size_t)n * sizeof *slope);
    switch (metric) {
    case PC_METRIC_LOGIT_DIFF:
        add_at(slope, t->wrong_answers, t->n_wrong_answers, pc_metric_slope_of_wrong(metric, t));
        add_at(slope, t->answers, t->n_answers, pc_metric_slope_of_answers(t));
        break;
    case PC_METRIC_LOGIT:
        add_at(slope, t->answers, t->n_answers, pc_metric_slope_of_answers(t));
        break;
    case PC_METRIC_PROB_DIFF:
        slope_of_prob_diff(slope, n, t, logits);
        break;
    case PC_METRIC_LOG_PROB:
    case PC_METRIC_LOSS:
        take_probabilities(slope, logits, n);
        scale(slope, n, -1);
        add_at(slope, t->answers, t->n_answers, pc_metric_slope_of_answers(t));
        if (metric == PC_METRIC_LOSS) scale(slope, n, -1);
        break;
    case PC_METRIC_KL:
        take_probabilities(slope, logits, n);
        for (int64_t i = 0; i < n; i++)
            slope[i] -= exp(reference[i]);
        break;
    case PC_METRIC_ACCURACY:
        break;
    }
}
