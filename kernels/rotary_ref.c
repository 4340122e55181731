/* The definition of rotary positions, in double. */
#include "kernels/rotary.h"

#include <math.h>

void pc_ref_rotary(double *x, const double *frequencies, int64_t rows, int64_t d_head, int64_t dim,
                   int64_t first, pc_rotary_pairing pairing)
{
    const int64_t step = pairing == PC_ROTARY_HALVES ? 1 : 2;
    const int64_t apart = pairing == PC_ROTARY_HALVES ? dim / 2 : 1;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < dim / 2; i++) {
            double *a = x + row * d_head + i * step, *b = a + apart;
            const double angle = (double)(first + row) * frequencies[i];
            const double c = cos(angle), s = sin(angle), was = *a;
            *a = was * c - *b * s;
            *b = *b * c + was * s;
        }
}
