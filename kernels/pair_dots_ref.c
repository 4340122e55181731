/* The definition of inner products between two sets of vectors, in double. */
#include "kernels/pair_dots.h"

void pc_ref_pair_dots(double *out, const pc_pair_dots_args *args, int64_t item)
{
    const pc_dot_item *it = &args->items[item];
    for (int64_t i = 0; i < args->n_a; i++)
        for (int64_t j = 0; j < args->n_b; j++) {
            const float *a = args->a + it->a + i * args->a_stride;
            const float *b = args->b + it->b + j * args->b_stride;
            double sum = 0;
            for (int64_t k = 0; k < it->n; k++)
                sum += (double)a[k] * (double)b[k];
            out[i * args->n_b + j] = args->weight * sum;
        }
}
