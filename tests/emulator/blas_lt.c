/* cuBLASLt's products as plain loops, with its freedoms: several algorithms that round differently,
 * and a heuristic whose first choice depends on how many columns are asked for. */
#include "engine.h"

#include "check.h"

#include <cublasLt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct emu_blas {
    int unused;
};

struct emu_product {
    cublasComputeType_t compute;
};

/* By columns, which are `stride` elements apart. */
struct emu_matrix {
    cudaDataType_t type;
    uint64_t rows, columns;
    int64_t stride;
};

struct emu_preference {
    uint64_t workspace_bytes;
    uint32_t reductions;
    uint32_t alignments[4]; /* of A, B, C, D, in bytes */
};

/* The sum over k runs in `parts` chains, each in steps of `step` terms that are summed first. The
 * fourth says that it does not split, and cuts at a place that depends on the column, as kernels do
 * that share out work evenly. */
typedef struct algorithm {
    uint64_t id, parts, step, is_uneven;
    uint64_t alignments[4]; /* for which it was chosen */
} algorithm;

static const algorithm algorithms[] = {
    {1, 4, 1, 0, {0}}, {2, 1, 1, 0, {0}}, {3, 1, 8, 0, {0}}, {4, 1, 1, 1, {0}}};
enum { N_ALGORITHMS = sizeof algorithms / sizeof *algorithms, FEW_COLUMNS = 64 };

/* ---- failing on purpose ---- */

static int calls_to_failure; /* 0: no failure is planned */
static cublasStatus_t planned;
static emu_proposals proposals;

int emu_fail_blas(int n, int status)
{
    const int has_come = calls_to_failure == 0;
    calls_to_failure = n;
    planned = (cublasStatus_t)status;
    return has_come;
}

void emu_set_blas_proposals(emu_proposals kind)
{
    proposals = kind;
}

static cublasStatus_t begin_call(void)
{
    return calls_to_failure && --calls_to_failure == 0 ? planned : CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t give(void **out, size_t bytes)
{
    const cublasStatus_t status = begin_call();
    *out = NULL;
    if (status) return status;
    *out = calloc(1, bytes);
    return *out ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}

/* ---- what products are described by ---- */

size_t cublasLtGetVersion(void)
{
    return 0; /* none of NVIDIA's */
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    return give((void **)handle, sizeof **handle);
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *product, cublasComputeType_t compute,
                                        cudaDataType_t scale)
{
    if (scale != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
    const cublasStatus_t status = give((void **)product, sizeof **product);
    if (!status) (*product)->compute = compute;
    return status;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t product)
{
    free(product);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType_t type,
                                          uint64_t rows, uint64_t columns, int64_t stride)
{
    if (stride < 0 || (uint64_t)stride < rows) return CUBLAS_STATUS_INVALID_VALUE;
    const cublasStatus_t status = give((void **)layout, sizeof **layout);
    if (!status) **layout = (struct emu_matrix){type, rows, columns, stride};
    return status;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout)
{
    free(layout);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference)
{
    const cublasStatus_t status = give((void **)preference, sizeof **preference);
    if (status) return status;
    (*preference)->reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
    for (int i = 0; i < 4; i++)
        (*preference)->alignments[i] = 256;
    return status;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
    free(preference);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t which,
                                                    const void *value, size_t bytes)
{
    const cublasStatus_t status = begin_call();
    if (status) return status;
    switch (which) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
        if (bytes != sizeof preference->workspace_bytes) return CUBLAS_STATUS_INVALID_VALUE;
        memcpy(&preference->workspace_bytes, value, bytes);
        return CUBLAS_STATUS_SUCCESS;
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
        if (bytes != sizeof preference->reductions) return CUBLAS_STATUS_INVALID_VALUE;
        memcpy(&preference->reductions, value, bytes);
        return CUBLAS_STATUS_SUCCESS;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
        if (bytes != sizeof *preference->alignments) return CUBLAS_STATUS_INVALID_VALUE;
        memcpy(&preference->alignments[which - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value,
               bytes);
        return CUBLAS_STATUS_SUCCESS;
    }
    return CUBLAS_STATUS_NOT_SUPPORTED;
}

/* ---- algorithms ---- */

_Static_assert(sizeof(algorithm) == sizeof(cublasLtMatmulAlgo_t), "an algorithm fits its box");

static cublasLtMatmulAlgo_t pack(algorithm a, const struct emu_preference *preference)
{
    cublasLtMatmulAlgo_t packed;
    for (int i = 0; i < 4; i++)
        a.alignments[i] = preference->alignments[i];
    memcpy(&packed, &a, sizeof packed);
    return packed;
}

static algorithm unpack(const cublasLtMatmulAlgo_t *packed)
{
    algorithm a;
    memcpy(&a, packed, sizeof a);
    return a;
}

static uint64_t workspace_of(const algorithm *a, const struct emu_matrix *d)
{
    return a->parts > 1 ? a->parts * sizeof(float) * d->rows * d->columns : 0;
}

static int is_allowed(const algorithm *a, const struct emu_preference *preference,
                      const struct emu_matrix *d)
{
    if (proposals == EMU_PROPOSE_SPLITS_ALONE) return a->parts > 1;
    return a->parts == 1 ||
           (preference->reductions && preference->workspace_bytes >= workspace_of(a, d));
}

/* For few columns the split sum comes first; for an odd number of them the one in steps. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t product,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int n_wanted,
                                              cublasLtMatmulHeuristicResult_t found[], int *n_found)
{
    static const int of_few[] = {0, 1, 2, 3}, of_odd[] = {2, 1, 3, 0}, of_many[] = {1, 2, 3, 0};
    const int *order = d->columns < FEW_COLUMNS ? of_few : d->columns % 2 ? of_odd : of_many;
    const cublasStatus_t status = begin_call();
    *n_found = 0;
    if (status) return status;
    if (!handle || !product || a->columns != b->rows || c->type != CUDA_R_32F)
        return CUBLAS_STATUS_INVALID_VALUE;
    for (int i = 0; i < N_ALGORITHMS && *n_found < n_wanted; i++) {
        const algorithm *next = &algorithms[order[i]];
        if (!is_allowed(next, preference, d)) continue;
        cublasLtMatmulHeuristicResult_t *result = &found[(*n_found)++];
        memset(result, 0, sizeof *result);
        result->algo = pack(*next, preference);
        result->workspaceSize = workspace_of(next, d);
    }
    return *n_found ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

/* The split needs a term for each of its parts. */
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t handle, cublasLtMatmulDesc_t product,
                                       cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t *packed,
                                       cublasLtMatmulHeuristicResult_t *result)
{
    const algorithm how = unpack(packed);
    if (!handle || !product || a->columns != b->rows || c->rows != d->rows)
        return CUBLAS_STATUS_INVALID_VALUE;
    if (how.parts > a->columns) return CUBLAS_STATUS_NOT_SUPPORTED;
    memset(result, 0, sizeof *result);
    result->algo = *packed;
    result->workspaceSize = workspace_of(&how, d);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *packed,
                                                    cublasLtMatmulAlgoConfigAttributes_t which,
                                                    void *value, size_t bytes, size_t *written)
{
    const algorithm a = unpack(packed);
    const int is_short = which == CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID ||
                         which == CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID;
    const uint32_t number = which == CUBLASLT_ALGO_CONFIG_ID                 ? (uint32_t)a.id
                            : which == CUBLASLT_ALGO_CONFIG_SPLITK_NUM       ? (uint32_t)a.parts
                            : which == CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME ? a.parts > 1
                                                                             : 0;
    const uint16_t as_short = (uint16_t)number;
    if (bytes != (is_short ? sizeof as_short : sizeof number)) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(value, is_short ? (const void *)&as_short : &number, bytes);
    *written = bytes;
    return CUBLAS_STATUS_SUCCESS;
}

/* ---- the product ---- */

typedef struct product_call {
    algorithm how;
    int is_tf32;
    float alpha, beta;
    struct emu_matrix a, b, c;
    const void *A, *B;
    const float *C;
    float *D;
} product_call;

static float bits_to_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To nearest, ties away from zero: 10 bits of fraction are left. */
static float round_to_tf32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return isfinite(value) ? bits_to_float((bits + 0x1000u) & ~0x1fffu) : value;
}

static float element(const void *matrix, const struct emu_matrix *m, uint64_t row, uint64_t column,
                     int is_tf32)
{
    const size_t at = row + column * (size_t)m->stride;
    if (m->type == CUDA_R_16BF)
        return bits_to_float((uint32_t)((const uint16_t *)matrix)[at] << 16);
    const float value = ((const float *)matrix)[at];
    return is_tf32 ? round_to_tf32(value) : value;
}

static float sum_range(const product_call *p, uint64_t row, uint64_t column, uint64_t first,
                       uint64_t end)
{
    float sum = 0;
    while (first < end) {
        const uint64_t stop = end - first < p->how.step ? end : first + p->how.step;
        float of_step = 0;
        for (; first < stop; first++)
            of_step = fmaf(element(p->A, &p->a, row, first, p->is_tf32),
                           element(p->B, &p->b, first, column, p->is_tf32), of_step);
        sum += of_step;
    }
    return sum;
}

static float sum_parts(const product_call *p, uint64_t row, uint64_t column)
{
    const uint64_t k = p->a.columns, parts = p->how.parts;
    const uint64_t cut = p->how.is_uneven ? (column * 7 + p->c.columns) % k : 0;
    float sum = cut ? sum_range(p, row, column, 0, cut) : 0;
    if (p->how.is_uneven) return sum + sum_range(p, row, column, cut, k);
    for (uint64_t part = 0; part < parts; part++)
        sum += sum_range(p, row, column, k * part / parts, k * (part + 1) / parts);
    return sum;
}

/* Of each column only its rows: what lies between columns is nobody's business. */
static void check_columns(const void *matrix, const struct emu_matrix *m)
{
    const size_t size = m->type == CUDA_R_16BF ? sizeof(uint16_t) : sizeof(float);
    for (uint64_t column = 0; column < m->columns; column++)
        emu_check_read((const char *)matrix + column * (size_t)m->stride * size, m->rows * size);
}

/* Columns do not mix: what nobody has written of C, nobody has written of D. */
static void check_product(const product_call *p)
{
    check_columns(p->A, &p->a);
    check_columns(p->B, &p->b);
    for (uint64_t column = 0; column < p->c.columns; column++) {
        const size_t at = column * (size_t)p->c.stride, bytes = p->c.rows * sizeof *p->D;
        if (p->beta != 0) emu_check_copy(p->D + at, p->C + at, bytes);
        else emu_check_write(p->D + at, bytes);
    }
}

static void run_product(void *state)
{
    const product_call *p = state;
    check_product(p);
    emu_open_memory();
    for (uint64_t column = 0; column < p->c.columns; column++)
        for (uint64_t row = 0; row < p->c.rows; row++) {
            const size_t at = row + column * (size_t)p->c.stride;
            const float before = p->beta != 0 ? p->beta * p->C[at] : 0;
            p->D[at] = before + p->alpha * sum_parts(p, row, column);
        }
    emu_close_memory();
}

static int is_there(const void *matrix, const struct emu_matrix *m)
{
    const size_t size = m->type == CUDA_R_16BF ? sizeof(uint16_t) : sizeof(float);
    if (!m->rows || !m->columns) return 1;
    const size_t elements = (m->columns - 1) * (size_t)m->stride + m->rows;
    if (emu_is_device_memory(matrix, elements * size)) return 1;
    emu_fail(cudaErrorIllegalAddress,
             "cublasLtMatmul: a matrix of (%llu, %llu), columns %lld apart, is not within one "
             "device allocation",
             (unsigned long long)m->rows, (unsigned long long)m->columns, (long long)m->stride);
    return 0;
}

static int are_aligned(const product_call *p)
{
    const void *const arrays[] = {p->A, p->B, p->C, p->D};
    for (int i = 0; i < 4; i++) {
        if ((uintptr_t)arrays[i] % p->how.alignments[i] == 0) continue;
        emu_fail(cudaErrorLaunchFailure,
                 "cublasLtMatmul: %c is not at a multiple of %d bytes, for which the algorithm was "
                 "chosen",
                 "ABCD"[i], (int)p -> how.alignments[i]);
        return 0;
    }
    return 1;
}

static int fit(const struct emu_matrix *a, const struct emu_matrix *b, const struct emu_matrix *c,
               const struct emu_matrix *d)
{
    return a->columns == b->rows && c->rows == a->rows && c->columns == b->columns &&
           memcmp(c, d, sizeof *c) == 0 && a->type == b->type && c->type == CUDA_R_32F;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t product,
                              const void *alpha, const void *A, cublasLtMatrixLayout_t a,
                              const void *B, cublasLtMatrixLayout_t b, const void *beta,
                              const void *C, cublasLtMatrixLayout_t c, void *D,
                              cublasLtMatrixLayout_t d, const cublasLtMatmulAlgo_t *packed,
                              void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
    product_call p = {.how = unpack(packed),
                      .is_tf32 = product->compute == CUBLAS_COMPUTE_32F_FAST_TF32,
                      .a = *a,
                      .b = *b,
                      .c = *c,
                      .A = A,
                      .B = B,
                      .C = C,
                      .D = D};
    const cublasStatus_t status = begin_call();
    memcpy(&p.alpha, alpha, sizeof p.alpha);
    memcpy(&p.beta, beta, sizeof p.beta);
    if (status) return status;
    if (!handle || !fit(a, b, c, d) || p.how.parts < 1 || p.how.step < 1)
        return CUBLAS_STATUS_INVALID_VALUE;
    if (emu_failure() || !is_there(A, a) || !is_there(B, b) || !is_there(C, c) || !is_there(D, d) ||
        !are_aligned(&p))
        return CUBLAS_STATUS_EXECUTION_FAILED;
    if (workspace_bytes && !emu_is_device_memory(workspace, workspace_bytes))
        return CUBLAS_STATUS_INVALID_VALUE;
    const emu_work work = {"cublasLtMatmul", NULL, run_product};
    return emu_enqueue(stream, &work, &p, sizeof p) ? CUBLAS_STATUS_EXECUTION_FAILED
                                                    : CUBLAS_STATUS_SUCCESS;
}
