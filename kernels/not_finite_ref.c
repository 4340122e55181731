/* The definition of finding what is not finite. */
#include "kernels/not_finite.h"

#include <math.h>

void pc_ref_not_finite(uint8_t *is_found, const pc_not_finite_args *args)
{
    for (int64_t i = 0; i < args->n_spans; i++) {
        const pc_row_span *span = &args->spans[i];
        is_found[i] = 0;
        for (int64_t k = 0; k < span->rows; k++)
            for (int64_t c = 0; c < args->width; c++)
                if (!isfinite(args->x[(span->row + k * span->stride) * args->x_stride + c]))
                    is_found[i] = 1;
    }
}
