/* The definition of how far float32 loses the changes of scores, in double. */
#include "kernels/scores_lost.h"

#include <math.h>
#include <stddef.h>

/* Row `at` of an array of changes that begins at `first`; NULL for no change. */
static const float *row_of(const float *changes, int64_t stride, int64_t first, int64_t at)
{
    return changes && at >= first ? changes + (at - first) * stride : NULL;
}

static double length_of(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double x = (a ? (double)a[i] : 0) + (b ? (double)b[i] : 0);
        sum += x * x;
    }
    return sqrt(sum);
}

static int64_t first_query(const pc_attention_delta_args *a, int64_t watch_from)
{
    const int64_t d_head = a->kind->d_head;
    int64_t at = a->first;
    for (; at < a->seq; at++) {
        const float *dq = row_of(a->dq, a->dq_stride, a->q_first, at);
        const float *dk = row_of(a->dk, a->dk_stride, a->first, at);
        if (length_of(dq, NULL, d_head) != 0 || length_of(dk, NULL, d_head) != 0) break;
    }
    at = at < a->q_first ? a->q_first : at;
    return at < watch_from ? watch_from : at;
}

double pc_ref_scores_lost(const pc_attention_delta_args *a, int64_t watch_from)
{
    const int64_t d_head = a->kind->d_head, from = first_query(a, watch_from);
    double q = 0, k = 0, dq = 0, dk = 0;
    for (int64_t at = 0; at < a->seq; at++) {
        const float *change = row_of(a->dk, a->dk_stride, a->first, at);
        k = fmax(k, length_of(a->base->k + at * a->base->k_stride, change, d_head));
        dk = fmax(dk, length_of(change, NULL, d_head));
    }
    for (int64_t at = from; at < a->seq; at++) {
        q = fmax(q, length_of(a->base->q + at * a->base->q_stride, NULL, d_head));
        dq = fmax(dq, length_of(row_of(a->dq, a->dq_stride, a->q_first, at), NULL, d_head));
    }
    return a->kind->scale * (dq * k + q * dk) / sqrt((double)d_head);
}
