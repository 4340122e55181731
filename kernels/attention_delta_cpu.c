/* Attention's change of one head in fp32. */
#include "kernels/attention_delta.h"

#include "kernels/attention_rows.h"
#include "kernels/instruction_set.h"
#include "kernels/lanes.h"
#include "kernels/softcap.h"

#include <stddef.h>

/* One query and the keys it sees: from ... query. The arrays are indexed by key, from 0 at `from`.
 * p is the base pattern, p_new the new one, dp their difference, t the change of the scores. */
typedef struct view {
    const pc_attention_delta_args *args;
    int64_t query, from, n;
    const float *log_p;
    float *t, *p, *p_new, *dp;
} view;

static view view_of(const pc_attention_delta_args *args, int64_t query)
{
    const pc_attention_base *base = args->base;
    const int64_t from = pc_first_key(args->kind, query);
    return (view){.args = args,
                  .query = query,
                  .from = from,
                  .n = query - from + 1,
                  .log_p = base->log_pattern + query * base->pattern_stride + from,
                  .t = args->scratch,
                  .p = args->scratch + args->seq,
                  .p_new = args->scratch + 2 * args->seq,
                  .dp = args->scratch + 3 * args->seq};
}

static const float *row_of(const float *rows, int64_t stride, int64_t row)
{
    return rows ? rows + row * stride : NULL;
}

/* The change of q.k before the scale: dq.k + (q + dq).dk. */
static float change_of_product(const view *v, int64_t key)
{
    const pc_attention_delta_args *args = v->args;
    const pc_attention_base *base = args->base;
    const int64_t d_head = args->kind->d_head;
    const float *q = base->q + v->query * base->q_stride, *k = base->k + key * base->k_stride;
    const float *dq = row_of(args->dq, args->dq_stride, v->query - args->q_first);
    const float *dk =
        key < args->first ? NULL : row_of(args->dk, args->dk_stride, key - args->first);
    if (!dq) return dk ? pc_row_dot(q, dk, d_head) : 0;
    if (!dk) return pc_row_dot(dq, k, d_head);
    return pc_row_dot_change(q, k, dq, dk, d_head);
}

static void find_change_of_scores(const view *v)
{
    const pc_attention_delta_args *args = v->args;
    const pc_attention_base *base = args->base;
    const float scale = (float)args->kind->scale, cap = (float)args->kind->softcap;
    for (int64_t j = 0; j < v->n; j++)
        v->t[j] = scale * change_of_product(v, v->from + j);
    if (!(cap > 0)) return;
    for (int64_t j = 0; j < v->n; j++) {
        const float *k = base->k + (v->from + j) * base->k_stride;
        const float s =
            scale * pc_row_dot(base->q + v->query * base->q_stride, k, args->kind->d_head);
        v->t[j] = pc_capped_change(s, v->t[j], cap);
    }
}

static void find_base_pattern(const view *v)
{
    for (int64_t j = 0; j < v->n; j++)
        v->p[j] = pc_expf(v->log_p[j]);
}

/* Takes sum(p t) from t, which changes no softmax; returns the largest log_p + t then. */
static float centre(const view *v)
{
    const float mean = (float)pc_lane_dot(v->p, v->t, v->n);
    float most = -INFINITY;
    for (int64_t j = 0; j < v->n; j++) {
        v->t[j] -= mean;
        most = v->log_p[j] + v->t[j] > most ? v->log_p[j] + v->t[j] : most;
    }
    return most;
}

/* w = p expm1(t), kept in dp; a large exp(t) may belong to a p that is 0 in float. */
static void find_new_pattern(const view *v)
{
    for (int64_t j = 0; j < v->n; j++) {
        const float near = v->p[j] * pc_expm1f(v->t[j]);
        const float far = pc_expf(v->log_p[j] + v->t[j]) - v->p[j];
        v->dp[j] = v->t[j] > 1 ? far : near;
    }
    const float rise = (float)pc_lane_sum(v->dp, v->n);
    for (int64_t j = 0; j < v->n; j++) {
        v->dp[j] = (v->dp[j] - v->p[j] * rise) / (1 + rise);
        v->p_new[j] = v->p[j] + v->dp[j];
    }
}

static void find_new_pattern_by_itself(const view *v, float most)
{
    for (int64_t j = 0; j < v->n; j++)
        v->p_new[j] = pc_expf(v->log_p[j] + v->t[j] - most);
    const float sum = (float)pc_lane_sum(v->p_new, v->n);
    for (int64_t j = 0; j < v->n; j++) {
        v->p_new[j] /= sum;
        v->dp[j] = v->p_new[j] - v->p[j];
    }
}

static void find_patterns(const view *v)
{
    const float overflow = 80;
    find_base_pattern(v);
    find_change_of_scores(v);
    const float most = centre(v);
    if (most > overflow) find_new_pattern_by_itself(v, most);
    else find_new_pattern(v);
}

/* sum over keys of weight x, added to z; x's row 0 is position x_first. */
static void add_values(float *z, const view *v, const float *weight, const float *x,
                       int64_t x_stride, int64_t x_first)
{
    const int64_t start = v->from > x_first ? v->from : x_first;
    for (int64_t key = start; key <= v->query; key++)
        pc_row_add(z, weight[key - v->from], x + (key - x_first) * x_stride, v->args->kind->d_head);
}

void PC_FOR_SET(pc_attention_delta)(const pc_attention_delta_args *args)
{
    const pc_attention_base *base = args->base;
    for (int64_t query = args->q_first; query < args->seq; query++) {
        const view v = view_of(args, query);
        const int is_frozen = !args->dq && !args->dk;
        float *z = args->dz + (query - args->q_first) * args->dz_stride;
        for (int64_t c = 0; c < args->kind->d_head; c++)
            z[c] = 0;
        if (is_frozen) find_base_pattern(&v);
        else find_patterns(&v);
        if (!is_frozen) add_values(z, &v, v.dp, base->v, base->v_stride, 0);
        if (args->dv)
            add_values(z, &v, is_frozen ? v.p : v.p_new, args->dv, args->dv_stride, args->first);
    }
}
