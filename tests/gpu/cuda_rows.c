/* Moving, adding and cutting rows on a device: the definitions' results, which round so little that
 * they are the processor's to the bit; any shape, any order of threads and items. */
#include "on_device.h"
#include "kernels/add_change_cuda.h"
#include "kernels/copy_rows_cuda.h"
#include "kernels/cut_rows_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 24, MOST_STRIDE = 103, MOST = ROWS * MOST_STRIDE };

/* Narrower than a warp, one more, with and without a gap; a single column. */
static const struct {
    int64_t width, stride;
} shapes[] = {{1, 1}, {1, 7}, {31, 40}, {33, 33}, {100, MOST_STRIDE}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static float to[MOST], from[MOST], was[MOST], out[MOST], expected[MOST];
static double reference[MOST];

static void fill(void)
{
    device_fill(to, MOST, 0, 1, 1);
    device_fill(from, MOST, 0, 1, 2);
    device_fill(was, MOST, 0, 1, 3);
    from[2 * MOST_STRIDE] = NAN; /* moved like anything else */
}

/* ---- adding ---- */

static void expect_added(int64_t n, float sign)
{
    fill();
    pc_add_change_args args = {.x = to, .y = was, .sign = sign, .n = n};
    pc_ref_add_change(reference, &args);
    for (int64_t i = 0; i < n; i++)
        expected[i] = (float)reference[i]; /* one rounding */
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        device_shift(order % 2);
        args.x = device_copy(to, n);
        args.y = device_copy(was, n);
        device_expect(pck_add_change(&args, NULL), name);
        device_read(out, args.x, n);
        device_free_all();
        device_expect_same_bits(name, out, expected, n);
    }
}

Test(cuda_rows, changes_are_added_and_taken_away)
{
    static const int64_t sizes[] = {0, 1, 31, 1024, 1025, MOST};
    for (int i = 0; i < 6; i++) {
        expect_added(sizes[i], 1);
        expect_added(sizes[i], -1);
    }
}

/* ---- copying ---- */

/* Offsets here in rows. More rows than a block has warps; repeated and reversed sources; zeros. */
static const pc_row_copy copies[] = {{12, 2, 12}, {0, 9, 2}, {2, 0, 1}, {3, -1, 2}, {5, 0, 0}};
enum { N_COPIES = sizeof copies / sizeof *copies };

static void copy(float *result, const pc_row_copy *items, int64_t n_items, int shape)
{
    const int64_t stride = shapes[shape].stride, n = ROWS * stride;
    pc_row_copy scaled[N_COPIES];
    for (int64_t i = 0; i < n_items; i++)
        scaled[i] = (pc_row_copy){items[i].to * stride,
                                  items[i].from < 0 ? -1 : items[i].from * stride, items[i].rows};
    pc_copy_rows_args args = {.to = device_copy(to, n),
                              .from = device_copy(from, n),
                              .to_stride = stride,
                              .from_stride = stride,
                              .width = shapes[shape].width,
                              .items = device_copy_any(scaled, n_items, sizeof *scaled),
                              .n_items = n_items,
                              .most_rows = 12};
    device_expect(pck_copy_rows(&args, NULL), "copy");
    device_read(result, args.to, n);
    device_free_all();
    memcpy(expected, to, sizeof to);
    args.to = expected;
    args.from = from;
    args.items = scaled;
    pc_ref_copy_rows(&args);
}

Test(cuda_rows, rows_are_copied_to_their_places)
{
    for (int shape = 0; shape < N_SHAPES; shape++)
        for (int order = 0; order < device_n_orders(); order++) {
            const char *name = device_use_order(order);
            fill();
            device_shift(order % 2);
            copy(out, copies, N_COPIES, shape);
            cr_assert(memcmp(out, expected, (size_t)(ROWS * shapes[shape].stride) * sizeof *out) ==
                          0,
                      "width %d, %s", (int)shapes[shape].width, name);
        }
}

Test(cuda_rows, an_item_does_not_depend_on_the_others)
{
    for (int i = 0; i < N_COPIES; i++) {
        fill();
        copy(out, &copies[i], 1, 2);
        cr_assert(memcmp(out, expected, ROWS * 40 * sizeof *out) == 0, "item %d", i);
    }
}

/* ---- cutting ---- */

static const pc_cut_item cuts[] = {
    {12, 2, 3, 12, 1}, {0, 9, -1, 2, 1}, {2, 0, 3, 1, -1}, {3, -1, 0, 2, 1}, {5, 1, -1, 1, -1},
};
enum { N_CUTS = sizeof cuts / sizeof *cuts };

static int64_t scaled_by(int64_t row, int64_t stride)
{
    return row < 0 ? -1 : row * stride;
}

/* What the definition computes in double is rounded where the operator rounds. */
static void define(const pc_cut_rows_args *args)
{
    memcpy(expected, to, sizeof to);
    pc_cut_rows_args set = *args;
    set.mode = PC_CUT_SET;
    for (int64_t i = 0; i < args->n_items; i++) {
        set.items = &args->items[i];
        set.n_items = 1;
        if (args->mode == PC_CUT_ADD && set.items->change < 0) continue;
        pc_ref_cut_rows(reference, &set);
        for (int64_t row = 0; row < set.items->rows; row++)
            for (int64_t c = 0; c < args->width; c++) {
                const int64_t at = set.items->to + row * args->to_stride + c;
                const float value = (float)reference[at];
                expected[at] = args->mode == PC_CUT_ADD ? to[at] + value : value;
            }
    }
}

static void expect_cut(int shape, pc_cut_mode mode, const char *name)
{
    const int64_t stride = shapes[shape].stride, n = ROWS * stride;
    pc_cut_item items[N_CUTS];
    for (int i = 0; i < N_CUTS; i++)
        items[i] = (pc_cut_item){scaled_by(cuts[i].to, stride), scaled_by(cuts[i].change, stride),
                                 scaled_by(cuts[i].was, stride), cuts[i].rows, cuts[i].sign};
    const pc_cut_rows_args host = {.to = to,
                                   .change = from,
                                   .was = was,
                                   .to_stride = stride,
                                   .change_stride = stride,
                                   .was_stride = stride,
                                   .width = shapes[shape].width,
                                   .items = items,
                                   .n_items = N_CUTS,
                                   .most_rows = 12,
                                   .mode = mode};
    pc_cut_rows_args args = host;
    args.to = device_copy(to, n);
    args.change = device_copy(from, n);
    args.was = device_copy(was, n);
    args.items = device_copy_any(items, N_CUTS, sizeof *items);
    device_expect(pck_cut_rows(&args, NULL), name);
    device_read(out, args.to, n);
    device_free_all();
    define(&host);
    for (int64_t i = 0; i < n; i++)
        cr_assert(out[i] == expected[i] || (isnan(out[i]) && isnan(expected[i])),
                  "%s, width %d, mode %d, element %d: %.9g, not %.9g", name,
                  (int)shapes[shape].width, mode, (int)i, (double)out[i], (double)expected[i]);
}

Test(cuda_rows, what_is_cut_is_set_or_added)
{
    for (int shape = 0; shape < N_SHAPES; shape++)
        for (int order = 0; order < device_n_orders(); order++) {
            const char *name = device_use_order(order);
            fill();
            device_shift(order % 2);
            expect_cut(shape, PC_CUT_SET, name);
            expect_cut(shape, PC_CUT_ADD, name);
        }
}

Test(cuda_rows, nothing_launches_nothing)
{
    const pc_add_change_args add = {.sign = 1};
    const pc_copy_rows_args no_copies = {.width = 3, .most_rows = 1}, no_rows = {.n_items = 2};
    const pc_cut_rows_args no_cuts = {.width = 3, .most_rows = 1}, no_width = {.n_items = 2};
    device_expect(pck_add_change(&add, NULL), "nothing to add");
    device_expect(pck_copy_rows(&no_copies, NULL), "no copies");
    device_expect(pck_copy_rows(&no_rows, NULL), "no rows");
    device_expect(pck_cut_rows(&no_cuts, NULL), "no cuts");
    device_expect(pck_cut_rows(&no_width, NULL), "no width");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
