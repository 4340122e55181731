/* The activations of the base run on a device against their definition: plain and gated, any
 * length, any order of threads. */
#include "on_device.h"
#include "kernels/activation_base_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 2100 };

static float a[MOST], u[MOST], out[MOST], first[MOST];
static const char *const names[] = {"relu", "gelu", "gelu_tanh", "silu"};

/* One element, less than a block, a piece, more than two. */
static const int64_t lengths[] = {1, 33, 1024, MOST};

static void fill(float size)
{
    device_fill(a, MOST, 0, size, 1);
    device_fill(u, MOST, 0, 2, 2);
}

typedef enum place { APART, IN_A, IN_U } place;

static void run(float *to, pc_activation kind, int is_gated, int64_t n, place where)
{
    float *const in = device_copy(a, n), *const factor = is_gated ? device_copy(u, n) : NULL;
    float *const places[] = {[APART] = device_fresh(n), [IN_A] = in, [IN_U] = factor};
    const pc_activation_base_args args = {
        .out = places[where], .a = in, .u = factor, .n = n, .kind = kind};
    device_expect(pck_activation_base(&args, NULL), names[kind]);
    device_read(to, args.out, n);
    device_free_all();
}

/* f is a times a gate below 1, itself right to 3e-7 (GELU's 1 + erf cancels for negative a). */
static void expect_defined(const char *what, pc_activation kind, int is_gated, int64_t n)
{
    static double in[MOST], expected[MOST];
    for (int64_t i = 0; i < n; i++)
        in[i] = (double)a[i];
    pc_ref_activation(expected, in, n, kind);
    for (int64_t i = 0; i < n; i++) {
        const double factor = is_gated ? (double)u[i] : 1;
        expected[i] *= factor;
        device_expect_near(what, &first[i], &expected[i], 1,
                           4e-7 * fabs(factor) * fmax(1, fabs(in[i])), 0);
    }
}

Test(cuda_activation_base, agrees_with_its_definition_in_every_order_and_length)
{
    char what[128];
    fill(6);
    for (pc_activation kind = PC_ACTIVATION_RELU; kind <= PC_ACTIVATION_SILU; kind++)
        for (int i = 0; i < 8; i++) {
            const int64_t n = lengths[i / 2];
            for (int order = 0; order < device_n_orders(); order++) {
                snprintf(what, sizeof what, "%s%s, %d, %s", names[kind], i % 2 ? " gated" : "",
                         (int)n, device_use_order(order));
                run(order == 0 ? first : out, kind, i % 2, n, APART);
                if (order > 0) device_expect_same_bits(what, out, first, n);
            }
            expect_defined(what, kind, i % 2, n);
        }
}

Test(cuda_activation_base, the_output_may_be_an_input_and_stand_anywhere)
{
    const pc_activation kind = PC_ACTIVATION_SILU;
    fill(3);
    a[3] = NAN;
    run(first, kind, 1, MOST, APART);
    cr_assert(isnan(first[3]) && isfinite(first[2]) && isfinite(first[4]));
    a[3] = 3;
    run(first, kind, 1, MOST, APART);
    device_shift(1);
    run(out, kind, 1, MOST, IN_A);
    device_expect_same_bits("in a", out, first, MOST);
    run(out, kind, 1, MOST, IN_U);
    device_expect_same_bits("in u", out, first, MOST);
    run(first, kind, 0, MOST, APART);
    run(out, kind, 0, MOST, IN_A);
    device_expect_same_bits("in a, no gate", out, first, MOST);
}

Test(cuda_activation_base, nothing_launches_nothing)
{
    const pc_activation_base_args none = {.n = 0};
    device_expect(pck_activation_base(&none, NULL), "nothing");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
