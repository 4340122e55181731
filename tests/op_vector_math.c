/* The elementary functions: errors against the C library in double over all exponents, exact
 * values, limits, order, and the same bits in every instruction set. */
#include "kernels/vector_functions.h"

#include "backend/cpu_ops.h"
#include "kernels/scalar_math.h"
#include "kernels/vector_math.h"
#include "support/compare.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

/* The bounds are vector_math.h's. */
static const struct {
    const char *name;
    pc_function function;
    double (*in_double)(double);
    double most_ulp;
} functions[] = {
    {"exp", PC_FUNCTION_EXP, exp, 1},
    {"expm1", PC_FUNCTION_EXPM1, expm1, 2},
    {"tanh", PC_FUNCTION_TANH, tanh, 3},
    {"erf", PC_FUNCTION_ERF, erf, 2},
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

/* Every exponent, both signs, mantissas 2048 apart from a start that differs by exponent. */
enum { A_EXPONENT = 4096, N_SWEEP = 2 * 255 * A_EXPONENT };
static float sweep[N_SWEEP], out[N_SWEEP], other[N_SWEEP];

static void fill_sweep(void)
{
    for (int i = 0; i < N_SWEEP; i++) {
        const uint32_t upper = (uint32_t)(i / A_EXPONENT), step = (uint32_t)(i % A_EXPONENT);
        const uint32_t sign = upper / 255, exponent = upper % 255;
        sweep[i] = pc_float_of(sign << 31 | exponent << 23 | (step * 2048 + upper * 37 % 2048));
    }
}

/* Units in the last place of a float near `exact`, the smallest a subnormal's. */
static double error_in_ulp(float found, double exact)
{
    int exponent;
    if (!isfinite((float)exact) || !isfinite(found)) return found == (float)exact ? 0 : INFINITY;
    frexp(exact, &exponent);
    return fabs((double)found - exact) / fmax(ldexp(1, exponent - 24), 0x1p-149);
}

Test(op_vector_math, errors_stay_within_the_stated_bounds)
{
    fill_sweep();
    for (int f = 0; f < N_FUNCTIONS; f++) {
        compare_set(0)->vector_function(out, sweep, N_SWEEP, functions[f].function);
        for (int i = 0; i < N_SWEEP; i++) {
            const double exact = functions[f].in_double((double)sweep[i]);
            cr_assert(error_in_ulp(out[i], exact) <= functions[f].most_ulp,
                      "%s(%a) is %a, not %a: off by %.2f units", functions[f].name,
                      (double)sweep[i], (double)out[i], exact, error_in_ulp(out[i], exact));
        }
    }
}

Test(op_vector_math, every_instruction_set_gives_the_same_bits)
{
    fill_sweep();
    for (int f = 0; f < N_FUNCTIONS; f++) {
        compare_set(0)->vector_function(out, sweep, N_SWEEP, functions[f].function);
        for (int set = 1; set < compare_n_sets(); set++) {
            compare_set(set)->vector_function(other, sweep, N_SWEEP, functions[f].function);
            compare_bits(functions[f].name, other, out, N_SWEEP);
        }
    }
}

/* A loop's last elements are computed one by one: the same bits there. */
Test(op_vector_math, an_element_does_not_depend_on_its_place)
{
    enum { N = 67 };
    static float x[N], alone;
    compare_fill(x, N, 5, 1);
    for (int f = 0; f < N_FUNCTIONS; f++)
        for (int set = 0; set < compare_n_sets(); set++) {
            compare_set(set)->vector_function(out, x, N, functions[f].function);
            for (int i = 0; i < N; i++) {
                compare_set(set)->vector_function(&alone, &x[i], 1, functions[f].function);
                compare_bits(functions[f].name, &alone, &out[i], 1);
            }
        }
}

Test(op_vector_math, exact_values_and_limits)
{
    cr_expect(pc_expf(0) == 1 && pc_expm1f(0) == 0 && pc_tanhf(0) == 0 && pc_erff(0) == 0);
    cr_expect(pc_expf(-INFINITY) == 0 && isinf(pc_expf(INFINITY)));
    cr_expect(pc_expm1f(-INFINITY) == -1 && isinf(pc_expm1f(INFINITY)));
    cr_expect(pc_tanhf(INFINITY) == 1 && pc_tanhf(-30) == -1);
    cr_expect(pc_erff(INFINITY) == 1 && pc_erff(-30) == -1);
    cr_expect(isnan(pc_expf(NAN)) && isnan(pc_expm1f(NAN)));
    cr_expect(isnan(pc_tanhf(NAN)) && isnan(pc_erff(NAN)));
    cr_expect(signbit(pc_tanhf(-0.0f)) && signbit(pc_erff(-0.0f)));
}

Test(op_vector_math, tanh_and_erf_are_odd)
{
    fill_sweep();
    for (int i = 0; i < N_SWEEP / 2; i++) {
        cr_assert(pc_tanhf(-sweep[i]) == -pc_tanhf(sweep[i]), "%a", (double)sweep[i]);
        cr_assert(pc_erff(-sweep[i]) == -pc_erff(sweep[i]), "%a", (double)sweep[i]);
    }
}

/* Neighbouring floats: around the seams of the reduction, odd multiples of log(2) / 2, and in
 * stretches anywhere. */
Test(op_vector_math, exp_never_falls)
{
    pc_rng rng = {.seed = 2};
    for (int i = 0; i < 3000; i++) {
        const int n = (int)pc_rng_below(&rng, 280) - 150;
        float x = i % 2 ? (float)(((double)n + 0.5) * 0.69314718055994531)
                        : (float)(200 * pc_rng_unit(&rng) - 110);
        for (int step = 0; step < 200; step++)
            x = nextafterf(x, -INFINITY);
        for (int step = 0; step < 400; step++) {
            const float next = nextafterf(x, INFINITY);
            cr_assert(pc_expf(next) >= pc_expf(x), "at %a", (double)x);
            x = next;
        }
    }
}

Test(op_vector_math, the_logarithm_in_double_is_right_to_two_units)
{
    const double ulp = 0x1p-52;
    pc_rng rng = {.seed = 3};
    for (int i = 0; i < 100000; i++) {
        const double x = ldexp(1 + pc_rng_unit(&rng), (int)pc_rng_below(&rng, 1090) - 70);
        const double exact = log1p(x);
        cr_assert(fabs(pc_log1p(x) - exact) <= 2 * ulp * exact, "%a: %a, not %a", x, pc_log1p(x),
                  exact);
        const double below = -0.25 * pc_rng_unit(&rng);
        cr_assert(fabs(pc_log1p(below) - log1p(below)) <= -2 * ulp * log1p(below), "%a", below);
    }
    cr_expect(pc_log1p(0) == 0 && isinf(pc_log1p(INFINITY)) && isnan(pc_log1p(NAN)));
    cr_expect_eq(pc_log1p(0x1p-1000), 0x1p-1000);
}

Test(op_vector_math, sine_and_cosine_in_double_are_right)
{
    pc_rng rng = {.seed = 5};
    for (int i = 0; i < 100000; i++) {
        const double angle = ldexp(2 * pc_rng_unit(&rng) - 1, (int)pc_rng_below(&rng, 21));
        double sine, cosine;
        pc_sine_cosine(&sine, &cosine, angle);
        cr_assert(fabs(sine - sin(angle)) <= 2e-16, "sine of %a: %a, not %a", angle, sine,
                  sin(angle));
        cr_assert(fabs(cosine - cos(angle)) <= 2e-16, "cosine of %a", angle);
    }
}
