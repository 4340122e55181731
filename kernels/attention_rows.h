/* The inner loops of attention over one head's channels. */
#ifndef PC_KERNELS_ATTENTION_ROWS_H
#define PC_KERNELS_ATTENTION_ROWS_H

#include "kernels/attention_delta.h"

enum { PC_ROW_LANES = 16 };

/* The first key that a query sees. */
static inline int64_t pc_first_key(const pc_attention_kind *kind, int64_t query)
{
    return kind->window > 0 && query >= kind->window ? query - kind->window + 1 : 0;
}

/* Sixteen chains, channel c in chain c mod 16, added pairwise. */
static inline float pc_add_row_lanes(float *lanes)
{
    for (int half = PC_ROW_LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            lanes[lane] += lanes[lane + half];
    return lanes[0];
}

/* x.y */
static inline float pc_row_dot(const float *x, const float *y, int64_t n)
{
    float lanes[PC_ROW_LANES] = {0};
    int64_t i = 0;
    for (; i + PC_ROW_LANES <= n; i += PC_ROW_LANES)
        for (int lane = 0; lane < PC_ROW_LANES; lane++)
            lanes[lane] += x[i + lane] * y[i + lane];
    for (; i < n; i++)
        lanes[i % PC_ROW_LANES] += x[i] * y[i];
    return pc_add_row_lanes(lanes);
}

/* dx.y + (x + dx).dy */
static inline float pc_row_dot_change(const float *x, const float *y, const float *dx,
                                      const float *dy, int64_t n)
{
    float lanes[PC_ROW_LANES] = {0};
    int64_t i = 0;
    for (; i + PC_ROW_LANES <= n; i += PC_ROW_LANES)
        for (int lane = 0; lane < PC_ROW_LANES; lane++)
            lanes[lane] += dx[i + lane] * y[i + lane] + (x[i + lane] + dx[i + lane]) * dy[i + lane];
    for (; i < n; i++)
        lanes[i % PC_ROW_LANES] += dx[i] * y[i] + (x[i] + dx[i]) * dy[i];
    return pc_add_row_lanes(lanes);
}

/* z += weight x; they do not overlap. */
static inline void pc_row_add(float *restrict z, float weight, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        z[i] += weight * x[i];
}

#endif
