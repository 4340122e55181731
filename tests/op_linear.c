/* The linear map: hand-computed values, and independence of the batch and of the number of columns.
 */
#include "kernels/linear.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

enum { ROWS = 3, N_IN = 29, N_OUT = 21 };

static double x[ROWS * N_IN];
static float w[N_IN * N_OUT], bias[N_OUT];

static void fill(void)
{
    pc_rng rng = {.seed = 7};
    for (int i = 0; i < ROWS * N_IN; i++)
        x[i] = 2 * pc_rng_unit(&rng) - 1;
    for (int i = 0; i < N_IN * N_OUT; i++)
        w[i] = (float)(2 * pc_rng_unit(&rng) - 1);
    for (int i = 0; i < N_OUT; i++)
        bias[i] = (float)i;
}

Test(op_linear, small_integers_give_the_exact_product)
{
    const double in[] = {1, 2, 3, 4};
    const float weights[] = {1, 0, -1, 2, 1, 0}; /* (2, 3) */
    const float b[] = {10, 20, 30};
    const double expected[] = {15, 22, 29, 21, 24, 27};
    double out[6];
    pc_ref_linear(out, in, weights, b, 2, 2, 3);
    cr_expect_arr_eq(out, expected, sizeof out);
}

Test(op_linear, no_input_leaves_the_bias_and_no_bias_is_zero)
{
    const float b[] = {1, 2};
    double out[2] = {9, 9};
    pc_ref_linear(out, NULL, NULL, b, 1, 0, 2);
    cr_expect(out[0] == 1 && out[1] == 2);
    pc_ref_linear(out, NULL, NULL, NULL, 1, 0, 2);
    cr_expect(out[0] == 0 && out[1] == 0);
}

Test(op_linear, a_row_does_not_depend_on_its_batch)
{
    double together[ROWS * N_OUT], alone[N_OUT];
    fill();
    pc_ref_linear(together, x, w, bias, ROWS, N_IN, N_OUT);
    for (int row = 0; row < ROWS; row++) {
        pc_ref_linear(alone, x + row * N_IN, w, bias, 1, N_IN, N_OUT);
        cr_expect(memcmp(alone, together + row * N_OUT, sizeof alone) == 0, "row %d", row);
    }
}

/* Blocks of outputs are computed side by side: an output must not know which block it is in. */
Test(op_linear, an_output_does_not_depend_on_the_other_columns)
{
    double whole[N_OUT], one;
    float column[N_IN];
    fill();
    pc_ref_linear(whole, x, w, bias, 1, N_IN, N_OUT);
    for (int o = 0; o < N_OUT; o++) {
        for (int i = 0; i < N_IN; i++)
            column[i] = w[i * N_OUT + o];
        pc_ref_linear(&one, x, column, &bias[o], 1, N_IN, 1);
        cr_expect(one == whole[o], "column %d: %.17g and %.17g", o, one, whole[o]);
    }
}

Test(op_linear, rows_form_is_the_transposed_map)
{
    float transposed[N_OUT * N_IN];
    double a[ROWS * N_OUT], b[ROWS * N_OUT];
    fill();
    for (int i = 0; i < N_IN; i++)
        for (int o = 0; o < N_OUT; o++)
            transposed[o * N_IN + i] = w[i * N_OUT + o];
    pc_ref_linear(a, x, w, bias, ROWS, N_IN, N_OUT);
    pc_ref_linear_rows(b, x, transposed, bias, ROWS, N_IN, N_OUT);
    cr_expect(memcmp(a, b, sizeof a) == 0);
}
