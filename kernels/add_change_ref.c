/* The definition of adding a change, in double. */
#include "kernels/add_change.h"

void pc_ref_add_change(double *out, const pc_add_change_args *args)
{
    for (int64_t i = 0; i < args->n; i++)
        out[i] = (double)args->x[i] + (double)args->sign * (double)args->y[i];
}
