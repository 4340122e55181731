/* The CPU's activations, of the base run and of changes, in every instruction set. */
#include "kernels/activation_delta.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_BASE = 3, ROWS = 5, WIDTH = 1000, N = ROWS * WIDTH };

static float a[N_BASE * WIDTH], u[N_BASE * WIDTH], da[N], du[N], out[N], first[N];
static double reference[N];
static const int32_t base_row[ROWS] = {2, 0, 1, 1, 0};
static const char *const names[] = {"relu", "gelu", "gelu_tanh", "silu"};

static pc_activation_delta_args args_of(pc_activation kind, int is_gated)
{
    return (pc_activation_delta_args){.out = out,
                                      .da = da,
                                      .du = is_gated ? du : NULL,
                                      .base_row = base_row,
                                      .a = a,
                                      .u = is_gated ? u : NULL,
                                      .rows = ROWS,
                                      .width = WIDTH,
                                      .kind = kind};
}

/* The error of an element is a few roundings (6e-8) of its terms. Without a gate they are
 * da g(a + da) and a (g(a + da) - g(a)): below 1.13 |da| each, as a g'(a) is. For GELU beyond
 * |da| = 5/8 the gates' difference itself rounds, by 3e-7 at most while |a| < 6, beyond which
 * both gates are exact. With a gate all that times u + du, and f(a) du. The definition, a
 * difference in double, is itself off by 4e-16 of what it subtracts. */
static double allowed(pc_activation kind, int row, int i, int is_gated)
{
    const int64_t base = base_row[row] * WIDTH + i, at = row * WIDTH + i;
    const double x = fabs((double)a[base]), dx = fabs((double)da[at]);
    double by = 5e-7 * dx + 4e-16 * (x + dx);
    if (kind == PC_ACTIVATION_GELU && dx >= 0.625) by += 3e-7 * fmin(x, 6);
    if (!is_gated) return by;
    return by * (fabs((double)u[base]) + fabs((double)du[at])) + 4e-16 * (x + dx) +
           5e-7 * (x * fabs((double)du[at]) + dx * fabs((double)du[at]) + dx);
}

static void expect_all_sets(const char *what, pc_activation kind, int is_gated)
{
    char name[128];
    pc_activation_delta_args args = args_of(kind, is_gated);
    pc_ref_activation_delta(reference, &args);
    for (int set = 0; set < compare_n_sets(); set++) {
        snprintf(name, sizeof name, "%s, %s%s, %s", compare_set(set)->name, names[kind],
                 is_gated ? " gated" : "", what);
        compare_set(set)->activation_delta(&args);
        for (int row = 0; row < ROWS; row++)
            for (int i = 0; i < WIDTH; i++)
                compare_near(name, &out[row * WIDTH + i], &reference[row * WIDTH + i], 1,
                             allowed(kind, row, i, is_gated), 1e-7);
        if (set == 0) memcpy(first, out, sizeof first);
        compare_bits(name, out, first, N);
    }
}

Test(cpu_activations, changes_of_any_size_are_right_relative_to_the_change)
{
    static const double bases[] = {0.1, 3, 12, 100, 1e5}, sizes[] = {1e-8, 1e-4, 0.1, 1, 10, 1e4};
    char what[64];
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int b = 0; b < 5; b++)
            for (int s = 0; s < 6; s++) {
                compare_fill(a, N_BASE * WIDTH, bases[b], 1);
                compare_fill(u, N_BASE * WIDTH, 2, 2);
                compare_fill(da, N, sizes[s], 3);
                compare_fill(du, N, sizes[s], 4);
                snprintf(what, sizeof what, "a up to %g, da up to %g", bases[b], sizes[s]);
                expect_all_sets(what, kind, 0);
                expect_all_sets(what, kind, 1);
            }
}

/* A change that takes a large input to almost zero, or through it. */
Test(cpu_activations, large_inputs_can_be_taken_away)
{
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++) {
        compare_fill(a, N_BASE * WIDTH, 80, 1);
        compare_fill(u, N_BASE * WIDTH, 2, 2);
        compare_fill(du, N, 1, 4);
        compare_fill(da, N, 1, 3);
        for (int row = 0; row < ROWS; row++)
            for (int i = 0; i < WIDTH; i++)
                da[row * WIDTH + i] -= a[base_row[row] * WIDTH + i];
        expect_all_sets("a taken away", kind, 0);
        expect_all_sets("a taken away", kind, 1);
    }
}

Test(cpu_activations, no_change_gives_zero_even_at_the_largest_inputs)
{
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int is_gated = 0; is_gated < 2; is_gated++) {
            compare_fill(a, N_BASE * WIDTH, 5, 1);
            compare_fill(u, N_BASE * WIDTH, 5, 2);
            a[0] = 3e38f, a[1] = -3e38f, a[2] = 1e-45f, a[3] = 1e20f;
            memset(da, 0, sizeof da);
            memset(du, 0, sizeof du);
            const pc_activation_delta_args args = args_of(kind, is_gated);
            for (int set = 0; set < compare_n_sets(); set++) {
                compare_set(set)->activation_delta(&args);
                for (int i = 0; i < N; i++)
                    cr_assert(out[i] == 0, "%s, %d: %g", names[kind], i, (double)out[i]);
            }
        }
}

Test(cpu_activations, what_is_not_finite_in_the_definition_is_not_finite)
{
    static const float special[] = {0, 1, -1, 50, -50, INFINITY, -INFINITY, NAN};
    enum { N_SPECIAL = 8 };
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++) {
        for (int i = 0; i < N_SPECIAL * N_SPECIAL; i++) {
            a[i] = special[i % N_SPECIAL];
            da[i] = special[i / N_SPECIAL];
        }
        pc_activation_delta_args args = args_of(kind, 0);
        const int32_t own_row[] = {0};
        args.base_row = own_row;
        args.rows = 1;
        args.width = N_SPECIAL * N_SPECIAL;
        pc_ref_activation_delta(reference, &args);
        for (int set = 0; set < compare_n_sets(); set++) {
            compare_set(set)->activation_delta(&args);
            for (int i = 0; i < args.width; i++)
                cr_expect(isfinite(reference[i]) || !isfinite(out[i]), "%s, %g + %g: %g, not %g",
                          names[kind], (double)a[i], (double)da[i], (double)out[i], reference[i]);
        }
    }
}

Test(cpu_activations, an_element_does_not_depend_on_its_place_and_outputs_may_be_inputs)
{
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int set = 0; set < compare_n_sets(); set++) {
            compare_fill(a, N_BASE * WIDTH, 4, 1);
            compare_fill(u, N_BASE * WIDTH, 2, 2);
            compare_fill(da, N, 1, 3);
            compare_fill(du, N, 1, 4);
            pc_activation_delta_args args = args_of(kind, 1);
            compare_set(set)->activation_delta(&args);
            memcpy(first, out, sizeof first);
            const int32_t own_row[] = {0};
            for (int i = 0; i < N; i += 7) {
                const int64_t base = base_row[i / WIDTH] * WIDTH + i % WIDTH;
                pc_activation_delta_args one = args;
                one.rows = one.width = 1;
                one.base_row = own_row;
                one.a += base, one.u += base, one.da += i, one.du += i;
                compare_set(set)->activation_delta(&one);
                compare_bits(names[kind], out, &first[i], 1);
            }
            args.out = da;
            compare_set(set)->activation_delta(&args);
            compare_bits("in place", da, first, N);
        }
}

/* f is a times a gate below 1, itself right to 3e-7: GELU's 1 + erf cancels for negative a. */
Test(cpu_activations, the_base_runs_activations_are_the_plain_ones)
{
    static double in[N_BASE * WIDTH];
    compare_fill(a, N_BASE * WIDTH, 9, 1);
    compare_fill(u, N_BASE * WIDTH, 2, 2);
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int set = 0; set < compare_n_sets(); set++) {
            pc_activation_base_args args = {.out = out, .a = a, .n = N_BASE * WIDTH, .kind = kind};
            for (int i = 0; i < N_BASE * WIDTH; i++)
                in[i] = (double)a[i];
            pc_ref_activation(reference, in, N_BASE * WIDTH, kind);
            compare_set(set)->activation_base(&args);
            compare_near(names[kind], out, reference, N_BASE * WIDTH, 4e-7, 4e-7);
            memcpy(first, out, sizeof first);
            args.u = u;
            compare_set(set)->activation_base(&args);
            for (int i = 0; i < N_BASE * WIDTH; i++)
                cr_assert_eq(out[i], first[i] * u[i], "%s, %d", names[kind], i);
        }
}
