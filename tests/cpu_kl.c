/* The CPU's divergence of a change of logits, in every instruction set. */
#include "kernels/kl_delta.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { N_BASE = 2, ROWS = 3, MOST_VOCAB = 5000 };

static float l[N_BASE * MOST_VOCAB], d[ROWS * MOST_VOCAB];
static double kl[ROWS], first[ROWS], reference[ROWS];
static const int32_t base_row[ROWS] = {1, 0, 1};

/* Log-probabilities of logits of that spread. */
static void fill(int64_t vocab, double spread, double size)
{
    compare_fill(l, N_BASE * vocab, spread, 1);
    compare_fill(d, ROWS * vocab, size, 2);
    for (int row = 0; row < N_BASE; row++) {
        double sum = 0;
        for (int64_t i = 0; i < vocab; i++)
            sum += exp((double)l[row * vocab + i]);
        for (int64_t i = 0; i < vocab; i++)
            l[row * vocab + i] = (float)((double)l[row * vocab + i] - log(sum));
    }
}

static pc_kl_delta_args args_of(int64_t vocab)
{
    return (pc_kl_delta_args){
        .kl = kl, .d = d, .base_row = base_row, .l = l, .rows = ROWS, .vocab = vocab};
}

/* Exponentials and t are floats: 1e-6 of the divergence. The definition is a difference of numbers
 * up to 20, or to the change's size, and has no digits below a few 1e-16 of that. */
static void expect_near(const char *what, double size)
{
    for (int row = 0; row < ROWS; row++) {
        const double bound = 1e-6 * fabs(reference[row]) + 5e-16 * (20 + size);
        cr_assert(fabs(kl[row] - reference[row]) <= bound, "%s, row %d: %.12g, not %.12g", what,
                  row, kl[row], reference[row]);
        cr_assert(kl[row] >= 0, "%s", what);
    }
}

static void expect_all_sets(int64_t vocab, double size)
{
    const pc_kl_delta_args args = args_of(vocab);
    pc_ref_kl_delta(reference, &args);
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_set(set)->kl_delta(&args);
        expect_near(compare_set(set)->name, size);
        if (set == 0) memcpy(first, kl, sizeof kl);
        cr_assert(memcmp(kl, first, sizeof kl) == 0, "%s", compare_set(set)->name);
    }
}

Test(cpu_kl, changes_of_any_size_are_right_relative_to_the_divergence)
{
    static const int64_t vocabs[] = {1, 2, 7, 8, 9, 511, 512, 513, 5000};
    static const double spreads[] = {0.1, 3, 20}, sizes[] = {1e-5, 1e-3, 0.1, 1, 10, 70, 200, 1e4};
    for (size_t v = 0; v < sizeof vocabs / sizeof *vocabs; v++)
        for (size_t s = 0; s < sizeof spreads / sizeof *spreads; s++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                fill(vocabs[v], spreads[s], sizes[i]);
                expect_all_sets(vocabs[v], sizes[i]);
            }
}

/* Half the variance of d, to the third order, where no difference of logarithms has a digit. */
Test(cpu_kl, a_divergence_of_1e_minus_15_has_its_digits)
{
    enum { VOCAB = 300 };
    const double size = 1e-7;
    fill(VOCAB, 3, size);
    const pc_kl_delta_args args = args_of(VOCAB);
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_set(set)->kl_delta(&args);
        for (int row = 0; row < ROWS; row++) {
            double mass = 0, mean = 0, variance = 0;
            const float *lr = l + base_row[row] * VOCAB, *dr = d + row * VOCAB;
            for (int i = 0; i < VOCAB; i++) {
                mass += exp((double)lr[i]);
                mean += exp((double)lr[i]) * (double)dr[i];
            }
            mean /= mass;
            for (int i = 0; i < VOCAB; i++)
                variance += exp((double)lr[i]) / mass * pow((double)dr[i] - mean, 2);
            cr_assert(fabs(kl[row] - variance / 2) < 2e-6 * variance, "%g, not %g", kl[row],
                      variance / 2);
        }
    }
}

/* exp(-200) is 0 in float32, exp(-200 + 199) is not: KL = log(1 + 1/e). */
Test(cpu_kl, a_probability_that_had_vanished_may_come_back)
{
    const pc_kl_delta_args args = args_of(2);
    memset(l, 0, sizeof l);
    memset(d, 0, sizeof d);
    for (int row = 0; row < N_BASE; row++)
        l[row * 2 + 1] = -200;
    d[1] = 199;
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_set(set)->kl_delta(&args);
        cr_assert(fabs(kl[0] - 0.31326168751822286) < 1e-7, "%.9g", kl[0]);
        cr_assert(kl[1] == 0 && kl[2] == 0);
    }
}

Test(cpu_kl, no_change_gives_zero_a_constant_almost_and_nan_stays_in_its_row)
{
    enum { VOCAB = 700 };
    fill(VOCAB, 3, 0);
    const pc_kl_delta_args args = args_of(VOCAB);
    for (int set = 0; set < compare_n_sets(); set++) {
        memset(d, 0, sizeof d);
        compare_set(set)->kl_delta(&args);
        for (int row = 0; row < ROWS; row++)
            cr_assert(kl[row] == 0);
        for (int i = 0; i < VOCAB; i++)
            d[i] = 3;
        d[VOCAB + 600] = NAN;
        d[2 * VOCAB + 1] = INFINITY;
        compare_set(set)->kl_delta(&args);
        cr_assert(kl[0] >= 0 && kl[0] < 1e-14, "%g", kl[0]);
        cr_assert(isnan(kl[1]) && !isfinite(kl[2]));
    }
}
