/* The angles of rotary positions. */
#include "kernels/rotary.h"

#include "kernels/scalar_math.h"

void pc_rotary_table(float *table, const pc_rotary_kind *kind, int64_t n_positions)
{
    for (int64_t position = 0; position < n_positions; position++)
        for (int64_t i = 0; i < kind->n_pairs; i++) {
            double sine, cosine;
            float *entry = table + 2 * (position * kind->n_pairs + i);
            pc_sine_cosine(&sine, &cosine, (double)position * kind->frequency[i]);
            entry[0] = (float)cosine;
            entry[1] = (float)sine;
        }
}
