/* The definition of the root-mean-square norm, in double. */
#include "kernels/rmsnorm.h"

#include <math.h>

void pc_ref_rmsnorm(double *out, const double *x, const float *gain, double offset, int64_t rows,
                    int64_t width, double eps)
{
    for (int64_t row = 0; row < rows; row++) {
        const double *from = x + row * width;
        double sum = 0;
        for (int64_t i = 0; i < width; i++)
            sum += from[i] * from[i];
        const double scale = 1 / sqrt(sum / (double)width + eps);
        for (int64_t i = 0; i < width; i++)
            out[row * width + i] = from[i] * scale * (gain ? offset + (double)gain[i] : 1);
    }
}
