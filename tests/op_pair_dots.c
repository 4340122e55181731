/* Inner products of all pairs: small integers, where every sum is exact. */
#include "kernels/pair_dots.h"

#include <criterion/criterion.h>

static const float a[] = {99, 1, 2, 3, 99, -1, 0, 2, 99}, b[] = {5, 6, 7, 99, 1, 1, 1, 99};

static pc_pair_dots_args args_of(const pc_dot_item *items)
{
    return (pc_pair_dots_args){.a = a,
                               .b = b,
                               .a_stride = 4,
                               .b_stride = 4,
                               .n_a = 2,
                               .n_b = 2,
                               .items = items,
                               .n_items = 1,
                               .weight = 0.5};
}

static void expect(const double *out, const double *expected, const char *what)
{
    for (int i = 0; i < 4; i++)
        cr_expect(out[i] == expected[i], "%s, %d: %g, not %g", what, i, out[i], expected[i]);
}

Test(op_pair_dots, agrees_with_values_worked_out_by_hand)
{
    const pc_dot_item items[] = {{.a = 1, .n = 3}, {.a = 1, .n = 2}, {.a = 2, .b = 1, .n = 1}};
    static const double expected[][4] = {
        {19, 3, 4.5, 0.5}, /* 5 + 12 + 21, 1 + 2 + 3, -5 + 14, -1 + 2; halved */
        {8.5, 1.5, -2.5, -0.5},
        {6, 1, 0, 0}};
    const pc_pair_dots_args args = args_of(items);
    double out[4] = {7, 7, 7, 7};
    pc_ref_pair_dots(out, &args, 0);
    expect(out, expected[0], "three channels");
    pc_ref_pair_dots(out, &args, 1);
    expect(out, expected[1], "two channels");
    pc_ref_pair_dots(out, &args, 2);
    expect(out, expected[2], "one channel, further on");
}

Test(op_pair_dots, no_channels_give_zero)
{
    const pc_dot_item item = {0};
    static const double zeros[4];
    const pc_pair_dots_args args = args_of(&item);
    double out[4] = {7, 7, 7, 7};
    pc_ref_pair_dots(out, &args, 0);
    expect(out, zeros, "no channels");
}
