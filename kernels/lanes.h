/* Sums in a fixed order that vectors of any width can keep: eight chains, element i in chain i mod
 * 8, added in the end as (0+4 + 2+6) + (1+5 + 3+7). */
#ifndef PC_KERNELS_LANES_H
#define PC_KERNELS_LANES_H

#include <stdint.h>

enum { PC_LANES = 8 };

static inline double pc_add_lanes(const double lanes[PC_LANES])
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/* The sum of x. */
static inline double pc_lane_sum(const float *x, int64_t n)
{
    double lanes[PC_LANES] = {0};
    int64_t i = 0;
    for (; i + PC_LANES <= n; i += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++)
            lanes[lane] += (double)x[i + lane];
    for (; i < n; i++)
        lanes[i % PC_LANES] += (double)x[i];
    return pc_add_lanes(lanes);
}

/* The sum of x y. */
static inline double pc_lane_dot(const float *x, const float *y, int64_t n)
{
    double lanes[PC_LANES] = {0};
    int64_t i = 0;
    for (; i + PC_LANES <= n; i += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++)
            lanes[lane] += (double)x[i + lane] * (double)y[i + lane];
    for (; i < n; i++)
        lanes[i % PC_LANES] += (double)x[i] * (double)y[i];
    return pc_add_lanes(lanes);
}

#endif
