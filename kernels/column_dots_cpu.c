/* Inner products of columns, a stretch of columns at a time. */
#include "kernels/column_dots.h"

#include "kernels/instruction_set.h"

enum { STRETCH = 64 };

static void run_stretch(const pc_column_dots_args *args, const pc_column_item *it, int64_t from,
                        int64_t n)
{
    double sums[STRETCH] = {0};
    for (int64_t r = 0; r < it->rows; r++) {
        const float *a = args->a + it->a + r * args->a_stride + from;
        const float *b = args->b + it->b + r * args->b_stride + from;
        for (int64_t i = 0; i < n; i++)
            sums[i] += (double)a[i] * (double)b[i];
    }
    for (int64_t i = 0; i < n; i++)
        args->out[it->out + from + i] += args->weight * sums[i];
}

void PC_FOR_SET(pc_column_dots)(const pc_column_dots_args *args)
{
    for (int64_t item = 0; item < args->n_items; item++)
        for (int64_t from = 0; from < args->width; from += STRETCH) {
            const int64_t rest = args->width - from, n = rest < STRETCH ? rest : STRETCH;
            run_stretch(args, &args->items[item], from, n);
        }
}
