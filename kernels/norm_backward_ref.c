/* The definition of the norms backwards, in double. */
#include "kernels/norm_backward.h"

#include <math.h>

/* A gradient row h = g dy and its base row, centred or not. */
typedef struct row {
    const float *x, *dy;
    double x_mean, h_mean, scale, along; /* along = mean(y h) */
} row;

static double h_of(const pc_norm_backward_args *args, const row *r, int64_t i)
{
    const double gain = args->gain ? (double)args->gain[i] + (double)args->gain_offset : 1;
    return gain * (double)r->dy[i];
}

static double y_of(const row *r, int64_t i)
{
    return ((double)r->x[i] - r->x_mean) * r->scale;
}

static void run_row(double *dx, const pc_norm_backward_args *args, row *r)
{
    const double n = (double)args->width;
    double variance = 0;
    for (int64_t i = 0; i < args->width; i++)
        variance += ((double)r->x[i] - r->x_mean) * ((double)r->x[i] - r->x_mean) / n;
    r->scale = 1 / sqrt(variance + args->eps);
    for (int64_t i = 0; i < args->width && args->rule == PC_GRADIENT; i++)
        r->along += y_of(r, i) * h_of(args, r, i) / n;
    for (int64_t i = 0; i < args->width; i++)
        dx[i] = (h_of(args, r, i) - r->h_mean - y_of(r, i) * r->along) * r->scale;
}

static row row_of(const pc_norm_backward_args *args, int64_t i)
{
    return (row){.x = args->x + i % args->n_base * args->width, .dy = args->dy + i * args->width};
}

void pc_ref_layernorm_backward(double *dx, const pc_norm_backward_args *args)
{
    for (int64_t i = 0; i < args->rows; i++) {
        row r = row_of(args, i);
        for (int64_t k = 0; k < args->width; k++) {
            r.x_mean += (double)r.x[k] / (double)args->width;
            r.h_mean += h_of(args, &r, k) / (double)args->width;
        }
        run_row(dx + i * args->width, args, &r);
    }
}

void pc_ref_rmsnorm_backward(double *dx, const pc_norm_backward_args *args)
{
    for (int64_t i = 0; i < args->rows; i++) {
        row r = row_of(args, i);
        run_row(dx + i * args->width, args, &r);
    }
}
