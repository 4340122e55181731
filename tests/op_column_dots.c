/* Inner products of columns: small integers, where every sum is exact. */
#include "kernels/column_dots.h"

#include <criterion/criterion.h>

static const float a[] = {99, 1, 2, 3, 99, -1, 0, 2}, b[] = {5, 6, 7, 1, 1, -1};
static double out[] = {10, 20, 30, 40};

static pc_column_dots_args args_of(const pc_column_item *items)
{
    return (pc_column_dots_args){.out = out,
                                 .a = a,
                                 .b = b,
                                 .a_stride = 4,
                                 .b_stride = 3,
                                 .width = 3,
                                 .items = items,
                                 .n_items = 2,
                                 .weight = 0.5};
}

Test(op_column_dots, agrees_with_values_worked_out_by_hand)
{
    const pc_column_item items[] = {{.out = 0, .a = 1, .b = 0, .rows = 2},
                                    {.out = 1, .a = 1, .b = 0, .rows = 1}};
    /* 5 - 1, 12 + 0, 21 - 2; then 5, 12, 21: halved, and added */
    static const double expected[2][3] = {{12, 26, 39.5}, {22.5, 36, 50.5}};
    const pc_column_dots_args args = args_of(items);
    for (int item = 0; item < 2; item++) {
        double sums[3];
        pc_ref_column_dots(sums, &args, item);
        for (int i = 0; i < 3; i++)
            cr_expect(sums[i] == expected[item][i], "item %d, column %d: %g, not %g", item, i,
                      sums[i], expected[item][i]);
    }
}

Test(op_column_dots, no_rows_leave_everything)
{
    const pc_column_item items[] = {{.out = 1}, {.out = 0}};
    const pc_column_dots_args args = args_of(items);
    double sums[3];
    pc_ref_column_dots(sums, &args, 0);
    for (int i = 0; i < 3; i++)
        cr_expect(sums[i] == out[i + 1], "column %d: %g", i, sums[i]);
}
