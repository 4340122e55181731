/* The CPU's norms, of the base run and of changes, in every instruction set. */
#include "kernels/rmsnorm_delta.h"

#include "backend/cpu_ops.h"
#include "kernels/layernorm.h"
#include "kernels/rmsnorm.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_BASE = 4, ROWS = 6, MOST_WIDTH = 768, MOST = ROWS * MOST_WIDTH };

static float x[N_BASE * MOST_WIDTH], d[MOST], gain[MOST_WIDTH], bias[MOST_WIDTH];
static float mean[N_BASE], variance[N_BASE], y[N_BASE * MOST_WIDTH], dy[MOST], first[MOST];
static double reference[MOST];
static const int32_t base_row[ROWS] = {3, 0, 0, 1, 2, 3};

typedef enum norm { LAYER, RMS, N_NORMS } norm;
static const char *const names[N_NORMS] = {"layer norm", "RMS norm"};

static pc_norm_delta_args args_of(norm which, int64_t width)
{
    return (pc_norm_delta_args){.dy = dy,
                                .d = d,
                                .base_row = base_row,
                                .x = x,
                                .mean = which == LAYER ? mean : NULL,
                                .variance = variance,
                                .gain = gain,
                                .eps = 1e-5,
                                .rows = ROWS,
                                .width = width};
}

static void run_base(const pc_cpu_ops *ops, norm which, int64_t width)
{
    const pc_norm_base_args args = {.y = y,
                                    .mean = mean,
                                    .variance = variance,
                                    .x = x,
                                    .gain = gain,
                                    .bias = bias,
                                    .eps = 1e-5,
                                    .rows = N_BASE,
                                    .width = width};
    (which == LAYER ? ops->layernorm_base : ops->rmsnorm_base)(&args);
}

static void run_delta(const pc_cpu_ops *ops, norm which, const pc_norm_delta_args *args)
{
    (which == LAYER ? ops->layernorm_delta : ops->rmsnorm_delta)(args);
}

static void run_reference(norm which, const pc_norm_delta_args *args)
{
    (which == LAYER ? pc_ref_layernorm_delta : pc_ref_rmsnorm_delta)(reference, args);
}

static void fill(int64_t width, double size)
{
    compare_fill(x, N_BASE * width, 2, 1);
    for (int64_t i = 0; i < N_BASE * width; i++)
        x[i] += 0.5f;
    compare_fill(d, ROWS * width, size, 2);
    compare_fill(gain, width, 1, 3);
    compare_fill(bias, width, 1, 4);
}

/* A row's terms, by which dy rounds: where a change goes along the row they leave nothing. */
typedef struct terms {
    double size;   /* the largest |d_c| / s'; the two terms of dy are of its order */
    double offset; /* |mean| / s: how much larger x is than x_c, whose mean is rounded */
} terms;

static terms terms_of(norm which, const pc_norm_delta_args *args, int row)
{
    const float *from = x + base_row[row] * args->width, *by = d + row * args->width;
    const double n = (double)args->width, is_centred = which == LAYER;
    double sum = 0, by_sum = 0, squares = 0, squares_after = 0, most = 0;
    for (int64_t i = 0; i < args->width; i++) {
        sum += is_centred * (double)from[i];
        by_sum += is_centred * (double)by[i];
    }
    for (int64_t i = 0; i < args->width; i++) {
        const double x_c = (double)from[i] - sum / n, d_c = (double)by[i] - by_sum / n;
        squares += x_c * x_c;
        squares_after += (x_c + d_c) * (x_c + d_c);
        most = fmax(most, fabs(d_c));
    }
    return (terms){.size = most / sqrt(squares_after / n + args->eps),
                   .offset = fabs(sum / n) / sqrt(squares / n + args->eps)};
}

/* dy is rounded once (6e-8), mean and variance are floats (6e-8 each), all else is double. Gains
 * are below 2 with their offset. */
static void expect_near(const char *what, norm which, const pc_norm_delta_args *args)
{
    const double rounding = 2e-7, most_gain = 2;
    for (int row = 0; row < ROWS; row++) {
        const terms t = terms_of(which, args, row);
        compare_near(what, dy + row * args->width, reference + row * args->width, args->width,
                     rounding * most_gain * t.size * (1 + t.offset), 0);
    }
}

static void expect_all_sets(const char *what, norm which, pc_norm_delta_args *args)
{
    char name[128];
    run_reference(which, args);
    for (int set = 0; set < compare_n_sets(); set++) {
        snprintf(name, sizeof name, "%s, %s, %s, width %d", compare_set(set)->name, names[which],
                 what, (int)args->width);
        run_base(compare_set(set), which, args->width);
        run_delta(compare_set(set), which, args);
        expect_near(name, which, args);
        if (set == 0) memcpy(first, dy, sizeof first);
        compare_bits(name, dy, first, ROWS * args->width);
    }
}

Test(cpu_norms, changes_of_any_size_are_right_relative_to_the_change)
{
    static const int64_t widths[] = {1, 2, 7, 8, 9, 37, 127, 128, 129, 768};
    static const double sizes[] = {1e-6, 1e-3, 1, 100};
    for (norm which = LAYER; which < N_NORMS; which++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                fill(widths[w], sizes[s]);
                pc_norm_delta_args args = args_of(which, widths[w]);
                char what[32];
                snprintf(what, sizeof what, "size %g", sizes[s]);
                expect_all_sets(what, which, &args);
                args.gain = NULL;
                expect_all_sets("without gain", which, &args);
                args.gain = gain;
                args.gain_offset = 1;
                expect_all_sets("gain with offset", which, &args);
            }
}

/* A writer that dominates the row is taken away: the variance falls a millionfold. */
Test(cpu_norms, removing_an_outlier_channel_keeps_its_digits)
{
    enum { WIDTH = 768 };
    for (norm which = LAYER; which < N_NORMS; which++)
        for (int by_mean = 0; by_mean < 2; by_mean++) {
            fill(WIDTH, 1e-2);
            for (int base = 0; base < N_BASE; base++)
                x[base * WIDTH + 138] = 3000, x[base * WIDTH + 447] = -800;
            for (int row = 0; row < ROWS; row++) {
                d[row * WIDTH + 138] = by_mean ? -2900.125f : -3000;
                d[row * WIDTH + 447] = by_mean ? 750.5f : 800;
            }
            pc_norm_delta_args args = args_of(which, WIDTH);
            expect_all_sets(by_mean ? "mean" : "zero", which, &args);
            /* and relative to dy, which is a hundred times smaller than its terms */
            for (int row = 0; row < ROWS; row++)
                compare_near(names[which], dy + row * WIDTH, reference + row * WIDTH, WIDTH,
                             2e-7 * compare_size(reference + row * WIDTH, WIDTH), 0);
        }
}

Test(cpu_norms, no_change_gives_zero_and_the_output_may_be_the_input)
{
    enum { WIDTH = 300 };
    for (norm which = LAYER; which < N_NORMS; which++)
        for (int set = 0; set < compare_n_sets(); set++) {
            fill(WIDTH, 0);
            run_base(compare_set(set), which, WIDTH);
            pc_norm_delta_args args = args_of(which, WIDTH);
            run_delta(compare_set(set), which, &args);
            for (int i = 0; i < ROWS * WIDTH; i++)
                cr_assert(dy[i] == 0, "%s, %d", names[which], i);
            fill(WIDTH, 1);
            run_delta(compare_set(set), which, &args);
            args.dy = d;
            run_delta(compare_set(set), which, &args);
            compare_bits("in place", d, dy, ROWS * WIDTH);
        }
}

Test(cpu_norms, a_row_does_not_depend_on_its_batch_and_nan_stays_in_its_row)
{
    enum { WIDTH = 131 };
    for (norm which = LAYER; which < N_NORMS; which++)
        for (int set = 0; set < compare_n_sets(); set++) {
            fill(WIDTH, 1);
            d[2 * WIDTH + 5] = NAN;
            d[4 * WIDTH + 130] = INFINITY;
            run_base(compare_set(set), which, WIDTH);
            pc_norm_delta_args args = args_of(which, WIDTH);
            run_delta(compare_set(set), which, &args);
            memcpy(first, dy, sizeof first);
            for (int row = 0; row < ROWS; row++) {
                args.d = d + row * WIDTH;
                args.base_row = base_row + row;
                args.rows = 1;
                run_delta(compare_set(set), which, &args);
                compare_bits(names[which], dy, first + row * WIDTH, WIDTH);
                for (int i = 0; i < WIDTH; i++)
                    cr_assert_eq(isnan(dy[i]) != 0, row == 2 || row == 4, "row %d", row);
            }
            args.rows = 0;
            args.dy = NULL;
            run_delta(compare_set(set), which, &args);
        }
}

/* The base run's outputs are the plain norms', rounded once. */
Test(cpu_norms, the_base_runs_norms_are_the_plain_norms)
{
    static double in[N_BASE * MOST_WIDTH];
    static const int64_t widths[] = {1, 9, 768};
    for (norm which = LAYER; which < N_NORMS; which++)
        for (int w = 0; w < 3; w++)
            for (int set = 0; set < compare_n_sets(); set++) {
                const int64_t width = widths[w];
                fill(width, 1);
                memset(bias, 0, sizeof bias);
                for (int64_t i = 0; i < N_BASE * width; i++)
                    in[i] = (double)x[i];
                if (which == LAYER)
                    pc_ref_layernorm(reference, in, gain, NULL, N_BASE, width, 1e-5);
                else pc_ref_rmsnorm(reference, in, gain, 0, N_BASE, width, 1e-5);
                run_base(compare_set(set), which, width);
                compare_near(names[which], y, reference, N_BASE * width, 1e-13, 6.1e-8);
            }
}
