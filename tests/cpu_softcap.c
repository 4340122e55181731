/* Softcapped numbers and their changes: the definition by hand, and every instruction set. */
#include "kernels/softcap_delta.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { N_BASE = 2, ROWS = 3, WIDTH = 300, N = ROWS * WIDTH };

static float x[N_BASE * WIDTH], d[N], out[N], first[N];
static double reference[N];
static const int32_t base_row[ROWS] = {1, 0, 1};

static pc_softcap_delta_args args_of(double cap)
{
    return (pc_softcap_delta_args){
        .out = out, .d = d, .base_row = base_row, .x = x, .rows = ROWS, .width = WIDTH, .cap = cap};
}

Test(cpu_softcap, the_definition_by_hand)
{
    const float from = 0, by = 2;
    const int32_t row = 0;
    double change;
    const pc_softcap_delta_args args = {
        .d = &by, .base_row = &row, .x = &from, .rows = 1, .width = 1, .cap = 4};
    pc_ref_softcap_delta(&change, &args);
    cr_expect(fabs(change - 4 * 0.46211715726000975) < 1e-15, "%.17g", change); /* tanh(1/2) */
}

/* 1 - a^2 carries tanh's three units (2e-7 of 1), times d; beyond |d| = c / 2 the difference is of
 * numbers below c. The definition rounds too, by 4e-16 c. */
Test(cpu_softcap, changes_of_any_size_are_right_relative_to_the_change)
{
    static const double spreads[] = {0.1, 10, 100}, sizes[] = {1e-7, 1e-3, 1, 20, 1000};
    const double cap = 30;
    for (int s = 0; s < 3; s++)
        for (int i = 0; i < 5; i++) {
            compare_fill(x, N_BASE * WIDTH, spreads[s], 1);
            compare_fill(d, N, sizes[i], 2);
            const pc_softcap_delta_args args = args_of(cap);
            pc_ref_softcap_delta(reference, &args);
            for (int set = 0; set < compare_n_sets(); set++) {
                compare_set(set)->softcap_delta(&args);
                for (int at = 0; at < N; at++)
                    compare_near(compare_set(set)->name, &out[at], &reference[at], 1,
                                 6e-7 * fmin(fabs((double)d[at]), cap) + 4e-16 * cap, 6e-7);
                if (set == 0) memcpy(first, out, sizeof out);
                compare_bits(compare_set(set)->name, out, first, N);
            }
        }
}

Test(cpu_softcap, no_change_gives_zero_in_place_is_the_same_and_nan_stays)
{
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_fill(x, N_BASE * WIDTH, 50, 1);
        memset(d, 0, sizeof d);
        pc_softcap_delta_args args = args_of(30);
        compare_set(set)->softcap_delta(&args);
        for (int i = 0; i < N; i++)
            cr_assert(out[i] == 0, "%d", i);
        compare_fill(d, N, 5, 2);
        d[7] = NAN;
        compare_set(set)->softcap_delta(&args);
        cr_assert(isnan(out[7]) && !isnan(out[6]) && !isnan(out[8]));
        args.out = d;
        compare_set(set)->softcap_delta(&args);
        compare_bits("in place", d, out, N);
    }
}

Test(cpu_softcap, the_base_runs_numbers_are_capped)
{
    compare_fill(x, N_BASE * WIDTH, 100, 1);
    for (int i = 0; i < N_BASE * WIDTH; i++)
        reference[i] = 30 * tanh((double)x[i] / 30);
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_set(set)->softcap_base(out, x, N_BASE * WIDTH, 30);
        compare_near(compare_set(set)->name, out, reference, N_BASE * WIDTH, 0, 4e-7);
    }
}
