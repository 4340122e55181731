/* Effects from changes of all logits on a device against the definition: changes of any size, any
 * vocabulary, any order of threads, any batch. */
#include "on_device.h"
#include "kernels/target_delta_cuda.h"
#include "support/target_samples.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static target_sample sample;
static double effects[SAMPLE_ROWS], first[SAMPLE_ROWS];

static const double *placed(const double *of_targets)
{
    return device_copy_any(of_targets, SAMPLE_TARGETS * sample.vocab, sizeof *of_targets);
}

/* Only what the metric looks at. */
static pc_target_logits placed_base(const pc_target_logits *base, pc_metric metric)
{
    const bool is_accuracy = metric == PC_METRIC_ACCURACY;
    return (pc_target_logits){.logits = placed(base->logits),
                              .log_probs = is_accuracy ? placed(base->log_probs) : NULL,
                              .probs = is_accuracy ? NULL : placed(base->probs),
                              .reference = placed(base->reference)};
}

static void run(double *out, sample_metric m, int64_t row, int64_t rows)
{
    pc_target_delta_args args = target_sample_args(&sample, m);
    args.effect = device_fresh_doubles(rows);
    args.d = device_copy(args.d + row * args.vocab, rows * args.vocab);
    args.target = device_copy_int32(args.target + row, rows);
    args.columns = device_copy_any(args.columns, SAMPLE_TARGETS, sizeof *args.columns);
    args.tokens = device_copy_int32(args.tokens, SAMPLE_COLUMNS);
    args.base = placed_base(&args.base, m.metric);
    args.rows = rows;
    device_expect(pck_target_delta(&args, NULL), "effects");
    device_read_any(out, args.effect, rows, sizeof *out);
    device_free_all();
}

static void expect_alike_in_every_order(sample_metric m, const char *what)
{
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        run(order == 0 ? first : effects, m, 0, SAMPLE_ROWS);
        cr_assert(order == 0 || memcmp(effects, first, sizeof first) == 0, "%s, %s", what, name);
    }
}

Test(cuda_target_delta, effects_are_differences_of_metrics_in_every_order)
{
    static const int64_t vocabs[] = {1, 2, 31, 513, SAMPLE_MOST_VOCAB};
    static const double sizes[] = {1e-7, 1e-3, 1, 300}, caps[] = {0, 12};
    const int n_vocabs = device_is_watched() ? 4 : 5;
    for (int i = 0; i < n_vocabs * 4 * 2; i++) {
        char what[96];
        target_sample_draw(&sample, vocabs[i / 8], caps[i % 2], sizes[i / 2 % 4], (uint64_t)i);
        snprintf(what, sizeof what, "%d logits, changes of %g, cap %g", (int)sample.vocab,
                 sample.size, sample.softcap);
        for (int m = 0; m < SAMPLE_METRICS; m++) {
            if (sample.size == 1) expect_alike_in_every_order(sample_metrics[m], what);
            else run(first, sample_metrics[m], 0, SAMPLE_ROWS);
            target_sample_expect(&sample, sample_metrics[m], first, what);
        }
    }
}

/* Where the difference of two log-softmaxes has half its digits, and of two divergences none. */
Test(cuda_target_delta, effects_of_the_smallest_changes_have_their_digits)
{
    target_sample_draw(&sample, 700, 0, 1e-8, 1);
    for (int m = 0; m < SAMPLE_METRICS; m++) {
        run(effects, sample_metrics[m], 0, SAMPLE_ROWS);
        target_sample_expect_small(&sample, sample_metrics[m], effects, "small");
    }
}

/* To the last digit where all logits rise or fall together: nothing happens. */
Test(cuda_target_delta, a_change_that_all_logits_share_costs_no_digits)
{
    static const float shares[] = {-30, 30, -500, 500};
    for (int i = 0; i < 4 * SAMPLE_METRICS; i++) {
        char what[32];
        target_sample_draw(&sample, 700, 0, 1, 1);
        for (int k = 0; k < SAMPLE_ROWS * 700; k++)
            sample.d[k] += shares[i / SAMPLE_METRICS];
        sample.size = fabs((double)shares[i / SAMPLE_METRICS]);
        snprintf(what, sizeof what, "all %g", (double)shares[i / SAMPLE_METRICS]);
        run(effects, sample_metrics[i % SAMPLE_METRICS], 0, SAMPLE_ROWS);
        target_sample_expect(&sample, sample_metrics[i % SAMPLE_METRICS], effects, what);
    }
}

/* Equal logits of different threads and warps; the answer is the first of them, or another. */
Test(cuda_target_delta, the_first_of_equal_logits_is_the_largest)
{
    static const int32_t equal[] = {37, 41, 300, 699};
    const sample_metric accuracy = {PC_METRIC_ACCURACY, false};
    for (int answer = 0; answer < 4; answer++) {
        target_sample_draw(&sample, 700, 0, 0, 1);
        memset(sample.logits, 0, sizeof sample.logits);
        target_sample_normalise(&sample);
        for (int i = 0; i < SAMPLE_COLUMNS; i++)
            sample.tokens[i] = equal[answer];
        for (int i = 0; i < 4 * SAMPLE_ROWS; i++)
            sample.d[i / 4 * 700 + equal[i % 4]] = 5;
        expect_alike_in_every_order(accuracy, "equal logits");
        for (int row = 0; row < SAMPLE_ROWS; row++)
            cr_assert(first[row] == (answer == 0), "answer %d, row %d: %g", answer, row,
                      first[row]);
    }
}

Test(cuda_target_delta, no_change_gives_zero_and_a_nan_stays_in_its_row)
{
    static const double caps[] = {0, 30};
    for (int i = 0; i < 2 * SAMPLE_METRICS; i++) {
        const sample_metric m = sample_metrics[i / 2];
        target_sample_draw(&sample, 700, caps[i % 2], 0, 1);
        memset(sample.d, 0, sizeof sample.d);
        sample.d[700 + 600] = NAN;
        run(effects, m, 0, SAMPLE_ROWS);
        for (int row = 0; row < SAMPLE_ROWS; row++)
            cr_assert(row == 1 ? isnan(effects[row]) : effects[row] == 0, "%s, row %d: %g",
                      pc_metric_name(m.metric), row, effects[row]);
    }
}

Test(cuda_target_delta, a_row_does_not_depend_on_the_others_nor_on_where_arrays_stand)
{
    target_sample_draw(&sample, 1300, 12, 1, 1);
    for (int m = 0; m < SAMPLE_METRICS; m++) {
        device_shift(0);
        run(first, sample_metrics[m], 0, SAMPLE_ROWS);
        device_shift(1);
        for (int64_t row = 0; row < SAMPLE_ROWS; row++) {
            run(effects, sample_metrics[m], row, 1);
            cr_assert(memcmp(effects, first + row, sizeof *effects) == 0,
                      "%s, row %d alone: %.17g, not %.17g",
                      pc_metric_name(sample_metrics[m].metric), (int)row, effects[0], first[row]);
        }
    }
}

Test(cuda_target_delta, metrics_of_the_answers_alone_are_not_its)
{
    const sample_metric logit = {PC_METRIC_LOGIT, false};
    target_sample_draw(&sample, 31, 0, 1, 1);
    run(effects, logit, 0, SAMPLE_ROWS);
    for (int row = 0; row < SAMPLE_ROWS; row++)
        cr_assert(isnan(effects[row]));
}

Test(cuda_target_delta, no_rows_launch_nothing)
{
    const pc_target_delta_args none = {.vocab = 768};
    device_expect(pck_target_delta(&none, NULL), "no rows");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
