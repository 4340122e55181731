/* The definition of causal attention, in double. */
#include "kernels/attention.h"

#include <math.h>

static void score_row(double *row, const double *q, const double *k, int64_t first, int64_t query,
                      int64_t d_head, const pc_attention_options *o)
{
    for (int64_t key = first; key <= query; key++) {
        double sum = 0;
        for (int64_t c = 0; c < d_head; c++)
            sum += q[query * d_head + c] * k[key * d_head + c];
        row[key] = sum * o->scale;
        if (o->softcap > 0) row[key] = o->softcap * tanh(row[key] / o->softcap);
    }
}

static void softmax_row(double *row, int64_t n)
{
    double most = row[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        if (row[i] > most) most = row[i];
    for (int64_t i = 0; i < n; i++) {
        row[i] = exp(row[i] - most);
        sum += row[i];
    }
    for (int64_t i = 0; i < n; i++)
        row[i] /= sum;
}

void pc_ref_attention_gather(double *z, const double *pattern, const double *v, int64_t first,
                             int64_t query, int64_t d_head)
{
    for (int64_t c = 0; c < d_head; c++)
        z[c] = 0;
    for (int64_t key = first; key <= query; key++)
        for (int64_t c = 0; c < d_head; c++)
            z[c] += pattern[key] * v[key * d_head + c];
}

void pc_ref_attention(double *z, double *pattern, const double *q, const double *k, const double *v,
                      int64_t seq, int64_t d_head, const pc_attention_options *o)
{
    for (int64_t query = 0; query < seq; query++) {
        double *row = pattern + query * seq;
        const int64_t first = o->window > 0 && query >= o->window ? query - o->window + 1 : 0;
        for (int64_t key = 0; key < seq; key++)
            row[key] = 0;
        score_row(row, q, k, first, query, d_head, o);
        softmax_row(row + first, query - first + 1);
        pc_ref_attention_gather(z + query * d_head, row, v, first, query, d_head);
    }
}
