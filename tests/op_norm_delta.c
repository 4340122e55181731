/* The norms' changes: the difference of two norms, by the norms' own definitions and identities. */
#include "kernels/layernorm_delta.h"
#include "kernels/rmsnorm_delta.h"

#include "kernels/layernorm.h"
#include "kernels/rmsnorm.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>

enum { N_BASE = 3, ROWS = 5, WIDTH = 37 };

static float x[N_BASE * WIDTH], d[ROWS * WIDTH], gain[WIDTH];
static const int32_t base_row[ROWS] = {2, 0, 0, 1, 2};

static void fill(float size)
{
    pc_rng rng = {.seed = 5};
    for (int i = 0; i < N_BASE * WIDTH; i++)
        x[i] = 1 + 4 * (float)pc_rng_unit(&rng);
    for (int i = 0; i < ROWS * WIDTH; i++)
        d[i] = size * (2 * (float)pc_rng_unit(&rng) - 1);
    for (int i = 0; i < WIDTH; i++)
        gain[i] = 2 * (float)pc_rng_unit(&rng) - 1;
}

static pc_norm_delta_args args_of(void)
{
    return (pc_norm_delta_args){.d = d,
                                .base_row = base_row,
                                .x = x,
                                .gain = gain,
                                .eps = 1e-5,
                                .rows = ROWS,
                                .width = WIDTH};
}

typedef struct norm {
    const char *name;
    void (*delta)(double *dy, const pc_norm_delta_args *args);
    void (*norm)(double *out, const double *in, const float *gain, double eps);
} norm;

static void layernorm(double *out, const double *in, const float *g, double eps)
{
    pc_ref_layernorm(out, in, g, NULL, 1, WIDTH, eps);
}

static void rmsnorm(double *out, const double *in, const float *g, double eps)
{
    pc_ref_rmsnorm(out, in, g, 0, 1, WIDTH, eps);
}

static const norm norms[] = {{"layer norm", pc_ref_layernorm_delta, layernorm},
                             {"RMS norm", pc_ref_rmsnorm_delta, rmsnorm}};
enum { N_NORMS = sizeof norms / sizeof *norms };

/* Two sums of 37 terms in another order: a few units in the last place of numbers below 10. */
static const double tolerance = 1e-14;

Test(op_norm_delta, it_is_the_norm_after_less_the_norm_before)
{
    double dy[ROWS * WIDTH], in[WIDTH], before[WIDTH], after[WIDTH];
    fill(1);
    const pc_norm_delta_args args = args_of();
    for (int n = 0; n < N_NORMS; n++) {
        norms[n].delta(dy, &args);
        for (int row = 0; row < ROWS; row++) {
            for (int i = 0; i < WIDTH; i++)
                in[i] = (double)x[base_row[row] * WIDTH + i];
            norms[n].norm(before, in, gain, args.eps);
            for (int i = 0; i < WIDTH; i++)
                in[i] += (double)d[row * WIDTH + i];
            norms[n].norm(after, in, gain, args.eps);
            for (int i = 0; i < WIDTH; i++)
                cr_expect(fabs(dy[row * WIDTH + i] - (after[i] - before[i])) < tolerance,
                          "%s, row %d, channel %d", norms[n].name, row, i);
        }
    }
}

Test(op_norm_delta, no_change_gives_zero_and_a_gains_offset_is_added_to_it)
{
    double plain[ROWS * WIDTH], offset[ROWS * WIDTH], less_one[ROWS * WIDTH];
    fill(0);
    pc_norm_delta_args args = args_of();
    for (int n = 0; n < N_NORMS; n++) {
        norms[n].delta(plain, &args);
        for (int i = 0; i < ROWS * WIDTH; i++)
            cr_expect(plain[i] == 0, "%s, %d", norms[n].name, i);
    }
    fill(1);
    for (int n = 0; n < N_NORMS; n++) {
        args.gain_offset = 0;
        norms[n].delta(plain, &args);
        args.gain_offset = 1;
        norms[n].delta(offset, &args);
        args.gain = NULL;
        norms[n].delta(less_one, &args);
        args.gain = gain;
        for (int i = 0; i < ROWS * WIDTH; i++)
            cr_expect(fabs(offset[i] - plain[i] - less_one[i]) < tolerance, "%s, %d", norms[n].name,
                      i);
    }
}

Test(op_norm_delta, turning_the_row_around_takes_twice_the_norm_away)
{
    double dy[ROWS * WIDTH], in[WIDTH], before[WIDTH];
    fill(1);
    for (int row = 0; row < ROWS; row++)
        for (int i = 0; i < WIDTH; i++)
            d[row * WIDTH + i] = -2 * x[base_row[row] * WIDTH + i];
    const pc_norm_delta_args args = args_of();
    for (int n = 0; n < N_NORMS; n++) {
        norms[n].delta(dy, &args);
        for (int row = 0; row < ROWS; row++) {
            for (int i = 0; i < WIDTH; i++)
                in[i] = (double)x[base_row[row] * WIDTH + i];
            norms[n].norm(before, in, gain, args.eps);
            for (int i = 0; i < WIDTH; i++)
                cr_expect(fabs(dy[row * WIDTH + i] + 2 * before[i]) < tolerance,
                          "%s, row %d, channel %d", norms[n].name, row, i);
        }
    }
}
