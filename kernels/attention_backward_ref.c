/* The definition of attention backwards, in double. */
#include "kernels/attention_backward.h"

#include <math.h>
#include <string.h>

/* One head: where its rows begin. */
typedef struct head {
    const pc_attention_backward_batch *b;
    const float *dz, *q, *k, *v;
    double *dq, *dk, *dv; /* dq rows dq_stride apart, the others d_head */
    int64_t dq_stride;
    double *p, *dp; /* (seq) */
} head;

static double dot(const float *x, const float *y, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

/* Adds x times `by` to a row. */
static void add(double *to, double by, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += by * (double)x[i];
}

static double score(const head *h, int64_t i, int64_t j)
{
    const pc_attention_kind *kind = &h->b->kind;
    const double s =
        kind->scale * dot(h->q + i * h->b->q_stride, h->k + j * h->b->k_stride, kind->d_head);
    return kind->softcap > 0 ? kind->softcap * tanh(s / kind->softcap) : s;
}

/* h->p = the pattern's row. */
static void find_pattern(const head *h, int64_t first, int64_t i)
{
    double most = -INFINITY, sum = 0;
    for (int64_t j = first; j <= i; j++) {
        h->p[j] = score(h, i, j);
        most = fmax(most, h->p[j]);
    }
    for (int64_t j = first; j <= i; j++)
        sum += h->p[j] = exp(h->p[j] - most);
    for (int64_t j = first; j <= i; j++)
        h->p[j] /= sum;
}

static void run_query(const head *h, int64_t i)
{
    const pc_attention_backward_batch *b = h->b;
    const int64_t d = b->kind.d_head, window = b->kind.window;
    const int64_t first = window > 0 && i >= window ? i - window + 1 : 0;
    const float *dz = h->dz + i * b->dz_stride;
    double mean = 0;
    find_pattern(h, first, i);
    for (int64_t j = first; j <= i; j++) {
        h->dp[j] = dot(dz, h->v + j * b->v_stride, d);
        mean += h->p[j] * h->dp[j];
        add(h->dv + j * d, h->p[j], dz, d);
    }
    for (int64_t j = first; j <= i && b->rule == PC_GRADIENT; j++) {
        const double bend = b->kind.softcap > 0 ? score(h, i, j) / b->kind.softcap : 0;
        const double dt = b->kind.scale * h->p[j] * (h->dp[j] - mean) * (1 - bend * bend);
        add(h->dq + i * h->dq_stride, dt, h->k + j * b->k_stride, d);
        add(h->dk + j * d, dt, h->q + i * b->q_stride, d);
    }
}

void pc_ref_attention_backward(double *dq, double *dk, double *dv, double *room,
                               const pc_attention_backward_batch *b, int64_t item)
{
    const pc_attention_backward_item *it = &b->items[item];
    const int64_t d = b->kind.d_head, size = it->seq * d;
    memset(dq, 0, (size_t)(size * it->n_heads) * sizeof *dq);
    memset(dk, 0, (size_t)size * sizeof *dk);
    memset(dv, 0, (size_t)size * sizeof *dv);
    for (int64_t n = 0; n < it->n_heads; n++) {
        const head h = {.b = b,
                        .dz = b->dz + it->dz + n * d,
                        .q = b->q + it->q + n * d,
                        .k = b->k + it->k,
                        .v = b->v + it->v,
                        .dq = dq + n * d,
                        .dk = dk,
                        .dv = dv,
                        .dq_stride = it->n_heads * d,
                        .p = room,
                        .dp = room + it->seq};
        for (int64_t i = 0; i < it->seq; i++)
            run_query(&h, i);
    }
}
