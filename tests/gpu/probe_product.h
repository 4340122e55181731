/* One product for the probe, C = A W, by any algorithm of cuBLASLt that it proposes. */
#ifndef PC_TESTS_PROBE_PRODUCT_H
#define PC_TESTS_PROBE_PRODUCT_H

#include <cublasLt.h>
#include <stdint.h>

typedef struct probe_precision {
    const char *name;
    cudaDataType_t in;
    cublasComputeType_t compute;
    int64_t bytes; /* an input element's */
} probe_precision;

extern const probe_precision probe_precisions[];
enum { PROBE_PRECISIONS = 3, PROBE_WORKSPACE = 64 << 20 };

/* W (k, n), random, and the library's things. */
typedef struct probe_product {
    const probe_precision *precision;
    int64_t n, k;
    cublasLtHandle_t library;
    cublasLtMatmulDesc_t description;
    void *w, *workspace;
} probe_product;

void probe_product_open(probe_product *p, const probe_precision *precision, int64_t n, int64_t k);
void probe_product_close(probe_product *p);

/* Random rows for A in the product's precision. */
void *probe_product_rows(const probe_product *p, int64_t rows);

/* What the library proposes for that many rows, its first choice first, for arrays that begin at
 * multiples of 16 bytes; algorithms that split the sum only if `reductions` allows it. Returns how
 * many. */
int probe_product_propose(const probe_product *p, int64_t rows,
                          cublasLtReductionScheme_t reductions,
                          cublasLtMatmulHeuristicResult_t *found, int n_wanted);

/* Enqueues C (rows, n) = A (rows, k) W on the default stream; CUBLAS_STATUS_NOT_SUPPORTED when the
 * algorithm does not take that many rows. */
cublasStatus_t probe_product_run(const probe_product *p, const cublasLtMatmulAlgo_t *algorithm,
                                 float *c, const void *a, int64_t rows);

/* Median milliseconds. */
double probe_product_ms(const probe_product *p, const cublasLtMatmulAlgo_t *algorithm, float *c,
                        const void *a, int64_t rows);

int probe_algorithm_number(const cublasLtMatmulAlgo_t *algorithm,
                           cublasLtMatmulAlgoConfigAttributes_t which);

#endif
