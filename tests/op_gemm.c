/* Products with packed weights: exact products of small integers, packing from any layout. */
#include "kernels/gemm.h"

#include "base/memory.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>

static pc_packed *packed_of(const float *w, int64_t n_in, int64_t n_out)
{
    pc_packed *packed = NULL;
    cr_assert_eq(pc_packed_new(&packed, n_in, n_out), PC_OK);
    const pc_packed_part part = {
        .n_k = n_in, .n_n = n_out, .source = w, .k_stride = n_out, .n_stride = 1};
    pc_packed_put(packed, &part);
    return packed;
}

static const float weights[] = {1, 0, -1, 2, 1, 0};                              /* (2, 3) */
static const float in[] = {1, 2, -99, 3, 4, -99}, before[] = {1, 1, 7, 2, 2, 7}; /* rows of 3 */

static pc_gemm_args small_product(const pc_packed *w)
{
    return (pc_gemm_args){.a = in, .a_stride = 3, .rows = 2, .w = w, .k_count = 2, .n_count = 3};
}

Test(op_gemm, small_integers_give_the_exact_product)
{
    pc_packed *w = packed_of(weights, 2, 3);
    const pc_gemm_args args = small_product(w);
    const double expected[] = {5, 2, -1, 11, 4, -3};
    double c[6];
    pc_ref_gemm(c, &args);
    cr_expect_arr_eq(c, expected, sizeof c);
    pc_packed_free(w);
}

Test(op_gemm, columns_and_rows_of_the_weights_can_be_chosen_and_the_product_added)
{
    pc_packed *w = packed_of(weights, 2, 3);
    pc_gemm_args args = small_product(w);
    float sums[6];
    for (int i = 0; i < 6; i++)
        sums[i] = before[i];
    args.c = sums;
    args.c_stride = 3;
    args.mode = PC_GEMM_ADD;
    args.n_first = 1;
    args.n_count = 2;
    const double both_rows[] = {1 + 2, 1 - 1, 2 + 4, 2 - 3};
    double c[4];
    pc_ref_gemm(c, &args);
    cr_expect_arr_eq(c, both_rows, sizeof c);
    args.k_first = 1; /* the first channel of A now meets the second row of W */
    args.k_count = 1;
    const double second_row[] = {1 + 1, 1 + 0, 2 + 3, 2 + 0};
    pc_ref_gemm(c, &args);
    cr_expect_arr_eq(c, second_row, sizeof c);
    pc_packed_free(w);
}

Test(op_gemm, an_empty_sum_is_zero_or_what_was_there)
{
    pc_packed *w = packed_of(NULL, 0, 3);
    float sums[3] = {1, 2, 3};
    pc_gemm_args args = {.c = sums, .c_stride = 3, .rows = 1, .w = w, .n_count = 3};
    const double zeros[3] = {0, 0, 0}, kept[3] = {1, 2, 3};
    double c[3];
    pc_ref_gemm(c, &args);
    cr_expect_arr_eq(c, zeros, sizeof c);
    args.mode = PC_GEMM_ADD;
    pc_ref_gemm(c, &args);
    cr_expect_arr_eq(c, kept, sizeof c);
    pc_packed_free(w);
}

/* Over the edges of blocks (384 rows) and panels (16 columns). */
static const struct {
    int64_t n_in, n_out;
} shapes[] = {{1, 1}, {3, 16}, {383, 17}, {384, 15}, {385, 33}, {769, 40}};

Test(op_gemm, packed_weights_are_the_weights_from_any_layout)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int64_t n_in = shapes[s].n_in, n_out = shapes[s].n_out;
        float *transposed = malloc((size_t)(n_in * n_out) * sizeof *transposed);
        for (int64_t i = 0; i < n_in * n_out; i++)
            transposed[i] = (float)i;
        pc_packed *w = NULL;
        cr_assert_eq(pc_packed_new(&w, n_in, n_out), PC_OK);
        /* in two parts, cut where neither blocks nor panels are */
        const int64_t cut = n_out * 2 / 3;
        const pc_packed_part left = {
            .n_k = n_in, .n_n = cut, .source = transposed, .k_stride = 1, .n_stride = n_in};
        const pc_packed_part right = {.n_first = cut,
                                      .n_k = n_in,
                                      .n_n = n_out - cut,
                                      .source = transposed + cut * n_in,
                                      .k_stride = 1,
                                      .n_stride = n_in};
        pc_packed_put(w, &left);
        pc_packed_put(w, &right);
        for (int64_t k = 0; k < n_in; k++)
            for (int64_t n = 0; n < n_out; n++)
                cr_expect(pc_packed_at(w, k, n) == transposed[n * n_in + k], "(%d, %d) of %d x %d",
                          (int)k, (int)n, (int)n_in, (int)n_out);
        cr_expect(pc_packed_n_in(w) == n_in && pc_packed_n_out(w) == n_out);
        pc_packed_free(w);
        free(transposed);
    }
}

Test(op_gemm, weights_that_memory_cannot_hold_are_refused)
{
    pc_packed *w = NULL;
    cr_expect_eq(pc_packed_bytes((int64_t)1 << 40, (int64_t)1 << 40), INT64_MAX);
    cr_expect_eq(pc_packed_new(&w, (int64_t)1 << 40, (int64_t)1 << 40), PC_ERR_NOMEM);
    cr_expect_null(w);
    for (int n = 0; n < 2; n++) {
        pc_alloc_fail_after(n);
        cr_expect_eq(pc_packed_new(&w, 3, 3), PC_ERR_NOMEM, "allocation %d", n);
        cr_expect_null(w);
    }
}
