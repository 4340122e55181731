/* Inner products of columns on a device against their definition: any width, any order of threads,
 * any call. */
#include "on_device.h"
#include "kernels/column_dots_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { MOST_WIDTH = 300, STRIDE = MOST_WIDTH + 3, ROWS = 9, N_ITEMS = 3 };
enum { N = ROWS * STRIDE, N_OUT = 3 * MOST_WIDTH + 7 };

static float a[N], b[N];
static double before[N_OUT];

/* The last one has no rows. */
static const pc_column_item items[N_ITEMS] = {{.out = 1, .a = 2, .b = 0, .rows = ROWS - 1},
                                              {.out = 3 + MOST_WIDTH, .a = 0, .b = 3, .rows = 3},
                                              {.out = 5 + 2 * MOST_WIDTH, .rows = 0}};

static void fill(void)
{
    device_fill(a, N, 0, 1, 1);
    device_fill(b, N, 0, 1, 2);
    for (int i = 0; i < N_OUT; i++)
        before[i] = 0.5 * i;
}

static pc_column_dots_args args_of(int64_t width)
{
    return (pc_column_dots_args){.a = a,
                                 .b = b,
                                 .a_stride = STRIDE,
                                 .b_stride = STRIDE,
                                 .width = width,
                                 .items = items,
                                 .n_items = N_ITEMS,
                                 .weight = 0.25};
}

static void run(double *out, const pc_column_dots_args *host)
{
    pc_column_dots_args args = *host;
    args.out = device_copy_any(before, N_OUT, sizeof *before);
    args.a = device_copy(a, N);
    args.b = device_copy(b, N);
    args.items = device_copy_any(host->items, host->n_items, sizeof *host->items);
    device_expect(pck_column_dots(&args, NULL), "column_dots");
    device_read_any(out, args.out, N_OUT, sizeof *out);
    device_free_all();
}

/* Products of floats are exact in double, sums run in the definition's order: but for the last
 * addition, which a device may fuse with the weight's product, all is the same. */
static void expect_defined(double *out, pc_column_dots_args args)
{
    static double expected[N_OUT];
    args.out = before;
    for (int i = 0; i < 2; i++) {
        pc_ref_column_dots(expected, &args, i);
        for (int64_t c = 0; c < args.width; c++) {
            double *found = &out[items[i].out + c];
            cr_assert(fabs(*found - expected[c]) <= 4e-16 * (1 + fabs(expected[c])),
                      "item %d, column %d: %.17g, not %.17g", i, (int)c, *found, expected[c]);
            *found = before[items[i].out + c]; /* looked at */
        }
    }
    cr_assert(memcmp(out, before, sizeof before) == 0, "written beside the items");
}

Test(cuda_column_dots, agrees_with_its_definition_in_every_order_and_width)
{
    static const int64_t widths[] = {1, 33, 256, 257, MOST_WIDTH};
    static double first[N_OUT], out[N_OUT];
    fill();
    for (int w = 0; w < 5; w++) {
        const pc_column_dots_args args = args_of(widths[w]);
        for (int order = 0; order < device_n_orders(); order++) {
            const char *name = device_use_order(order);
            device_shift(order % 2);
            run(order == 0 ? first : out, &args);
            cr_assert(order == 0 || memcmp(out, first, sizeof out) == 0, "%s, width %d", name,
                      (int)widths[w]);
        }
        expect_defined(first, args);
    }
}

Test(cuda_column_dots, a_column_does_not_depend_on_the_others)
{
    static double together[N_OUT], alone[N_OUT];
    fill();
    a[items[0].a + 2 * STRIDE + 5] = NAN;
    pc_column_dots_args args = args_of(MOST_WIDTH);
    run(together, &args);
    for (int i = 0; i < MOST_WIDTH; i += 5) {
        const pc_column_item one = {.out = items[0].out + i,
                                    .a = items[0].a + i,
                                    .b = items[0].b + i,
                                    .rows = items[0].rows};
        args.items = &one;
        args.n_items = args.width = 1;
        run(alone, &args);
        cr_assert_eq(isnan(alone[one.out]) != 0, i == 5, "column %d", i);
        cr_assert(i == 5 || memcmp(&alone[one.out], &together[one.out], sizeof *alone) == 0,
                  "column %d", i);
    }
}

Test(cuda_column_dots, nothing_launches_nothing)
{
    pc_column_dots_args none = {.width = 3};
    device_expect(pck_column_dots(&none, NULL), "no items");
    none.width = 0;
    none.n_items = 1;
    device_expect(pck_column_dots(&none, NULL), "no columns");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
