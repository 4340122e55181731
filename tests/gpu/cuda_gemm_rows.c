/* The promise that the whole engine rests on, at the sizes it runs with: a row of a product has the
 * same bits however many rows there are and wherever it stands among them. */
#include "on_device.h"
#include "kernels/gemm_cuda.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    pck_gemm_precision precision;
} precisions[] = {{"fp32", PCK_GEMM_FP32},
                  {"tf32", PCK_GEMM_TF32},
                  {"bf16x3", PCK_GEMM_BF16X3},
                  {"bf16", PCK_GEMM_BF16}};
enum { N_PRECISIONS = 4, N_PRODUCTS = 6, WORKSPACE = 64 << 20 };

/* The products of a layer: q k v of all heads, o, in, out, and those of one head. */
static void product_of(int64_t *n_in, int64_t *n_out, size_t which)
{
    const device_sizes d = device_largest();
    const int64_t sizes[N_PRODUCTS][2] = {{d.d_model, 3 * d.d_model}, {d.d_model, d.d_model},
                                          {d.d_model, d.d_mlp},       {d.d_mlp, d.d_model},
                                          {d.d_model, d.d_head},      {d.d_head, d.d_model}};
    *n_in = sizes[which][0];
    *n_out = sizes[which][1];
}

/* A product on the device, and room for one row more than a chunk. */
typedef struct product {
    pck_blas *blas;
    pck_gemm *gemm;
    pck_gemm_shape shape;
    pck_gemm_weights weights;
    float *whole, *hi, *lo, *scratch;
    float *a, *c, *first; /* of the host */
} product;

static void take_weights(product *p)
{
    const int64_t n_in = p->shape.n_in, n_out = p->shape.n_out;
    float *w = malloc((size_t)(n_in * n_out) * sizeof *w);
    cr_assert(w, "memory");
    device_fill(w, n_in * n_out, 0, 0.1f, 2);
    p->whole = device_copy(w, n_in * n_out);
    free(w);
    p->hi = device_fresh((n_in * n_out + 1) / 2);
    p->lo = device_fresh((n_in * n_out + 1) / 2);
    const pck_split_args split = {.hi = (uint16_t *)p->hi,
                                  .lo = (uint16_t *)p->lo,
                                  .x = p->whole,
                                  .to_stride = n_out,
                                  .x_stride = n_out,
                                  .width = n_out,
                                  .rows = n_in,
                                  .all_rows = n_in};
    device_expect(pck_gemm_split(&split, NULL), "split");
    p->weights = (pck_gemm_weights){p->whole, split.hi, split.lo};
}

static void take(product *p, size_t which, pck_gemm_precision precision)
{
    const int64_t chunk = device_largest().chunk_rows;
    int64_t n_in, n_out;
    product_of(&n_in, &n_out, which);
    *p = (product){.shape = {.n_in = n_in,
                             .n_out = n_out,
                             .a_stride = n_in,
                             .w_stride = n_out,
                             .c_stride = n_out,
                             .chunk_rows = chunk,
                             .precision = precision}};
    p->a = malloc((size_t)((chunk + 1) * n_in) * sizeof *p->a);
    p->c = malloc((size_t)((chunk + 1) * n_out) * sizeof *p->c);
    p->first = malloc((size_t)((chunk + 1) * n_out) * sizeof *p->first);
    cr_assert(p->a && p->c && p->first, "memory");
    device_fill(p->a, (chunk + 1) * n_in, 0, 1, 1);
    take_weights(p);
    device_expect(pck_blas_open(&p->blas, WORKSPACE), "library");
    device_expect(pck_gemm_new(&p->gemm, p->blas, &p->shape), "shape");
    p->scratch = device_fresh((int64_t)(pck_gemm_scratch_bytes(p->gemm) / sizeof(float)));
}

static void give(product *p)
{
    device_free(p->scratch);
    pck_gemm_free(p->gemm);
    pck_blas_close(p->blas);
    device_free(p->lo);
    device_free(p->hi);
    device_free(p->whole);
    free(p->first);
    free(p->c);
    free(p->a);
}

/* The first `rows` rows of A, cyclically moved down by `shift`. */
static void run(const product *p, float *c, int64_t rows, int64_t shift)
{
    const int64_t n_in = p->shape.n_in, n_out = p->shape.n_out;
    float *moved = malloc((size_t)(rows * n_in) * sizeof *moved);
    cr_assert(moved, "memory");
    for (int64_t row = 0; row < rows; row++)
        memcpy(moved + (row + shift) % rows * n_in, p->a + row * n_in,
               (size_t)n_in * sizeof *moved);
    float *device_a = device_copy(moved, rows * n_in), *device_c = device_fresh(rows * n_out);
    device_expect(pck_gemm_run(p->gemm, device_c, device_a, &p->weights, rows, p->scratch, NULL),
                  "product");
    device_read(c, device_c, rows * n_out);
    device_free(device_c);
    device_free(device_a);
    free(moved);
}

ParameterizedTestParameters(cuda_gemm_rows, are_treated_alike)
{
    static size_t indices[N_PRECISIONS * N_PRODUCTS];
    for (size_t i = 0; i < N_PRECISIONS * N_PRODUCTS; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_PRECISIONS * N_PRODUCTS);
}

ParameterizedTest(size_t *index, cuda_gemm_rows, are_treated_alike)
{
    product p;
    const char *name = precisions[*index / N_PRODUCTS].name;
    const int64_t chunk = device_largest().chunk_rows;
    const int64_t counts[] = {1, 7, chunk / 2 + 1, chunk - 1, chunk}, shifts[] = {1, 16, chunk / 3};
    take(&p, *index % N_PRODUCTS, precisions[*index / N_PRODUCTS].precision);
    run(&p, p.first, chunk + 1, 0);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        run(&p, p.c, counts[i], 0);
        device_expect_same_bits(name, p.c, p.first, counts[i] * p.shape.n_out);
    }
    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
        run(&p, p.c, chunk, shifts[i]);
        for (int64_t row = 0; row < chunk; row++)
            device_expect_same_bits(name, p.c + (row + shifts[i]) % chunk * p.shape.n_out,
                                    p.first + row * p.shape.n_out, p.shape.n_out);
    }
    give(&p);
}
