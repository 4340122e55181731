/* Causal attention of the base run in fp32, the softmax's sum in double. */
#include "kernels/attention_base.h"

#include "kernels/attention_rows.h"
#include "kernels/instruction_set.h"
#include "kernels/lanes.h"
#include "kernels/scalar_math.h"
#include "kernels/softcap.h"

#include <math.h>

/* The scores of one query over the keys from ... query, in their place of the pattern; returns the
 * largest, or NaN if there is one. */
static float find_scores(float *row, const pc_attention_base_args *args, int64_t from,
                         int64_t query)
{
    const float scale = (float)args->kind->scale, cap = (float)args->kind->softcap;
    const float *q = args->q + query * args->q_stride;
    float most = -INFINITY;
    for (int64_t key = from; key <= query; key++) {
        const float *k = args->k + key * args->k_stride;
        const float s = scale * pc_row_dot(q, k, args->kind->d_head);
        row[key] = cap > 0 ? pc_capped(s, cap) : s;
        most = row[key] <= most ? most : row[key];
    }
    return most;
}

/* log(sum exp(row - most)); the largest term is 1. */
static double log_sum(const float *row, float most, int64_t from, int64_t query)
{
    double lanes[PC_LANES] = {0};
    for (int64_t key = from; key <= query; key++)
        lanes[(key - from) % PC_LANES] += (double)pc_expf(row[key] - most);
    return pc_log1p(pc_add_lanes(lanes) - 1);
}

static void run_query(const pc_attention_base_args *args, int64_t query)
{
    float *row = args->log_pattern + query * args->pattern_stride;
    float *z = args->z ? args->z + query * args->z_stride : NULL;
    const int64_t from = pc_first_key(args->kind, query);
    const float most = find_scores(row, args, from, query);
    const double log_of_sum = log_sum(row, most, from, query);
    for (int64_t key = 0; key < args->seq; key++)
        row[key] = key < from || key > query
                       ? -INFINITY
                       : (float)((double)row[key] - (double)most - log_of_sum);
    if (!args->z) return;
    for (int64_t c = 0; c < args->kind->d_head; c++)
        z[c] = 0;
    for (int64_t key = from; key <= query; key++)
        pc_row_add(z, pc_expf(row[key]), args->v + key * args->v_stride, args->kind->d_head);
}

void PC_FOR_SET(pc_attention_base)(const pc_attention_base_args *args)
{
    for (int64_t query = 0; query < args->seq; query++)
        run_query(args, query);
}
