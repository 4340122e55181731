/* The definition of the product with packed weights, in double. */
#include "kernels/gemm.h"

static double dot(const pc_gemm_args *args, int64_t row, int64_t column)
{
    const float *a = args->a + row * args->a_stride;
    double sum = 0;
    for (int64_t k = 0; k < args->k_count; k++)
        sum +=
            (double)a[k] * (double)pc_packed_at(args->w, args->k_first + k, args->n_first + column);
    return sum;
}

void pc_ref_gemm(double *c, const pc_gemm_args *args)
{
    for (int64_t row = 0; row < args->rows; row++)
        for (int64_t column = 0; column < args->n_count; column++) {
            const double before =
                args->mode == PC_GEMM_ADD ? (double)args->c[row * args->c_stride + column] : 0;
            c[row * args->n_count + column] = before + dot(args, row, column);
        }
}
