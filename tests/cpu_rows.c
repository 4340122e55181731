/* The operators that move and look at rows on the CPU, in every instruction set. */
#include "kernels/copy_rows.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { ROWS = 12, STRIDE = 77, N = ROWS * STRIDE };

static const int64_t widths[] = {1, 7, 16, 33, 70, STRIDE};
enum { N_WIDTHS = sizeof widths / sizeof *widths };

static float to[N], from[N], was[N], expected[N];
static double reference[N];

static void fill(void)
{
    compare_fill(to, N, 1, 1);
    compare_fill(from, N, 1, 2);
    compare_fill(was, N, 1, 3);
}

/* A sum of two floats, rounded once, is the definition's, rounded. */
Test(cpu_rows, changes_are_added_and_taken_away)
{
    for (int i = 0; i < 2 * N_WIDTHS * compare_n_sets(); i++) {
        const struct pc_cpu_ops *ops = compare_set(i / (2 * N_WIDTHS));
        const int64_t n = 9 * widths[i / 2 % N_WIDTHS];
        fill();
        memcpy(expected, to, sizeof to);
        const pc_add_change_args args = {.x = to, .y = from, .sign = i % 2 ? 1 : -1, .n = n};
        pc_ref_add_change(reference, &args);
        for (int64_t k = 0; k < n; k++)
            expected[k] = (float)reference[k];
        ops->add_change(&args);
        compare_bits(ops->name, to, expected, N);
    }
}

/* Repeated and reversed sources, zeros, an item without rows. */
static const pc_row_copy copies[] = {
    {7 * STRIDE, 2 * STRIDE, 3}, {0, 2 * STRIDE, 2}, {2 * STRIDE, 0, 1},
    {3 * STRIDE, -1, 2},         {5 * STRIDE, 0, 0},
};

Test(cpu_rows, rows_are_copied_to_their_places)
{
    for (int i = 0; i < N_WIDTHS * compare_n_sets(); i++) {
        const struct pc_cpu_ops *ops = compare_set(i / N_WIDTHS);
        pc_copy_rows_args args = {.to = expected,
                                  .from = from,
                                  .to_stride = STRIDE,
                                  .from_stride = STRIDE,
                                  .width = widths[i % N_WIDTHS],
                                  .items = copies,
                                  .n_items = 5,
                                  .most_rows = 3};
        fill();
        from[2 * STRIDE] = NAN;
        memcpy(expected, to, sizeof to);
        pc_ref_copy_rows(&args);
        args.to = to;
        ops->copy_rows(&args);
        cr_assert(memcmp(to, expected, sizeof to) == 0, "%s, width %d", ops->name, (int)args.width);
    }
}

static const pc_cut_item cuts[] = {
    {6 * STRIDE, 2 * STRIDE, 4 * STRIDE, 3, 1},
    {0, 2 * STRIDE, -1, 2, 1},
    {2 * STRIDE, 0, 3 * STRIDE, 1, -1},
    {3 * STRIDE, -1, 0, 2, 1},
    {5 * STRIDE, STRIDE, -1, 1, -1},
    {9 * STRIDE, 0, 0, 0, 1},
};

/* c - d rounds to 6e-8 of up to 2, the sum to 6e-8 of up to 3. */
Test(cpu_rows, what_is_cut_is_set_or_added)
{
    static float first[N];
    for (int mode = PC_CUT_SET; mode <= PC_CUT_ADD; mode++)
        for (int i = 0; i < N_WIDTHS * compare_n_sets(); i++) {
            const struct pc_cpu_ops *ops = compare_set(i % compare_n_sets());
            const pc_cut_rows_args args = {.to = to,
                                           .change = from,
                                           .was = was,
                                           .to_stride = STRIDE,
                                           .change_stride = STRIDE,
                                           .was_stride = STRIDE,
                                           .width = widths[i / compare_n_sets()],
                                           .items = cuts,
                                           .n_items = 6,
                                           .most_rows = 3,
                                           .mode = (pc_cut_mode)mode};
            fill();
            for (int64_t k = 0; k < N; k++)
                reference[k] = (double)to[k];
            pc_ref_cut_rows(reference, &args);
            ops->cut_rows(&args);
            compare_near(ops->name, to, reference, N, 3e-7, 0);
            if (i % compare_n_sets() == 0) memcpy(first, to, sizeof to);
            compare_bits(ops->name, to, first, N);
        }
}

/* Changes that leave a share of x: 0.9e-2 in size, or 1.1e-2, of sqrt(2) times it. */
static void leave(float share, int64_t width, int is_centred)
{
    fill();
    for (int64_t row = 0; row < ROWS; row++)
        for (int64_t i = 0; i < width; i++) {
            const int64_t at = row * width + i;
            if (is_centred) from[at] += 1; /* a mean, of which nothing must be seen */
            was[at] = -(1 - share) * from[at];
            if (is_centred) was[at] += 0.5f;
        }
}

static void expect_lost(int is_lost, float share, int64_t width, int is_centred)
{
    int32_t base_row[ROWS];
    const pc_row_span spans[] = {{1, 3, 3}, {ROWS - 1, 1, 1}, {0, 1, 0}};
    uint8_t lost[3];
    double left[3];
    leave(share, width, is_centred);
    for (int row = 0; row < ROWS; row++)
        base_row[row] = row;
    const pc_vanishing_args args = {.is_lost = lost,
                                    .spans = spans,
                                    .n_spans = 3,
                                    .d = was,
                                    .base_row = base_row,
                                    .x = from,
                                    .width = width,
                                    .is_centred = is_centred};
    pc_ref_vanishing(left, &args);
    cr_assert((left[0] < 1e-4) == is_lost, "%g", left[0]);
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_set(set)->vanishing(&args);
        cr_assert(lost[0] == is_lost && lost[1] == is_lost && lost[2] == 0, "%s, width %d, %g",
                  compare_set(set)->name, (int)width, (double)share);
    }
}

Test(cpu_rows, changes_that_all_but_vanish_are_seen)
{
    for (int i = 1; i < N_WIDTHS; i++)
        for (int is_centred = 0; is_centred < 2; is_centred++) {
            expect_lost(1, 0.0127f, widths[i], is_centred);
            expect_lost(0, 0.0155f, widths[i], is_centred);
        }
    expect_lost(1, 0.0127f, 1, 0);
}

Test(cpu_rows, one_row_of_a_span_is_enough_and_no_change_is_none)
{
    const pc_row_span spans[] = {{0, 1, 4}, {4, 1, 4}, {1, 3, 2}};
    int32_t base_row[ROWS];
    uint8_t lost[3];
    fill();
    memset(was, 0, sizeof was);
    for (int row = 0; row < ROWS; row++)
        base_row[row] = ROWS - 1 - row;
    for (int i = 0; i < 33; i++)
        was[2 * 33 + i] = -from[base_row[2] * 33 + i];
    was[5 * 33] = NAN;
    const pc_vanishing_args args = {.is_lost = lost,
                                    .spans = spans,
                                    .n_spans = 3,
                                    .d = was,
                                    .base_row = base_row,
                                    .x = from,
                                    .width = 33};
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_set(set)->vanishing(&args);
        cr_assert(lost[0] == 1 && lost[1] == 0 && lost[2] == 0, "%s", compare_set(set)->name);
    }
}

/* The squares of x around its mean are then what rounding leaves, of either sign. */
Test(cpu_rows, no_change_of_a_constant_loses_nothing)
{
    static const int32_t base_row[] = {0};
    const pc_row_span span = {0, 1, 1};
    uint8_t lost;
    memset(was, 0, sizeof was);
    for (int i = 0; i < 40 * compare_n_sets(); i++) {
        for (int at = 0; at < 31; at++)
            from[at] = 0.1f * (float)(i / compare_n_sets() + 1);
        const pc_vanishing_args args = {&lost, &span, 1, was, base_row, from, 31, 1};
        compare_set(i % compare_n_sets())->vanishing(&args);
        cr_assert(lost == 0, "%g", (double)from[0]);
    }
}

Test(cpu_rows, what_is_not_finite_is_found_wherever_it_stands)
{
    static const float values[] = {NAN, INFINITY, -INFINITY, 3e38f};
    const pc_row_span spans[] = {{0, 1, 5}, {5, 1, 2}, {1, 3, 2}, {7, 1, 0}};
    uint8_t found[4], expected_found[4];
    for (int i = 0; i < N_WIDTHS * 4; i++)
        for (int64_t c = 0; c < widths[i / 4]; c++) {
            fill();
            from[5 * STRIDE + c] = values[i % 4];
            from[4 * STRIDE + (STRIDE - 1)] = 3e38f;
            const pc_not_finite_args args = {.is_found = found,
                                             .spans = spans,
                                             .n_spans = 4,
                                             .x = from,
                                             .x_stride = STRIDE,
                                             .width = widths[i / 4]};
            pc_ref_not_finite(expected_found, &args);
            cr_assert(expected_found[1] == (i % 4 < 3));
            for (int set = 0; set < compare_n_sets(); set++) {
                compare_set(set)->not_finite(&args);
                cr_assert(memcmp(found, expected_found, 4) == 0, "%s, column %d",
                          compare_set(set)->name, (int)c);
            }
        }
}
