/* Rotary positions in fp32. */
#include "kernels/rotary.h"

#include "kernels/instruction_set.h"

static inline void turn(float *x, float *y, const float *angle)
{
    const float turned = *x * angle[0] - *y * angle[1];
    *y = *x * angle[1] + *y * angle[0];
    *x = turned;
}

static void turn_halves(float *head, const float *angles, int64_t n_pairs)
{
    for (int64_t i = 0; i < n_pairs; i++)
        turn(&head[i], &head[i + n_pairs], &angles[2 * i]);
}

static void turn_adjacent(float *head, const float *angles, int64_t n_pairs)
{
    for (int64_t i = 0; i < n_pairs; i++)
        turn(&head[2 * i], &head[2 * i + 1], &angles[2 * i]);
}

void PC_FOR_SET(pc_rotary)(const pc_rotary_args *args)
{
    const pc_rotary_kind *kind = args->kind;
    for (int64_t row = 0; row < args->rows; row++) {
        const float *angles = args->table + 2 * kind->n_pairs * args->position[row];
        for (int64_t head = 0; head < kind->n_heads; head++) {
            float *at = args->x + row * args->x_stride + head * kind->d_head;
            if (kind->pairs == PC_ROTARY_HALVES) turn_halves(at, angles, kind->n_pairs);
            else turn_adjacent(at, angles, kind->n_pairs);
        }
    }
}
