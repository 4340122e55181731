/* The definition of inner products of columns. */
#include "kernels/column_dots.h"

void pc_ref_column_dots(double *out, const pc_column_dots_args *args, int64_t item)
{
    const pc_column_item *it = &args->items[item];
    for (int64_t i = 0; i < args->width; i++) {
        double sum = 0;
        for (int64_t r = 0; r < it->rows; r++)
            sum += (double)args->a[it->a + r * args->a_stride + i] *
                   (double)args->b[it->b + r * args->b_stride + i];
        out[i] = args->out[it->out + i] + args->weight * sum;
    }
}
