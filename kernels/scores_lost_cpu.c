/* Whether float32 loses the changes of a head's scores: the longest rows, in double. */
#include "kernels/scores_lost.h"

#include "kernels/instruction_set.h"

#include <math.h>
#include <stddef.h>

static double length_of(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double x = (double)a[i] + (b ? (double)b[i] : 0);
        sum += x * x;
    }
    return sqrt(sum);
}

/* The longest of rows (n, d_head), `stride` apart, plus `change` from the row `first` on. */
static double longest(const float *rows, int64_t stride, int64_t n, const float *change,
                      int64_t change_stride, int64_t first, int64_t d_head)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *d = change && i >= first ? change + (i - first) * change_stride : NULL;
        most = fmax(most, length_of(rows + i * stride, d, d_head));
    }
    return most;
}

/* The first of rows (n, d_head) that is not 0; n if there is none. */
static int64_t first_nonzero(const float *rows, int64_t stride, int64_t n, int64_t d_head)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < d_head; c++)
            if (rows[i * stride + c] != 0) return i;
    return n;
}

/* The first query whose scores change, from `watch_from` on. */
static int64_t first_changed_query(const pc_attention_delta_args *a, int64_t watch_from)
{
    const int64_t d_head = a->kind->d_head;
    int64_t query = a->seq;
    if (a->dq) query = a->q_first + first_nonzero(a->dq, a->dq_stride, a->seq - a->q_first, d_head);
    if (a->dk) {
        const int64_t key =
            a->first + first_nonzero(a->dk, a->dk_stride, a->seq - a->first, d_head);
        query = key < query ? key : query;
    }
    query = query < a->q_first ? a->q_first : query;
    return query < watch_from ? watch_from : query;
}

int PC_FOR_SET(pc_scores_lost)(const pc_attention_delta_args *a, int64_t watch_from)
{
    const pc_attention_base *base = a->base;
    const int64_t d_head = a->kind->d_head, from = first_changed_query(a, watch_from);
    const int64_t n = a->seq - from;
    const double keys =
        longest(base->k, base->k_stride, a->seq, a->dk, a->dk_stride, a->first, d_head);
    const double queries =
        longest(base->q + from * base->q_stride, base->q_stride, n, NULL, 0, 0, d_head);
    const float *changed = a->dq ? a->dq + (from - a->q_first) * a->dq_stride : NULL;
    const double dq = changed ? longest(changed, a->dq_stride, n, NULL, 0, 0, d_head) : 0;
    const double dk =
        a->dk ? longest(a->dk, a->dk_stride, a->seq - a->first, NULL, 0, 0, d_head) : 0;
    return a->kind->scale * (dq * keys + queries * dk) > PC_SCORES_LOST * sqrt((double)d_head);
}
