/* Whether float32 loses the changes of scores, on the device: a block an item. */
#include "kernels/scores_lost_cuda.h"

#include "kernels/attention_weights.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

enum { THREADS = 256, ROWS = THREADS / PC_WARP };

/* The largest of every warp's value, returned to every thread. */
static __device__ double block_max(double value)
{
    __shared__ double of_warp[ROWS];
    __syncthreads(); /* everyone has read what the previous call left */
    if (threadIdx.x % PC_WARP == 0) of_warp[threadIdx.x / PC_WARP] = value;
    __syncthreads();
    double most = of_warp[0];
    for (int i = 1; i < ROWS; i++)
        most = fmax(most, of_warp[i]);
    return most;
}

/* |a + b|, of a warp; NULL for 0. */
static __device__ double length_of(const float *a, const float *b, int64_t d_head)
{
    double sum = 0;
    for (int64_t c = threadIdx.x % PC_WARP; c < d_head; c += PC_WARP) {
        const double x = (a ? (double)a[c] : 0) + (b ? (double)b[c] : 0);
        sum += x * x;
    }
    return sqrt(pc_warp_sum(sum));
}

struct head {
    const pc_attention_batch *batch;
    const pc_attention_item *item;
};

static __device__ const float *dq_of(const head *h, int64_t position)
{
    if (h->item->dq < 0 || position < h->item->q_first) return NULL;
    return h->batch->dq + h->item->dq + (position - h->item->q_first) * h->batch->dq_stride;
}

static __device__ const float *dk_of(const head *h, int64_t position)
{
    return pc_changed_row(h->batch->dk, h->item->dk, h->batch->dk_stride, h->item, position);
}

/* Whether a row is there and not 0, NaN included; of a warp. */
static __device__ int is_changed(const float *row, int64_t d_head)
{
    int found = 0;
    for (int64_t c = threadIdx.x % PC_WARP; row && c < d_head; c += PC_WARP)
        found |= row[c] != 0;
    return __any_sync(0xffffffffu, found);
}

/* The first query whose scores change: as the largest of -position. */
static __device__ int64_t first_query(const head *h, int64_t watch_from)
{
    const int64_t d_head = h->batch->kind.d_head;
    int64_t first = h->item->seq;
    for (int64_t at = h->item->first + threadIdx.x / PC_WARP; at < first; at += ROWS)
        if (is_changed(dq_of(h, at), d_head) || is_changed(dk_of(h, at), d_head)) first = at;
    first = -(int64_t)block_max(-(double)first);
    first = first < h->item->q_first ? h->item->q_first : first;
    return first < watch_from ? watch_from : first;
}

static __device__ double score_size(const head *h, int64_t watch_from)
{
    const pc_attention_batch *b = h->batch;
    const int64_t d_head = b->kind.d_head, from = first_query(h, watch_from);
    double q = 0, k = 0, dq = 0, dk = 0;
    for (int64_t at = threadIdx.x / PC_WARP; at < h->item->seq; at += ROWS) {
        const float *key = b->k + h->item->k + at * b->k_stride, *change = dk_of(h, at);
        k = fmax(k, length_of(key, change, d_head));
        if (change) dk = fmax(dk, length_of(change, NULL, d_head));
    }
    for (int64_t at = from + threadIdx.x / PC_WARP; at < h->item->seq; at += ROWS) {
        q = fmax(q, length_of(b->q + h->item->q + at * b->q_stride, NULL, d_head));
        dq = fmax(dq, length_of(dq_of(h, at), NULL, d_head));
    }
    q = block_max(q);
    k = block_max(k);
    dq = block_max(dq);
    dk = block_max(dk);
    return b->kind.scale * (dq * k + q * dk);
}

/* A block takes one item, a warp every 8th position of it, a lane every 32nd channel: first to find
 * where changes begin, then for the longest rows. Each is a fraction of what attention itself
 * reads, and an item's answer is one byte. */
static __global__ void __launch_bounds__(THREADS)
    scores_lost_kernel(uint8_t *is_lost, pc_attention_batch batch)
{
    const int64_t i = blockIdx.x;
    const head h = {&batch, &batch.items[i]};
    if (h.item->watch_from < 0) {
        if (threadIdx.x == 0) is_lost[i] = 0;
        return;
    }
    const double size = score_size(&h, h.item->watch_from);
    if (threadIdx.x == 0) is_lost[i] = size > PC_SCORES_LOST * sqrt((double)batch.kind.d_head);
}

cudaError_t pck_scores_lost(uint8_t *is_lost, const pc_attention_batch *batch, cudaStream_t stream)
{
    if (batch->n_items == 0) return cudaSuccess;
    return pc_launch(scores_lost_kernel, dim3((unsigned)batch->n_items), dim3(THREADS), 0, stream,
                     is_lost, *batch);
}
