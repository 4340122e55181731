/* The activations backwards on a device against their definition: gradients and relevance, plain
 * and gated, inputs of any size, any length, any order of threads. */
#include "on_device.h"
#include "kernels/activation_backward_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 2100, KINDS = 4, WAYS = 4 }; /* a way: a rule, with a gate or without */

static float a[MOST], u[MOST], dout[MOST];
static const char *const names[] = {"relu", "gelu", "gelu_tanh", "silu"};

typedef struct gradients {
    float da[MOST], du[MOST];
} gradients;

static gradients first, out;

static void fill(float size)
{
    device_fill(a, MOST, 0, size, 1);
    device_fill(u, MOST, 0, 2, 2);
    device_fill(dout, MOST, 0, 3, 3);
}

static pc_activation_backward_args args_of(pc_activation kind, int way, int64_t from, int64_t n)
{
    return (pc_activation_backward_args){.dout = dout + from,
                                         .a = a + from,
                                         .u = way % 2 ? u + from : NULL,
                                         .n = n,
                                         .kind = kind,
                                         .rule = way / 2 ? PC_RELEVANCE : PC_GRADIENT};
}

typedef enum place { APART, IN_PLACE } place;

static void run(gradients *to, const pc_activation_backward_args *host, place where)
{
    const int64_t n = host->n;
    pc_activation_backward_args args = *host;
    float *const in = device_copy(host->dout, n);
    args.da = where == IN_PLACE ? in : device_fresh(n);
    args.du = host->u ? device_fresh(n) : NULL;
    args.dout = in;
    args.a = device_copy(host->a, n);
    args.u = device_copy(host->u, n);
    device_expect(pck_activation_backward(&args, NULL), names[host->kind]);
    device_read(to->da, args.da, n);
    if (host->u) device_read(to->du, args.du, n);
    device_free_all();
}

static void expect_same(const char *what, const gradients *found, const gradients *expected,
                        int way, int64_t n)
{
    device_expect_same_bits(what, found->da, expected->da, n);
    if (way % 2) device_expect_same_bits(what, found->du, expected->du, n);
}

/* The processor's bounds (tests/cpu_activation_backward.c), for the same formulas: the gate is
 * right to 3e-7, the slope to twice that. */
static void expect_defined(const char *what, const pc_activation_backward_args *args)
{
    static double da[MOST], du[MOST];
    pc_ref_activation_backward(da, du, args);
    for (int64_t i = 0; i < args->n; i++) {
        const double d = fabs((double)dout[i]), factor = args->u ? fabs((double)u[i]) : 1;
        device_expect_near(what, &first.da[i], &da[i], 1, 6e-7 * d * factor, 0);
        if (args->u)
            device_expect_near(what, &first.du[i], &du[i], 1, 4e-7 * d * fabs((double)a[i]), 0);
    }
}

Test(cuda_activation_backward, agrees_with_its_definition_in_every_order_and_length)
{
    static const int64_t lengths[] = {1, 33, 1025, MOST};
    char what[128];
    fill(6);
    for (int i = 0; i < KINDS * WAYS * 4; i++) {
        const pc_activation kind = (pc_activation)(i / WAYS % KINDS);
        const pc_activation_backward_args args =
            args_of(kind, i % WAYS, 0, lengths[i / WAYS / KINDS]);
        for (int order = 0; order < device_n_orders(); order++) {
            snprintf(what, sizeof what, "%s, way %d, %d, %s", names[kind], i % WAYS, (int)args.n,
                     device_use_order(order));
            run(order == 0 ? &first : &out, &args, APART);
            if (order > 0) expect_same(what, &out, &first, i % WAYS, args.n);
        }
        expect_defined(what, &args);
    }
}

Test(cuda_activation_backward, inputs_may_be_of_any_size)
{
    static const float sizes[] = {1e-3f, 1, 30, 1e5f, 1e37f};
    char what[128];
    for (int i = 0; i < KINDS * WAYS * 5; i++) {
        const pc_activation kind = (pc_activation)(i / WAYS % KINDS);
        const pc_activation_backward_args args = args_of(kind, i % WAYS, 0, 257);
        const float size = sizes[i / WAYS / KINDS];
        fill(size);
        snprintf(what, sizeof what, "%s, way %d, up to %g", names[kind], i % WAYS, (double)size);
        run(&first, &args, APART);
        expect_defined(what, &args);
    }
}

Test(cuda_activation_backward, da_may_be_dout_and_an_element_does_not_depend_on_the_others)
{
    fill(4);
    for (int way = 0; way < WAYS; way++) {
        pc_activation_backward_args args = args_of(PC_ACTIVATION_GELU_TANH, way, 0, MOST);
        run(&first, &args, APART);
        device_shift(1);
        run(&out, &args, IN_PLACE);
        expect_same("unaligned, in place", &out, &first, way, MOST);
        device_shift(0);
        for (int i = 0; i < MOST; i += 97) {
            args = args_of(PC_ACTIVATION_GELU_TANH, way, i, 1);
            run(&out, &args, APART);
            device_expect_same_bits("da alone", out.da, first.da + i, 1);
            if (way % 2) device_expect_same_bits("du alone", out.du, first.du + i, 1);
        }
    }
}

Test(cuda_activation_backward, what_is_not_finite_stays_where_it_is)
{
    fill(3);
    a[1] = NAN, dout[2] = INFINITY, u[4] = NAN;
    const pc_activation_backward_args args = args_of(PC_ACTIVATION_SILU, 1, 0, 8);
    run(&out, &args, APART);
    for (int i = 0; i < 8; i++) {
        cr_expect_eq(isfinite(out.da[i]) != 0, i != 1 && i != 2 && i != 4, "da %d", i);
        cr_expect_eq(isfinite(out.du[i]) != 0, i != 1 && i != 2, "du %d", i);
    }
}

Test(cuda_activation_backward, nothing_launches_nothing)
{
    const pc_activation_backward_args none = {.n = 0};
    device_expect(pck_activation_backward(&none, NULL), "nothing");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
