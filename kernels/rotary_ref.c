/* The definition of rotary position embedding, in double. */
#include "kernels/rotary.h"

#include <math.h>

static void turn(double *x, double *y, double angle)
{
    const double turned = *x * cos(angle) - *y * sin(angle);
    *y = *x * sin(angle) + *y * cos(angle);
    *x = turned;
}

static void turn_head(double *head, double position, const pc_rotary_kind *kind)
{
    for (int64_t i = 0; i < kind->n_pairs; i++) {
        const double angle = position * kind->frequency[i];
        if (kind->pairs == PC_ROTARY_HALVES) turn(&head[i], &head[i + kind->n_pairs], angle);
        else turn(&head[2 * i], &head[2 * i + 1], angle);
    }
}

void pc_ref_rotary(double *x, const int32_t *position, int64_t rows, const pc_rotary_kind *kind)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t head = 0; head < kind->n_heads; head++)
            turn_head(x + (row * kind->n_heads + head) * kind->d_head, position[row], kind);
}
