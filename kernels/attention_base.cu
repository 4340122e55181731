/* Attention of the base run on the device: one warp a query. */
#include "kernels/attention_base_cuda.h"

#include "kernels/attention_weights.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

/* LANES lanes share a key's dot product, so that a warp reads neighbouring channels of KEYS keys.
 */
enum { WARPS = 4, LANES = 4, KEYS = PC_WARP / LANES };

/* A query of an item, the first key that it sees, and its row of the pattern. */
struct query {
    const pc_attention_base_batch *batch;
    const pc_attention_base_item *item;
    int64_t position, first_key;
    const float *q;
    float *row;
};

static __device__ __forceinline__ int lane_of_warp(void)
{
    return threadIdx.x % PC_WARP;
}

/* The part of q.k that falls to this lane, then the sum over the lanes of a key. */
static __device__ float product(const query *r, int64_t key)
{
    const pc_attention_base_batch *b = r->batch;
    const float *k = b->k + r->item->k + key * b->k_stride;
    float sum = 0;
    for (int64_t c = lane_of_warp() % LANES; c < b->kind.d_head && key <= r->position; c += LANES)
        sum += r->q[c] * k[c];
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    return sum;
}

/* The scores into the row of the pattern. */
static __device__ void find_scores(const query *r)
{
    const float scale = (float)r->batch->kind.scale, cap = (float)r->batch->kind.softcap;
    for (int64_t first = r->first_key; first <= r->position; first += KEYS) {
        const int64_t key = first + lane_of_warp() / LANES;
        const float s = scale * product(r, key);
        if (key <= r->position && lane_of_warp() % LANES == 0)
            r->row[key] = cap > 0 ? pc_capped(s, cap) : s;
    }
    __syncwarp();
}

/* The row = log softmax of the scores, -infinity where the query does not see. */
static __device__ void normalise(const query *r)
{
    float most = -INFINITY;
    double sum = 0;
    for (int64_t key = r->first_key + lane_of_warp(); key <= r->position; key += PC_WARP)
        most = fmaxf(most, r->row[key]);
    most = pc_warp_max(most);
    for (int64_t key = r->first_key + lane_of_warp(); key <= r->position; key += PC_WARP)
        sum += (double)expf(r->row[key] - most);
    const double log_of_sum = log(pc_warp_sum(sum));
    for (int64_t key = r->first_key + lane_of_warp(); key <= r->position; key += PC_WARP)
        r->row[key] = (float)((double)r->row[key] - (double)most - log_of_sum);
    for (int64_t key = lane_of_warp(); key < r->item->seq; key += PC_WARP)
        if (key < r->first_key || key > r->position) r->row[key] = -INFINITY;
    __syncwarp();
}

static __device__ void write_z(const query *r)
{
    const pc_attention_base_batch *b = r->batch;
    const float *v = b->v + r->item->v;
    for (int64_t c = lane_of_warp(); c < b->kind.d_head; c += PC_WARP) {
        float sum = 0;
        for (int64_t key = r->first_key; key <= r->position; key++)
            sum += expf(r->row[key]) * v[key * b->v_stride + c];
        b->z[r->item->z + r->position * b->z_stride + c] = sum;
    }
}

/* A block takes 4 queries of one item, a warp one of them. The scores stand where the pattern is to
 * be, so that a prompt may have any length; its row stays in the cache between the passes. Its
 * lanes share out first the channels of 8 keys, then the keys, then the channels of z. This is done
 * once a prompt, not once a variant: no more care is taken. */
static __global__ void __launch_bounds__(WARPS *PC_WARP)
    attention_base_kernel(pc_attention_base_batch batch)
{
    const pc_attention_base_item *item = &batch.items[blockIdx.x];
    const int64_t first = (int64_t)blockIdx.y * WARPS + threadIdx.x / PC_WARP;
    for (int64_t i = first; i < item->seq; i += (int64_t)gridDim.y * WARPS) {
        const query r = {&batch,
                         item,
                         i,
                         pc_first_key_of(&batch.kind, i),
                         batch.q + item->q + i * batch.q_stride,
                         batch.log_pattern + item->log_pattern + i * item->pattern_stride};
        find_scores(&r);
        normalise(&r);
        if (item->z >= 0) write_z(&r);
    }
}

cudaError_t pck_attention_base(const pc_attention_base_batch *batch, cudaStream_t stream)
{
    if (batch->n_items == 0 || batch->most_seq == 0) return cudaSuccess;
    const int64_t tiles = (batch->most_seq + WARPS - 1) / WARPS, most = 65535;
    return pc_launch(attention_base_kernel,
                     dim3((unsigned)batch->n_items, (unsigned)(tiles < most ? tiles : most)),
                     dim3(WARPS * PC_WARP), 0, stream, *batch);
}
