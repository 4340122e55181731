/* The layer norm's definition: values worked out by hand, and what must hold for any row. */
#include "kernels/layernorm.h"

#include <criterion/criterion.h>
#include <math.h>

enum { ROWS = 3, WIDTH = 37 };

static void fill(double *x, int64_t n, double mean, double spread)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = mean + spread * sin(12.9898 * (double)i + 0.7);
}

static void expect_same(const char *what, const double *found, const double *expected, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        cr_expect(found[i] == expected[i], "%s, element %d: %.17g, not %.17g", what, (int)i,
                  found[i], expected[i]);
}

/* Means 2 and 10, variances 2 and 14: with eps = 2 the rows are divided by 2 and 4, without
 * rounding. */
static const double by_hand[8] = {2, 4, 0, 2, 12, 14, 4, 10};

Test(op_layernorm, agrees_with_values_worked_out_by_hand)
{
    const float gain[4] = {1, 2, 3, -1}, bias[4] = {0, 0.5f, -1, 4};
    const double expected[8] = {0, 2.5, -4, 4, 0.5, 2.5, -5.5, 4};
    double out[8];
    pc_ref_layernorm(out, by_hand, gain, bias, 2, 4, 2);
    expect_same("gain and bias", out, expected, 8);
}

Test(op_layernorm, without_gain_or_bias_they_are_one_and_zero)
{
    const float gain[4] = {1, 2, 3, -1}, bias[4] = {0, 0.5f, -1, 4};
    const double plain[8] = {0, 1, -1, 0, 0.5, 1, -1.5, 0};
    const double gained[8] = {0, 2, -3, 0, 0.5, 2, -4.5, 0};
    const double biased[8] = {0, 1.5, -2, 4, 0.5, 1.5, -2.5, 4};
    double out[8];
    pc_ref_layernorm(out, by_hand, NULL, NULL, 2, 4, 2);
    expect_same("neither", out, plain, 8);
    pc_ref_layernorm(out, by_hand, gain, NULL, 2, 4, 2);
    expect_same("gain alone", out, gained, 8);
    pc_ref_layernorm(out, by_hand, NULL, bias, 2, 4, 2);
    expect_same("bias alone", out, biased, 8);
}

Test(op_layernorm, rows_come_out_with_mean_0_and_variance_1)
{
    const double tolerance = 1e-13; /* sums of 37 rounded terms, inputs near 5 */
    double x[ROWS * WIDTH], out[ROWS * WIDTH];
    fill(x, ROWS * WIDTH, 5, 2);
    pc_ref_layernorm(out, x, NULL, NULL, ROWS, WIDTH, 0);
    for (int row = 0; row < ROWS; row++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < WIDTH; i++) {
            sum += out[row * WIDTH + i];
            squares += out[row * WIDTH + i] * out[row * WIDTH + i];
        }
        cr_expect_float_eq(sum / WIDTH, 0, tolerance, "mean of row %d: %g", row, sum / WIDTH);
        cr_expect_float_eq(squares / WIDTH, 1, tolerance, "variance of row %d: %.17g", row,
                           squares / WIDTH);
    }
}

Test(op_layernorm, a_constant_added_to_a_row_changes_nothing)
{
    /* small integers and a width of 32: the sums and the mean are exact, so all bits must agree */
    double x[32], shifted[32], expected[32], out[32];
    for (int i = 0; i < 32; i++) {
        x[i] = (i * 7) % 13;
        shifted[i] = x[i] + 4096;
    }
    pc_ref_layernorm(expected, x, NULL, NULL, 1, 32, 1e-5);
    pc_ref_layernorm(out, shifted, NULL, NULL, 1, 32, 1e-5);
    expect_same("shifted by 4096", out, expected, 32);
}

Test(op_layernorm, a_factor_on_a_row_changes_nothing_without_eps)
{
    double x[WIDTH], scaled[WIDTH], expected[WIDTH], out[WIDTH];
    fill(x, WIDTH, 1, 3);
    for (int i = 0; i < WIDTH; i++)
        scaled[i] = 16 * x[i]; /* a power of two: exact */
    pc_ref_layernorm(expected, x, NULL, NULL, 1, WIDTH, 0);
    pc_ref_layernorm(out, scaled, NULL, NULL, 1, WIDTH, 0);
    expect_same("times 16", out, expected, WIDTH);
}

Test(op_layernorm, a_large_mean_does_not_swallow_the_variance)
{
    /* E[x^2] - E[x]^2 would be 0 here: 2^80 + 1 is not a double */
    const double mean = 1099511627776.0, expected[4] = {1, -1, 1, -1};
    const double x[4] = {mean + 1, mean - 1, mean + 1, mean - 1};
    double out[4];
    pc_ref_layernorm(out, x, NULL, NULL, 1, 4, 0);
    expect_same("mean 2^40", out, expected, 4);
}

Test(op_layernorm, a_constant_row_comes_out_as_the_bias)
{
    double x[WIDTH], expected[WIDTH], out[WIDTH];
    float gain[WIDTH], bias[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
        x[i] = -2.5;
        gain[i] = (float)(i + 1);
        bias[i] = (float)i / 3;
        expected[i] = (double)bias[i];
    }
    pc_ref_layernorm(out, x, gain, bias, 1, WIDTH, 1e-5);
    expect_same("constant row", out, expected, WIDTH);
}

Test(op_layernorm, a_row_of_one_channel_comes_out_as_the_bias)
{
    const double x[3] = {7, -0.1, 1e30}, expected[3] = {0.25, 0.25, 0.25};
    const float gain[1] = {3}, bias[1] = {0.25f};
    double out[3];
    pc_ref_layernorm(out, x, gain, bias, 3, 1, 1e-5);
    expect_same("width 1", out, expected, 3);
}

Test(op_layernorm, a_row_does_not_depend_on_the_others)
{
    double x[ROWS * WIDTH], together[ROWS * WIDTH], alone[WIDTH];
    fill(x, ROWS * WIDTH, -3, 2);
    x[WIDTH + 5] = NAN;
    pc_ref_layernorm(together, x, NULL, NULL, ROWS, WIDTH, 1e-5);
    for (int row = 0; row < ROWS; row += 2) {
        pc_ref_layernorm(alone, x + row * WIDTH, NULL, NULL, 1, WIDTH, 1e-5);
        expect_same(row == 0 ? "row 0" : "row 2", together + row * WIDTH, alone, WIDTH);
    }
    for (int i = 0; i < WIDTH; i++)
        cr_expect(isnan(together[WIDTH + i]), "channel %d of the row with a NaN", i);
}

Test(op_layernorm, the_output_may_be_the_input)
{
    double x[ROWS * WIDTH], expected[ROWS * WIDTH];
    fill(x, ROWS * WIDTH, 2, 1);
    pc_ref_layernorm(expected, x, NULL, NULL, ROWS, WIDTH, 1e-5);
    pc_ref_layernorm(x, x, NULL, NULL, ROWS, WIDTH, 1e-5);
    expect_same("in place", x, expected, ROWS * WIDTH);
}

Test(op_layernorm, no_rows_write_nothing)
{
    double out[1] = {42};
    pc_ref_layernorm(out, NULL, NULL, NULL, 0, 1, 1e-5);
    cr_expect_eq(out[0], 42);
}
