/* The norms backwards: fp32 in and out, double between. */
#include "kernels/norm_backward.h"

#include "kernels/instruction_set.h"
#include "kernels/lanes.h"

#include <math.h>
#include <string.h>

/* One gradient row and its base row; the means are 0 for the RMS norm. */
typedef struct row {
    const float *x, *dy;
    double x_mean, h_mean, scale, along;
} row;

static inline double h_of(const pc_norm_backward_args *args, const row *r, int64_t i)
{
    const double dy = (double)r->dy[i];
    return args->gain ? dy * ((double)args->gain[i] + (double)args->gain_offset) : dy;
}

/* sum h */
static double sum_of_h(const pc_norm_backward_args *args, const row *r)
{
    double lanes[PC_LANES] = {0};
    int64_t i = 0;
    for (; i + PC_LANES <= args->width; i += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++)
            lanes[lane] += h_of(args, r, i + lane);
    for (; i < args->width; i++)
        lanes[i % PC_LANES] += h_of(args, r, i);
    return pc_add_lanes(lanes);
}

/* sum (x - mean) h */
static double sum_along(const pc_norm_backward_args *args, const row *r)
{
    double lanes[PC_LANES] = {0};
    int64_t i = 0;
    for (; i + PC_LANES <= args->width; i += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++)
            lanes[lane] += ((double)r->x[i + lane] - r->x_mean) * h_of(args, r, i + lane);
    for (; i < args->width; i++)
        lanes[i % PC_LANES] += ((double)r->x[i] - r->x_mean) * h_of(args, r, i);
    return pc_add_lanes(lanes);
}

/* Stretches are computed aside, because dx may be dy. */
enum { STRETCH = 128 };

static void write_row(float *dx, const pc_norm_backward_args *args, const row *r)
{
    const double by_x = r->along * r->scale;
    for (int64_t from = 0; from < args->width; from += STRETCH) {
        const int64_t rest = args->width - from, n = rest < STRETCH ? rest : STRETCH;
        float rounded[STRETCH];
        for (int64_t i = 0; i < n; i++)
            rounded[i] = (float)((h_of(args, r, from + i) - r->h_mean) * r->scale -
                                 ((double)r->x[from + i] - r->x_mean) * by_x);
        memcpy(dx + from, rounded, (size_t)n * sizeof *rounded);
    }
}

static void run_row(const pc_norm_backward_args *args, int64_t i, row *r)
{
    const double variance = (double)args->variance[i % args->n_base];
    r->scale = 1 / sqrt(variance + args->eps);
    if (args->rule == PC_GRADIENT)
        r->along = sum_along(args, r) * r->scale * r->scale / (double)args->width;
    write_row(args->dx + i * args->width, args, r);
}

static row row_of(const pc_norm_backward_args *args, int64_t i)
{
    return (row){.x = args->x + i % args->n_base * args->width, .dy = args->dy + i * args->width};
}

void PC_FOR_SET(pc_layernorm_backward)(const pc_norm_backward_args *args)
{
    for (int64_t i = 0; i < args->rows; i++) {
        row r = row_of(args, i);
        r.x_mean = (double)args->mean[i % args->n_base];
        r.h_mean = sum_of_h(args, &r) / (double)args->width;
        run_row(args, i, &r);
    }
}

void PC_FOR_SET(pc_rmsnorm_backward)(const pc_norm_backward_args *args)
{
    for (int64_t i = 0; i < args->rows; i++) {
        row r = row_of(args, i);
        run_row(args, i, &r);
    }
}
