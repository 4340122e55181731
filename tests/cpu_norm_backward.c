/* The CPU's norms backwards against their definitions, in every instruction set. */
#include "kernels/norm_backward.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_BASE = 3, ROWS = 7, MOST_WIDTH = 768, MOST = ROWS * MOST_WIDTH };

static float x[N_BASE * MOST_WIDTH], y[N_BASE * MOST_WIDTH], gain[MOST_WIDTH];
static float mean[N_BASE], variance[N_BASE], dy[MOST], dx[MOST], first[MOST];
static double reference[MOST];

typedef enum norm { LAYER, RMS, N_NORMS } norm;
static const char *const names[N_NORMS] = {"layer norm", "RMS norm"};

/* The base run's norm fills mean and variance. */
static void fill(norm which, int64_t width, float x_mean, double size)
{
    compare_fill(x, N_BASE * width, 2, 1);
    for (int64_t i = 0; i < N_BASE * width; i++)
        x[i] += x_mean;
    compare_fill(dy, ROWS * width, size, 2);
    compare_fill(gain, width, 1, 3);
    const pc_norm_base_args args = {.y = y,
                                    .mean = mean,
                                    .variance = variance,
                                    .x = x,
                                    .eps = 1e-5,
                                    .rows = N_BASE,
                                    .width = width};
    const pc_cpu_ops *ops = compare_set(0);
    (which == LAYER ? ops->layernorm_base : ops->rmsnorm_base)(&args);
}

static pc_norm_backward_args args_of(norm which, int64_t width, pc_gradient_rule rule)
{
    return (pc_norm_backward_args){.dx = dx,
                                   .dy = dy,
                                   .x = x,
                                   .mean = which == LAYER ? mean : NULL,
                                   .variance = variance,
                                   .gain = gain,
                                   .eps = 1e-5,
                                   .rows = ROWS,
                                   .width = width,
                                   .n_base = N_BASE,
                                   .rule = rule};
}

static void run(const pc_cpu_ops *ops, norm which, const pc_norm_backward_args *args)
{
    (which == LAYER ? ops->layernorm_backward : ops->rmsnorm_backward)(args);
}

static void run_reference(norm which, const pc_norm_backward_args *args)
{
    (which == LAYER ? pc_ref_layernorm_backward : pc_ref_rmsnorm_backward)(reference, args);
}

/* Of a base row: the scale, and how much larger than x - mean the mean is, whose rounding counts.
 */
typedef struct size {
    double scale, offset, y;
} size;

static size size_of(const pc_norm_backward_args *args, int row)
{
    const int64_t base = row % N_BASE, width = args->width;
    const double m = args->mean ? (double)mean[base] : 0;
    size s = {.scale = 1 / sqrt((double)variance[base] + args->eps)};
    s.offset = fabs(m) * s.scale;
    for (int64_t i = 0; i < width; i++)
        s.y = fmax(s.y, fabs(((double)x[base * width + i] - m) * s.scale));
    return s;
}

/* dx is rounded once, mean and variance are floats (6e-8 at most each, the variance under a root);
 * all else is double. The terms of dx are h, its mean and y mean(y h), for h up to twice dy, each
 * times the scale; y itself is off by the mean's rounding. */
static void expect_near(const char *what, const pc_norm_backward_args *args)
{
    const double rounding = 6e-8, most_gain = 2;
    for (int row = 0; row < ROWS; row++) {
        const size s = size_of(args, row);
        const int64_t at = row * args->width;
        double most = 0;
        for (int64_t i = 0; i < args->width; i++)
            most = fmax(most, fabs((double)dy[at + i]));
        compare_near(what, dx + at, reference + at, args->width,
                     rounding * most_gain * most * s.scale * (1 + s.y) * (1 + s.offset), 0);
    }
}

static void expect_all_sets(const char *what, norm which, const pc_norm_backward_args *args)
{
    char name[128];
    run_reference(which, args);
    for (int set = 0; set < compare_n_sets(); set++) {
        snprintf(name, sizeof name, "%s, %s, %s, width %d, rule %d", compare_set(set)->name,
                 names[which], what, (int)args->width, (int)args->rule);
        run(compare_set(set), which, args);
        expect_near(name, args);
        if (set == 0) memcpy(first, dx, sizeof first);
        compare_bits(name, dx, first, ROWS * args->width);
    }
}

Test(cpu_norm_backward, gradients_of_any_size_and_width_are_the_definitions)
{
    static const int64_t widths[] = {1, 2, 7, 8, 9, 37, 127, 128, 129, 768};
    static const double sizes[] = {1e-6, 1, 1e4};
    for (norm which = LAYER; which < N_NORMS; which++)
        for (int rule = PC_GRADIENT; rule <= PC_RELEVANCE; rule++)
            for (int i = 0; i < 30; i++) {
                const int64_t width = widths[i / 3];
                fill(which, width, 0.5f, sizes[i % 3]);
                pc_norm_backward_args args = args_of(which, width, (pc_gradient_rule)rule);
                expect_all_sets("gain", which, &args);
                args.gain = NULL;
                expect_all_sets("without gain", which, &args);
                args.gain = gain;
                args.gain_offset = 1;
                expect_all_sets("gain with offset", which, &args);
            }
}

/* Streams have channels that are a thousand times as large as the others, and a large mean. */
Test(cpu_norm_backward, an_outlier_channel_and_a_large_mean_cost_nothing)
{
    enum { WIDTH = 768 };
    for (norm which = LAYER; which < N_NORMS; which++) {
        fill(which, WIDTH, 100, 1);
        pc_norm_backward_args args = args_of(which, WIDTH, PC_GRADIENT);
        expect_all_sets("a large mean", which, &args);
        for (int base = 0; base < N_BASE; base++)
            x[base * WIDTH + 138] = 3000;
        const pc_norm_base_args again = {
            .y = y, .mean = mean, .variance = variance, .x = x, .rows = N_BASE, .width = WIDTH};
        (which == LAYER ? compare_set(0)->layernorm_base : compare_set(0)->rmsnorm_base)(&again);
        expect_all_sets("an outlier", which, &args);
    }
}

Test(cpu_norm_backward, a_row_does_not_depend_on_the_others_and_may_be_its_own_output)
{
    enum { WIDTH = 300 };
    for (norm which = LAYER; which < N_NORMS; which++)
        for (int set = 0; set < compare_n_sets(); set++) {
            fill(which, WIDTH, 0.5f, 1);
            dy[2 * WIDTH + 5] = NAN;
            pc_norm_backward_args args = args_of(which, WIDTH, PC_GRADIENT);
            run(compare_set(set), which, &args);
            memcpy(first, dx, sizeof first);
            for (int row = 0; row < ROWS; row++) {
                pc_norm_backward_args one = args;
                const int base = row % N_BASE;
                one.dy += row * WIDTH;
                one.x += base * WIDTH, one.variance += base, one.mean = mean + base;
                one.rows = one.n_base = 1;
                run(compare_set(set), which, &one);
                compare_bits(names[which], dx, first + row * WIDTH, WIDTH);
                for (int i = 0; i < WIDTH; i++)
                    cr_assert_eq(isnan(dx[i]) != 0, row == 2, "row %d", row);
            }
            args.dx = dy;
            run(compare_set(set), which, &args);
            compare_bits("in place", dy, first, ROWS * WIDTH);
            args.rows = 0;
            args.dx = NULL;
            run(compare_set(set), which, &args);
        }
}
