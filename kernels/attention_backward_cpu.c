/* Attention backwards in fp32, query by query. */
#include "kernels/attention_backward.h"

#include "kernels/attention_rows.h"
#include "kernels/instruction_set.h"
#include "kernels/lanes.h"
#include "kernels/softcap.h"

#include <string.h>

/* One query of one head. */
typedef struct query {
    const pc_attention_backward_batch *b;
    const pc_attention_backward_item *item;
    const float *dz, *q, *log_pattern;
    float *dq;
    int64_t first, at;
} query;

static query query_of(const pc_attention_backward_batch *b, const pc_attention_backward_item *item,
                      int64_t head, int64_t i)
{
    const int64_t column = head * b->kind.d_head;
    return (query){.b = b,
                   .item = item,
                   .dz = b->dz + item->dz + i * b->dz_stride + column,
                   .q = b->q + item->q + i * b->q_stride + column,
                   .log_pattern = b->log_pattern + item->log_pattern +
                                  (head * item->seq + i) * (int64_t)item->seq,
                   .dq = b->dq + item->dq + i * b->dq_stride + column,
                   .first = pc_first_key(&b->kind, i),
                   .at = i};
}

/* dv += p dz; scratch = dp. Returns sum p dp. */
static double go_through_values(const query *r)
{
    const pc_attention_backward_batch *b = r->b;
    const int64_t d = b->kind.d_head;
    double sum = 0;
    for (int64_t j = r->first; j <= r->at; j++) {
        const float p = pc_expf(r->log_pattern[j]);
        pc_row_add(b->dv + r->item->dv + j * b->dv_stride, p, r->dz, d);
        if (b->rule != PC_GRADIENT) continue;
        b->scratch[j] = pc_row_dot(r->dz, b->v + r->item->v + j * b->v_stride, d);
        sum += (double)p * (double)b->scratch[j];
    }
    return sum;
}

/* How much the softcap bends the score: 1 - (s / c)^2. */
static float bend(const query *r, const float *k)
{
    const pc_attention_kind *kind = &r->b->kind;
    if (!(kind->softcap > 0)) return 1;
    const float s = (float)kind->scale * pc_row_dot(r->q, k, kind->d_head);
    const float t = pc_tanhf(s / (float)kind->softcap);
    return (1 - t) * (1 + t);
}

static void go_through_scores(const query *r, double mean)
{
    const pc_attention_backward_batch *b = r->b;
    const int64_t d = b->kind.d_head;
    const float scale = (float)b->kind.scale;
    for (int64_t j = r->first; j <= r->at; j++) {
        const float *k = b->k + r->item->k + j * b->k_stride;
        const float rest = (float)((double)b->scratch[j] - mean);
        const float dt = scale * pc_expf(r->log_pattern[j]) * rest * bend(r, k);
        pc_row_add(r->dq, dt, k, d);
        pc_row_add(b->dk + r->item->dk + j * b->dk_stride, dt, r->q, d);
    }
}

static void clear(float *x, int64_t stride, int64_t rows, int64_t width)
{
    for (int64_t i = 0; i < rows; i++)
        memset(x + i * stride, 0, (size_t)width * sizeof *x);
}

static void run_item(const pc_attention_backward_batch *b, const pc_attention_backward_item *item)
{
    const int64_t d = b->kind.d_head;
    clear(b->dq + item->dq, b->dq_stride, item->seq, item->n_heads * d);
    clear(b->dk + item->dk, b->dk_stride, item->seq, d);
    clear(b->dv + item->dv, b->dv_stride, item->seq, d);
    for (int64_t head = 0; head < item->n_heads; head++)
        for (int64_t i = 0; i < item->seq; i++) {
            const query r = query_of(b, item, head, i);
            const double mean = go_through_values(&r);
            if (b->rule == PC_GRADIENT) go_through_scores(&r, mean);
        }
}

void PC_FOR_SET(pc_attention_backward)(const pc_attention_backward_batch *batch)
{
    for (int64_t i = 0; i < batch->n_items; i++)
        run_item(batch, &batch->items[i]);
}
