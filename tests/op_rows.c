/* The operators that move and look at rows: their definitions by hand. */
#include "kernels/add_change.h"
#include "kernels/copy_rows.h"
#include "kernels/cut_rows.h"
#include "kernels/not_finite.h"
#include "kernels/vanishing.h"

#include <criterion/criterion.h>
#include <math.h>

Test(op_rows, changes_are_added_and_taken_away)
{
    float x[] = {1, -2, 4};
    const float y[] = {8, 16, -32};
    double out[3];
    pc_add_change_args args = {.x = x, .y = y, .sign = 1, .n = 3};
    pc_ref_add_change(out, &args);
    cr_expect(out[0] == 9 && out[1] == 14 && out[2] == -28);
    args.sign = -1;
    pc_ref_add_change(out, &args);
    cr_expect(out[0] == -7 && out[1] == -18 && out[2] == 36);
}

/* Rows of two out of a matrix of three columns: the last two rows' right, then zeros. */
Test(op_rows, rows_are_copied_to_their_places)
{
    const float from[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const float expected[] = {9, 9, 9, 9, 0, 0, 9, 9, 5, 6, 9, 9, 8, 9, 9, 9};
    const pc_row_copy items[] = {{8, 4, 2}, {4, -1, 1}};
    float to[16];
    for (int i = 0; i < 16; i++)
        to[i] = 9;
    const pc_copy_rows_args args = {.to = to,
                                    .from = from,
                                    .to_stride = 4,
                                    .from_stride = 3,
                                    .width = 2,
                                    .items = items,
                                    .n_items = 2,
                                    .most_rows = 2};
    pc_ref_copy_rows(&args);
    for (int i = 0; i < 16; i++)
        cr_expect(to[i] == expected[i], "%d: %g", i, (double)to[i]);
}

static const float change[] = {1, 2, 3, 4, 5, 6}, was[] = {10, 20, 30, 40, 50, 60};
/* A cut edge; one that was not changed, kept where all are replaced; one that is not cut here. */
static const pc_cut_item cut_items[] = {
    {.to = 0, .change = 2, .was = 4, .rows = 1, .sign = 1},
    {.to = 2, .change = 4, .was = -1, .rows = 1, .sign = -1},
    {.to = 4, .change = -1, .was = 0, .rows = 1, .sign = 1},
};

static void cut(double *out, float *to, pc_cut_mode mode)
{
    const pc_cut_rows_args args = {.to = to,
                                   .change = change,
                                   .was = was,
                                   .to_stride = 2,
                                   .change_stride = 2,
                                   .was_stride = 2,
                                   .width = 2,
                                   .items = cut_items,
                                   .n_items = 3,
                                   .most_rows = 1,
                                   .mode = mode};
    pc_ref_cut_rows(out, &args);
}

Test(op_rows, what_is_cut_is_set_or_added)
{
    static const double values[] = {3 - 50, 4 - 60, -5, -6, 0, 0};
    float to[] = {100, 200, 300, 400, 500, 600};
    double out[6];
    cut(out, to, PC_CUT_SET);
    for (int i = 0; i < 6; i++)
        cr_expect_eq(out[i], values[i]);
    cut(out, to, PC_CUT_ADD);
    for (int i = 0; i < 6; i++)
        cr_expect_eq(out[i], 100 * (i + 1) + values[i]);
}

static double share_of(const float *d, const float *x, int64_t rows, int64_t width, int is_centred)
{
    static const int32_t base_row[] = {0, 0};
    const pc_row_span span = {0, 1, rows};
    double share;
    const pc_vanishing_args args = {.spans = &span,
                                    .n_spans = 1,
                                    .d = d,
                                    .base_row = base_row,
                                    .x = x,
                                    .width = width,
                                    .is_centred = is_centred};
    pc_ref_vanishing(&share, &args);
    return share;
}

Test(op_rows, how_much_a_change_leaves)
{
    const float x[] = {3, 4}, d[] = {-3, 0, 0, -4};
    cr_expect_eq(share_of(d, x, 1, 2, 0), 16.0 / (25 + 9));
    cr_expect_eq(share_of(d, x, 2, 2, 0), 9.0 / (25 + 16)); /* the second row leaves less */
    /* around their means: (-1/2, 1/2), (-3/2, 3/2) and (-2, 2) */
    cr_expect_eq(share_of(d, x, 1, 2, 1), 8 / (0.5 + 4.5));
    const float none[] = {0, 0};
    cr_expect_eq(share_of(none, x, 1, 2, 0), INFINITY);
    cr_expect_eq(share_of(none, x, 0, 2, 0), INFINITY);
}

Test(op_rows, what_is_not_finite_is_found_in_its_span_alone)
{
    float x[6 * 3] = {0};
    const pc_row_span spans[] = {{0, 1, 2}, {2, 2, 2}, {3, 2, 2}, {0, 1, 0}, {0, 1, 6}};
    uint8_t found[5];
    x[4 * 3 + 1] = -INFINITY; /* row 4 */
    x[3 * 3 + 2] = NAN;       /* beside row 3, which is two wide */
    const pc_not_finite_args args = {
        .spans = spans, .n_spans = 5, .x = x, .x_stride = 3, .width = 2};
    pc_ref_not_finite(found, &args);
    cr_expect(!found[0] && found[1] && !found[2] && !found[3] && found[4]);
}
