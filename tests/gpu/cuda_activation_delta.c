/* The activations' changes on a device against their definition: every activation, plain and gated,
 * changes of any size, any shape, any order of threads, any batch. */
#include "on_device.h"
#include "kernels/activation_delta.h"
#include "kernels/activation_delta_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_BASE = 3, MOST_ROWS = 7, MOST = MOST_ROWS * 1100 };

static float a[MOST], u[MOST], da[MOST], du[MOST], out[MOST], first[MOST];
static double reference[MOST];
static int32_t base_row[MOST_ROWS];
static const char *const names[] = {"relu", "gelu", "gelu_tanh", "silu"};

typedef struct shape {
    int64_t rows, width;
} shape;

/* One element, less than a warp, one more than a piece of rows. */
static const shape shapes[] = {{1, 1}, {MOST_ROWS, 1}, {3, 33}, {2, 1025}, {MOST_ROWS, 257}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static void fill(shape s, float a_size, float change_size)
{
    device_fill(a, N_BASE * s.width, 0, a_size, 1);
    device_fill(u, N_BASE * s.width, 0, 2, 2);
    device_fill(da, s.rows * s.width, 0, change_size, 3);
    device_fill(du, s.rows * s.width, 0, change_size, 4);
    for (int64_t row = 0; row < s.rows; row++)
        base_row[row] = (int32_t)((s.rows - 1 - row) / 2 % N_BASE); /* repeated, reversed */
}

static pc_activation_delta_args args_of(shape s, pc_activation kind, int is_gated)
{
    return (pc_activation_delta_args){.da = da,
                                      .du = is_gated ? du : NULL,
                                      .base_row = base_row,
                                      .a = a,
                                      .u = is_gated ? u : NULL,
                                      .rows = s.rows,
                                      .width = s.width,
                                      .kind = kind};
}

typedef enum place { APART, IN_DA, IN_DU } place;

static void run(float *to, const pc_activation_delta_args *host, place where)
{
    const int64_t n = host->rows * host->width;
    pc_activation_delta_args args = *host;
    float *const changes = device_copy(host->da, n), *const factors = device_copy(host->du, n);
    float *const places[] = {[APART] = device_fresh(n), [IN_DA] = changes, [IN_DU] = factors};
    args.out = places[where];
    args.da = changes;
    args.du = factors;
    args.base_row = device_copy_int32(host->base_row, host->rows);
    args.a = device_copy(host->a, N_BASE * host->width);
    args.u = device_copy(host->u, N_BASE * host->width);
    device_expect(pck_activation_delta(&args, NULL), names[host->kind]);
    device_read(to, args.out, n);
    device_free_all();
}

/* The processor's bound (tests/cpu_activations.c), for the same formulas: a few roundings of 6e-8
 * of the terms da g(a + da) and a (g(a + da) - g(a)), below 1.13 |da| each; for GELU beyond |da| =
 * 5/8 the gates' difference itself, by 3e-7 while |a| < 6. With a gate all that times u + du, and
 * f(a) du. The definition, a difference in double, is off by 4e-16 of what it subtracts. */
static double allowed(const pc_activation_delta_args *args, int64_t row, int64_t i)
{
    const int64_t base = args->base_row[row] * args->width + i, at = row * args->width + i;
    const double x = fabs((double)args->a[base]), dx = fabs((double)args->da[at]);
    double by = 5e-7 * dx + 4e-16 * (x + dx);
    if (args->kind == PC_ACTIVATION_GELU && dx >= 0.625) by += 3e-7 * fmin(x, 6);
    if (!args->u) return by;
    const double factor = fabs((double)args->u[base]), df = fabs((double)args->du[at]);
    return by * (factor + df) + 4e-16 * (x + dx) + 5e-7 * (x * df + dx * df + dx);
}

static void expect_defined(const char *what, const pc_activation_delta_args *args)
{
    pc_ref_activation_delta(reference, args);
    for (int64_t row = 0; row < args->rows; row++)
        for (int64_t i = 0; i < args->width; i++) {
            const int64_t at = row * args->width + i;
            device_expect_near(what, &first[at], &reference[at], 1, allowed(args, row, i), 1e-7);
        }
}

static void expect_alike_in_every_order(shape s, pc_activation kind, int is_gated)
{
    char what[128];
    const pc_activation_delta_args args = args_of(s, kind, is_gated);
    for (int order = 0; order < device_n_orders(); order++) {
        snprintf(what, sizeof what, "%s%s, %d x %d, %s", names[kind], is_gated ? " gated" : "",
                 (int)s.rows, (int)s.width, device_use_order(order));
        run(order == 0 ? first : out, &args, APART);
        if (order > 0) device_expect_same_bits(what, out, first, s.rows * s.width);
    }
    expect_defined(what, &args);
}

Test(cuda_activation_delta, agrees_with_its_definition_in_every_order_and_shape)
{
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int i = 0; i < N_SHAPES; i++) {
            fill(shapes[i], 3, 1);
            expect_alike_in_every_order(shapes[i], kind, 0);
            expect_alike_in_every_order(shapes[i], kind, 1);
        }
}

Test(cuda_activation_delta, changes_of_any_size_are_right_relative_to_the_change)
{
    static const float bases[] = {0.1f, 3, 12, 100, 1e5f}, sizes[] = {1e-8f, 1e-4f, 0.1f, 10, 1e4f};
    const shape s = {MOST_ROWS, 257};
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int i = 0; i < 25; i++)
            for (int is_gated = 0; is_gated < 2; is_gated++) {
                char what[128];
                fill(s, bases[i / 5], sizes[i % 5]);
                const pc_activation_delta_args args = args_of(s, kind, is_gated);
                run(first, &args, APART);
                snprintf(what, sizeof what, "%s, a up to %g, da up to %g", names[kind],
                         (double)bases[i / 5], (double)sizes[i % 5]);
                expect_defined(what, &args);
            }
}

Test(cuda_activation_delta, no_change_gives_zero_even_at_the_largest_inputs)
{
    const shape s = {4, 257};
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int is_gated = 0; is_gated < 2; is_gated++) {
            fill(s, 5, 0);
            a[0] = 3e38f, a[1] = -3e38f, a[2] = 1e-45f, a[3] = 1e20f;
            const pc_activation_delta_args args = args_of(s, kind, is_gated);
            run(out, &args, APART);
            for (int64_t i = 0; i < s.rows * s.width; i++)
                cr_assert(out[i] == 0, "%s, %d: %g", names[kind], (int)i, (double)out[i]);
        }
}

Test(cuda_activation_delta, what_is_not_finite_in_the_definition_is_not_finite)
{
    static const float special[] = {0, 1, -1, 50, -50, INFINITY, -INFINITY, NAN};
    enum { N_SPECIAL = 8 };
    const shape s = {1, N_SPECIAL * N_SPECIAL};
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++) {
        fill(s, 0, 0);
        for (int i = 0; i < N_SPECIAL * N_SPECIAL; i++) {
            a[i] = special[i % N_SPECIAL];
            da[i] = special[i / N_SPECIAL];
        }
        const pc_activation_delta_args args = args_of(s, kind, 0);
        pc_ref_activation_delta(reference, &args);
        run(out, &args, APART);
        for (int i = 0; i < s.width; i++)
            cr_expect(isfinite(reference[i]) || !isfinite(out[i]), "%s, %g + %g: %g, not %g",
                      names[kind], (double)a[i], (double)da[i], (double)out[i], reference[i]);
    }
}

Test(cuda_activation_delta, a_row_does_not_depend_on_the_others_nor_on_where_arrays_stand)
{
    const shape s = {MOST_ROWS, 1025};
    for (int is_gated = 0; is_gated < 2; is_gated++) {
        fill(s, 3, 1);
        pc_activation_delta_args args = args_of(s, PC_ACTIVATION_GELU_TANH, is_gated);
        run(first, &args, APART);
        device_shift(1);
        run(out, &args, IN_DA);
        device_expect_same_bits("unaligned, in da", out, first, s.rows * s.width);
        if (is_gated) run(out, &args, IN_DU);
        device_expect_same_bits("in du", out, first, s.rows * s.width);
        device_shift(0);
        for (int64_t row = 0; row < s.rows; row++) {
            args = args_of((shape){1, s.width}, PC_ACTIVATION_GELU_TANH, is_gated);
            args.da += row * s.width;
            if (is_gated) args.du += row * s.width;
            args.base_row += row;
            run(out, &args, APART);
            device_expect_same_bits("a row alone", out, first + row * s.width, s.width);
        }
    }
}

Test(cuda_activation_delta, nothing_launches_nothing)
{
    const pc_activation_delta_args no_rows = {.width = 768}, no_neurons = {.rows = 3};
    device_expect(pck_activation_delta(&no_rows, NULL), "no rows");
    device_expect(pck_activation_delta(&no_neurons, NULL), "no neurons");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
