/* The CPU's activations backwards against their definition, in every instruction set. */
#include "kernels/activation_backward.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 1003 };

static float a[N], u[N], dout[N], da[N], du[N], first_da[N], first_du[N];
static double expected_da[N], expected_du[N];
static const char *const names[] = {"relu", "gelu", "gelu_tanh", "silu"};

static pc_activation_backward_args args_of(pc_activation kind, int is_gated, pc_gradient_rule rule)
{
    return (pc_activation_backward_args){.da = da,
                                         .du = is_gated ? du : NULL,
                                         .dout = dout,
                                         .a = a,
                                         .u = is_gated ? u : NULL,
                                         .n = N,
                                         .kind = kind,
                                         .rule = rule};
}

static void fill(double size)
{
    compare_fill(a, N, size, 1);
    compare_fill(u, N, 2, 2);
    compare_fill(dout, N, 3, 3);
    a[0] = 0;
}

/* The gate is right to 3e-7 (GELU's 1 + erf cancels for negative a). What is added to it for the
 * slope is below 0.6, of a few factors right to 1e-7 each; its exponential's argument is off by
 * 1e-7 of itself, by which the term falls faster than the argument grows. */
static const double slope_error = 6e-7;

static void expect_near(const char *what, const pc_activation_backward_args *args)
{
    for (int i = 0; i < N; i++) {
        const double by = fabs((double)dout[i]) * (args->u ? fabs((double)u[i]) : 1);
        compare_near(what, &da[i], &expected_da[i], 1, slope_error * by, 0);
        if (!args->u) continue;
        const double f = fabs((double)dout[i] * (double)a[i]);
        compare_near(what, &du[i], &expected_du[i], 1, 4e-7 * f, 0);
    }
}

static void expect_all_sets(pc_activation kind, int is_gated, pc_gradient_rule rule, double size)
{
    char name[128];
    const pc_activation_backward_args args = args_of(kind, is_gated, rule);
    pc_ref_activation_backward(expected_da, expected_du, &args);
    for (int set = 0; set < compare_n_sets(); set++) {
        snprintf(name, sizeof name, "%s, %s%s, rule %d, up to %g", compare_set(set)->name,
                 names[kind], is_gated ? " gated" : "", (int)rule, size);
        compare_set(set)->activation_backward(&args);
        expect_near(name, &args);
        if (set == 0) memcpy(first_da, da, sizeof da);
        if (set == 0) memcpy(first_du, du, sizeof du);
        compare_bits(name, da, first_da, N);
        if (is_gated) compare_bits(name, du, first_du, N);
    }
}

Test(cpu_activation_backward, gradients_are_the_definitions)
{
    static const double sizes[] = {1e-3, 1, 6, 30, 1e5, 1e37};
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int i = 0; i < 6; i++) {
            fill(sizes[i]);
            for (int is_gated = 0; is_gated < 2; is_gated++) {
                expect_all_sets(kind, is_gated, PC_GRADIENT, sizes[i]);
                expect_all_sets(kind, is_gated, PC_RELEVANCE, sizes[i]);
            }
        }
}

Test(cpu_activation_backward, what_is_not_finite_in_the_definition_is_not_finite)
{
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int is_gated = 0; is_gated < 2; is_gated++) {
            fill(3);
            a[1] = NAN, dout[2] = NAN, dout[3] = INFINITY, u[4] = NAN;
            const pc_activation_backward_args args = args_of(kind, is_gated, PC_GRADIENT);
            pc_ref_activation_backward(expected_da, expected_du, &args);
            for (int set = 0; set < compare_n_sets(); set++) {
                compare_set(set)->activation_backward(&args);
                for (int i = 0; i < 8; i++) {
                    cr_expect_eq(isfinite(da[i]) != 0, isfinite(expected_da[i]) != 0,
                                 "%s, da %d: %g, not %g", names[kind], i, (double)da[i],
                                 expected_da[i]);
                    cr_expect(
                        !is_gated || (isfinite(du[i]) != 0) == (isfinite(expected_du[i]) != 0),
                        "%s, du %d: %g, not %g", names[kind], i, (double)du[i], expected_du[i]);
                }
            }
        }
}

Test(cpu_activation_backward, an_element_does_not_depend_on_its_place_and_da_may_be_dout)
{
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int is_gated = 0; is_gated < 2; is_gated++)
            for (int set = 0; set < compare_n_sets(); set++) {
                fill(4);
                pc_activation_backward_args args = args_of(kind, is_gated, PC_GRADIENT);
                compare_set(set)->activation_backward(&args);
                memcpy(first_da, da, sizeof da);
                memcpy(first_du, du, sizeof du);
                for (int i = 0; i < N; i += 7) {
                    pc_activation_backward_args one = args;
                    one.n = 1;
                    one.a += i, one.dout += i;
                    if (is_gated) one.u += i;
                    compare_set(set)->activation_backward(&one);
                    compare_bits(names[kind], da, &first_da[i], 1);
                    if (is_gated) compare_bits(names[kind], du, &first_du[i], 1);
                }
                args.da = dout;
                compare_set(set)->activation_backward(&args);
                compare_bits("in place", dout, first_da, N);
                if (is_gated) compare_bits("beside it", du, first_du, N);
                args.n = 0;
                args.da = NULL;
                compare_set(set)->activation_backward(&args);
            }
}
