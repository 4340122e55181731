/* Attention's change on the device for long prompts: queries and keys in tiles. */
#include "kernels/attention_weights.cuh"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

/* A tile is QUERIES x KEYS scores; a warp has every 4th query of it, a lane one key. Rows come into
 * shared memory CHANNELS channels at a time; of the output a thread has every 2nd query and up to
 * CHUNKS channels, CHANNELS apart. */
enum { QUERIES = 16, KEYS = PC_WARP, CHANNELS = 64, CHUNKS = 4, THREADS = 128 };
enum { WARPS = THREADS / PC_WARP, OWN = QUERIES / WARPS, OUT = QUERIES * CHANNELS / THREADS };

/* Rows are one float longer than they need, so that lanes find their keys in different banks. */
struct tile {
    float q[QUERIES][CHANNELS + 1], dq[QUERIES][CHANNELS + 1];
    float key[KEYS][CHANNELS + 1], change[KEYS][CHANNELS + 1]; /* of k, then of v */
    float dp[QUERIES][KEYS + 1], p[QUERIES][KEYS + 1];         /* the weights: change, and new */
};

/* Queries first ... of an item, and the keys that any of them sees. */
struct stretch {
    const pc_attention_batch *batch;
    const pc_attention_item *item;
    int64_t first, first_key, end_key;
    tile *shared;
};

/* What a lane knows of its warp's queries: the mean of t, the largest L + t, the sum of the new
 * weights (or of their changes). */
struct softmax {
    float mean[OWN], most[OWN], total[OWN];
};

static __device__ __forceinline__ int lane(void)
{
    return threadIdx.x % PC_WARP;
}

/* The position of the i-th query of this warp. */
static __device__ __forceinline__ int64_t own_query(const stretch *s, int i)
{
    return s->first + threadIdx.x / PC_WARP + i * WARPS;
}

static __device__ __forceinline__ int sees(const stretch *s, int64_t query, int64_t key)
{
    return query < s->item->seq && key <= query && key >= pc_first_key_of(&s->batch->kind, query);
}

static __device__ __forceinline__ float log_pattern_at(const stretch *s, int64_t query, int64_t key)
{
    return s->batch->log_pattern[s->item->log_pattern + query * s->item->pattern_stride + key];
}

/* ---- rows into shared memory; what is not there is 0 ---- */

static __device__ __forceinline__ float channel_of(const float *row, int64_t channel,
                                                   int64_t d_head)
{
    return row && channel < d_head ? row[channel] : 0;
}

static __device__ void load_queries(const stretch *s, int64_t channel)
{
    const pc_attention_batch *b = s->batch;
    for (int i = threadIdx.x; i < QUERIES * CHANNELS; i += THREADS) {
        const int row = i / CHANNELS, c = i % CHANNELS;
        const int64_t query = s->first + row;
        const int is_there = query < s->item->seq;
        const float *q = is_there ? b->q + s->item->q + query * b->q_stride : NULL;
        const float *dq = is_there && s->item->dq >= 0
                              ? b->dq + s->item->dq + (query - s->item->q_first) * b->dq_stride
                              : NULL;
        s->shared->q[row][c] = channel_of(q, channel + c, b->kind.d_head);
        s->shared->dq[row][c] = channel_of(dq, channel + c, b->kind.d_head);
    }
}

/* An array of keys or values, and its change. */
struct rows {
    const float *base, *change; /* position 0, the whole array of changes */
    int64_t stride, change_at, change_stride;
};

static __device__ void load_keys(const stretch *s, const rows *from, int64_t key, int64_t channel)
{
    for (int i = threadIdx.x; i < KEYS * CHANNELS; i += THREADS) {
        const int row = i / CHANNELS, c = i % CHANNELS;
        const int64_t position = key + row, d_head = s->batch->kind.d_head;
        const int is_there = position < s->end_key;
        const float *base = is_there ? from->base + position * from->stride : NULL;
        const float *change = is_there ? pc_changed_row(from->change, from->change_at,
                                                        from->change_stride, s->item, position)
                                       : NULL;
        s->shared->key[row][c] = channel_of(base, channel + c, d_head);
        s->shared->change[row][c] = channel_of(change, channel + c, d_head);
    }
}

/* ---- scores: a lane has key + lane of each of its warp's queries ---- */

static __device__ void add_products(float *change, float *base, const tile *t, int n_channels)
{
    for (int c = 0; c < n_channels; c++) {
        const float k = t->key[lane()][c], dk = t->change[lane()][c];
        for (int i = 0; i < OWN; i++) {
            const int row = threadIdx.x / PC_WARP + i * WARPS;
            change[i] += t->dq[row][c] * (k + dk) + t->q[row][c] * dk;
            base[i] += t->q[row][c] * k;
        }
    }
}

/* t (OWN) = the changes of the scores. All threads call it together. */
static __device__ void change_scores(float *t, const stretch *s, int64_t key)
{
    const pc_attention_batch *b = s->batch;
    const rows keys = {b->k + s->item->k, b->dk, b->k_stride, s->item->dk, b->dk_stride};
    float change[OWN] = {0}, base[OWN] = {0};
    for (int64_t channel = 0; channel < b->kind.d_head; channel += CHANNELS) {
        const int64_t rest = b->kind.d_head - channel;
        __syncthreads(); /* everyone is done with what stood there */
        load_queries(s, channel);
        load_keys(s, &keys, key, channel);
        __syncthreads();
        add_products(change, base, s->shared, rest < CHANNELS ? (int)rest : CHANNELS);
    }
    for (int i = 0; i < OWN; i++)
        t[i] = pc_score_change(&b->kind, base[i], change[i]);
}

/* ---- the softmax, in passes over the keys; the scores are computed anew in each ---- */

static __device__ void find_means(softmax *m, const stretch *s)
{
    for (int i = 0; i < OWN; i++)
        m->mean[i] = 0;
    for (int64_t key = s->first_key; key < s->end_key; key += KEYS) {
        float t[OWN];
        change_scores(t, s, key);
        for (int i = 0; i < OWN; i++)
            if (sees(s, own_query(s, i), key + lane()))
                m->mean[i] += expf(log_pattern_at(s, own_query(s, i), key + lane())) * t[i];
    }
    for (int i = 0; i < OWN; i++)
        m->mean[i] = pc_warp_sum(m->mean[i]);
}

/* `total` = the sum of p (e^t - 1), t less its mean: of no use where `most` overflows. */
static __device__ void find_totals(softmax *m, const stretch *s)
{
    for (int i = 0; i < OWN; i++) {
        m->most[i] = -INFINITY;
        m->total[i] = 0;
    }
    for (int64_t key = s->first_key; key < s->end_key; key += KEYS) {
        float t[OWN];
        change_scores(t, s, key);
        for (int i = 0; i < OWN; i++) {
            if (!sees(s, own_query(s, i), key + lane())) continue;
            const float log_p = log_pattern_at(s, own_query(s, i), key + lane());
            m->most[i] = fmaxf(m->most[i], log_p + (t[i] - m->mean[i]));
            m->total[i] += pc_weight_change(log_p, t[i] - m->mean[i]);
        }
    }
    for (int i = 0; i < OWN; i++) {
        m->most[i] = pc_warp_max(m->most[i]);
        m->total[i] = pc_warp_sum(m->total[i]);
    }
}

/* Where it overflows, `total` = the sum of exp(L + t - most). */
static __device__ void replace_totals(softmax *m, const stretch *s)
{
    float total[OWN] = {0};
    for (int64_t key = s->first_key; key < s->end_key; key += KEYS) {
        float t[OWN];
        change_scores(t, s, key);
        for (int i = 0; i < OWN; i++)
            if (sees(s, own_query(s, i), key + lane()))
                total[i] += expf(log_pattern_at(s, own_query(s, i), key + lane()) +
                                 (t[i] - m->mean[i]) - m->most[i]);
    }
    for (int i = 0; i < OWN; i++) {
        total[i] = pc_warp_sum(total[i]);
        if (m->most[i] > pc_most_exponent) m->total[i] = total[i];
    }
}

static __device__ void find_softmax(softmax *m, const stretch *s)
{
    int overflows = 0;
    find_means(m, s);
    find_totals(m, s);
    for (int i = 0; i < OWN; i++)
        overflows |= m->most[i] > pc_most_exponent;
    if (__syncthreads_or(overflows)) replace_totals(m, s);
}

/* ---- weights and output ---- */

/* The change of a weight and its new value, where a query sees the key; else 0. */
static __device__ float2 weight_of(const softmax *m, int i, float log_p, float t, int is_frozen)
{
    const float p = expf(log_p), centred = t - m->mean[i];
    if (is_frozen) return make_float2(0, p);
    if (m->most[i] > pc_most_exponent) {
        const float p_new = expf(log_p + centred - m->most[i]) / m->total[i];
        return make_float2(p_new - p, p_new);
    }
    const float w = pc_weight_change(log_p, centred);
    const float dp = (w - p * m->total[i]) / (1 + m->total[i]);
    return make_float2(dp, p + dp);
}

static __device__ void find_weights(const softmax *m, const stretch *s, int64_t key, int is_frozen)
{
    float t[OWN] = {0};
    if (!is_frozen) change_scores(t, s, key);
    for (int i = 0; i < OWN; i++) {
        const int64_t query = own_query(s, i);
        const int row = threadIdx.x / PC_WARP + i * WARPS;
        float2 weight = make_float2(0, 0);
        if (sees(s, query, key + lane()))
            weight = weight_of(m, i, log_pattern_at(s, query, key + lane()), t[i], is_frozen);
        s->shared->dp[row][lane()] = weight.x;
        s->shared->p[row][lane()] = weight.y;
    }
}

/* Output i of a chunk belongs to this query of the stretch. */
static __device__ __forceinline__ int out_row(int i)
{
    return threadIdx.x / CHANNELS + i * (THREADS / CHANNELS);
}

/* out (OUT) += what the keys of a tile add. What a query does not see is not looked at: it may be
 * NaN. */
static __device__ void add_values(float *out, const stretch *s, int64_t key, int is_frozen)
{
    const int c = threadIdx.x % CHANNELS;
    const int64_t rest = s->end_key - key;
    float sums[OUT]; /* registers; `out` is not, where there are several chunks */
    for (int i = 0; i < OUT; i++)
        sums[i] = out[i];
    for (int k = 0; k < KEYS && k < rest; k++) {
        const float v = is_frozen ? 0 : s->shared->key[k][c], dv = s->shared->change[k][c];
        for (int i = 0; i < OUT; i++)
            if (sees(s, s->first + out_row(i), key + k))
                sums[i] += s->shared->dp[out_row(i)][k] * v + s->shared->p[out_row(i)][k] * dv;
    }
    for (int i = 0; i < OUT; i++)
        out[i] = sums[i];
}

static __device__ void write_out(const float *out, const stretch *s, int64_t channel)
{
    const pc_attention_batch *b = s->batch;
    for (int i = 0; i < OUT; i++) {
        const int64_t query = s->first + out_row(i);
        if (query < s->item->seq && channel < b->kind.d_head)
            b->dz[s->item->dz + (query - s->item->q_first) * b->dz_stride + channel] = out[i];
    }
}

/* The channels from `channel` on, as many as a thread has room for. */
static __device__ void write_rows(const softmax *m, const stretch *s, int64_t channel,
                                  int is_frozen)
{
    const pc_attention_batch *b = s->batch;
    const rows values = {b->v + s->item->v, b->dv, b->v_stride, s->item->dv, b->dv_stride};
    float out[CHUNKS][OUT] = {{0}};
    for (int64_t key = s->first_key; key < s->end_key; key += KEYS) {
        find_weights(m, s, key, is_frozen);
        for (int chunk = 0; chunk < CHUNKS; chunk++)
            if (channel + chunk * CHANNELS < b->kind.d_head) {
                __syncthreads(); /* everyone is done with the keys, or with the chunk before */
                load_keys(s, &values, key, channel + chunk * CHANNELS);
                __syncthreads();
                add_values(out[chunk], s, key, is_frozen);
            }
        __syncthreads(); /* the weights have been read */
    }
    for (int chunk = 0; chunk < CHUNKS; chunk++)
        write_out(out[chunk], s, channel + chunk * CHANNELS + threadIdx.x % CHANNELS);
}

static __device__ stretch stretch_of(const pc_attention_batch *batch, const pc_attention_item *item,
                                     int64_t first, tile *shared)
{
    const int64_t end = first + QUERIES;
    const int64_t first_key = pc_first_key_of(&batch->kind, first);
    return {batch, item, first, first_key / KEYS * KEYS, end < item->seq ? end : item->seq, shared};
}

/* A block takes 16 neighbouring queries of one long item and walks over the keys that any of them
 * sees, 32 at a time: so a key is read once for 16 queries, and a prompt may have any length.
 * Scores are not kept but computed in each of three passes (mean, total, output): three products of
 * 64 channels cost less than sequences of scores in memory. In a score a thread has one key and
 * four queries, with their reads of q broadcast; in the output eight queries and up to four
 * channels, so that heads of up to 256 channels take one pass and wider ones come back for the
 * rest. A query's sums run lane by lane over the keys, whatever its neighbours are. */
static __global__ void __launch_bounds__(THREADS)
    attention_delta_long_kernel(pc_attention_batch batch)
{
    __shared__ tile shared;
    const pc_attention_item *item = &batch.items[blockIdx.x];
    if (item->seq <= PCK_ATTENTION_SHORT) return;
    const int is_frozen = item->dq < 0 && item->dk < 0;
    const int64_t step = (int64_t)gridDim.y * QUERIES;
    for (int64_t first = item->q_first + (int64_t)blockIdx.y * QUERIES; first < item->seq;
         first += step) {
        const stretch s = stretch_of(&batch, item, first, &shared);
        softmax m = {{0}, {0}, {0}};
        if (!is_frozen) find_softmax(&m, &s);
        for (int64_t channel = 0; channel < batch.kind.d_head; channel += CHUNKS * CHANNELS)
            write_rows(&m, &s, channel, is_frozen);
    }
}

cudaError_t pck_attention_delta_long(const pc_attention_batch *batch, cudaStream_t stream)
{
    const int64_t tiles = (batch->most_queries + QUERIES - 1) / QUERIES, most = 65535;
    return pc_launch(attention_delta_long_kernel,
                     dim3((unsigned)batch->n_items, (unsigned)(tiles < most ? tiles : most)),
                     dim3(THREADS), 0, stream, *batch);
}
