/* Finding what is not finite: x - x is 0 of every finite x, and NaN of the others. */
#include "kernels/not_finite.h"

#include "kernels/instruction_set.h"

/* Sums that are added up side by side, for the compiler to vectorise. */
enum { LANES = 16 };

static int is_finite(const float *x, int64_t width)
{
    float sums[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= width; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += x[i + lane] - x[i + lane];
    for (; i < width; i++)
        sum += x[i] - x[i];
    for (int lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum == 0;
}

void PC_FOR_SET(pc_not_finite)(const pc_not_finite_args *args)
{
    for (int64_t i = 0; i < args->n_spans; i++) {
        const pc_row_span *span = &args->spans[i];
        int found = 0;
        for (int64_t k = 0; k < span->rows && !found; k++)
            found =
                !is_finite(args->x + (span->row + k * span->stride) * args->x_stride, args->width);
        args->is_found[i] = (uint8_t)found;
    }
}
