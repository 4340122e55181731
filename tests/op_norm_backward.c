/* The norms backwards: values worked out by hand, and derivatives of the norms' definitions. */
#include "kernels/norm_backward.h"

#include "base/rng.h"
#include "kernels/layernorm.h"
#include "kernels/rmsnorm.h"
#include "support/derivative.h"

#include <criterion/criterion.h>
#include <math.h>

enum { N_BASE = 2, ROWS = 5, WIDTH = 13 };

typedef enum norm { LAYER, RMS, N_NORMS } norm;
static const char *const names[N_NORMS] = {"layer norm", "RMS norm"};

static float x[N_BASE * WIDTH], dy[ROWS * WIDTH], gain[WIDTH];
static double dx[ROWS * WIDTH];

static void fill(void)
{
    pc_rng rng = {.seed = 5};
    for (int i = 0; i < N_BASE * WIDTH; i++)
        x[i] = (float)(4 * pc_rng_unit(&rng) - 1);
    for (int i = 0; i < ROWS * WIDTH; i++)
        dy[i] = (float)(2 * pc_rng_unit(&rng) - 1);
    for (int i = 0; i < WIDTH; i++)
        gain[i] = (float)(i - 4) / 8; /* with an offset still exact */
}

static pc_norm_backward_args args_of(const float *gains, float offset)
{
    return (pc_norm_backward_args){.dy = dy,
                                   .x = x,
                                   .gain = gains,
                                   .gain_offset = offset,
                                   .eps = 0.25,
                                   .rows = ROWS,
                                   .width = WIDTH,
                                   .n_base = N_BASE};
}

static void run(norm which, const pc_norm_backward_args *args)
{
    (which == LAYER ? pc_ref_layernorm_backward : pc_ref_rmsnorm_backward)(dx, args);
}

/* dy . norm(x), for one row; the scale is held where x came from under PC_RELEVANCE. */
typedef struct objective {
    norm which;
    const pc_norm_backward_args *args;
    const float *dy;
    double x[WIDTH], held_scale;
} objective;

static double mean_of(const objective *o)
{
    double sum = 0;
    for (int i = 0; i < WIDTH && o->which == LAYER; i++)
        sum += o->x[i] / WIDTH;
    return sum;
}

static double scale_of(const objective *o)
{
    const double mean = mean_of(o);
    double variance = 0;
    for (int i = 0; i < WIDTH; i++)
        variance += (o->x[i] - mean) * (o->x[i] - mean) / WIDTH;
    return 1 / sqrt(variance + o->args->eps);
}

static void run_norm(double *y, const objective *o)
{
    const pc_norm_backward_args *args = o->args;
    float gains[WIDTH];
    for (int i = 0; i < WIDTH && args->gain; i++)
        gains[i] = args->gain[i] + args->gain_offset;
    const float *with = args->gain ? gains : NULL;
    if (o->which == LAYER) pc_ref_layernorm(y, o->x, with, NULL, 1, WIDTH, args->eps);
    else pc_ref_rmsnorm(y, o->x, args->gain, (double)args->gain_offset, 1, WIDTH, args->eps);
}

static double value_of(void *context)
{
    const objective *o = context;
    const double held = o->args->rule == PC_RELEVANCE ? o->held_scale / scale_of(o) : 1;
    double y[WIDTH], sum = 0;
    run_norm(y, o);
    for (int i = 0; i < WIDTH; i++)
        sum += (double)o->dy[i] * y[i] * held;
    return sum;
}

/* The definition sums 13 terms of order 1. */
static void expect_derivatives(norm which, const pc_norm_backward_args *args)
{
    const double tolerance = 1e-10;
    run(which, args);
    for (int row = 0; row < ROWS; row++) {
        objective o = {.which = which, .args = args, .dy = dy + row * WIDTH};
        for (int i = 0; i < WIDTH; i++)
            o.x[i] = (double)x[row % N_BASE * WIDTH + i];
        o.held_scale = scale_of(&o);
        for (int i = 0; i < WIDTH; i++) {
            const double found = dx[row * WIDTH + i], slope = derivative(value_of, &o, &o.x[i]);
            cr_assert(fabs(found - slope) < tolerance, "%s, row %d, channel %d: %.15g, not %.15g",
                      names[which], row, i, found, slope);
        }
    }
}

Test(op_norm_backward, the_gradient_is_the_derivative_of_the_norm)
{
    fill();
    for (norm which = LAYER; which < N_NORMS; which++) {
        pc_norm_backward_args args = args_of(gain, 0);
        expect_derivatives(which, &args);
        args = args_of(gain, 1);
        expect_derivatives(which, &args);
        args = args_of(NULL, 1);
        expect_derivatives(which, &args);
    }
}

Test(op_norm_backward, relevance_is_the_derivative_with_the_scale_held)
{
    fill();
    for (norm which = LAYER; which < N_NORMS; which++) {
        pc_norm_backward_args args = args_of(gain, 1);
        args.rule = PC_RELEVANCE;
        expect_derivatives(which, &args);
    }
}

/* x has the mean 2 and the variance 2: with eps = 2 the scale is 1/2, y = (0, 1, -1, 0). */
Test(op_norm_backward, agrees_with_values_worked_out_by_hand)
{
    const float in[4] = {2, 4, 0, 2}, at[8] = {4, 0, 0, 0, 0, 4, 0, 0};
    const double gradient[8] = {1.5, -0.5, -0.5, -0.5, -0.5, 1, 0, -0.5};
    const double relevance[8] = {1.5, -0.5, -0.5, -0.5, -0.5, 1.5, -0.5, -0.5};
    pc_norm_backward_args args = {
        .dy = at, .x = in, .eps = 2, .rows = 2, .width = 4, .n_base = 1, .rule = PC_GRADIENT};
    pc_ref_layernorm_backward(dx, &args);
    for (int i = 0; i < 8; i++)
        cr_expect(dx[i] == gradient[i], "gradient, %d: %g, not %g", i, dx[i], gradient[i]);
    args.rule = PC_RELEVANCE;
    pc_ref_layernorm_backward(dx, &args);
    for (int i = 0; i < 8; i++)
        cr_expect(dx[i] == relevance[i], "relevance, %d: %g, not %g", i, dx[i], relevance[i]);
}

/* Its output does not change with the size of x, nor a layer norm's with a constant added. */
Test(op_norm_backward, what_a_norm_does_not_see_has_no_gradient)
{
    fill();
    for (norm which = LAYER; which < N_NORMS; which++) {
        pc_norm_backward_args args = args_of(gain, 0);
        args.eps = 0;
        run(which, &args);
        for (int row = 0; row < ROWS; row++) {
            double along = 0, sum = 0;
            for (int i = 0; i < WIDTH; i++) {
                along += dx[row * WIDTH + i] * (double)x[row % N_BASE * WIDTH + i];
                sum += dx[row * WIDTH + i];
            }
            cr_expect(fabs(along) < 1e-14, "%s: along x %g", names[which], along);
            cr_expect(which == RMS || fabs(sum) < 1e-14, "along a constant %g", sum);
        }
    }
}
