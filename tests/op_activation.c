/* Activations: values from tables to the last digits, symmetries, limits. */
#include "kernels/activation.h"

#include <criterion/criterion.h>
#include <math.h>

static double at(pc_activation kind, double x)
{
    double out;
    pc_ref_activation(&out, &x, 1, kind);
    return out;
}

static const struct {
    const char *name;
    pc_activation kind;
    double x, expected;
} cases[] = {
    {"relu", PC_ACTIVATION_RELU, 1.5, 1.5},
    {"relu", PC_ACTIVATION_RELU, -1.5, 0},
    /* x Phi(x): Phi(1) = 0.841344746068543, Phi(-2) = 0.022750131948179 */
    {"gelu", PC_ACTIVATION_GELU, 1, 0.841344746068543},
    {"gelu", PC_ACTIVATION_GELU, -2, -0.045500263896358},
    /* 0.5 (1 + tanh(0.7978845608028654 * 1.044715)) */
    {"gelu_new", PC_ACTIVATION_GELU_TANH, 1, 0.841191990608277},
    /* 1 / (1 + e^-1) */
    {"silu", PC_ACTIVATION_SILU, 1, 0.731058578630005},
};

Test(op_activation, values_are_the_tables)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double got = at(cases[i].kind, cases[i].x);
        cr_expect(fabs(got - cases[i].expected) < 2e-15, "%s(%g) is %.17g, expected %.17g",
                  cases[i].name, cases[i].x, got, cases[i].expected);
    }
}

Test(op_activation, gated_identities_hold)
{
    const pc_activation smooth[] = {PC_ACTIVATION_GELU, PC_ACTIVATION_GELU_TANH,
                                    PC_ACTIVATION_SILU};
    for (int i = 0; i < 3; i++)
        for (double x = -6; x <= 6;
             x += 0.37) /* f(x) - f(-x) = x, since the gate is odd about 1/2 */
            cr_expect(fabs(at(smooth[i], x) - at(smooth[i], -x) - x) < 1e-14, "%d at %g", i, x);
}

Test(op_activation, limits_are_zero_and_identity)
{
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++) {
        cr_expect(at(kind, 0) == 0, "%d", (int)kind);
        cr_expect(at(kind, 800) == 800, "%d", (int)kind);
        cr_expect(fabs(at(kind, -800)) < 1e-300, "%d: %g", (int)kind, at(kind, -800));
        cr_expect(isnan(at(kind, NAN)), "%d", (int)kind);
    }
}
