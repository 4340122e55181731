/* The product on a device against its definition: each precision, strides, both modes; a row's bits
 * do not depend on how many rows there are nor on its place. */
#include "on_device.h"
#include "kernels/gemm_cuda.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct gemm_case {
    const char *name;
    int64_t n_in, n_out, rows, chunk_rows;
    int64_t a_gap, w_gap, c_gap; /* unused elements at the end of each row */
    pc_gemm_mode mode;
    pck_gemm_precision precision;
} gemm_case;

static const gemm_case cases[] = {
    {"fp32, a chunk", 48, 40, 16, 16, 0, 0, 0, PC_GEMM_SET, PCK_GEMM_FP32},
    {"fp32, a part of a chunk", 48, 40, 5, 16, 0, 0, 0, PC_GEMM_SET, PCK_GEMM_FP32},
    {"fp32, chunks and a part, added", 48, 40, 37, 16, 0, 0, 0, PC_GEMM_ADD, PCK_GEMM_FP32},
    {"fp32, slices", 16, 24, 21, 16, 8, 4, 12, PC_GEMM_SET, PCK_GEMM_FP32},
    {"fp32, slices, added", 16, 24, 21, 16, 8, 4, 12, PC_GEMM_ADD, PCK_GEMM_FP32},
    {"fp32, odd sizes", 7, 3, 5, 4, 0, 0, 0, PC_GEMM_SET, PCK_GEMM_FP32},
    {"fp32, one by one", 1, 1, 7, 2, 0, 0, 0, PC_GEMM_SET, PCK_GEMM_FP32},
    {"fp32, a chunk of many", 64, 48, 70, 128, 0, 0, 0, PC_GEMM_SET, PCK_GEMM_FP32},
    {"tf32", 48, 40, 37, 16, 0, 0, 0, PC_GEMM_SET, PCK_GEMM_TF32},
    {"bf16x3", 48, 40, 37, 16, 0, 0, 0, PC_GEMM_SET, PCK_GEMM_BF16X3},
    {"bf16x3, slices, added", 16, 24, 21, 16, 8, 8, 8, PC_GEMM_ADD, PCK_GEMM_BF16X3},
    {"bf16", 48, 40, 37, 16, 0, 0, 0, PC_GEMM_SET, PCK_GEMM_BF16},
    {"bf16, slices, added", 16, 24, 21, 16, 8, 8, 8, PC_GEMM_ADD, PCK_GEMM_BF16},
};
enum { N_CASES = sizeof cases / sizeof *cases, MOST = 8192, WORKSPACE = 1 << 20 };

static float a[MOST], w[MOST], c[MOST];

static void fill(const gemm_case *s)
{
    device_fill(a, MOST, 0, 1, 1);
    device_fill(w, MOST, 0, 1, 2);
    device_fill(c, MOST, 0, 1, 3);
    (void)s;
}

static pck_gemm_shape full_shape(const gemm_case *s)
{
    return (pck_gemm_shape){.n_in = s->n_in,
                            .n_out = s->n_out,
                            .a_stride = s->n_in + s->a_gap,
                            .w_stride = s->n_out + s->w_gap,
                            .c_stride = s->n_out + s->c_gap,
                            .chunk_rows = s->chunk_rows,
                            .mode = s->mode,
                            .precision = s->precision};
}

/* W on the device, whole and in halves. */
typedef struct device_weights {
    float *whole;
    uint16_t *hi, *lo;
} device_weights;

static device_weights copy_weights(const pck_gemm_shape *s)
{
    const int64_t n = s->n_in * s->w_stride;
    device_weights own = {.whole = device_copy(w, n)};
    own.hi = (uint16_t *)device_fresh((n + 1) / 2);
    own.lo = (uint16_t *)device_fresh((n + 1) / 2);
    const pck_split_args split = {.hi = own.hi,
                                  .lo = own.lo,
                                  .x = own.whole,
                                  .to_stride = s->w_stride,
                                  .x_stride = s->w_stride,
                                  .width = s->n_out,
                                  .rows = s->n_in,
                                  .all_rows = s->n_in};
    device_expect(pck_gemm_split(&split, NULL), "split");
    return own;
}

static void free_weights(const device_weights *own)
{
    device_free(own->lo);
    device_free(own->hi);
    device_free(own->whole);
}

static cudaStream_t stream; /* of the product; NULL: the default one */

/* Rows first ... first + rows - 1 of A and C; `out` is all that C then holds. */
static void run(float *out, const gemm_case *s, int64_t first, int64_t rows)
{
    const pck_gemm_shape shape = full_shape(s);
    pck_blas *blas = NULL;
    pck_gemm *gemm = NULL;
    device_expect(pck_blas_open(&blas, WORKSPACE), s->name);
    device_expect(pck_gemm_new(&gemm, blas, &shape), s->name);
    cr_assert(pck_gemm_chosen(gemm).split_k <= 1 && pck_gemm_chosen(gemm).reduction == 0,
              "%s: an algorithm that splits the sum", s->name);
    const device_weights own = copy_weights(&shape);
    const pck_gemm_weights given = {own.whole, own.hi, own.lo};
    /* exactly as long as the contract says: whoever reads or writes further is found */
    const int64_t a_floats = (rows - 1) * shape.a_stride + s->n_in;
    const int64_t c_floats = (rows - 1) * shape.c_stride + s->n_out;
    float *device_a = device_copy(a + first * shape.a_stride, a_floats);
    float *device_c = device_copy(c + first * shape.c_stride, c_floats);
    float *scratch = device_fresh((int64_t)(pck_gemm_scratch_bytes(gemm) / sizeof(float)));
    device_expect(cudaDeviceSynchronize(), "what the product needs");
    device_expect(pck_gemm_run(gemm, device_c, device_a, &given, rows, scratch, stream), s->name);
    device_read(out, device_c, c_floats);
    device_free(scratch);
    device_free(device_c);
    device_free(device_a);
    free_weights(&own);
    pck_gemm_free(gemm);
    pck_blas_close(blas);
}

/* ---- the definition, and how far a precision may be from it ---- */

/* A sum's error in units of sum |a w|: n_in roundings of the sum at most, and those of the inputs.
 */
static double unit_of(const gemm_case *s)
{
    const double of_sum = ((double)s->n_in + 2) * 0x1p-24;
    switch (s->precision) {
    case PCK_GEMM_FP32:
        return of_sum;
    case PCK_GEMM_TF32:
        return of_sum + 0x1p-9; /* two inputs, 10 bits of fraction each, cut off */
    case PCK_GEMM_BF16X3:
        return of_sum + 0x1p-15; /* lo lo left out, lo rounded: 3 times 2^-17 */
    case PCK_GEMM_BF16:
        return of_sum + 0x1p-8; /* two inputs, 8 bits each, rounded */
    }
    return 0;
}

static void expect_defined(const gemm_case *s, const float *out)
{
    const pck_gemm_shape shape = full_shape(s);
    for (int64_t row = 0; row < s->rows; row++)
        for (int64_t column = 0; column < s->n_out; column++) {
            const int64_t at = row * shape.c_stride + column;
            const double before = s->mode == PC_GEMM_ADD ? (double)c[at] : 0;
            double sum = before, size = fabs(before);
            for (int64_t i = 0; i < s->n_in; i++) {
                const double term =
                    (double)a[row * shape.a_stride + i] * (double)w[i * shape.w_stride + column];
                sum += term;
                size += fabs(term);
            }
            cr_assert(fabs((double)out[at] - sum) <= unit_of(s) * size,
                      "%s, row %d, column %d: %.9g, not %.17g", s->name, (int)row, (int)column,
                      (double)out[at], sum);
        }
}

static void expect_gaps_untouched(const gemm_case *s, const float *out)
{
    const int64_t stride = full_shape(s).c_stride;
    for (int64_t row = 0; row + 1 < s->rows; row++)
        device_expect_same_bits("between the rows", out + row * stride + s->n_out,
                                c + row * stride + s->n_out, s->c_gap);
}

ParameterizedTestParameters(cuda_gemm, agrees_with_its_definition_in_every_order)
{
    static size_t indices[N_CASES];
    for (size_t i = 0; i < N_CASES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_CASES);
}

ParameterizedTest(size_t *index, cuda_gemm, agrees_with_its_definition_in_every_order)
{
    static float first[MOST], out[MOST];
    const gemm_case *s = &cases[*index];
    const int64_t stride = full_shape(s).c_stride;
    fill(s);
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        run(order == 0 ? first : out, s, 0, s->rows);
        if (order > 0) device_expect_same_bits(name, out, first, (s->rows - 1) * stride + s->n_out);
    }
    expect_defined(s, first);
    expect_gaps_untouched(s, first);
}

/* Alone, in the middle of others, and with as many as do not fill a chunk. */
ParameterizedTestParameters(cuda_gemm, a_row_does_not_depend_on_the_others)
{
    static size_t indices[N_CASES];
    for (size_t i = 0; i < N_CASES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_CASES);
}

ParameterizedTest(size_t *index, cuda_gemm, a_row_does_not_depend_on_the_others)
{
    static float together[MOST], some[MOST];
    const gemm_case *s = &cases[*index];
    const int64_t stride = full_shape(s).c_stride;
    const int64_t batches[] = {1, 3, s->rows / 2 + 1};
    fill(s);
    run(together, s, 0, s->rows);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
        for (int64_t first = 0; first + batches[i] <= s->rows; first += 5) {
            run(some, s, first, batches[i]);
            for (int64_t row = 0; row < batches[i]; row++)
                device_expect_same_bits(s->name, some + row * stride,
                                        together + (first + row) * stride, s->n_out);
        }
}

/* Nothing orders it with the default stream: what went there would come too late or too early. */
Test(cuda_gemm, all_work_is_on_the_stream_that_was_named)
{
    static float on_default[MOST], out[MOST];
    for (size_t i = 0; i < N_CASES; i++) {
        const gemm_case *s = &cases[i];
        const int64_t n = (s->rows - 1) * full_shape(s).c_stride + s->n_out;
        fill(s);
        stream = NULL;
        run(on_default, s, 0, s->rows);
        device_expect(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
        for (int order = 0; order < device_n_orders(); order++) {
            device_use_order(order);
            run(out, s, 0, s->rows);
            device_expect_same_bits(s->name, out, on_default, n);
        }
        device_expect(cudaStreamDestroy(stream), "stream");
    }
}

Test(cuda_gemm, a_nan_in_a_row_stays_there)
{
    static float plain[MOST], out[MOST];
    const gemm_case *s = &cases[2];
    fill(s);
    run(plain, s, 0, s->rows);
    a[9 * s->n_in + 3] = NAN;
    run(out, s, 0, s->rows);
    for (int64_t row = 0; row < s->rows; row++) {
        if (row == 9) cr_assert(isnan(out[row * s->n_out]) && isnan(out[row * s->n_out + 39]));
        else
            device_expect_same_bits("another row", out + row * s->n_out, plain + row * s->n_out,
                                    s->n_out);
    }
}

Test(cuda_gemm, what_it_cannot_do_is_refused)
{
    pck_blas *blas = NULL;
    pck_gemm *gemm = NULL;
    pck_gemm_shape shape = full_shape(&cases[0]);
    device_expect(pck_blas_open(&blas, WORKSPACE), "library");
    shape.a_stride--;
    cr_expect_eq(pck_gemm_new(&gemm, blas, &shape), cudaErrorInvalidValue);
    cr_expect_null(gemm);
    shape.a_stride++;
    device_expect(pck_gemm_new(&gemm, blas, &shape), "shape");
    float *array = device_fresh(64);
    const pck_gemm_weights weights = {array, NULL, NULL};
    cr_expect_eq(pck_gemm_run(gemm, array + 1, array, &weights, 1, array, NULL),
                 cudaErrorInvalidValue);
    device_expect(pck_gemm_run(gemm, array, array, &weights, 0, array, NULL), "no rows");
    device_free(array);
    pck_gemm_free(gemm);
    pck_blas_close(blas);
}

/* ---- splitting ---- */

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Against arithmetic that does not round bits: the nearest of the two neighbours, ties to even. */
static uint16_t nearest_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t below = bits >> 16;
    const double down = (double)from_bits(below << 16), up = (double)from_bits((below + 1) << 16);
    const double from_down = fabs((double)value - down), from_up = fabs(up - (double)value);
    if (from_down != from_up) return (uint16_t)(from_down < from_up ? below : below + 1);
    return (uint16_t)(below % 2 ? below + 1 : below);
}

Test(cuda_gemm, halves_are_rounded_to_nearest_and_add_up)
{
    enum { N = 4096 };
    static float x[N];
    static uint16_t hi[N], lo[N];
    device_fill(x, N, 0, 1000, 7);
    for (uint32_t i = 0; i < 64; i++) /* ties, and their neighbours */
        x[i] = from_bits(0x3f800000u + (i / 3 << 16) + 0x7fffu + i % 3);
    float *device_x = device_copy(x, N), *device_hi = device_fresh(N / 2),
          *device_lo = device_fresh(N / 2);
    const pck_split_args split = {.hi = (uint16_t *)device_hi,
                                  .lo = (uint16_t *)device_lo,
                                  .x = device_x,
                                  .to_stride = N,
                                  .x_stride = N,
                                  .width = N,
                                  .rows = 1,
                                  .all_rows = 1};
    device_expect(pck_gemm_split(&split, NULL), "split");
    device_read((float *)hi, device_hi, N / 2);
    device_read((float *)lo, device_lo, N / 2);
    for (int i = 0; i < N; i++) {
        const double high = (double)from_bits((uint32_t)hi[i] << 16);
        const double low = (double)from_bits((uint32_t)lo[i] << 16);
        cr_assert_eq(hi[i], nearest_bf16(x[i]), "%a: 0x%04x", (double)x[i], hi[i]);
        cr_assert(fabs((double)x[i] - high - low) <= 0x1p-17 * fabs((double)x[i]), "%a",
                  (double)x[i]);
    }
    device_free(device_lo);
    device_free(device_hi);
    device_free(device_x);
}
