/* Attention's change on the device: one warp a query, of items that are short. */
#include "kernels/attention_delta_cuda.h"

#include "kernels/attention_weights.cuh"
#include "kernels/dynamic_shared.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

/* LANES lanes share a key's dot products, so that a warp reads neighbouring channels of KEYS keys.
 */
enum { WARPS = 4, LANES = 4, KEYS = PC_WARP / LANES, FLOATS_PER_KEY = 2 };

/* A query of an item, and what its warp keeps of each key that it sees, the first one at 0. */
struct query {
    const pc_attention_batch *batch;
    const pc_attention_item *item;
    const float *q, *dq;      /* its rows; dq NULL for no change */
    const float *log_pattern; /* of its first key */
    int64_t first_key;
    int n_keys;
    float *change; /* of a key's score, then of its weight */
    float *weight; /* the new one */
};

static __device__ __forceinline__ int lane_of_warp(void)
{
    return threadIdx.x % PC_WARP;
}

/* ---- scores ---- */

/* The parts of dq.(k + dk) + q.dk and of q.k that fall to this lane: every LANES-th channel. */
static __device__ float2 partial_dots(const query *r, int64_t position)
{
    const pc_attention_batch *b = r->batch;
    const float *k = b->k + r->item->k + position * b->k_stride;
    const float *dk = pc_changed_row(b->dk, r->item->dk, b->dk_stride, r->item, position);
    float change = 0, base = 0;
    for (int64_t c = lane_of_warp() % LANES; c < b->kind.d_head; c += LANES) {
        const float dk_c = dk ? dk[c] : 0;
        if (r->dq) change += r->dq[c] * (k[c] + dk_c);
        if (dk) change += r->q[c] * dk_c;
        if (b->kind.softcap > 0) base += r->q[c] * k[c];
    }
    return make_float2(change, base);
}

static __device__ __forceinline__ float sum_over_lanes(float value)
{
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

/* Fills `change` with the change of every key's score. */
static __device__ void change_scores(const query *r)
{
    for (int first = 0; first < r->n_keys; first += KEYS) {
        const int key = first + lane_of_warp() / LANES;
        float2 dots = make_float2(0, 0);
        if (key < r->n_keys) dots = partial_dots(r, r->first_key + key);
        const float change = sum_over_lanes(dots.x), base = sum_over_lanes(dots.y);
        if (key < r->n_keys && lane_of_warp() % LANES == 0)
            r->change[key] = pc_score_change(&r->batch->kind, base, change);
    }
    __syncwarp();
}

/* ---- weights; each lane has every 32nd key ---- */

/* Takes sum(p t) off the changes of the scores; returns the largest new exponent. */
static __device__ float centre_scores(const query *r)
{
    float mean = 0, most = -INFINITY;
    for (int key = lane_of_warp(); key < r->n_keys; key += PC_WARP)
        mean += expf(r->log_pattern[key]) * r->change[key];
    mean = pc_warp_sum(mean);
    for (int key = lane_of_warp(); key < r->n_keys; key += PC_WARP) {
        r->change[key] -= mean;
        most = fmaxf(most, r->log_pattern[key] + r->change[key]);
    }
    return pc_warp_max(most);
}

/* dp = (w - p W) / (1 + W). */
static __device__ void change_weights(const query *r)
{
    float total = 0;
    for (int key = lane_of_warp(); key < r->n_keys; key += PC_WARP)
        total += pc_weight_change(r->log_pattern[key], r->change[key]);
    total = pc_warp_sum(total);
    for (int key = lane_of_warp(); key < r->n_keys; key += PC_WARP) {
        const float p = expf(r->log_pattern[key]);
        const float w = pc_weight_change(r->log_pattern[key], r->change[key]);
        r->change[key] = (w - p * total) / (1 + total);
        r->weight[key] = p + r->change[key];
    }
}

/* softmax(L + t) by itself, and p subtracted: where change_weights() would overflow. */
static __device__ void replace_weights(const query *r, float most)
{
    float total = 0;
    for (int key = lane_of_warp(); key < r->n_keys; key += PC_WARP)
        total += expf(r->log_pattern[key] + r->change[key] - most);
    total = pc_warp_sum(total);
    for (int key = lane_of_warp(); key < r->n_keys; key += PC_WARP) {
        r->weight[key] = expf(r->log_pattern[key] + r->change[key] - most) / total;
        r->change[key] = r->weight[key] - expf(r->log_pattern[key]);
    }
}

static __device__ void keep_weights(const query *r)
{
    for (int key = lane_of_warp(); key < r->n_keys; key += PC_WARP) {
        r->weight[key] = expf(r->log_pattern[key]);
        r->change[key] = 0;
    }
}

/* ---- output: each lane has every 32nd channel ---- */

static __device__ void write_row(const query *r, float *dz)
{
    const pc_attention_batch *b = r->batch;
    const int is_frozen = r->item->dq < 0 && r->item->dk < 0;
    for (int64_t c = lane_of_warp(); c < b->kind.d_head; c += PC_WARP) {
        float sum = 0;
        for (int key = 0; key < r->n_keys; key++) {
            const int64_t position = r->first_key + key;
            const float *dv = pc_changed_row(b->dv, r->item->dv, b->dv_stride, r->item, position);
            if (!is_frozen) sum += r->change[key] * b->v[r->item->v + position * b->v_stride + c];
            if (dv) sum += r->weight[key] * dv[c];
        }
        dz[c] = sum;
    }
}

/* What the warp of this block needs to know of its query; it sees keys up to itself. */
static __device__ query query_of(const pc_attention_batch *b, const pc_attention_item *item,
                                 int64_t position, int most_keys)
{
    query r = {b, item, b->q + item->q + position * b->q_stride, NULL, NULL, 0, 0, NULL, NULL};
    if (item->dq >= 0) r.dq = b->dq + item->dq + (position - item->q_first) * b->dq_stride;
    r.first_key = pc_first_key_of(&b->kind, position);
    r.n_keys = (int)(position - r.first_key) + 1;
    r.log_pattern = b->log_pattern + item->log_pattern + position * item->pattern_stride;
    r.log_pattern += r.first_key;
    r.change = pc_dynamic_shared<float>() + threadIdx.x / PC_WARP * FLOATS_PER_KEY * most_keys;
    r.weight = r.change + most_keys;
    return r;
}

/* A block takes 4 queries of one item, a warp one of them: sequences are short, so that a query's
 * scores fit into shared memory, items are many, and a warp needs no barrier. Its lanes share out
 * first the channels of 8 keys, then the keys, then the channels of the output. All queries of an
 * item, and all items of a prompt, read the same base rows: they come from the cache. */
static __global__ void __launch_bounds__(WARPS *PC_WARP)
    attention_delta_kernel(pc_attention_batch batch, int most_keys)
{
    const pc_attention_item *item = &batch.items[blockIdx.x];
    if (item->seq > PCK_ATTENTION_SHORT) return;
    const int64_t position = item->q_first + (int64_t)blockIdx.y * WARPS + threadIdx.x / PC_WARP;
    if (position >= item->seq) return;
    const query r = query_of(&batch, item, position, most_keys);
    if (item->dq < 0 && item->dk < 0) {
        keep_weights(&r);
    } else {
        change_scores(&r);
        const float most = centre_scores(&r);
        if (most > pc_most_exponent) replace_weights(&r, most);
        else change_weights(&r);
    }
    __syncwarp();
    write_row(&r, batch.dz + item->dz + (position - item->q_first) * batch.dz_stride);
}

/* Which way an item goes depends on the item alone. */
cudaError_t pck_attention_delta(const pc_attention_batch *batch, cudaStream_t stream)
{
    if (batch->n_items == 0 || batch->most_queries == 0) return cudaSuccess;
    const int64_t window = batch->kind.window, most = PCK_ATTENTION_SHORT;
    const int64_t seq = batch->most_seq < most ? batch->most_seq : most;
    const int64_t keys = window > 0 && window < seq ? window : seq;
    const int64_t queries = batch->most_queries < most ? batch->most_queries : most;
    const int64_t tiles = (queries + WARPS - 1) / WARPS;
    const size_t bytes = (size_t)(WARPS * keys) * FLOATS_PER_KEY * sizeof(float);
    const cudaError_t error =
        pc_launch(attention_delta_kernel, dim3((unsigned)batch->n_items, (unsigned)tiles),
                  dim3(WARPS * PC_WARP), bytes, stream, *batch, (int)keys);
    if (error != cudaSuccess || batch->most_seq <= most) return error;
    return pck_attention_delta_long(batch, stream);
}
