/* OpenBLAS's sgemm on one thread. */
#include "rival.h"

#include <cblas.h>
#include <stdio.h>

const char *rival_name(void)
{
    static char name[64];
    openblas_set_num_threads(1);
    snprintf(name, sizeof name, "OpenBLAS (%s)", openblas_get_corename());
    return name;
}

void rival_gemm(float *c, const float *a, const float *w, int64_t rows, int64_t n_in, int64_t n_out)
{
    const blasint m = (blasint)rows, k = (blasint)n_in, n = (blasint)n_out;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, w, n, 0, c, n);
}
