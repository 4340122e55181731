/* The norms' changes: fp32 in and out, double between. A row is read a few times from the cache, so
 * that double costs little, and neither the sums nor x_c round where outlier channels dominate. */
#include "kernels/rmsnorm_delta.h"

#include "kernels/instruction_set.h"
#include "kernels/lanes.h"

#include <math.h>
#include <string.h>

/* One row; mean is 0 and d_mean too for the RMS norm. */
typedef struct row {
    const float *d, *x;
    double mean, d_mean;
    int64_t width;
} row;

/* What is summed: (2 x_c + d_c) d_c, or (x_c + d_c)^2. */
typedef enum moment { CHANGE_OF_VARIANCE, VARIANCE_AFTER } moment;

static inline double term(const row *r, int64_t i, moment what)
{
    const double x = (double)r->x[i] - r->mean, d = (double)r->d[i] - r->d_mean;
    return what == CHANGE_OF_VARIANCE ? (2 * x + d) * d : (x + d) * (x + d);
}

static inline double mean_of(const row *r, moment what)
{
    double lanes[PC_LANES] = {0};
    int64_t i = 0;
    for (; i + PC_LANES <= r->width; i += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++)
            lanes[lane] += term(r, i + lane, what);
    for (; i < r->width; i++)
        lanes[i % PC_LANES] += term(r, i, what);
    return pc_add_lanes(lanes) / (double)r->width;
}

/* dy = gain (by_d d_c + by_x x_c), the factors of layernorm_delta.h. */
typedef struct factors {
    double by_d, by_x;
} factors;

static factors factors_of(const row *r, double variance, double eps)
{
    const double change = mean_of(r, CHANGE_OF_VARIANCE), s = sqrt(variance + eps);
    if (change < -0.75 * variance) {
        const double after = 1 / sqrt(mean_of(r, VARIANCE_AFTER) + eps);
        return (factors){.by_d = after, .by_x = after - 1 / s};
    }
    const double s_after = sqrt(variance + change + eps);
    return (factors){.by_d = 1 / s_after, .by_x = -change / (s * s_after * (s + s_after))};
}

/* Stretches are computed aside, because dy may be d. */
enum { STRETCH = 128 };

static inline void write_stretch(float *dy, const row *r, factors f, const float *gain,
                                 float offset, int64_t from, int64_t n)
{
    const float *d = r->d + from, *x = r->x + from;
    double out[STRETCH];
    float rounded[STRETCH];
    for (int64_t i = 0; i < n; i++)
        out[i] = f.by_d * ((double)d[i] - r->d_mean) + f.by_x * ((double)x[i] - r->mean);
    if (gain)
        for (int64_t i = 0; i < n; i++)
            out[i] *= (double)gain[from + i] + (double)offset;
    for (int64_t i = 0; i < n; i++)
        rounded[i] = (float)out[i];
    memcpy(dy + from, rounded, (size_t)n * sizeof *rounded);
}

static void run_row(const pc_norm_delta_args *args, int64_t i, const row *r)
{
    const factors f = factors_of(r, (double)args->variance[args->base_row[i]], args->eps);
    for (int64_t from = 0; from < r->width; from += STRETCH) {
        const int64_t rest = r->width - from, n = rest < STRETCH ? rest : STRETCH;
        write_stretch(args->dy + i * r->width, r, f, args->gain, args->gain_offset, from, n);
    }
}

static row row_of(const pc_norm_delta_args *args, int64_t i)
{
    return (row){.d = args->d + i * args->width,
                 .x = args->x + args->base_row[i] * args->width,
                 .width = args->width};
}

void PC_FOR_SET(pc_layernorm_delta)(const pc_norm_delta_args *args)
{
    for (int64_t i = 0; i < args->rows; i++) {
        row r = row_of(args, i);
        r.mean = (double)args->mean[args->base_row[i]];
        r.d_mean = pc_lane_sum(r.d, r.width) / (double)r.width;
        run_row(args, i, &r);
    }
}

void PC_FOR_SET(pc_rmsnorm_delta)(const pc_norm_delta_args *args)
{
    for (int64_t i = 0; i < args->rows; i++) {
        const row r = row_of(args, i);
        run_row(args, i, &r);
    }
}
