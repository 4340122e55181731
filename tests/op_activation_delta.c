/* The activations' changes: hand-computed values, and the product rule of gates. */
#include "kernels/activation_delta.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>

static const int32_t own_row[] = {0};

/* One element; without a gate when u is NULL. */
static double at(pc_activation kind, float a, float da, const float *u, const float *du)
{
    double out;
    const pc_activation_delta_args args = {.da = &da,
                                           .du = du,
                                           .base_row = own_row,
                                           .a = &a,
                                           .u = u,
                                           .rows = 1,
                                           .width = 1,
                                           .kind = kind};
    pc_ref_activation_delta(&out, &args);
    return out;
}

Test(op_activation_delta, relu_by_the_four_cases)
{
    cr_expect_eq(at(PC_ACTIVATION_RELU, 1, 2, NULL, NULL), 2);
    cr_expect_eq(at(PC_ACTIVATION_RELU, -1, -2, NULL, NULL), 0);
    cr_expect_eq(at(PC_ACTIVATION_RELU, 1, -2, NULL, NULL), -1);
    cr_expect_eq(at(PC_ACTIVATION_RELU, -1, 3, NULL, NULL), 2);
}

Test(op_activation_delta, from_zero_it_is_the_activation)
{
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (float x = -4; x < 4; x += 0.25f) {
            double expected, in = (double)x;
            pc_ref_activation(&expected, &in, 1, kind);
            cr_expect_eq(at(kind, 0, x, NULL, NULL), expected, "%d at %g", (int)kind, (double)x);
        }
}

Test(op_activation_delta, rows_take_their_own_base_row)
{
    const float a[] = {-1, 2, 3, -4}, da[] = {1, 1, 1, 1, 5, 5}; /* (2, 2) and (3, 2) */
    const int32_t base_row[] = {1, 0, 1};
    const pc_activation_delta_args args = {
        .da = da, .base_row = base_row, .a = a, .rows = 3, .width = 2, .kind = PC_ACTIVATION_RELU};
    const double expected[] = {1, 0, 0, 1, 5, 1};
    double out[6];
    pc_ref_activation_delta(out, &args);
    cr_expect_arr_eq(out, expected, sizeof out);
}

Test(op_activation_delta, a_gate_multiplies)
{
    const float u = 3, du = 0.5f, no_change = 0;
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++) {
        const double before = at(kind, 0, 1, NULL, NULL), after = at(kind, 0, 1.5f, NULL, NULL);
        cr_expect_float_eq(at(kind, 1, 0.5f, &u, &du), after * 3.5 - before * 3, 1e-15);
        cr_expect_float_eq(at(kind, 1, 0.5f, &u, &no_change), (after - before) * 3, 1e-15);
        cr_expect_float_eq(at(kind, 1, 0, &u, &du), before * 0.5, 1e-15);
    }
}
