/* Targets and changes of logits for tests, and what the definition makes of them. */
#include "support/target_samples.h"

#include "base/rng.h"
#include "patch/metric.h"

#include <criterion/criterion.h>
#include <math.h>

const sample_metric sample_metrics[SAMPLE_METRICS] = {
    {PC_METRIC_LOG_PROB, false}, {PC_METRIC_LOSS, false}, {PC_METRIC_PROB_DIFF, false},
    {PC_METRIC_KL, false},       {PC_METRIC_KL, true},    {PC_METRIC_ACCURACY, false}};

enum { SPREAD = 10 };

static const pc_answer_columns columns[SAMPLE_TARGETS] = {{0, 1, 1}, {2, 2, 1}, {5, 1, 2}};

static double capped(const target_sample *s, double logit)
{
    return s->softcap > 0 ? s->softcap * tanh(logit / s->softcap) : logit;
}

static double drawn(pc_rng *rng, double size)
{
    return size * (2 * pc_rng_unit(rng) - 1);
}

void target_sample_normalise(target_sample *s)
{
    for (int t = 0; t < SAMPLE_TARGETS; t++) {
        double *log_probs = s->log_probs + t * s->vocab;
        for (int64_t v = 0; v < s->vocab; v++)
            log_probs[v] = capped(s, s->logits[t * s->vocab + v]);
        pc_log_softmax(log_probs, log_probs, s->vocab);
        for (int64_t v = 0; v < s->vocab; v++)
            s->probs[t * s->vocab + v] = exp(log_probs[v]);
    }
}

void target_sample_draw(target_sample *s, int64_t vocab, double softcap, double size, uint64_t seed)
{
    pc_rng rng = {.seed = seed};
    s->vocab = vocab;
    s->softcap = softcap;
    s->size = size;
    s->lost = 0;
    for (int64_t i = 0; i < SAMPLE_ROWS * vocab; i++)
        s->d[i] = (float)drawn(&rng, size);
    for (int64_t i = 0; i < SAMPLE_TARGETS * vocab; i++) {
        s->logits[i] = drawn(&rng, SPREAD);
        s->reference[i] = drawn(&rng, SPREAD);
    }
    for (int t = 0; t < SAMPLE_TARGETS; t++)
        pc_log_softmax(s->reference + t * vocab, s->reference + t * vocab, vocab);
    for (int i = 0; i < SAMPLE_COLUMNS; i++)
        s->tokens[i] = (int32_t)pc_rng_below(&rng, (uint64_t)vocab);
    for (int i = 0; i < SAMPLE_ROWS; i++)
        s->target[i] = (SAMPLE_ROWS - 1 - i) / 2; /* repeated, reversed */
    for (int t = 0; t < SAMPLE_TARGETS; t++)
        s->columns[t] = columns[t];
    target_sample_normalise(s);
}

pc_target_delta_args target_sample_args(const target_sample *s, sample_metric m)
{
    return (pc_target_delta_args){.d = s->d,
                                  .target = s->target,
                                  .columns = s->columns,
                                  .tokens = s->tokens,
                                  .base = {.logits = s->softcap > 0 ? s->logits : NULL,
                                           .log_probs = s->log_probs,
                                           .probs = s->probs,
                                           .reference = m.is_referred ? s->reference : NULL},
                                  .metric = m.metric,
                                  .softcap = s->softcap,
                                  .rows = SAMPLE_ROWS,
                                  .vocab = s->vocab};
}

static pc_target target_of(const target_sample *s, int row)
{
    const pc_answer_columns *c = &s->columns[s->target[row]];
    return (pc_target){.answers = s->tokens + c->first,
                       .n_answers = c->n_answers,
                       .wrong_answers = s->tokens + c->first + c->n_answers,
                       .n_wrong_answers = c->n_wrong};
}

static double metric_at(const target_sample *s, sample_metric m, int row, bool is_changed)
{
    static double logits[SAMPLE_MOST_VOCAB];
    const int64_t first = s->target[row] * s->vocab;
    const pc_target target = target_of(s, row);
    for (int64_t v = 0; v < s->vocab; v++) {
        const double d = is_changed ? (double)s->d[row * s->vocab + v] : 0;
        logits[v] = capped(s, s->logits[first + v] + d);
    }
    return pc_metric_at(m.metric, logits, (m.is_referred ? s->reference : s->log_probs) + first,
                        s->vocab, &target);
}

/* The definition subtracts numbers up to the logits' size, each off by a few 1e-16 of that. */
void target_sample_expect(const target_sample *s, sample_metric m, const double *effects,
                          const char *what)
{
    for (int row = 0; row < SAMPLE_ROWS; row++) {
        const double expected = metric_at(s, m, row, true) - metric_at(s, m, row, false);
        const double bound = 1e-12 * fabs(expected) + 1e-14 * (SPREAD + s->size) + s->lost;
        cr_assert(fabs(effects[row] - expected) <= bound, "%s, %s%s, row %d: %.17g, not %.17g",
                  what, pc_metric_name(m.metric), m.is_referred ? " from a reference" : "", row,
                  effects[row], expected);
    }
}

/* d's expectation under p, or of d^2. */
static double moment(const target_sample *s, int row, int power)
{
    double sum = 0;
    for (int64_t v = 0; v < s->vocab; v++)
        sum +=
            s->probs[s->target[row] * s->vocab + v] * pow((double)s->d[row * s->vocab + v], power);
    return sum;
}

static double mean_of(const float *d, const int32_t *tokens, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)d[tokens[i]];
    return sum / n;
}

static double moved(const double *p, const float *d, double mean, const int32_t *tokens, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += p[tokens[i]] * ((double)d[tokens[i]] - mean);
    return sum;
}

static double lead(const target_sample *s, sample_metric m, int row)
{
    const int64_t first = s->target[row] * s->vocab;
    const float *d = s->d + row * s->vocab;
    const double mean = moment(s, row, 1), *p = s->probs + first;
    const pc_target t = target_of(s, row);
    double referred = 0;
    switch (m.metric) {
    case PC_METRIC_LOG_PROB:
        return mean_of(d, t.answers, t.n_answers) - mean;
    case PC_METRIC_LOSS:
        return mean - mean_of(d, t.answers, t.n_answers);
    case PC_METRIC_PROB_DIFF:
        return moved(p, d, mean, t.answers, t.n_answers) -
               moved(p, d, mean, t.wrong_answers, t.n_wrong_answers);
    case PC_METRIC_KL:
        for (int64_t v = 0; v < s->vocab; v++)
            referred += exp(s->reference[first + v]) * (double)d[v];
        return m.is_referred ? mean - referred : (moment(s, row, 2) - mean * mean) / 2;
    default:
        return 0;
    }
}

void target_sample_expect_small(const target_sample *s, sample_metric m, const double *effects,
                                const char *what)
{
    for (int row = 0; row < SAMPLE_ROWS; row++) {
        const double expected = lead(s, m, row);
        cr_assert(fabs(effects[row] - expected) <= 1e-6 * fabs(expected),
                  "%s, %s%s, row %d: %.17g, not %.17g", what, pc_metric_name(m.metric),
                  m.is_referred ? " from a reference" : "", row, effects[row], expected);
    }
}
