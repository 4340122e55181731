/* Matrices on the device, and products with parts of them.
 *
 * Every shape has one algorithm, and all rows of a kind go through it in chunks of one size, so
 * that a row's result does not depend on the others (gemm_cuda.h). Arrays whose rows or columns do
 * not begin at multiples of 16 bytes are copied to where they do: whether that is so depends on the
 * shape and the columns named, never on the batch. */
#include "backend/cuda_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLOATS_ALIGNED = 4, HALVES_ALIGNED = 8 };

struct pc_matrix {
    const pc_device_state *device;
    int64_t n_in, n_out, stride;
    float *w;          /* (n_in, stride) of FP32 and TF32 */
    uint16_t *hi, *lo; /* ... else; lo of BF16X3 */
    float *staged;     /* a part on its way to them, until the last one is in */
    size_t staged_floats;
};

static int is_split(pck_gemm_precision precision)
{
    return precision == PCK_GEMM_BF16X3 || precision == PCK_GEMM_BF16;
}

static int64_t rounded_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

/* ---- matrices ---- */

int64_t pc_cuda_matrix_bytes(int64_t n_in, int64_t n_out, pc_precision precision)
{
    const int64_t size = precision == PC_PRECISION_BF16 ? 2 : 4;
    return n_in * rounded_up(n_out, HALVES_ALIGNED) * size;
}

static cudaError_t allocate(void **out, size_t bytes)
{
    const cudaError_t error = cudaMalloc(out, bytes ? bytes : 1);
    return error ? error : cudaMemset(*out, 0, bytes);
}

static cudaError_t allocate_matrix(pc_matrix *m)
{
    const size_t n = (size_t)(m->n_in * m->stride);
    void *w = NULL, *hi = NULL, *lo = NULL;
    cudaError_t error = cudaSetDevice(m->device->index);
    if (!is_split(m->device->precision)) {
        if (!error) error = allocate(&w, n * sizeof(float));
    } else {
        if (!error) error = allocate(&hi, n * sizeof(uint16_t));
        if (!error && m->device->precision == PCK_GEMM_BF16X3)
            error = allocate(&lo, n * sizeof(uint16_t));
    }
    m->w = w;
    m->hi = hi;
    m->lo = lo;
    return error;
}

pc_status pc_cuda_matrix_new(pc_matrix **out, pc_device_state *device, int64_t n_in, int64_t n_out,
                             pc_fault *fault)
{
    pc_matrix *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m) return pc_cuda_fault(fault, cudaErrorMemoryAllocation, "a matrix");
    m->device = device;
    m->n_in = n_in;
    m->n_out = n_out;
    m->stride = rounded_up(n_out, HALVES_ALIGNED);
    cudaError_t error = allocate_matrix(m);
    if (!error) error = cudaStreamSynchronize(NULL); /* queues do not wait for the default stream */
    if (!error) {
        *out = m;
        return PC_OK;
    }
    (void)cudaGetLastError(); /* it is told here */
    pc_cuda_matrix_free(m);
    return pc_cuda_fault(fault, error, "weights on the GPU");
}

static void drop_staged(pc_matrix *m)
{
    cudaFree(m->staged);
    m->staged = NULL;
    m->staged_floats = 0;
}

void pc_cuda_matrix_free(pc_matrix *m)
{
    if (!m) return;
    (void)cudaSetDevice(m->device->index);
    drop_staged(m);
    cudaFree(m->lo);
    cudaFree(m->hi);
    cudaFree(m->w);
    free(m);
}

/* The part row by row, as it will stand; free it. NULL: out of memory. */
static float *arrange(const pc_packed_part *p)
{
    float *rows = malloc((size_t)(p->n_k * p->n_n) * sizeof *rows);
    for (int64_t k = 0; rows && k < p->n_k; k++)
        for (int64_t j = 0; j < p->n_n; j++)
            rows[k * p->n_n + j] = p->source[k * p->k_stride + j * p->n_stride];
    return rows;
}

static cudaError_t put_floats(const pc_matrix *m, const pc_packed_part *p, const float *rows)
{
    return cudaMemcpy2DAsync(m->w + p->k_first * m->stride + p->n_first,
                             (size_t)m->stride * sizeof(float), rows,
                             (size_t)p->n_n * sizeof(float), (size_t)p->n_n * sizeof(float),
                             (size_t)p->n_k, cudaMemcpyHostToDevice, NULL);
}

static cudaError_t put_halves(pc_matrix *m, const pc_packed_part *p, const float *rows)
{
    const size_t n = (size_t)(p->n_k * p->n_n);
    const int64_t at = p->k_first * m->stride + p->n_first;
    if (n > m->staged_floats) {
        void *memory = NULL;
        drop_staged(m);
        const cudaError_t error = cudaMalloc(&memory, n * sizeof(float));
        if (error) return error;
        m->staged = memory;
        m->staged_floats = n;
    }
    const pck_split_args split = {.hi = m->hi + at,
                                  .lo = m->lo ? m->lo + at : NULL,
                                  .x = m->staged,
                                  .to_stride = m->stride,
                                  .x_stride = p->n_n,
                                  .width = p->n_n,
                                  .rows = p->n_k,
                                  .all_rows = p->n_k};
    const cudaError_t error =
        cudaMemcpy(m->staged, rows, n * sizeof(float), cudaMemcpyHostToDevice);
    return error ? error : pck_gemm_split(&split, NULL);
}

pc_status pc_cuda_matrix_put(pc_matrix *m, const pc_packed_part *part, pc_fault *fault)
{
    float *rows = arrange(part);
    cudaError_t error = rows ? cudaSetDevice(m->device->index) : cudaErrorMemoryAllocation;
    if (!error) error = m->w ? put_floats(m, part, rows) : put_halves(m, part, rows);
    if (!error) error = cudaStreamSynchronize(NULL);
    free(rows);
    if (part->k_first + part->n_k == m->n_in && part->n_first + part->n_n == m->n_out)
        drop_staged(m);
    if (!error) return PC_OK;
    (void)cudaGetLastError(); /* it is told here */
    return pc_cuda_fault(fault, error, "weights on the GPU");
}

/* ---- products ---- */

static int is_same(const pck_gemm_shape *a, const pck_gemm_shape *b)
{
    return a->n_in == b->n_in && a->n_out == b->n_out && a->a_stride == b->a_stride &&
           a->w_stride == b->w_stride && a->c_stride == b->c_stride &&
           a->chunk_rows == b->chunk_rows && a->mode == b->mode;
}

/* The shape's algorithm; NULL, with the error kept, where there is none. */
static const pck_gemm *gemm_of(pc_queue *q, const pck_gemm_shape *shape)
{
    for (int i = 0; i < q->n_shapes; i++)
        if (is_same(&q->shapes[i].shape, shape)) return q->shapes[i].gemm;
    if (q->n_shapes == q->shape_capacity) {
        const int capacity = q->shape_capacity ? 2 * q->shape_capacity : 16;
        pc_cuda_shape *more = realloc(q->shapes, (size_t)capacity * sizeof *more);
        if (!more) {
            pc_cuda_note(q, cudaErrorMemoryAllocation, "a product's shape");
            return NULL;
        }
        q->shapes = more;
        q->shape_capacity = capacity;
    }
    pck_gemm *gemm = NULL;
    pc_cuda_note(q, pck_gemm_new(&gemm, q->blas, shape), "choosing a product's algorithm");
    if (gemm) q->shapes[q->n_shapes++] = (pc_cuda_shape){*shape, gemm};
    return gemm;
}

/* Rows somewhere, `stride` elements apart. */
typedef struct rows_at {
    void *at;
    int64_t stride;
} rows_at;

static void copy(pc_queue *q, rows_at to, rows_at from, int64_t rows, int64_t width, size_t size)
{
    if (!to.at || rows == 0) return;
    pc_cuda_note(q,
                 cudaMemcpy2DAsync(to.at, (size_t)to.stride * size, from.at,
                                   (size_t)from.stride * size, (size_t)width * size, (size_t)rows,
                                   cudaMemcpyDeviceToDevice, pc_cuda_stream(q)),
                 "a copy on the GPU");
}

static int is_aligned(const void *at, int64_t stride, int64_t to, size_t size)
{
    return stride % to == 0 && (uintptr_t)at % ((size_t)to * size) == 0;
}

/* `x` itself where it is aligned, else room for its rows in `room`. */
static rows_at aligned(pc_queue *q, pc_cuda_room *room, rows_at x, int64_t rows, int64_t width,
                       int64_t to, size_t size)
{
    if (is_aligned(x.at, x.stride, to, size)) return x;
    const int64_t stride = rounded_up(width, to);
    return (rows_at){pc_cuda_room_of(q, room, (size_t)(rows * stride) * size + 1), stride};
}

/* The named part of a matrix, aligned; its halves stand one behind the other in the room. */
static pck_gemm_weights weights_of(pc_queue *q, int64_t *stride, const pc_product *p)
{
    const pc_matrix *m = p->w;
    const int64_t at = p->k_first * m->stride + p->n_first;
    const int64_t to = m->w ? FLOATS_ALIGNED : HALVES_ALIGNED;
    *stride = m->stride;
    if (p->n_first % to == 0)
        return (pck_gemm_weights){m->w ? m->w + at : NULL, m->hi ? m->hi + at : NULL,
                                  m->lo ? m->lo + at : NULL};
    *stride = rounded_up(p->n_count, HALVES_ALIGNED);
    const size_t n = (size_t)(p->k_count * *stride);
    if (m->w) {
        float *w = pc_cuda_room_of(q, &q->w, n * sizeof *w);
        copy(q, (rows_at){w, *stride}, (rows_at){m->w + at, m->stride}, p->k_count, p->n_count,
             sizeof *w);
        return (pck_gemm_weights){.w = w};
    }
    uint16_t *hi = pc_cuda_room_of(q, &q->w, 2 * n * sizeof *hi), *lo = hi ? hi + n : NULL;
    copy(q, (rows_at){hi, *stride}, (rows_at){m->hi + at, m->stride}, p->k_count, p->n_count,
         sizeof *hi);
    if (m->lo)
        copy(q, (rows_at){lo, *stride}, (rows_at){m->lo + at, m->stride}, p->k_count, p->n_count,
             sizeof *lo);
    return (pck_gemm_weights){.hi = hi, .lo = m->lo ? lo : NULL};
}

static int64_t chunk_rows(const pc_queue *q, pc_product_rows kind)
{
    switch (kind) {
    case PC_ROWS_OF_VARIANT:
        return q->variant_rows;
    case PC_ROWS_OF_TARGETS:
        return q->device->logit_rows;
    default:
        return q->device->chunk_rows;
    }
}

void pc_cuda_product(pc_queue *q, const pc_product *p)
{
    const rows_at a_given = {(void *)p->a, p->a_stride}, c_given = {p->c, p->c_stride};
    int64_t w_stride;
    if (p->rows == 0 || p->n_count == 0) return;
    const pck_gemm_weights w = weights_of(q, &w_stride, p);
    const rows_at a =
        aligned(q, &q->a, a_given, p->rows, p->k_count, FLOATS_ALIGNED, sizeof(float));
    const rows_at c =
        aligned(q, &q->c, c_given, p->rows, p->n_count, FLOATS_ALIGNED, sizeof(float));
    const pck_gemm *gemm = gemm_of(q, &(pck_gemm_shape){.n_in = p->k_count,
                                                        .n_out = p->n_count,
                                                        .a_stride = a.stride,
                                                        .w_stride = w_stride,
                                                        .c_stride = c.stride,
                                                        .chunk_rows = chunk_rows(q, p->kind),
                                                        .mode = p->mode,
                                                        .precision = q->device->precision});
    void *scratch = gemm ? pc_cuda_room_of(q, &q->scratch, pck_gemm_scratch_bytes(gemm)) : NULL;
    if (!gemm || !scratch || !a.at || !c.at || q->error) return;
    if (a.at != p->a) copy(q, a, a_given, p->rows, p->k_count, sizeof(float));
    if (c.at != p->c && p->mode == PC_GEMM_ADD)
        copy(q, c, c_given, p->rows, p->n_count, sizeof(float));
    pc_cuda_note(q, pck_gemm_run(gemm, c.at, a.at, &w, p->rows, scratch, pc_cuda_stream(q)),
                 "a product");
    if (c.at != p->c) copy(q, c_given, c, p->rows, p->n_count, sizeof(float));
}
