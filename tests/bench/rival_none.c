/* No rival was found. */
#include "rival.h"

#include <stddef.h>

const char *rival_name(void)
{
    return NULL;
}

void rival_gemm(float *c, const float *a, const float *w, int64_t rows, int64_t n_in, int64_t n_out)
{
    (void)c, (void)a, (void)w, (void)rows, (void)n_in, (void)n_out;
}
