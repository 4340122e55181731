/* What a change does to answers' logits on a device against its definition: with and without a
 * softcap, any width, any order of threads, any batch. */
#include "on_device.h"
#include "kernels/answer_delta.h"
#include "kernels/answer_delta_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 11, N_COLUMNS = 9, N_TARGETS = 3, MOST_WIDTH = 770 };

static float dy[ROWS * MOST_WIDTH], w[N_COLUMNS * MOST_WIDTH];
static double logits[N_COLUMNS], effect[ROWS], first[ROWS], reference[ROWS];
static int32_t target[ROWS];
static const pc_answer_columns columns[N_TARGETS] = {{0, 1, 1}, {2, 3, 0}, {5, 1, 3}};

static void fill(int64_t width, float size)
{
    device_fill(dy, ROWS * width, 0, size, 1);
    device_fill(w, N_COLUMNS * width, 0, 1, 2);
    for (int i = 0; i < N_COLUMNS; i++)
        logits[i] = 7.5 * i - 30;
    for (int row = 0; row < ROWS; row++)
        target[row] = (ROWS - 1 - row) / 2 % N_TARGETS; /* repeated, reversed */
}

static void run(double *out, int64_t width, double softcap, int64_t row, int64_t rows)
{
    const pc_answer_delta_args args = {
        .effect = device_fresh_doubles(rows),
        .dy = device_copy(dy + row * width, rows * width),
        .target = device_copy_int32(target + row, rows),
        .columns = device_copy_any(columns, N_TARGETS, sizeof *columns),
        .w = device_copy(w, N_COLUMNS * width),
        .logits = softcap > 0 ? device_copy_any(logits, N_COLUMNS, sizeof *logits) : NULL,
        .softcap = softcap,
        .rows = rows,
        .width = width};
    device_expect(pck_answer_delta(&args, NULL), "answers");
    device_read_any(out, args.effect, rows, sizeof *out);
    device_free_all();
}

/* Doubles: 1e-16 of each of up to 770 terms, which are below the size; and of the definition's
 * difference of two tanh's a few 1e-16 of the cap. */
static void expect_defined(const char *what, int64_t width, double size, double softcap)
{
    const pc_answer_delta_args args = {.dy = dy,
                                       .target = target,
                                       .columns = columns,
                                       .w = w,
                                       .logits = logits,
                                       .softcap = softcap,
                                       .rows = ROWS,
                                       .width = width};
    pc_ref_answer_delta(reference, &args);
    for (int row = 0; row < ROWS; row++)
        cr_assert(fabs(first[row] - reference[row]) <=
                      1e-16 * (double)width * size + 1e-15 * softcap + 1e-14 * fabs(reference[row]),
                  "%s, row %d: %.17g, not %.17g", what, row, first[row], reference[row]);
}

Test(cuda_answer_delta, agrees_with_its_definition_in_every_order_and_size)
{
    static const int64_t widths[] = {1, 31, 32, MOST_WIDTH};
    static const float sizes[] = {1e-6f, 0.1f, 10};
    static const double caps[] = {0, 30};
    for (int i = 0; i < 4 * 3 * 2; i++) {
        const int64_t width = widths[i / 6];
        char what[96];
        fill(width, sizes[i / 2 % 3]);
        for (int order = 0; order < device_n_orders(); order++) {
            snprintf(what, sizeof what, "width %d, changes of %g, cap %g, %s", (int)width,
                     (double)sizes[i / 2 % 3], caps[i % 2], device_use_order(order));
            run(order == 0 ? first : effect, width, caps[i % 2], 0, ROWS);
            cr_assert(order == 0 || memcmp(effect, first, sizeof first) == 0, "%s", what);
        }
        expect_defined(what, width, (double)sizes[i / 2 % 3], caps[i % 2]);
    }
}

Test(cuda_answer_delta, a_row_does_not_depend_on_the_others_nor_on_where_arrays_stand)
{
    fill(MOST_WIDTH, 1);
    run(first, MOST_WIDTH, 30, 0, ROWS);
    device_shift(1);
    for (int64_t row = 0; row < ROWS; row++) {
        run(effect, MOST_WIDTH, 30, row, 1);
        cr_assert(memcmp(effect, first + row, sizeof *effect) == 0, "row %d alone", (int)row);
    }
}

Test(cuda_answer_delta, no_change_gives_zero_and_a_nan_stays_in_its_row)
{
    fill(64, 0);
    dy[70] = NAN;
    for (int capped = 0; capped < 2; capped++) {
        run(effect, 64, capped ? 30 : 0, 0, ROWS);
        for (int row = 0; row < ROWS; row++)
            cr_assert(row == 1 ? isnan(effect[row]) : effect[row] == 0, "row %d: %g", row,
                      effect[row]);
    }
}

Test(cuda_answer_delta, no_rows_launch_nothing)
{
    const pc_answer_delta_args none = {.width = 768};
    device_expect(pck_answer_delta(&none, NULL), "no rows");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
