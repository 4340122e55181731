/* The CPU's inner products of columns against their definition, in every instruction set. */
#include "kernels/column_dots.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MOST_WIDTH = 200, STRIDE = MOST_WIDTH + 3, ROWS = 40, N_OUT = 3 * MOST_WIDTH + 7 };

static float a[ROWS * STRIDE], b[ROWS * STRIDE];
static double out[N_OUT], before[N_OUT];

static const pc_column_item items[] = {{.out = 1, .a = 2, .b = 0, .rows = ROWS - 1},
                                       {.out = 3 + MOST_WIDTH, .a = 0, .b = 3, .rows = 7},
                                       {.out = 5 + 2 * MOST_WIDTH, .rows = 0}};

static pc_column_dots_args fill(int64_t width)
{
    compare_fill(a, ROWS * STRIDE, 1, 1);
    compare_fill(b, ROWS * STRIDE, 1, 2);
    for (int i = 0; i < N_OUT; i++)
        before[i] = 0.3 * i;
    memcpy(out, before, sizeof out);
    return (pc_column_dots_args){.out = out,
                                 .a = a,
                                 .b = b,
                                 .a_stride = STRIDE,
                                 .b_stride = STRIDE,
                                 .width = width,
                                 .items = items,
                                 .n_items = 3,
                                 .weight = 0.7};
}

/* The same operations in the same order: the definition's bits. */
Test(cpu_column_dots, sums_of_any_width_are_the_definitions)
{
    static const int64_t widths[] = {0, 1, 7, 63, 64, 65, MOST_WIDTH};
    static double expected[N_OUT];
    for (int w = 0; w < 7; w++)
        for (int set = 0; set < compare_n_sets(); set++) {
            const pc_column_dots_args args = fill(widths[w]);
            memcpy(expected, before, sizeof expected);
            pc_ref_column_dots(expected + items[0].out, &args, 0);
            pc_ref_column_dots(expected + items[1].out, &args, 1);
            compare_set(set)->column_dots(&args);
            for (int i = 0; i < N_OUT; i++)
                cr_assert(out[i] == expected[i], "%s, width %d, %d: %.17g, not %.17g",
                          compare_set(set)->name, (int)widths[w], i, out[i], expected[i]);
        }
}
