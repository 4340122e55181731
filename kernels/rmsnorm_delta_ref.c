/* The definition of the RMS norm's change, in double: the norm at x + d, minus the norm at x. */
#include "kernels/rmsnorm_delta.h"

#include <math.h>

/* 1 / sqrt(mean((x + share d)^2) + eps), share 0 or 1. */
static double scale_of(const float *x, const float *d, double share, int64_t width, double eps)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++) {
        const double at = (double)x[i] + share * (double)d[i];
        sum += at * at;
    }
    return 1 / sqrt(sum / (double)width + eps);
}

void pc_ref_rmsnorm_delta(double *dy, const pc_norm_delta_args *args)
{
    const int64_t width = args->width;
    for (int64_t row = 0; row < args->rows; row++) {
        const float *x = args->x + args->base_row[row] * width, *d = args->d + row * width;
        const double from = scale_of(x, d, 0, width, args->eps);
        const double to = scale_of(x, d, 1, width, args->eps);
        for (int64_t i = 0; i < width; i++) {
            const double gain = args->gain ? (double)args->gain[i] + (double)args->gain_offset : 1;
            dy[row * width + i] = gain * (((double)x[i] + (double)d[i]) * to - (double)x[i] * from);
        }
    }
}
