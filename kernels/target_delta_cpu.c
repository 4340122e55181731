/* Effects from a row of changes of the logits: one chain of additions a sum, ascending. */
#include "kernels/target_delta.h"

#include "kernels/instruction_set.h"
#include "kernels/softcap_double.h"

#include <math.h>
#include <stddef.h>

/* A row of changes behind the softcap, and what the base run says at its target. */
typedef struct row {
    double *t; /* overwritten by the accuracy */
    const double *log_probs, *probs, *reference;
    const int32_t *answers, *wrong;
    int n_answers, n_wrong;
    int64_t vocab;
} row;

static const double *at(const double *of_targets, int64_t first)
{
    return of_targets ? of_targets + first : NULL;
}

static row row_of(const pc_target_delta_args *args, int64_t i)
{
    const int64_t vocab = args->vocab, first = args->target[i] * vocab;
    const pc_answer_columns *c = &args->columns[args->target[i]];
    const float *d = args->d + i * vocab;
    for (int64_t v = 0; v < vocab; v++)
        args->scratch[v] = args->softcap > 0 ? pc_capped_change_double(args->base.logits[first + v],
                                                                       (double)d[v], args->softcap)
                                             : (double)d[v];
    return (row){.t = args->scratch,
                 .log_probs = at(args->base.log_probs, first),
                 .probs = at(args->base.probs, first),
                 .reference = at(args->base.reference, first),
                 .answers = args->tokens + c->first,
                 .wrong = args->tokens + c->first + c->n_answers,
                 .n_answers = c->n_answers,
                 .n_wrong = c->n_wrong,
                 .vocab = vocab};
}

static double mean_change(const row *r)
{
    double sum = 0;
    for (int i = 0; i < r->n_answers; i++)
        sum += r->t[r->answers[i]];
    return sum / r->n_answers;
}

static double mean_of_all(const row *r)
{
    double mean = 0;
    for (int64_t v = 0; v < r->vocab; v++)
        mean += r->probs[v] * r->t[v];
    return mean;
}

static double divergence(const row *r)
{
    const double mean = mean_of_all(r);
    double sum = 0;
    for (int64_t v = 0; v < r->vocab; v++)
        sum += r->probs[v] * (expm1(r->t[v] - mean) - (r->t[v] - mean));
    return log1p(sum);
}

static const double most_fall = 0.99; /* 1 less it has lost two digits */

static double log_sum_change(const row *r)
{
    double sum = 0;
    for (int64_t v = 0; v < r->vocab; v++)
        sum += r->probs[v] * expm1(r->t[v]);
    return sum < -most_fall ? mean_of_all(r) + divergence(r) : log1p(sum);
}

static double probability_change(const row *r, double total, const int32_t *tokens, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += r->probs[tokens[i]] * expm1(r->t[tokens[i]] - total);
    return sum;
}

static double probabilities_change(const row *r)
{
    const double total = log_sum_change(r);
    return probability_change(r, total, r->answers, r->n_answers) -
           probability_change(r, total, r->wrong, r->n_wrong);
}

static double divergence_change(const row *r)
{
    double sum = 0;
    if (!r->reference) return divergence(r);
    for (int64_t v = 0; v < r->vocab; v++)
        sum += exp(r->reference[v]) * r->t[v];
    return log_sum_change(r) - sum;
}

static double is_right(const row *r, const double *logits)
{
    int64_t best = 0;
    for (int64_t v = 0; v < r->vocab; v++) {
        if (isnan(logits[v])) return NAN; /* comparisons would pass over it */
        if (logits[v] > logits[best]) best = v;
    }
    for (int i = 0; i < r->n_answers; i++)
        if (r->answers[i] == best) return 1;
    return 0;
}

static double accuracy_change(const row *r)
{
    const double was = is_right(r, r->log_probs);
    for (int64_t v = 0; v < r->vocab; v++)
        r->t[v] += r->log_probs[v];
    return is_right(r, r->t) - was;
}

static double effect_of(const row *r, pc_metric metric)
{
    switch (metric) {
    case PC_METRIC_LOG_PROB:
        return mean_change(r) - log_sum_change(r);
    case PC_METRIC_LOSS:
        return log_sum_change(r) - mean_change(r);
    case PC_METRIC_PROB_DIFF:
        return probabilities_change(r);
    case PC_METRIC_KL:
        return divergence_change(r);
    case PC_METRIC_ACCURACY:
        return accuracy_change(r);
    default:
        return NAN;
    }
}

void PC_FOR_SET(pc_target_delta)(const pc_target_delta_args *args)
{
    for (int64_t i = 0; i < args->rows; i++) {
        const row r = row_of(args, i);
        args->effect[i] = effect_of(&r, args->metric);
    }
}
