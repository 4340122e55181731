/* The definition of attention's change, in double: one attention minus the other. */
#include "kernels/attention_delta.h"

#include <math.h>

/* Attention at base + share change, share 0 or 1. */
typedef struct run {
    const pc_attention_delta_args *args;
    double share;
} run;

/* Channel c of a position of base + share change; the changes begin at position first. */
static double at(const run *r, const float *base, int64_t base_stride, const float *change,
                 int64_t change_stride, int64_t first, int64_t position, int64_t c)
{
    const double value = (double)base[position * base_stride + c];
    if (!change || position < first) return value;
    return value + r->share * (double)change[(position - first) * change_stride + c];
}

static double q_at(const run *r, int64_t position, int64_t c)
{
    const pc_attention_delta_args *a = r->args;
    return at(r, a->base->q, a->base->q_stride, a->dq, a->dq_stride, a->q_first, position, c);
}

static double k_at(const run *r, int64_t position, int64_t c)
{
    const pc_attention_delta_args *a = r->args;
    return at(r, a->base->k, a->base->k_stride, a->dk, a->dk_stride, a->first, position, c);
}

static double v_at(const run *r, int64_t position, int64_t c)
{
    const pc_attention_delta_args *a = r->args;
    return at(r, a->base->v, a->base->v_stride, a->dv, a->dv_stride, a->first, position, c);
}

static int64_t first_key(const run *r, int64_t query)
{
    const int64_t window = r->args->kind->window;
    return window > 0 && query >= window ? query - window + 1 : 0;
}

static double score(const run *r, int64_t query, int64_t key)
{
    const pc_attention_kind *kind = r->args->kind;
    double sum = 0;
    for (int64_t c = 0; c < kind->d_head; c++)
        sum += q_at(r, query, c) * k_at(r, key, c);
    sum *= kind->scale;
    return kind->softcap > 0 ? kind->softcap * tanh(sum / kind->softcap) : sum;
}

/* The softmax over a query's keys is exp(score - most) / sum. */
typedef struct softmax {
    double most, sum;
} softmax;

static softmax softmax_of(const run *r, int64_t query)
{
    softmax out = {.most = score(r, query, query), .sum = 0};
    for (int64_t key = first_key(r, query); key < query; key++)
        out.most = fmax(out.most, score(r, query, key));
    for (int64_t key = first_key(r, query); key <= query; key++)
        out.sum += exp(score(r, query, key) - out.most);
    return out;
}

static double weight(const run *r, const softmax *norm, int64_t query, int64_t key)
{
    return exp(score(r, query, key) - norm->most) / norm->sum;
}

static void change_row(double *out, const run *from, const run *to, int64_t query)
{
    const int64_t d_head = from->args->kind->d_head;
    const softmax before = softmax_of(from, query), after = softmax_of(to, query);
    for (int64_t c = 0; c < d_head; c++)
        out[c] = 0;
    for (int64_t key = first_key(from, query); key <= query; key++) {
        const double p = weight(from, &before, query, key), p_new = weight(to, &after, query, key);
        for (int64_t c = 0; c < d_head; c++)
            out[c] += p_new * v_at(to, key, c) - p * v_at(from, key, c);
    }
}

void pc_ref_attention_delta(double *dz, const pc_attention_delta_args *args)
{
    const run from = {.args = args, .share = 0}, to = {.args = args, .share = 1};
    for (int64_t query = args->q_first; query < args->seq; query++)
        change_row(dz + (query - args->q_first) * args->kind->d_head, &from, &to, query);
}
