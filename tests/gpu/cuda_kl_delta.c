/* The divergence of a change of logits on a device against its definition: changes of any size, any
 * vocabulary, any order of threads, any batch. */
#include "on_device.h"
#include "kernels/kl_delta.h"
#include "kernels/kl_delta_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_BASE = 2, ROWS = 3, MOST_VOCAB = 1600 };

static float l[N_BASE * MOST_VOCAB], d[ROWS * MOST_VOCAB];
static double reference[ROWS], first[ROWS], kl[ROWS];
static const int32_t base_row[ROWS] = {1, 1, 0};

/* Log-probabilities of logits of that spread. */
static void fill(int64_t vocab, float spread, float size)
{
    device_fill(l, N_BASE * vocab, 0, spread, 1);
    device_fill(d, ROWS * vocab, 0, size, 2);
    for (int row = 0; row < N_BASE; row++) {
        double sum = 0;
        for (int64_t i = 0; i < vocab; i++)
            sum += exp((double)l[row * vocab + i]);
        for (int64_t i = 0; i < vocab; i++)
            l[row * vocab + i] = (float)((double)l[row * vocab + i] - log(sum));
    }
}

static void run(double *out, int64_t vocab, int64_t row, int64_t rows)
{
    const pc_kl_delta_args args = {.kl = device_fresh_doubles(rows),
                                   .d = device_copy(d + row * vocab, rows * vocab),
                                   .base_row = device_copy_int32(base_row + row, rows),
                                   .l = device_copy(l, N_BASE * vocab),
                                   .rows = rows,
                                   .vocab = vocab};
    device_expect(pck_kl_delta(&args, NULL), "divergence");
    device_read_any(out, args.kl, rows, sizeof *out);
    device_free_all();
}

/* Exponentials and t are floats: 1e-6 of the divergence. The definition is a difference of numbers
 * up to 20, or to the change's size, and has no digits below a few 1e-16 of that. */
static void expect_defined(const char *what, int64_t vocab, double size)
{
    const pc_kl_delta_args args = {
        .d = d, .base_row = base_row, .l = l, .rows = ROWS, .vocab = vocab};
    pc_ref_kl_delta(reference, &args);
    for (int row = 0; row < ROWS; row++) {
        const double bound = 1e-6 * fabs(reference[row]) + 5e-16 * (20 + size);
        cr_assert(fabs(first[row] - reference[row]) <= bound, "%s, row %d: %.12g, not %.12g", what,
                  row, first[row], reference[row]);
        cr_assert(first[row] >= 0, "%s, row %d: %g", what, row, first[row]);
    }
}

static void expect_alike_in_every_order(const char *what, int64_t vocab)
{
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        run(order == 0 ? first : kl, vocab, 0, ROWS);
        cr_assert(order == 0 || memcmp(kl, first, sizeof kl) == 0, "%s, %s", what, name);
    }
}

Test(cuda_kl_delta, agrees_with_its_definition_in_every_order_and_size)
{
    static const int64_t vocabs[] = {1, 2, 33, 511, 513, MOST_VOCAB};
    static const float spreads[] = {0.1f, 3, 20}, sizes[] = {1e-5f, 1e-3f, 0.1f, 1, 70, 200, 1e4f};
    char what[64];
    for (int i = 0; i < 6 * 3 * 7; i++) {
        const int64_t vocab = vocabs[i / 21];
        const float spread = spreads[i / 7 % 3], size = sizes[i % 7];
        fill(vocab, spread, size);
        snprintf(what, sizeof what, "%d logits of %g, changes of %g", (int)vocab, (double)spread,
                 (double)size);
        if (spread == 3) expect_alike_in_every_order(what, vocab);
        else run(first, vocab, 0, ROWS);
        expect_defined(what, vocab, (double)size);
    }
}

/* Half the variance of d, to the third order, where no difference of logarithms has a digit. */
Test(cuda_kl_delta, a_divergence_of_1e_minus_15_has_its_digits)
{
    enum { VOCAB = 700 };
    fill(VOCAB, 3, 1e-7f);
    run(kl, VOCAB, 0, ROWS);
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

/* exp(-200) is 0 in float32, exp(-200 + 199) is not: KL = log(1 + 1/e). */
Test(cuda_kl_delta, a_probability_that_had_vanished_may_come_back)
{
    memset(l, 0, sizeof l);
    memset(d, 0, sizeof d);
    for (int row = 0; row < N_BASE; row++)
        l[row * 2 + 1] = -200;
    d[1] = 199;
    run(kl, 2, 0, ROWS);
    cr_assert(fabs(kl[0] - 0.31326168751822286) < 1e-7, "%.9g", kl[0]);
    cr_assert(kl[1] == 0 && kl[2] == 0);
}

Test(cuda_kl_delta, no_change_gives_zero_a_constant_almost_and_nan_stays_in_its_row)
{
    enum { VOCAB = 700 };
    fill(VOCAB, 3, 0);
    memset(d, 0, sizeof d);
    run(kl, VOCAB, 0, ROWS);
    for (int row = 0; row < ROWS; row++)
        cr_assert(kl[row] == 0, "row %d: %g", row, kl[row]);
    for (int i = 0; i < VOCAB; i++)
        d[i] = 3;
    d[VOCAB + 600] = NAN;
    d[2 * VOCAB + 1] = INFINITY;
    run(kl, VOCAB, 0, ROWS);
    cr_assert(kl[0] >= 0 && kl[0] < 1e-14, "%g", kl[0]);
    cr_assert(isnan(kl[1]) && !isfinite(kl[2]), "%g, %g", kl[1], kl[2]);
}

Test(cuda_kl_delta, a_row_does_not_depend_on_the_others_nor_on_where_arrays_stand)
{
    static const float sizes[] = {1, 200}; /* the second overflows */
    for (int i = 0; i < 2; i++) {
        fill(MOST_VOCAB, 3, sizes[i]);
        device_shift(0);
        run(first, MOST_VOCAB, 0, ROWS);
        device_shift(1);
        for (int64_t row = 0; row < ROWS; row++) {
            run(kl, MOST_VOCAB, row, 1);
            cr_assert(memcmp(kl, first + row, sizeof *kl) == 0, "row %d alone: %g, not %g",
                      (int)row, kl[0], first[row]);
        }
    }
}

Test(cuda_kl_delta, no_rows_launch_nothing)
{
    const pc_kl_delta_args none = {.vocab = 768};
    device_expect(pck_kl_delta(&none, NULL), "no rows");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
