/* The product on the device: one pinned cuBLASLt algorithm, rows in chunks of one size. */
#include "kernels/gemm_cuda.h"

#include <cublasLt.h>
#include <stdlib.h>
#include <string.h>

struct pck_blas {
    cublasLtHandle_t handle;
    void *workspace;
    size_t workspace_bytes;
};

/* cuBLASLt counts by columns: it is told W^T (n_out, n_in), A^T and C^T, and multiplies W^T A^T. */
struct pck_gemm {
    pck_gemm_shape shape;
    const pck_blas *blas;
    cublasLtMatmulDesc_t product;
    cublasLtMatrixLayout_t w, a, c;
    cublasLtMatmulAlgo_t algorithm;
};

enum { CANDIDATES = 32 };

static const uint32_t most_aligned = 16; /* bytes; what the largest load needs */

static cudaError_t error_of(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_SUCCESS:
        return cudaSuccess;
    case CUBLAS_STATUS_ALLOC_FAILED:
        return cudaErrorMemoryAllocation;
    case CUBLAS_STATUS_INVALID_VALUE:
        return cudaErrorInvalidValue;
    case CUBLAS_STATUS_NOT_SUPPORTED:
    case CUBLAS_STATUS_ARCH_MISMATCH:
        return cudaErrorNotSupported;
    case CUBLAS_STATUS_NOT_INITIALIZED:
        return cudaErrorInitializationError;
    case CUBLAS_STATUS_EXECUTION_FAILED:
        return cudaErrorLaunchFailure;
    default:
        return cudaErrorUnknown;
    }
}

/* ---- the library ---- */

cudaError_t pck_blas_open(pck_blas **out, size_t workspace_bytes)
{
    pck_blas *blas = (pck_blas *)calloc(1, sizeof *blas);
    *out = NULL;
    if (!blas) return cudaErrorMemoryAllocation;
    cudaError_t error = error_of(cublasLtCreate(&blas->handle));
    if (error == cudaSuccess && workspace_bytes > 0)
        error = cudaMalloc(&blas->workspace, workspace_bytes);
    if (error != cudaSuccess) {
        pck_blas_close(blas);
        return error;
    }
    blas->workspace_bytes = workspace_bytes;
    *out = blas;
    return cudaSuccess;
}

void pck_blas_close(pck_blas *blas)
{
    if (!blas) return;
    cudaFree(blas->workspace);
    if (blas->handle) cublasLtDestroy(blas->handle);
    free(blas);
}

/* ---- a shape and its algorithm ---- */

static int is_split(pck_gemm_precision precision)
{
    return precision == PCK_GEMM_BF16X3 || precision == PCK_GEMM_BF16;
}

/* Of A's halves in scratch memory: rows at multiples of 16 bytes. */
static int64_t half_stride(const pck_gemm_shape *s)
{
    return (s->n_in + 7) / 8 * 8;
}

static cublasStatus_t describe(pck_gemm *g)
{
    const pck_gemm_shape *s = &g->shape;
    const cudaDataType_t in = is_split(s->precision) ? CUDA_R_16BF : CUDA_R_32F;
    const cublasComputeType_t how =
        s->precision == PCK_GEMM_TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    const int64_t a_stride = is_split(s->precision) ? half_stride(s) : s->a_stride;
    cublasStatus_t status = cublasLtMatmulDescCreate(&g->product, how, CUDA_R_32F);
    if (!status) status = cublasLtMatrixLayoutCreate(&g->w, in, s->n_out, s->n_in, s->w_stride);
    if (!status) status = cublasLtMatrixLayoutCreate(&g->a, in, s->n_in, s->chunk_rows, a_stride);
    if (!status)
        status =
            cublasLtMatrixLayoutCreate(&g->c, CUDA_R_32F, s->n_out, s->chunk_rows, s->c_stride);
    return status;
}

template <class T>
static T attribute(const cublasLtMatmulAlgo_t *algorithm,
                   cublasLtMatmulAlgoConfigAttributes_t which)
{
    T value = 0;
    size_t written = 0;
    cublasLtMatmulAlgoConfigGetAttribute(algorithm, which, &value, sizeof value, &written);
    return value;
}

static pck_gemm_algorithm numbers_of(const cublasLtMatmulAlgo_t *algorithm)
{
    pck_gemm_algorithm n = {};
    n.id = attribute<int32_t>(algorithm, CUBLASLT_ALGO_CONFIG_ID);
    n.tile = attribute<int32_t>(algorithm, CUBLASLT_ALGO_CONFIG_TILE_ID);
    n.stages = attribute<int32_t>(algorithm, CUBLASLT_ALGO_CONFIG_STAGES_ID);
    n.split_k = attribute<int32_t>(algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM);
    n.reduction = attribute<int32_t>(algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME);
    n.swizzle = attribute<int32_t>(algorithm, CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING);
    n.custom = attribute<int32_t>(algorithm, CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION);
    n.inner_shape = attribute<uint16_t>(algorithm, CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID);
    n.cluster_shape = attribute<uint16_t>(algorithm, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID);
    return n;
}

/* The largest power of two, up to 16, at which every chunk of an array begins that itself begins at
 * a multiple of 16 bytes. */
static uint32_t alignment_of_chunks(const pck_gemm_shape *s, int64_t stride)
{
    uint32_t alignment = most_aligned;
    while (s->chunk_rows * stride * (int64_t)sizeof(float) % alignment)
        alignment /= 2;
    return alignment;
}

static cublasStatus_t prefer(cublasLtMatmulPreference_t preference,
                             cublasLtMatmulPreferenceAttributes_t which, uint32_t value)
{
    return cublasLtMatmulPreferenceSetAttribute(preference, which, &value, sizeof value);
}

static cublasStatus_t set_preference(cublasLtMatmulPreference_t preference, const pck_gemm *g)
{
    const pck_gemm_shape *s = &g->shape;
    const uint64_t bytes = g->blas->workspace_bytes;
    const uint32_t of_c = alignment_of_chunks(s, s->c_stride);
    const uint32_t of_a =
        is_split(s->precision) ? most_aligned : alignment_of_chunks(s, s->a_stride);
    const struct {
        cublasLtMatmulPreferenceAttributes_t which;
        uint32_t value;
    } wishes[] = {
        {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, CUBLASLT_REDUCTION_SCHEME_NONE},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
         most_aligned}, /* its A is our W, its B our A */
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, of_a},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, of_c},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, of_c},
    };
    cublasStatus_t status = cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes && !status; i++)
        status = prefer(preference, wishes[i].which, wishes[i].value);
    return status;
}

/* The library's first choice among those that sum in one piece. */
static cublasStatus_t choose(pck_gemm *g, cublasLtMatmulPreference_t preference)
{
    cublasLtMatmulHeuristicResult_t found[CANDIDATES];
    int n_found = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(g->blas->handle, g->product, g->w, g->a, g->c, g->c,
                                       preference, CANDIDATES, found, &n_found);
    if (status) return status;
    for (int i = 0; i < n_found; i++) {
        const pck_gemm_algorithm n = numbers_of(&found[i].algo);
        if (found[i].state || n.split_k > 1 || n.reduction != CUBLASLT_REDUCTION_SCHEME_NONE)
            continue;
        g->algorithm = found[i].algo;
        return CUBLAS_STATUS_SUCCESS;
    }
    return CUBLAS_STATUS_NOT_SUPPORTED;
}

static cublasStatus_t pin(pck_gemm *g)
{
    cublasLtMatmulPreference_t preference = NULL;
    cublasStatus_t status = cublasLtMatmulPreferenceCreate(&preference);
    if (!status) status = set_preference(preference, g);
    if (!status) status = choose(g, preference);
    if (preference) cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

static int is_possible(const pck_gemm_shape *s)
{
    return s->n_in >= 1 && s->n_out >= 1 && s->chunk_rows >= 1 && s->a_stride >= s->n_in &&
           s->w_stride >= s->n_out && s->c_stride >= s->n_out;
}

cudaError_t pck_gemm_new(pck_gemm **out, const pck_blas *blas, const pck_gemm_shape *shape)
{
    *out = NULL;
    if (!is_possible(shape)) return cudaErrorInvalidValue;
    pck_gemm *g = (pck_gemm *)calloc(1, sizeof *g);
    if (!g) return cudaErrorMemoryAllocation;
    g->shape = *shape;
    g->blas = blas;
    cublasStatus_t status = describe(g);
    if (!status) status = pin(g);
    if (status) {
        pck_gemm_free(g);
        return error_of(status);
    }
    *out = g;
    return cudaSuccess;
}

void pck_gemm_free(pck_gemm *gemm)
{
    if (!gemm) return;
    if (gemm->c) cublasLtMatrixLayoutDestroy(gemm->c);
    if (gemm->a) cublasLtMatrixLayoutDestroy(gemm->a);
    if (gemm->w) cublasLtMatrixLayoutDestroy(gemm->w);
    if (gemm->product) cublasLtMatmulDescDestroy(gemm->product);
    free(gemm);
}

pck_gemm_algorithm pck_gemm_chosen(const pck_gemm *gemm)
{
    return numbers_of(&gemm->algorithm);
}

/* ---- scratch memory: a chunk of A, in float32 or in halves, and one of C ---- */

static size_t rounded_up(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static size_t a_bytes(const pck_gemm_shape *s)
{
    return (size_t)(s->chunk_rows * s->a_stride) * sizeof(float);
}

static size_t half_bytes(const pck_gemm_shape *s)
{
    return rounded_up((size_t)(s->chunk_rows * half_stride(s)) * sizeof(uint16_t));
}

size_t pck_gemm_scratch_bytes(const pck_gemm *gemm)
{
    const pck_gemm_shape *s = &gemm->shape;
    const size_t of_a = is_split(s->precision) ? 2 * half_bytes(s) : rounded_up(a_bytes(s));
    return of_a + (size_t)(s->chunk_rows * s->c_stride) * sizeof(float);
}

struct scratch {
    float *a, *c;
    uint16_t *hi, *lo;
};

static struct scratch divide(const pck_gemm_shape *s, void *memory)
{
    char *start = (char *)memory;
    struct scratch parts = {};
    if (is_split(s->precision)) {
        parts.hi = (uint16_t *)start;
        parts.lo = (uint16_t *)(start + half_bytes(s));
        parts.c = (float *)(start + 2 * half_bytes(s));
    } else {
        parts.a = (float *)start;
        parts.c = (float *)(start + rounded_up(a_bytes(s)));
    }
    return parts;
}

/* ---- running ---- */

/* One call's arrays. */
struct product_call {
    const pck_gemm *gemm;
    const pck_gemm_weights *weights;
    struct scratch scratch;
    cudaStream_t stream;
};

static cudaError_t multiply(const product_call *p, float *c, const void *a, const void *w,
                            pc_gemm_mode mode)
{
    const pck_gemm *g = p->gemm;
    const float alpha = 1, beta = mode == PC_GEMM_ADD ? 1.0f : 0.0f;
    return error_of(cublasLtMatmul(g->blas->handle, g->product, &alpha, w, g->w, a, g->a, &beta, c,
                                   g->c, c, g->c, &g->algorithm, g->blas->workspace,
                                   g->blas->workspace_bytes, p->stream));
}

/* The small products first: their sum is rounded before the large one joins. */
static cudaError_t multiply_halves(const product_call *p, float *c, const float *a, int64_t rows)
{
    const pck_gemm_shape *s = &p->gemm->shape;
    const struct scratch *own = &p->scratch;
    pc_gemm_mode mode = s->mode;
    pck_split_args split = {own->hi,     NULL,    a,    half_stride(s),
                            s->a_stride, s->n_in, rows, s->chunk_rows};
    if (s->precision == PCK_GEMM_BF16) {
        const cudaError_t error = pck_gemm_split(&split, p->stream);
        return error ? error : multiply(p, c, own->hi, p->weights->hi, mode);
    }
    split.lo = own->lo;
    cudaError_t error = pck_gemm_split(&split, p->stream);
    if (!error) error = multiply(p, c, own->lo, p->weights->hi, mode);
    if (!error) error = multiply(p, c, own->hi, p->weights->lo, PC_GEMM_ADD);
    return error ? error : multiply(p, c, own->hi, p->weights->hi, PC_GEMM_ADD);
}

static cudaError_t copy_rows(float *to, const float *from, int64_t stride, int64_t width,
                             int64_t rows, cudaStream_t stream)
{
    const size_t pitch = (size_t)stride * sizeof *to;
    return cudaMemcpy2DAsync(to, pitch, from, pitch, (size_t)width * sizeof *to, (size_t)rows,
                             cudaMemcpyDeviceToDevice, stream);
}

/* A's rows, filled up to a chunk with zeros, with the strides of any other chunk. */
static cudaError_t fill_up(const product_call *p, const float *a, int64_t rows)
{
    const pck_gemm_shape *s = &p->gemm->shape;
    const cudaError_t error = cudaMemsetAsync(p->scratch.a, 0, a_bytes(s), p->stream);
    return error ? error : copy_rows(p->scratch.a, a, s->a_stride, s->n_in, rows, p->stream);
}

static cudaError_t run_chunk(const product_call *p, float *c, const float *a, int64_t rows)
{
    const pck_gemm_shape *s = &p->gemm->shape;
    if (is_split(s->precision)) return multiply_halves(p, c, a, rows);
    if (rows < s->chunk_rows) {
        const cudaError_t error = fill_up(p, a, rows);
        if (error) return error;
        a = p->scratch.a;
    }
    return multiply(p, c, a, p->weights->w, s->mode);
}

/* Fewer rows than a chunk: C has no room for the others. */
static cudaError_t run_rest(const product_call *p, float *c, const float *a, int64_t rows)
{
    const pck_gemm_shape *s = &p->gemm->shape;
    float *own = p->scratch.c;
    cudaError_t error = cudaSuccess;
    if (s->mode == PC_GEMM_ADD) error = copy_rows(own, c, s->c_stride, s->n_out, rows, p->stream);
    if (!error) error = run_chunk(p, own, a, rows);
    return error ? error : copy_rows(c, own, s->c_stride, s->n_out, rows, p->stream);
}

static int is_aligned(const void *memory)
{
    return (uintptr_t)memory % most_aligned == 0;
}

static int are_aligned(const pck_gemm_weights *w)
{
    return is_aligned(w->w) && is_aligned(w->hi) && is_aligned(w->lo);
}

cudaError_t pck_gemm_run(const pck_gemm *gemm, float *c, const float *a,
                         const pck_gemm_weights *weights, int64_t rows, void *scratch,
                         cudaStream_t stream)
{
    const pck_gemm_shape *s = &gemm->shape;
    const product_call p = {gemm, weights, divide(s, scratch), stream};
    if (!is_aligned(a) || !is_aligned(c) || !is_aligned(scratch) || !are_aligned(weights))
        return cudaErrorInvalidValue;
    for (int64_t row = 0; row < rows; row += s->chunk_rows) {
        const float *from = a + row * s->a_stride;
        float *to = c + row * s->c_stride;
        const cudaError_t error = rows - row < s->chunk_rows
                                      ? run_rest(&p, to, from, rows - row)
                                      : run_chunk(&p, to, from, s->chunk_rows);
        if (error) return error;
    }
    return cudaSuccess;
}
