/* The activations backwards: derivatives of their definition, and what relevance keeps. */
#include "kernels/activation_backward.h"

#include "support/derivative.h"

#include <criterion/criterion.h>
#include <math.h>

enum { N = 161 };

static float a[N], u[N], dout[N];
static double da[N], du[N];
static const char *const names[] = {"relu", "gelu", "gelu_tanh", "silu"};

/* From -10 to 10, without what is too near to RELU's corner to take a derivative. */
static void fill(void)
{
    for (int i = 0; i < N; i++) {
        a[i] = (float)(i - N / 2) / 8 + 1.0f / 16;
        u[i] = 1.5f * sinf((float)i);
        dout[i] = 2 * cosf(3 * (float)i);
    }
}

static void run(pc_activation kind, int is_gated, pc_gradient_rule rule)
{
    const pc_activation_backward_args args = {
        .dout = dout, .a = a, .u = is_gated ? u : NULL, .n = N, .kind = kind, .rule = rule};
    pc_ref_activation_backward(da, du, &args);
}

static double f_of(double at, pc_activation kind)
{
    double out;
    pc_ref_activation(&out, &at, 1, kind);
    return out;
}

/* dout f(a) u */
typedef struct objective {
    double dout, a, u;
    pc_activation kind;
} objective;

static double value_of(void *context)
{
    const objective *o = context;
    return o->dout * f_of(o->a, o->kind) * o->u;
}

static objective objective_of(pc_activation kind, int is_gated, int i)
{
    return (objective){(double)dout[i], (double)a[i], is_gated ? (double)u[i] : 1, kind};
}

Test(op_activation_backward, the_gradient_is_the_derivative_of_the_activation)
{
    const double tolerance = 1e-10; /* values up to 30 */
    fill();
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int is_gated = 0; is_gated < 2; is_gated++) {
            run(kind, is_gated, PC_GRADIENT);
            for (int i = 0; i < N; i++) {
                objective o = objective_of(kind, is_gated, i);
                const double by_a = derivative(value_of, &o, &o.a),
                             by_u = derivative(value_of, &o, &o.u);
                cr_assert(fabs(da[i] - by_a) < tolerance, "%s, da at %g: %.15g, not %.15g",
                          names[kind], o.a, da[i], by_a);
                cr_assert(!is_gated || fabs(du[i] - by_u) < tolerance,
                          "%s, du at %g: %.15g, not %.15g", names[kind], o.a, du[i], by_u);
            }
        }
}

/* Without a gate f(a) / a, with one half of each factor's share: either way the inputs times their
 * coefficients add up to the output. */
Test(op_activation_backward, relevance_keeps_the_output)
{
    const double tolerance = 1e-15; /* of a gate, which is below 1 */
    fill();
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int is_gated = 0; is_gated < 2; is_gated++) {
            run(kind, is_gated, PC_RELEVANCE);
            for (int i = 0; i < N; i++) {
                objective o = objective_of(kind, is_gated, i);
                const double out = value_of(&o), of_a = da[i] * o.a,
                             of_u = is_gated ? du[i] * o.u : 0;
                const double bound = tolerance * fabs(o.dout * o.a * o.u);
                cr_assert(fabs(of_a + of_u - out) <= bound, "%s at %g: %.17g, not %.17g",
                          names[kind], o.a, of_a + of_u, out);
                cr_assert(!is_gated || fabs(of_a - of_u) <= bound, "%s at %g: shares %g and %g",
                          names[kind], o.a, of_a, of_u);
            }
        }
}

Test(op_activation_backward, slopes_at_zero_and_far_away_are_as_they_must_be)
{
    static const float at[] = {0, 60, -60, 3e38f, -3e38f};
    static const double slope[][5] = {[PC_ACTIVATION_RELU] = {0, 1, 0, 1, 0},
                                      [PC_ACTIVATION_GELU] = {0.5, 1, 0, 1, 0},
                                      [PC_ACTIVATION_GELU_TANH] = {0.5, 1, 0, 1, 0},
                                      [PC_ACTIVATION_SILU] = {0.5, 1, 0, 1, 0}};
    const float one = 1;
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int rule = PC_GRADIENT; rule <= PC_RELEVANCE; rule++)
            for (int i = 0; i < 5; i++) {
                const pc_activation_backward_args args = {.dout = &one,
                                                          .a = &at[i],
                                                          .n = 1,
                                                          .kind = kind,
                                                          .rule = (pc_gradient_rule)rule};
                pc_ref_activation_backward(da, NULL, &args);
                /* exp(-60) = 9e-27 is left of the last slopes */
                cr_expect(fabs(da[0] - slope[kind][i]) < 1e-24, "%s at %g: %g", names[kind],
                          (double)at[i], da[0]);
            }
}

Test(op_activation_backward, nothing_writes_nothing)
{
    const pc_activation_backward_args args = {.n = 0};
    pc_ref_activation_backward(NULL, NULL, &args);
}
