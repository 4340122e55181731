/* Softcapped numbers' changes on a device against their definition: changes of any size, any shape,
 * any order of threads, any batch. */
#include "on_device.h"
#include "kernels/softcap_delta.h"
#include "kernels/softcap_delta_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_BASE = 2, MOST_ROWS = 5, MOST = MOST_ROWS * 1100 };

static float x[MOST], d[MOST], out[MOST], first[MOST];
static double reference[MOST];
static const int32_t base_row[MOST_ROWS] = {1, 1, 0, 1, 0};

static pc_softcap_delta_args args_of(int64_t rows, int64_t width)
{
    return (pc_softcap_delta_args){
        .d = d, .base_row = base_row, .x = x, .rows = rows, .width = width, .cap = 30};
}

typedef enum place { APART, IN_PLACE } place;

static void run(float *to, const pc_softcap_delta_args *host, place where)
{
    const int64_t n = host->rows * host->width;
    pc_softcap_delta_args args = *host;
    float *changes = device_copy(host->d, n);
    args.out = where == IN_PLACE ? changes : device_fresh(n);
    args.d = changes;
    args.base_row = device_copy_int32(host->base_row, host->rows);
    args.x = device_copy(host->x, N_BASE * host->width);
    device_expect(pck_softcap_delta(&args, NULL), "softcap");
    device_read(to, args.out, n);
    device_free_all();
}

/* 1 - a^2 carries tanh's three units (2e-7 of 1), times d; beyond |d| = c / 2 the difference is of
 * numbers below c. The definition rounds too, by 4e-16 c. */
static void expect_defined(const char *what, const pc_softcap_delta_args *args)
{
    pc_ref_softcap_delta(reference, args);
    for (int64_t i = 0; i < args->rows * args->width; i++)
        device_expect_near(what, &first[i], &reference[i], 1,
                           6e-7 * fmin(fabs((double)d[i]), args->cap) + 4e-16 * args->cap, 6e-7);
}

Test(cuda_softcap_delta, agrees_with_its_definition_in_every_order_and_shape)
{
    static const int64_t widths[] = {1, 33, 257, 1025}, rows[] = {1, 3, MOST_ROWS, 2};
    for (int i = 0; i < 4; i++) {
        char what[64];
        const pc_softcap_delta_args args = args_of(rows[i], widths[i]);
        device_fill(x, N_BASE * widths[i], 0, 40, 1);
        device_fill(d, rows[i] * widths[i], 0, 20, 2);
        for (int order = 0; order < device_n_orders(); order++) {
            snprintf(what, sizeof what, "width %d, %s", (int)widths[i], device_use_order(order));
            run(order == 0 ? first : out, &args, APART);
            if (order > 0) device_expect_same_bits(what, out, first, rows[i] * widths[i]);
        }
        expect_defined(what, &args);
    }
}

Test(cuda_softcap_delta, changes_of_any_size_are_right_relative_to_the_change)
{
    static const float spreads[] = {0.1f, 10, 100}, sizes[] = {1e-7f, 1e-3f, 1, 20, 1000};
    const pc_softcap_delta_args args = args_of(MOST_ROWS, 300);
    for (int i = 0; i < 15; i++) {
        char what[64];
        device_fill(x, N_BASE * args.width, 0, spreads[i / 5], 1);
        device_fill(d, args.rows * args.width, 0, sizes[i % 5], 2);
        run(first, &args, APART);
        snprintf(what, sizeof what, "%g of %g", (double)sizes[i % 5], (double)spreads[i / 5]);
        expect_defined(what, &args);
    }
}

Test(cuda_softcap_delta, no_change_gives_zero_and_a_nan_stays_in_its_element)
{
    const pc_softcap_delta_args args = args_of(MOST_ROWS, 300);
    device_fill(x, N_BASE * args.width, 0, 50, 1);
    memset(d, 0, sizeof d);
    d[7] = NAN;
    run(out, &args, APART);
    for (int64_t i = 0; i < args.rows * args.width; i++)
        cr_assert(i == 7 ? isnan(out[i]) : out[i] == 0, "element %d: %g", (int)i, (double)out[i]);
}

Test(cuda_softcap_delta, a_row_does_not_depend_on_the_others_nor_on_where_arrays_stand)
{
    const int64_t width = 1025;
    pc_softcap_delta_args args = args_of(MOST_ROWS, width);
    device_fill(x, N_BASE * width, 0, 40, 1);
    device_fill(d, MOST_ROWS * width, 0, 20, 2);
    run(first, &args, APART);
    device_shift(1);
    run(out, &args, IN_PLACE);
    device_expect_same_bits("unaligned, in place", out, first, MOST_ROWS * width);
    for (int64_t row = 0; row < MOST_ROWS; row++) {
        args = args_of(1, width);
        args.d = d + row * width;
        args.base_row = base_row + row;
        run(out, &args, APART);
        device_expect_same_bits("a row alone", out, first + row * width, width);
    }
}

Test(cuda_softcap_delta, nothing_launches_nothing)
{
    const pc_softcap_delta_args no_rows = {.width = 768, .cap = 1},
                                no_width = {.rows = 3, .cap = 1};
    device_expect(pck_softcap_delta(&no_rows, NULL), "no rows");
    device_expect(pck_softcap_delta(&no_width, NULL), "no width");
    device_expect(cudaDeviceSynchronize(), "nothing");
}
