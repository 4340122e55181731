/* The definition of softcapped numbers' change, in double. */
#include "kernels/softcap_delta.h"

#include <math.h>

void pc_ref_softcap_delta(double *out, const pc_softcap_delta_args *args)
{
    const double cap = args->cap;
    for (int64_t row = 0; row < args->rows; row++)
        for (int64_t i = 0; i < args->width; i++) {
            const int64_t at = row * args->width + i;
            const double x = (double)args->x[args->base_row[row] * args->width + i];
            out[at] = cap * tanh((x + (double)args->d[at]) / cap) - cap * tanh(x / cap);
        }
}
