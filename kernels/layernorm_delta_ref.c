/* The definition of the layer norm's change, in double: the norm at x + d, minus the norm at x. */
#include "kernels/layernorm_delta.h"

#include <math.h>

/* The norm at x + share d, share 0 or 1. */
typedef struct place {
    const float *x, *d;
    double share, mean, scale;
} place;

static double at(const place *p, int64_t i)
{
    return (double)p->x[i] + p->share * (double)p->d[i];
}

static double mean_of(const place *p, int64_t width)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += at(p, i);
    return sum / (double)width;
}

static double variance_of(const place *p, int64_t width)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += (at(p, i) - p->mean) * (at(p, i) - p->mean);
    return sum / (double)width;
}

static place place_of(const pc_norm_delta_args *args, int64_t row, double share)
{
    place p = {.x = args->x + args->base_row[row] * args->width,
               .d = args->d + row * args->width,
               .share = share};
    p.mean = mean_of(&p, args->width);
    p.scale = 1 / sqrt(variance_of(&p, args->width) + args->eps);
    return p;
}

void pc_ref_layernorm_delta(double *dy, const pc_norm_delta_args *args)
{
    for (int64_t row = 0; row < args->rows; row++) {
        const place from = place_of(args, row, 0), to = place_of(args, row, 1);
        for (int64_t i = 0; i < args->width; i++) {
            const double gain = args->gain ? (double)args->gain[i] + (double)args->gain_offset : 1;
            dy[row * args->width + i] = gain * ((at(&to, i) - to.mean) * to.scale -
                                                (at(&from, i) - from.mean) * from.scale);
        }
    }
}
