/* Adding a change in fp32. */
#include "kernels/add_change.h"

#include "kernels/instruction_set.h"

void PC_FOR_SET(pc_add_change)(const pc_add_change_args *args)
{
    float *x = args->x;
    const float *y = args->y;
    const float sign = args->sign;
    for (int64_t i = 0; i < args->n; i++)
        x[i] += sign * y[i];
}
