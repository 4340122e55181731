/* The definition of the layer norm, in double. */
#include "kernels/layernorm.h"

#include <math.h>

static double mean_of(const double *row, int64_t width)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += row[i];
    return sum / (double)width;
}

static double variance_around(const double *row, int64_t width, double mean)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += (row[i] - mean) * (row[i] - mean);
    return sum / (double)width;
}

void pc_ref_layernorm(double *out, const double *x, const float *gain, const float *bias,
                      int64_t rows, int64_t width, double eps)
{
    for (int64_t row = 0; row < rows; row++) {
        const double *from = x + row * width;
        const double mean = mean_of(from, width);
        const double scale = 1 / sqrt(variance_around(from, width, mean) + eps);
        for (int64_t i = 0; i < width; i++)
            out[row * width + i] = (from[i] - mean) * scale * (gain ? (double)gain[i] : 1) +
                                   (bias ? (double)bias[i] : 0);
    }
}
