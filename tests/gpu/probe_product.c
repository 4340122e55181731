/* One product for the probe. cuBLASLt counts by columns: it multiplies W^T (n, k) and A^T (k,
 * rows). */
#include "probe_product.h"

#include "probe_run.h"

#include <stddef.h>

const probe_precision probe_precisions[] = {
    {"fp32", CUDA_R_32F, CUBLAS_COMPUTE_32F, 4},
    {"tf32", CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, 4},
    {"bf16", CUDA_R_16BF, CUBLAS_COMPUTE_32F, 2},
};

static void *take_elements(const probe_precision *precision, int64_t n, uint32_t seed)
{
    if (precision->bytes == 2) return probe_take_random_bf16(n, 1, seed);
    return probe_take_random(n, 1, seed);
}

void probe_product_open(probe_product *p, const probe_precision *precision, int64_t n, int64_t k)
{
    *p = (probe_product){.precision = precision, .n = n, .k = k};
    probe_expect_blas(cublasLtCreate(&p->library), "cublasLtCreate");
    probe_expect_blas(cublasLtMatmulDescCreate(&p->description, precision->compute, CUDA_R_32F),
                      "a product's description");
    p->w = take_elements(precision, n * k, 1);
    p->workspace = probe_take(PROBE_WORKSPACE);
}

void probe_product_close(probe_product *p)
{
    probe_give(p->workspace);
    probe_give(p->w);
    cublasLtMatmulDescDestroy(p->description);
    cublasLtDestroy(p->library);
}

void *probe_product_rows(const probe_product *p, int64_t rows)
{
    return take_elements(p->precision, rows * p->k, 2);
}

/* ---- layouts ---- */

typedef struct layouts {
    cublasLtMatrixLayout_t w, a, c;
} layouts;

static layouts describe(const probe_product *p, int64_t rows)
{
    layouts l = {0};
    const cudaDataType_t in = p->precision->in;
    const uint64_t n = (uint64_t)p->n, k = (uint64_t)p->k, m = (uint64_t)rows;
    probe_expect_blas(cublasLtMatrixLayoutCreate(&l.w, in, n, k, p->n), "layout");
    probe_expect_blas(cublasLtMatrixLayoutCreate(&l.a, in, k, m, p->k), "layout");
    probe_expect_blas(cublasLtMatrixLayoutCreate(&l.c, CUDA_R_32F, n, m, p->n), "layout");
    return l;
}

static void forget(const layouts *l)
{
    cublasLtMatrixLayoutDestroy(l->c);
    cublasLtMatrixLayoutDestroy(l->a);
    cublasLtMatrixLayoutDestroy(l->w);
}

/* ---- algorithms ---- */

static void prefer(cublasLtMatmulPreference_t preference,
                   cublasLtMatmulPreferenceAttributes_t which, const void *value, size_t bytes)
{
    probe_expect_blas(cublasLtMatmulPreferenceSetAttribute(preference, which, value, bytes),
                      "a preference");
}

static cublasLtMatmulPreference_t take_preference(cublasLtReductionScheme_t reductions)
{
    const uint64_t bytes = PROBE_WORKSPACE;
    const uint32_t mask = reductions, alignment = 16;
    cublasLtMatmulPreference_t preference;
    probe_expect_blas(cublasLtMatmulPreferenceCreate(&preference), "preference");
    prefer(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes);
    prefer(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &mask, sizeof mask);
    for (int which = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
         which <= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES; which++)
        prefer(preference, (cublasLtMatmulPreferenceAttributes_t)which, &alignment,
               sizeof alignment);
    return preference;
}

int probe_product_propose(const probe_product *p, int64_t rows,
                          cublasLtReductionScheme_t reductions,
                          cublasLtMatmulHeuristicResult_t *found, int n_wanted)
{
    const layouts l = describe(p, rows);
    cublasLtMatmulPreference_t preference = take_preference(reductions);
    int n = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        p->library, p->description, l.w, l.a, l.c, l.c, preference, n_wanted, found, &n);
    if (status != CUBLAS_STATUS_NOT_SUPPORTED) probe_expect_blas(status, "the library's proposals");
    cublasLtMatmulPreferenceDestroy(preference);
    forget(&l);
    return n;
}

/* One call and the layouts that it needs, made beforehand so that timing does not see them. */
typedef struct call {
    const probe_product *p;
    const cublasLtMatmulAlgo_t *algorithm;
    layouts l;
    float *c;
    const void *a;
} call;

static cublasStatus_t check(const call *one)
{
    cublasLtMatmulHeuristicResult_t needs;
    const layouts *l = &one->l;
    const cublasStatus_t status = cublasLtMatmulAlgoCheck(
        one->p->library, one->p->description, l->w, l->a, l->c, l->c, one->algorithm, &needs);
    if (status) return status;
    return needs.workspaceSize > PROBE_WORKSPACE ? CUBLAS_STATUS_NOT_SUPPORTED
                                                 : CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t enqueue(const call *one)
{
    const float ones = 1, zero = 0;
    const layouts *l = &one->l;
    return cublasLtMatmul(one->p->library, one->p->description, &ones, one->p->w, l->w, one->a,
                          l->a, &zero, one->c, l->c, one->c, l->c, one->algorithm,
                          one->p->workspace, PROBE_WORKSPACE, NULL);
}

cublasStatus_t probe_product_run(const probe_product *p, const cublasLtMatmulAlgo_t *algorithm,
                                 float *c, const void *a, int64_t rows)
{
    const call one = {p, algorithm, describe(p, rows), c, a};
    cublasStatus_t status = check(&one);
    if (!status) status = enqueue(&one);
    forget(&one.l);
    return status;
}

int probe_algorithm_number(const cublasLtMatmulAlgo_t *algorithm,
                           cublasLtMatmulAlgoConfigAttributes_t which)
{
    int32_t number = 0;
    size_t written = 0;
    cublasLtMatmulAlgoConfigGetAttribute(algorithm, which, &number, sizeof number, &written);
    return number;
}

static void run_timed(void *state, int round)
{
    (void)round;
    probe_expect_blas(enqueue(state), "a product");
}

double probe_product_ms(const probe_product *p, const cublasLtMatmulAlgo_t *algorithm, float *c,
                        const void *a, int64_t rows)
{
    call one = {p, algorithm, describe(p, rows), c, a};
    const double ms = probe_median_ms(run_timed, &one);
    forget(&one.l);
    return ms;
}
