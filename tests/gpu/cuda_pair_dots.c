/* Inner products of all pairs on a device against their definition: any number of vectors and
 * elements, any order of threads, any call. */
#include "on_device.h"
#include "kernels/pair_dots_cuda.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

/* Two items: one of vectors of n elements, and one half as long. */
typedef struct shape {
    const char *name;
    int64_t n_a, n_b, n;
} shape;

static const shape shapes[] = {
    {"one pair", 1, 1, 1},         {"no elements", 3, 2, 0},     {"a stretch", 3, 5, 64},
    {"an element more", 5, 3, 65}, {"a tile", 16, 16, 100},      {"a pair of tiles", 17, 16, 70},
    {"six tiles", 20, 37, 130},    {"long vectors", 2, 3, 5000},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, N_ITEMS = 2, GAP = 3 };
enum { MOST_OUT = N_ITEMS * 20 * 40 + 100, MOST = 16000 };

static float a[MOST], b[MOST];
static double before[MOST_OUT];
static pc_dot_item items[N_ITEMS];

static int64_t out_stride(const shape *s)
{
    return s->n_b + GAP;
}

static int64_t n_out(const shape *s)
{
    return N_ITEMS * s->n_a * out_stride(s) + 1;
}

static void fill(const shape *s)
{
    device_fill(a, MOST, 0, 1, 1);
    device_fill(b, MOST, 0, 1, 2);
    for (int64_t i = 0; i < n_out(s); i++)
        before[i] = 0.5 * (double)i;
    items[0] = (pc_dot_item){.out = 1, .a = 1, .b = 2, .n = s->n};
    items[1] = (pc_dot_item){.out = 1 + s->n_a * out_stride(s), .a = 0, .b = 1, .n = s->n / 2};
}

static pc_pair_dots_args args_of(const shape *s)
{
    return (pc_pair_dots_args){.a = a,
                               .b = b,
                               .out_stride = out_stride(s),
                               .a_stride = s->n + GAP,
                               .b_stride = s->n + 1,
                               .n_a = s->n_a,
                               .n_b = s->n_b,
                               .items = items,
                               .n_items = N_ITEMS,
                               .weight = 0.25};
}

/* out is what was there before, and what the call adds. */
static void run(double *out, const shape *s, const pc_pair_dots_args *host)
{
    pc_pair_dots_args args = *host;
    args.out = device_copy_any(before, n_out(s), sizeof *before);
    args.a = device_copy(a, MOST);
    args.b = device_copy(b, MOST);
    args.items = device_copy_any(host->items, host->n_items, sizeof *host->items);
    device_expect(pck_pair_dots(&args, NULL), s->name);
    device_read_any(out, args.out, n_out(s), sizeof *out);
    device_free_all();
}

static void expect_same(const char *what, const double *found, const double *expected,
                        const shape *s)
{
    for (int64_t i = 0; i < n_out(s); i++)
        cr_assert(memcmp(&found[i], &expected[i], sizeof *found) == 0, "%s, %d: %.17g, not %.17g",
                  what, (int)i, found[i], expected[i]);
}

/* Products are up to 1. A stretch's partial sums, of up to 64 of them, are below 8 for random
 * signs; n such roundings add up like their root. */
static void expect_item(const shape *s, double *found, int64_t i)
{
    static double expected[MOST_OUT];
    const pc_pair_dots_args args = args_of(s);
    const double bound = 6e-8 * args.weight * 8 * sqrt((double)items[i].n);
    pc_ref_pair_dots(expected, &args, i);
    for (int64_t pair = 0; pair < s->n_a * s->n_b; pair++) {
        const int64_t at = items[i].out + pair / s->n_b * out_stride(s) + pair % s->n_b;
        const double by = found[at] - before[at];
        cr_assert(fabs(by - expected[pair]) <= bound, "%s, item %d, pair %d: %.9g, not %.9g",
                  s->name, (int)i, (int)pair, by, expected[pair]);
        found[at] = before[at]; /* looked at */
    }
}

ParameterizedTestParameters(cuda_pair_dots, agrees_with_its_definition_in_every_order)
{
    static size_t indices[N_SHAPES];
    for (size_t i = 0; i < N_SHAPES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_SHAPES);
}

ParameterizedTest(size_t *index, cuda_pair_dots, agrees_with_its_definition_in_every_order)
{
    static double first[MOST_OUT], out[MOST_OUT];
    const shape *s = &shapes[*index];
    const pc_pair_dots_args args = args_of(s);
    fill(s);
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        device_shift(order % 2);
        run(order == 0 ? first : out, s, &args);
        if (order > 0) expect_same(name, out, first, s);
    }
    for (int64_t i = 0; i < N_ITEMS; i++)
        expect_item(s, first, i);
    expect_same("beside the items", first, before, s);
}

/* Whichever tile it is computed in, and whatever else is in the call. */
Test(cuda_pair_dots, a_pair_does_not_depend_on_the_others)
{
    static double together[MOST_OUT], alone[MOST_OUT];
    const shape *s = &shapes[6];
    pc_pair_dots_args args = args_of(s);
    fill(s);
    run(together, s, &args);
    args.n_a = args.n_b = args.n_items = 1;
    for (int64_t pair = 0; pair < s->n_a * s->n_b; pair += 61) {
        const int64_t row = pair / s->n_b, column = pair % s->n_b;
        const pc_dot_item one = {.out = items[0].out + row * out_stride(s) + column,
                                 .a = items[0].a + row * args.a_stride,
                                 .b = items[0].b + column * args.b_stride,
                                 .n = items[0].n};
        args.items = &one;
        run(alone, s, &args);
        cr_assert(memcmp(&alone[one.out], &together[one.out], sizeof *alone) == 0, "pair %d",
                  (int)pair);
    }
}

Test(cuda_pair_dots, a_nan_stays_with_its_vector)
{
    static double out[MOST_OUT];
    const shape *s = &shapes[2];
    const pc_pair_dots_args args = args_of(s);
    fill(s);
    a[items[0].a + args.a_stride + 7] = NAN;
    run(out, s, &args);
    for (int64_t pair = 0; pair < s->n_a * s->n_b; pair++) {
        const int64_t at = items[0].out + pair / s->n_b * out_stride(s) + pair % s->n_b;
        cr_assert_eq(isnan(out[at]) != 0, pair / s->n_b == 1, "pair %d", (int)pair);
    }
}

Test(cuda_pair_dots, nothing_launches_nothing)
{
    pc_pair_dots_args none = {.n_a = 3, .n_b = 2};
    device_expect(pck_pair_dots(&none, NULL), "no items");
    none.n_items = 1;
    none.n_a = 0;
    device_expect(pck_pair_dots(&none, NULL), "no vectors");
    none.n_a = 3;
    none.n_b = 0;
    device_expect(pck_pair_dots(&none, NULL), "no others");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
