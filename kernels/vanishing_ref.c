/* The definition of how much a change leaves of what a norm reads, in double. */
#include "kernels/vanishing.h"

#include <math.h>
#include <stddef.h>

/* The squares of a + b, around their mean for the layer norm; b may be NULL. */
static double squares_of(const float *a, const float *b, int64_t width, int is_centred)
{
    double mean = 0, sum = 0;
    for (int64_t i = 0; i < width && is_centred; i++)
        mean += ((double)a[i] + (b ? (double)b[i] : 0)) / (double)width;
    for (int64_t i = 0; i < width; i++) {
        const double x = (double)a[i] + (b ? (double)b[i] : 0) - mean;
        sum += x * x;
    }
    return sum;
}

static double share_of(const pc_vanishing_args *args, int64_t row)
{
    const float *d = args->d + row * args->width;
    const float *x = args->x + args->base_row[row] * args->width;
    const double change = squares_of(d, NULL, args->width, args->is_centred);
    const double base = squares_of(x, NULL, args->width, args->is_centred);
    if (!(change > 0)) return INFINITY;
    return squares_of(x, d, args->width, args->is_centred) / (base + change);
}

void pc_ref_vanishing(double *share, const pc_vanishing_args *args)
{
    for (int64_t i = 0; i < args->n_spans; i++) {
        const pc_row_span *span = &args->spans[i];
        share[i] = INFINITY;
        for (int64_t k = 0; k < span->rows; k++)
            share[i] = fmin(share[i], share_of(args, span->row + k * span->stride));
    }
}
