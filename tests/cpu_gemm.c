/* The CPU's products, in every instruction set: bit by bit the chains that gemm.h states. */
#include "kernels/gemm.h"

#include "backend/cpu_ops.h"
#include "kernels/fused.h"
#include "support/compare.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 64, MOST_K = 800, MOST_N = 80, GAP = 3 };

static float a[MOST_ROWS * (MOST_K + GAP)], w[MOST_K * MOST_N];
static float found[MOST_ROWS * (MOST_N + GAP)], expected[MOST_ROWS * (MOST_N + GAP)];
static const float untouched = -12345;

/* c = A W by the words of gemm.h, with the C library's fmaf. */
static float chain(const pc_gemm_args *g, int64_t row, int64_t column)
{
    float total = g->mode == PC_GEMM_ADD ? g->c[row * g->c_stride + column] : 0;
    int has_total = g->mode == PC_GEMM_ADD;
    for (int64_t k = g->k_first; k < g->k_first + g->k_count;) {
        float sum = 0;
        do {
            sum = fmaf(g->a[row * g->a_stride + k - g->k_first],
                       pc_packed_at(g->w, k, g->n_first + column), sum);
            k++;
        } while (k % PC_GEMM_BLOCK != 0 && k < g->k_first + g->k_count);
        total = has_total ? total + sum : sum;
        has_total = 1;
    }
    return total;
}

static void run_chains(const pc_gemm_args *g)
{
    for (int64_t row = 0; row < g->rows; row++)
        for (int64_t column = 0; column < g->n_count; column++)
            g->c[row * g->c_stride + column] = chain(g, row, column);
}

static pc_packed *packed_of(int64_t n_in, int64_t n_out)
{
    pc_packed *packed = NULL;
    cr_assert_eq(pc_packed_new(&packed, n_in, n_out), PC_OK);
    const pc_packed_part part = {
        .n_k = n_in, .n_n = n_out, .source = w, .k_stride = n_out, .n_stride = 1};
    pc_packed_put(packed, &part);
    return packed;
}

static void fill(void)
{
    compare_fill(a, MOST_ROWS * (MOST_K + GAP), 1, 1);
    compare_fill(w, MOST_K * MOST_N, 1, 2);
}

/* What stood in c before: numbers to add to, and a mark in the gaps. */
static void fill_c(float *c)
{
    compare_fill(c, MOST_ROWS * (MOST_N + GAP), 1, 3);
    for (int row = 0; row < MOST_ROWS; row++)
        for (int i = 0; i < GAP; i++)
            c[row * (MOST_N + GAP) + MOST_N + i] = untouched;
}

/* Every set gives the chains' bits, and writes nothing else. */
static void expect_chains(const char *what, pc_gemm_args *g)
{
    char name[128];
    g->c_stride = MOST_N + GAP;
    fill_c(expected);
    g->c = expected;
    run_chains(g);
    for (int set = 0; set < compare_n_sets(); set++) {
        snprintf(name, sizeof name, "%s, %s", compare_set(set)->name, what);
        fill_c(found);
        g->c = found;
        compare_set(set)->gemm(g);
        compare_bits(name, found, expected, MOST_ROWS * (MOST_N + GAP));
    }
}

Test(cpu_gemm, every_shape_gives_the_stated_chains)
{
    static const int64_t rows[] = {0, 1, 2, 4, 5, 6, 7, 13, 14, 15, 29, 60};
    static const int64_t depths[] = {0, 1, 64, 383, 384, 385, 769};
    static const int64_t widths[] = {0, 1, 15, 16, 17, 31, 32, 33, 64, 80};
    char name[96];
    fill();
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
        for (size_t n = 0; n < sizeof widths / sizeof *widths; n++) {
            pc_packed *packed = packed_of(depths[d], widths[n]);
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                pc_gemm_args g = {.a = a,
                                  .a_stride = depths[d] + GAP,
                                  .rows = rows[r],
                                  .w = packed,
                                  .k_count = depths[d],
                                  .n_count = widths[n],
                                  .mode = r % 2 ? PC_GEMM_ADD : PC_GEMM_SET};
                snprintf(name, sizeof name, "%d x %d x %d", (int)rows[r], (int)depths[d],
                         (int)widths[n]);
                expect_chains(name, &g);
            }
            pc_packed_free(packed);
        }
}

Test(cpu_gemm, every_slice_of_columns_and_rows_gives_the_stated_chains)
{
    enum { N_IN = 800, N_OUT = 80 };
    char name[96];
    pc_rng rng = {.seed = 4};
    fill();
    pc_packed *packed = packed_of(N_IN, N_OUT);
    for (int i = 0; i < 150; i++) {
        const int64_t n_first = (int64_t)pc_rng_below(&rng, N_OUT);
        const int64_t k_first = (int64_t)pc_rng_below(&rng, N_IN);
        pc_gemm_args g = {.a = a,
                          .a_stride = MOST_K + GAP,
                          .rows = 1 + (int64_t)pc_rng_below(&rng, 20),
                          .w = packed,
                          .k_first = k_first,
                          .k_count = (int64_t)pc_rng_below(&rng, (uint64_t)(N_IN - k_first)),
                          .n_first = n_first,
                          .n_count = 1 + (int64_t)pc_rng_below(&rng, (uint64_t)(N_OUT - n_first)),
                          .mode = i % 2 ? PC_GEMM_ADD : PC_GEMM_SET};
        snprintf(name, sizeof name, "%d rows, k %d + %d, n %d + %d", (int)g.rows, (int)k_first,
                 (int)g.k_count, (int)n_first, (int)g.n_count);
        expect_chains(name, &g);
    }
    pc_packed_free(packed);
}

/* A row's output, at any place of any batch. */
Test(cpu_gemm, a_row_gives_the_same_bits_in_any_batch_at_any_place)
{
    enum { N_IN = 500, N_OUT = 70, ROWS = 61 };
    static float alone[N_OUT], reversed[ROWS * N_IN], together[ROWS * N_OUT], back[ROWS * N_OUT];
    fill();
    pc_packed *packed = packed_of(N_IN, N_OUT);
    for (int row = 0; row < ROWS; row++)
        memcpy(reversed + (ROWS - 1 - row) * N_IN, a + row * N_IN, N_IN * sizeof *a);
    for (int set = 0; set < compare_n_sets(); set++) {
        pc_gemm_fn *gemm = compare_set(set)->gemm;
        pc_gemm_args g = {.a_stride = N_IN,
                          .c_stride = N_OUT,
                          .rows = ROWS,
                          .w = packed,
                          .k_count = N_IN,
                          .n_count = N_OUT};
        g.a = a, g.c = together;
        gemm(&g);
        g.a = reversed, g.c = back;
        gemm(&g);
        g.rows = 1, g.c = alone;
        for (int row = 0; row < ROWS; row++) {
            g.a = a + row * N_IN;
            gemm(&g);
            compare_bits("alone", alone, together + row * N_OUT, N_OUT);
            compare_bits("reversed", back + (ROWS - 1 - row) * N_OUT, together + row * N_OUT,
                         N_OUT);
        }
    }
    pc_packed_free(packed);
}

/* fp32 rounding: 500 products of numbers below 1, each step half a unit of a sum below 500 at the
 * very most; sums of random signs stay below 40, so that 500 * 2^-25 * 40 bounds them amply. */
Test(cpu_gemm, it_is_the_product_of_the_definition)
{
    enum { N_IN = 500, N_OUT = 70, ROWS = 9 };
    static double reference[ROWS * N_OUT];
    static float c[ROWS * N_OUT];
    fill();
    pc_packed *packed = packed_of(N_IN, N_OUT);
    pc_gemm_args g = {.c = c,
                      .a = a,
                      .a_stride = N_IN,
                      .c_stride = N_OUT,
                      .rows = ROWS,
                      .w = packed,
                      .k_count = N_IN,
                      .n_count = N_OUT};
    pc_ref_gemm(reference, &g);
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_set(set)->gemm(&g);
        compare_near(compare_set(set)->name, c, reference, ROWS * N_OUT, 6e-4, 0);
    }
    pc_packed_free(packed);
}

Test(cpu_gemm, nan_and_infinity_stay_in_their_row_and_column)
{
    enum { N_IN = 40, N_OUT = 37, ROWS = 8 };
    static float c[ROWS * N_OUT];
    fill();
    a[2 * N_IN + 7] = NAN;
    a[5 * N_IN + 1] = INFINITY;
    w[3 * N_OUT + 20] = NAN;
    pc_packed *packed = packed_of(N_IN, N_OUT);
    pc_gemm_args g = {.c = c,
                      .a = a,
                      .a_stride = N_IN,
                      .c_stride = N_OUT,
                      .rows = ROWS,
                      .w = packed,
                      .k_count = N_IN,
                      .n_count = N_OUT};
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_set(set)->gemm(&g);
        for (int row = 0; row < ROWS; row++)
            for (int n = 0; n < N_OUT; n++)
                cr_expect_eq(!isfinite(c[row * N_OUT + n]), row == 2 || row == 5 || n == 20,
                             "%s, row %d, column %d", compare_set(set)->name, row, n);
    }
    pc_packed_free(packed);
}

/* Sums whose exact value lies so near the middle between two floats that a double cannot tell:
 * (1 + m ulp) (1 - m ulp) = 1 - (m ulp)^2, half a unit of z's last place. Rounding twice shows. */
static void hard_case(float *x, float *y, float *z, pc_rng *rng, int kind)
{
    const float ulp = 0x1p-23f, m = ulp * (float)(1 + pc_rng_below(rng, 500));
    *x = 1 + m;
    *y = 1 - m;
    *z = 1 + ulp * (float)pc_rng_below(rng, 1 << 23);
    switch (kind) {
    case 0:
        *x = ldexpf(*x, -24);
        break;
    case 1: /* below the normal floats, where a unit is 2^-149 */
        *x = ldexpf(*x, -75);
        *y = ldexpf(*y, -75);
        *z = ldexpf((float)pc_rng_below(rng, 1 << 22), -149);
        break;
    case 2:
        *z = -*x;
        break; /* cancellation */
    default:   /* anything */
        *y = 1 + ulp * (float)pc_rng_below(rng, 1 << 23);
        *z = ldexpf(*z, (int)pc_rng_below(rng, 120) - 60);
        break;
    }
    if (pc_rng_below(rng, 2)) *z = -*z;
    if (pc_rng_below(rng, 2)) *x = -*x;
}

Test(cpu_gemm, the_fused_operation_in_software_is_the_hardwares)
{
    static const float special[] = {0,      -0.0f,   1,        -1,        FLT_MAX, -FLT_MAX,
                                    1e-45f, -1e-45f, INFINITY, -INFINITY, NAN,     0x1p-126f};
    enum { N_SPECIAL = sizeof special / sizeof *special };
    for (int i = 0; i < N_SPECIAL * N_SPECIAL * N_SPECIAL; i++) {
        const float x = special[i % N_SPECIAL], y = special[i / N_SPECIAL % N_SPECIAL];
        const float z = special[i / N_SPECIAL / N_SPECIAL];
        const float mine = pc_fused_by_double(x, y, z), right = fmaf(x, y, z);
        compare_bits("special values", &mine, &right, 1);
    }
    pc_rng rng = {.seed = 6};
    for (int i = 0; i < 400000; i++) {
        float x, y, z;
        hard_case(&x, &y, &z, &rng, i % 4);
        const float mine = pc_fused_by_double(x, y, z), right = fmaf(x, y, z);
        compare_bits("hard cases", &mine, &right, 1);
    }
}
