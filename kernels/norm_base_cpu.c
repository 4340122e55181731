/* The norms of the base run, in double. */
#include "kernels/norm_base.h"

#include "kernels/instruction_set.h"
#include "kernels/lanes.h"

#include <math.h>

static double variance_around(const float *x, double mean, int64_t width)
{
    double lanes[PC_LANES] = {0};
    int64_t i = 0;
    for (; i + PC_LANES <= width; i += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++) {
            const double centred = (double)x[i + lane] - mean;
            lanes[lane] += centred * centred;
        }
    for (; i < width; i++)
        lanes[i % PC_LANES] += ((double)x[i] - mean) * ((double)x[i] - mean);
    return pc_add_lanes(lanes) / (double)width;
}

static void run_row(const pc_norm_base_args *args, int64_t row, double mean)
{
    const int64_t width = args->width;
    const float *x = args->x + row * width;
    const double variance = variance_around(x, mean, width);
    const double scale = 1 / sqrt(variance + args->eps);
    args->variance[row] = (float)variance;
    for (int64_t i = 0; i < width; i++) {
        const double gain = args->gain ? (double)args->gain[i] + (double)args->gain_offset : 1;
        const double bias = args->bias ? (double)args->bias[i] : 0;
        args->y[row * width + i] = (float)(((double)x[i] - mean) * scale * gain + bias);
    }
}

void PC_FOR_SET(pc_layernorm_base)(const pc_norm_base_args *args)
{
    for (int64_t row = 0; row < args->rows; row++) {
        const double mean =
            pc_lane_sum(args->x + row * args->width, args->width) / (double)args->width;
        args->mean[row] = (float)mean;
        run_row(args, row, mean);
    }
}

void PC_FOR_SET(pc_rmsnorm_base)(const pc_norm_base_args *args)
{
    for (int64_t row = 0; row < args->rows; row++)
        run_row(args, row, 0);
}
