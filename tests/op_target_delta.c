/* Effects from changes of all logits on the CPU: by hand, against the definition, and the same bits
 * in every instruction set. */
#include "kernels/target_delta.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"
#include "support/target_samples.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static target_sample sample;
static double effects[SAMPLE_ROWS], first[SAMPLE_ROWS], scratch[SAMPLE_MOST_VOCAB];

static void run(const pc_cpu_ops *ops, sample_metric m)
{
    pc_target_delta_args args = target_sample_args(&sample, m);
    args.effect = effects;
    args.scratch = scratch;
    ops->target_delta(&args);
}

static void run_on_all(sample_metric m, const char *what)
{
    for (int set = 0; set < compare_n_sets(); set++) {
        run(compare_set(set), m);
        if (set == 0) memcpy(first, effects, sizeof first);
        cr_assert(memcmp(effects, first, sizeof first) == 0, "%s, %s", what,
                  compare_set(set)->name);
    }
}

/* ---- by hand ---- */

/* Of two tokens with logits of 0, the first of which is the answer or else the second. */
static double effect_of_two(pc_metric metric, int32_t answer, const float *d, double softcap,
                            const double *reference)
{
    static const double logits[2], log_probs[2] = {-0.69314718055994531, -0.69314718055994531};
    static const double probs[2] = {0.5, 0.5};
    static const pc_answer_columns columns = {0, 1, 1};
    const int32_t tokens[2] = {answer, 1 - answer}, target = 0;
    double effect;
    const pc_target_delta_args args = {.effect = &effect,
                                       .d = d,
                                       .target = &target,
                                       .columns = &columns,
                                       .tokens = tokens,
                                       .base = {logits, log_probs, probs, reference},
                                       .scratch = scratch,
                                       .metric = metric,
                                       .softcap = softcap,
                                       .rows = 1,
                                       .vocab = 2};
    compare_set(0)->target_delta(&args);
    return effect;
}

/* log 3, in float32: right to 1e-8. */
static const float to_three_quarters[2] = {1.0986123f, 0};

static void expect_value(double found, double expected, const char *what)
{
    cr_expect(fabs(found - expected) < 2e-8, "%s: %.17g, not %.17g", what, found, expected);
}

Test(op_target_delta, from_evens_to_three_to_one_by_hand)
{
    static const double quarter[2] = {-1.3862943611198906, -0.28768207245178093}; /* logs */
    const float *d = to_three_quarters;
    expect_value(effect_of_two(PC_METRIC_LOG_PROB, 0, d, 0, NULL), log(1.5), "log-prob");
    expect_value(effect_of_two(PC_METRIC_LOSS, 1, d, 0, NULL), log(2), "loss");
    expect_value(effect_of_two(PC_METRIC_PROB_DIFF, 0, d, 0, NULL), 0.5, "prob-diff");
    expect_value(effect_of_two(PC_METRIC_PROB_DIFF, 1, d, 0, NULL), -0.5, "prob-diff");
    expect_value(effect_of_two(PC_METRIC_KL, 0, d, 0, NULL), 0.5 * log(4.0 / 3), "KL");
    /* of (1/4, 3/4): 1/4 log(1/2 : 3/4) + 3/4 log(1/2 : 1/4) */
    expect_value(effect_of_two(PC_METRIC_KL, 0, d, 0, quarter), 0.75 * log(2) - 0.25 * log(1.5),
                 "KL from a reference");
}

Test(op_target_delta, a_softcap_by_hand)
{
    const float d[2] = {9, 0};
    const double t = 4 * 0.97802611473881363; /* 4 tanh(9 / 4) */
    expect_value(effect_of_two(PC_METRIC_LOG_PROB, 0, d, 4, NULL), log(2) - log1p(exp(-t)),
                 "log-prob");
    expect_value(effect_of_two(PC_METRIC_PROB_DIFF, 0, d, 4, NULL), tanh(t / 2), "prob-diff");
}

Test(op_target_delta, the_first_of_equal_logits_is_the_largest)
{
    const float none[2] = {0, 0}, second[2] = {0, 1}, both[2] = {3, 3};
    for (int32_t answer = 0; answer < 2; answer++) {
        const double gain = answer ? 1 : -1;
        cr_expect_eq(effect_of_two(PC_METRIC_ACCURACY, answer, none, 0, NULL), 0);
        cr_expect_eq(effect_of_two(PC_METRIC_ACCURACY, answer, both, 0, NULL), 0);
        cr_expect_eq(effect_of_two(PC_METRIC_ACCURACY, answer, second, 0, NULL), gain);
        cr_expect_eq(effect_of_two(PC_METRIC_ACCURACY, answer, second, 30, NULL), gain);
    }
}

Test(op_target_delta, metrics_of_the_answers_alone_are_not_its)
{
    cr_expect(isnan(effect_of_two(PC_METRIC_LOGIT, 0, to_three_quarters, 0, NULL)));
    cr_expect(isnan(effect_of_two(PC_METRIC_LOGIT_DIFF, 0, to_three_quarters, 0, NULL)));
}

/* ---- against the definition ---- */

Test(op_target_delta, effects_are_differences_of_metrics)
{
    static const int64_t vocabs[] = {1, 2, 31, 513, SAMPLE_MOST_VOCAB};
    static const double sizes[] = {1e-7, 1e-3, 1, 30, 300}, caps[] = {0, 12};
    for (int i = 0; i < 5 * 5 * 2; i++) {
        char what[96];
        target_sample_draw(&sample, vocabs[i / 10], caps[i % 2], sizes[i / 2 % 5], (uint64_t)i);
        sample.lost = 1e-12; /* where e^s is 1/100 */
        snprintf(what, sizeof what, "%d logits, changes of %g, cap %g", (int)sample.vocab,
                 sample.size, sample.softcap);
        for (int m = 0; m < SAMPLE_METRICS; m++) {
            run_on_all(sample_metrics[m], what);
            target_sample_expect(&sample, sample_metrics[m], effects, what);
        }
    }
}

/* 1e-9 of the logits, where the difference of two log-softmaxes has half its digits, and of two
 * divergences none. */
Test(op_target_delta, effects_of_the_smallest_changes_have_their_digits)
{
    target_sample_draw(&sample, 700, 0, 1e-8, 1);
    for (int m = 0; m < SAMPLE_METRICS; m++) {
        run_on_all(sample_metrics[m], "small");
        target_sample_expect_small(&sample, sample_metrics[m], effects, "small");
    }
}

Test(op_target_delta, no_change_gives_zero_and_a_nan_stays_in_its_row)
{
    static const double caps[] = {0, 30};
    for (int i = 0; i < 2 * SAMPLE_METRICS; i++) {
        const sample_metric m = sample_metrics[i / 2];
        target_sample_draw(&sample, 700, caps[i % 2], 0, 1);
        memset(sample.d, 0, sizeof sample.d);
        sample.d[700 + 600] = NAN;
        run_on_all(m, "nothing");
        for (int row = 0; row < SAMPLE_ROWS; row++)
            cr_assert(row == 1 ? isnan(effects[row]) : effects[row] == 0, "%s, row %d: %g",
                      pc_metric_name(m.metric), row, effects[row]);
    }
}

Test(op_target_delta, a_change_that_all_logits_share_costs_few_digits)
{
    static const float shares[] = {-500, -30, -20, -5, -4, 30, 500};
    for (int i = 0; i < 7 * SAMPLE_METRICS; i++) {
        char what[32];
        target_sample_draw(&sample, SAMPLE_MOST_VOCAB, 0, 1, 1);
        sample.size = fabs((double)shares[i / SAMPLE_METRICS]);
        sample.lost = 1e-12;
        for (int k = 0; k < SAMPLE_ROWS * SAMPLE_MOST_VOCAB; k++)
            sample.d[k] += shares[i / SAMPLE_METRICS];
        snprintf(what, sizeof what, "all %g", (double)shares[i / SAMPLE_METRICS]);
        run_on_all(sample_metrics[i % SAMPLE_METRICS], what);
        target_sample_expect(&sample, sample_metrics[i % SAMPLE_METRICS], effects, what);
    }
}

/* e^709 is the largest double: the engine then asks the twin. */
Test(op_target_delta, an_exponential_that_overflows_is_seen)
{
    target_sample_draw(&sample, 31, 0, 1, 1);
    for (int row = 0; row < SAMPLE_ROWS; row++)
        sample.d[row * 31 + 7] = 1000;
    for (int m = 0; m < SAMPLE_METRICS; m++) {
        if (sample_metrics[m].metric == PC_METRIC_ACCURACY) continue;
        run_on_all(sample_metrics[m], "large");
        for (int row = 0; row < SAMPLE_ROWS; row++)
            cr_expect(!isfinite(effects[row]) || sample_metrics[m].metric == PC_METRIC_PROB_DIFF,
                      "%s, row %d: %g", pc_metric_name(sample_metrics[m].metric), row,
                      effects[row]);
    }
}

Test(op_target_delta, a_row_does_not_depend_on_the_others)
{
    target_sample_draw(&sample, 513, 12, 1, 1);
    for (int m = 0; m < SAMPLE_METRICS; m++) {
        run(compare_set(0), sample_metrics[m]);
        for (int row = 0; row < SAMPLE_ROWS; row++) {
            pc_target_delta_args args = target_sample_args(&sample, sample_metrics[m]);
            args.effect = first;
            args.scratch = scratch;
            args.d += row * args.vocab;
            args.target += row;
            args.rows = 1;
            compare_set(0)->target_delta(&args);
            cr_expect(memcmp(first, effects + row, sizeof *first) == 0, "row %d alone", row);
        }
    }
}
