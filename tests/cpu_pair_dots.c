/* The CPU's inner products of all pairs against their definition, in every instruction set. */
#include "kernels/pair_dots.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_N = 2500, MOST_A = 7, MOST_B = 8, STRIDE = MOST_N + 3, OUT_STRIDE = 11 };
enum { N_OUT = MOST_A * OUT_STRIDE };

static float a[MOST_A * STRIDE], b[MOST_B * STRIDE];
static double out[N_OUT], first[N_OUT], before[N_OUT], reference[MOST_A * MOST_B];
static pc_dot_item item;

static void fill(void)
{
    compare_fill(a, MOST_A * STRIDE, 1, 1);
    compare_fill(b, MOST_B * STRIDE, 1, 2);
    for (int i = 0; i < N_OUT; i++)
        before[i] = 0.5 * i;
}

static pc_pair_dots_args args_of(int64_t n_a, int64_t n_b, int64_t n)
{
    item = (pc_dot_item){.out = 1, .a = 2, .b = 3, .n = n};
    return (pc_pair_dots_args){.out = out,
                               .a = a,
                               .b = b,
                               .out_stride = OUT_STRIDE,
                               .a_stride = STRIDE,
                               .b_stride = STRIDE,
                               .n_a = n_a,
                               .n_b = n_b,
                               .items = &item,
                               .n_items = 1,
                               .weight = 0.25};
}

static void run(const pc_cpu_ops *ops, const pc_pair_dots_args *args)
{
    memcpy(out, before, sizeof out);
    ops->pair_dots(args);
}

/* Products are up to 1. A chain's partial sums, of up to 128 of them, are below 8 for random signs;
 * n such roundings add up like their root. */
static void expect_near(const char *name, const pc_pair_dots_args *args)
{
    const double bound = 6e-8 * args->weight * 8 * sqrt((double)args->items->n);
    for (int i = 0; i < N_OUT; i++) {
        const int row = (i - 1) / OUT_STRIDE, column = (i - 1) % OUT_STRIDE;
        const int is_out = i > 0 && row < args->n_a && column < args->n_b;
        const double by = is_out ? reference[row * args->n_b + column] : 0;
        cr_assert(fabs(out[i] - before[i] - by) <= (is_out ? bound : 0), "%s, %d: %.9g, not %.9g",
                  name, i, out[i] - before[i], by);
    }
}

Test(cpu_pair_dots, products_of_any_shape_are_added)
{
    static const int64_t lengths[] = {0, 1, 7, 8, 9, 1023, 1024, 1025, MOST_N};
    char name[128];
    fill();
    for (int64_t n_a = 0; n_a <= MOST_A; n_a++)
        for (int64_t n_b = 0; n_b <= MOST_B; n_b++)
            for (int i = 0; i < 9; i++) {
                const pc_pair_dots_args args = args_of(n_a, n_b, lengths[i]);
                pc_ref_pair_dots(reference, &args, 0);
                for (int set = 0; set < compare_n_sets(); set++) {
                    snprintf(name, sizeof name, "%s, %d x %d, length %d", compare_set(set)->name,
                             (int)n_a, (int)n_b, (int)lengths[i]);
                    run(compare_set(set), &args);
                    expect_near(name, &args);
                    if (set == 0) memcpy(first, out, sizeof out);
                    cr_assert(memcmp(out, first, sizeof out) == 0, "%s: other bits", name);
                }
            }
}

/* Whatever block it is computed in, and whatever else is in the call. */
Test(cpu_pair_dots, a_pair_does_not_depend_on_the_others)
{
    static double alone[N_OUT];
    fill();
    for (int set = 0; set < compare_n_sets(); set++) {
        pc_pair_dots_args args = args_of(MOST_A, MOST_B, MOST_N);
        run(compare_set(set), &args);
        memcpy(first, out, sizeof out);
        memcpy(alone, before, sizeof alone);
        for (int i = 0; i < MOST_A * MOST_B; i++) {
            const int row = i / MOST_B, column = i % MOST_B;
            const pc_dot_item pair = {.out = 1 + row * OUT_STRIDE + column,
                                      .a = 2 + row * STRIDE,
                                      .b = 3 + column * STRIDE,
                                      .n = MOST_N};
            args.items = &pair;
            args.n_a = args.n_b = 1;
            args.out = alone;
            compare_set(set)->pair_dots(&args);
        }
        cr_assert(memcmp(alone, first, sizeof first) == 0, "%s", compare_set(set)->name);
    }
}

/* Small integers and powers of two: nothing is rounded, whatever the order. */
Test(cpu_pair_dots, items_are_added_each_in_its_place)
{
    enum { N = 100 };
    pc_pair_dots_args args = args_of(3, 3, N);
    fill();
    for (int i = 0; i < MOST_A * STRIDE; i++)
        a[i] = (float)(i % 5 - 2);
    for (int i = 0; i < MOST_B * STRIDE; i++)
        b[i] = (float)(i % 7 - 3);
    const pc_dot_item items[] = {{.out = 0, .a = 5, .b = 1, .n = N},
                                 {.out = 3, .a = 9, .b = 4, .n = 37},
                                 {.out = 6, .a = 9, .b = 4, .n = 0}};
    args.items = items;
    args.n_items = 3;
    for (int set = 0; set < compare_n_sets(); set++) {
        run(compare_set(set), &args);
        for (int64_t i = 0; i < 3; i++) {
            pc_ref_pair_dots(reference, &args, i);
            for (int pair = 0; pair < 9; pair++) {
                const int64_t at = items[i].out + pair / 3 * OUT_STRIDE + pair % 3;
                cr_assert(out[at] == before[at] + reference[pair], "item %d, pair %d", (int)i,
                          pair);
            }
        }
    }
}
