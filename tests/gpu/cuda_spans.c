/* What is asked of spans of rows on a device against the definitions: whether a change all but
 * takes away what a norm reads, and whether all is finite; any shape, any order of threads, any
 * batch. */
#include "on_device.h"
#include "kernels/not_finite_cuda.h"
#include "kernels/vanishing_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { ROWS = 24, N_BASE = 5, MOST_WIDTH = 97, MOST = ROWS * MOST_WIDTH };

static const int64_t widths[] = {1, 2, 31, 33, MOST_WIDTH};
enum { N_WIDTHS = sizeof widths / sizeof *widths };

/* More rows than a block has warps, strides, one row, none. */
static const pc_row_span spans[] = {{0, 1, 11}, {11, 1, 10}, {1, 4, 5},
                                    {21, 1, 3}, {23, 1, 1},  {0, 1, 0}};
enum { N_SPANS = sizeof spans / sizeof *spans };

static float x[MOST], d[MOST];
static int32_t base_row[ROWS];
static uint8_t first[N_SPANS], found[N_SPANS];

static void run_vanishing(uint8_t *out, int64_t width, int is_centred, int span, int n_spans)
{
    const pc_vanishing_args args = {.is_lost = device_copy_any(found, n_spans, 1),
                                    .spans = device_copy_any(spans + span, n_spans, sizeof *spans),
                                    .n_spans = n_spans,
                                    .d = device_copy(d, ROWS * width),
                                    .base_row = device_copy_int32(base_row, ROWS),
                                    .x = device_copy(x, N_BASE * width),
                                    .width = width,
                                    .is_centred = is_centred};
    device_expect(pck_vanishing(&args, NULL), "vanishing");
    device_read_any(out, args.is_lost, n_spans, 1);
    device_free_all();
}

/* Row `lost` leaves `share` of what it is a change of; the others are nothing of the kind. */
static void fill(int64_t width, int lost, float share, int is_centred)
{
    device_fill(x, N_BASE * width, is_centred ? 1 : 0, 1, 1);
    device_fill(d, ROWS * width, 0, 1, 2);
    for (int row = 0; row < ROWS; row++)
        base_row[row] = (ROWS - 1 - row) / 2 % N_BASE; /* repeated, reversed */
    for (int64_t i = 0; lost >= 0 && i < width; i++)
        d[lost * width + i] =
            -(1 - share) * x[base_row[lost] * width + i] + (is_centred ? 0.25f : 0);
}

/* Shares 1.27e-2 and 1.55e-2 in size, of sqrt(2) times x: 1e-2 is the bound, and float32 sums of
 * squares are wrong by 1e-6 of them at most. The definition's own answer is checked too. */
static void expect_defined(int64_t width, float share, int is_centred)
{
    double left[N_SPANS];
    const pc_vanishing_args args = {.spans = spans,
                                    .n_spans = N_SPANS,
                                    .d = d,
                                    .base_row = base_row,
                                    .x = x,
                                    .width = width,
                                    .is_centred = is_centred};
    pc_ref_vanishing(left, &args);
    for (int i = 0; i < N_SPANS; i++) {
        cr_assert(!(left[i] > 0.9e-4 && left[i] < 1.1e-4), "a test at the bound: %g", left[i]);
        cr_assert(first[i] == (left[i] < 1e-4), "width %d, share %g, span %d: %d, and %g is left",
                  (int)width, (double)share, i, first[i], left[i]);
    }
}

static void expect_alike_in_every_order(int64_t width, int lost, float share, int is_centred)
{
    fill(width, lost, share, is_centred);
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        device_shift(order % 2);
        run_vanishing(order == 0 ? first : found, width, is_centred, 0, N_SPANS);
        cr_assert(order == 0 || memcmp(found, first, sizeof first) == 0, "%s", name);
    }
    expect_defined(width, share, is_centred);
}

Test(cuda_spans, changes_that_all_but_vanish_are_seen)
{
    static const int rows[] = {0, 9, 20, 23, -1};
    for (int i = 2; i < N_WIDTHS; i++)
        for (int k = 0; k < 5; k++)
            for (int is_centred = 0; is_centred < 2; is_centred++) {
                expect_alike_in_every_order(widths[i], rows[k], 0.0127f, is_centred);
                expect_alike_in_every_order(widths[i], rows[k], 0.0155f, is_centred);
            }
}

Test(cuda_spans, no_change_loses_nothing_nor_does_a_nan)
{
    for (int i = 0; i < N_WIDTHS; i++) {
        fill(widths[i], -1, 0, 0);
        memset(d, 0, sizeof d);
        d[5 * widths[i]] = NAN;
        run_vanishing(found, widths[i], i % 2, 0, N_SPANS);
        for (int k = 0; k < N_SPANS; k++)
            cr_assert(found[k] == 0, "width %d, span %d", (int)widths[i], k);
    }
}

/* The squares of x around its mean are then what rounding leaves, of either sign. */
Test(cuda_spans, no_change_of_a_constant_loses_nothing)
{
    for (int i = 0; i < 40; i++) {
        fill(31, -1, 0, 1);
        memset(d, 0, sizeof d);
        for (int at = 0; at < N_BASE * 31; at++)
            x[at] = 0.1f * (float)(i + 1);
        run_vanishing(found, 31, 1, 0, N_SPANS);
        for (int span = 0; span < N_SPANS; span++)
            cr_assert(found[span] == 0, "%g, span %d", (double)x[0], span);
    }
}

Test(cuda_spans, a_span_does_not_depend_on_the_others)
{
    fill(33, 9, 0.0127f, 1);
    run_vanishing(first, 33, 1, 0, N_SPANS);
    for (int i = 0; i < N_SPANS; i++) {
        run_vanishing(found, 33, 1, i, 1);
        cr_assert(found[0] == first[i], "span %d", i);
    }
}

static void expect_found(int64_t width, int64_t stride, const char *name)
{
    const pc_not_finite_args host = {
        .spans = spans, .n_spans = N_SPANS, .x = d, .x_stride = stride, .width = width};
    pc_not_finite_args args = host;
    args.is_found = device_copy_any(found, N_SPANS, 1);
    args.spans = device_copy_any(spans, N_SPANS, sizeof *spans);
    args.x = device_copy(d, ROWS * stride);
    device_expect(pck_not_finite(&args, NULL), name);
    device_read_any(found, args.is_found, N_SPANS, 1);
    device_free_all();
    pc_ref_not_finite(first, &host);
    cr_assert(memcmp(found, first, sizeof first) == 0, "width %d, %s", (int)width, name);
}

Test(cuda_spans, what_is_not_finite_is_found_in_its_spans_alone)
{
    static const float values[] = {NAN, INFINITY, -INFINITY, 3e38f};
    static const int rows[] = {0, 10, 17, 23};
    for (int i = 0; i < N_WIDTHS * 4 * 4; i++) {
        const int64_t width = widths[i / 16], stride = width < MOST_WIDTH ? width + 1 : width;
        for (int order = 0; order < device_n_orders(); order++) {
            const char *name = device_use_order(order);
            device_shift(order % 2);
            device_fill(d, ROWS * stride, 0, 1, 2);
            d[rows[i / 4 % 4] * stride + width - 1] = values[i % 4];
            if (stride > width) d[4 * stride + width] = NAN; /* beside a row */
            expect_found(width, stride, name);
        }
    }
}

Test(cuda_spans, no_spans_launch_nothing)
{
    const pc_vanishing_args no_changes = {.width = 3};
    const pc_not_finite_args no_rows = {.width = 3};
    device_expect(pck_vanishing(&no_changes, NULL), "no spans");
    device_expect(pck_not_finite(&no_rows, NULL), "no spans");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
