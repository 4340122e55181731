/* Attention backwards on the device: queries and keys in tiles, in three launches. */
#include "kernels/attention_backward_cuda.h"

#include "kernels/attention_weights.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

/* A tile has ROWS queries and OTHERS keys, or ROWS keys and OTHERS queries; a warp has every 4th of
 * its rows, a lane one of the others. Vectors come into shared memory CHANNELS channels at a time;
 * of an output a thread has every 2nd row and up to CHUNKS channels, CHANNELS apart. */
enum { ROWS = 16, OTHERS = PC_WARP, CHANNELS = 64, CHUNKS = 4, THREADS = 128 };
enum { WARPS = THREADS / PC_WARP, OWN = ROWS / WARPS, OUT = ROWS * CHANNELS / THREADS };
enum { STEP = CHUNKS * CHANNELS };

/* Vectors are one float longer than they need, so that lanes find theirs in different banks. */
typedef float vectors[CHANNELS + 1];
typedef float weights[OTHERS + 1];

struct tile {
    vectors row[ROWS], other[OTHERS];
    weights p[ROWS], dt[ROWS]; /* of the pattern, and the gradients at the scores */
    unsigned seen[ROWS];       /* bit k: a row and the k-th other belong together */
};

enum side { QUERIES, KEYS };

/* Of a side's vectors the product dz.v, or the product q.k. */
enum product { VALUES, SCORES };

/* One head of an item: position 0 of its vectors, by side and product. Until it is written, dq has
 * each query's mean, the sum of p dp, in its first channel. */
struct head {
    const pc_attention_backward_batch *batch;
    const pc_attention_backward_item *item;
    const float *vectors[2][2], *log_pattern;
    int64_t stride[2][2];
    float *dq;
};

/* Rows first ... of one side, and those of the other, from ... end - 1, that see any of them. */
struct span {
    const head *of;
    side rows;
    int64_t first, from, end;
    tile *shared;
};

static __device__ head head_of(const pc_attention_backward_batch *b,
                               const pc_attention_backward_item *item, int64_t n)
{
    const int64_t column = n * b->kind.d_head, seq = item->seq;
    return {
        b,
        item,
        {{b->dz + item->dz + column, b->q + item->q + column}, {b->v + item->v, b->k + item->k}},
        b->log_pattern + item->log_pattern + n * seq * seq,
        {{b->dz_stride, b->q_stride}, {b->v_stride, b->k_stride}},
        b->dq + item->dq + column};
}

/* The others of 16 queries are the keys up to the last of them; those of 16 keys the queries from
 * the first on, up to a window behind the last. */
static __device__ span span_of(const head *of, side rows, int64_t first, tile *shared)
{
    const pc_attention_kind *kind = &of->batch->kind;
    const int64_t seq = of->item->seq, last = first + ROWS - 1;
    const int64_t seen = rows == QUERIES || kind->window == 0 ? seq : last + kind->window;
    const int64_t end = rows == QUERIES ? last + 1 : seen;
    return {of,
            rows,
            first,
            rows == QUERIES ? pc_first_key_of(kind, first) : first,
            end < seq ? end : seq,
            shared};
}

static __device__ __forceinline__ int lane(void)
{
    return threadIdx.x % PC_WARP;
}

/* The i-th row of this warp. */
static __device__ __forceinline__ int own_row(int i)
{
    return threadIdx.x / PC_WARP + i * WARPS;
}

static __device__ __forceinline__ int64_t query_of(const span *s, int64_t row, int64_t other)
{
    return s->rows == QUERIES ? row : other;
}

static __device__ __forceinline__ int64_t key_of(const span *s, int64_t row, int64_t other)
{
    return s->rows == QUERIES ? other : row;
}

/* Whether a row and one of the others belong together. */
static __device__ __forceinline__ int is_seen(const span *s, int64_t row, int64_t other)
{
    const int64_t query = query_of(s, row, other), key = key_of(s, row, other);
    return query < s->of->item->seq && key <= query &&
           key >= pc_first_key_of(&s->of->batch->kind, query);
}

/* ---- vectors into shared memory; what is not there is 0 ---- */

static __device__ void load(vectors *to, int count, const span *s, side which, product of,
                            int64_t first, int64_t channel)
{
    const float *from = s->of->vectors[which][of];
    for (int i = threadIdx.x; i < count * CHANNELS; i += THREADS) {
        const int row = i / CHANNELS, c = i % CHANNELS;
        const int is_there =
            first + row < s->of->item->seq && channel + c < s->of->batch->kind.d_head;
        to[row][c] = is_there ? from[(first + row) * s->of->stride[which][of] + channel + c] : 0;
    }
}

static __device__ void load_others(const span *s, product of, int64_t other, int64_t channel)
{
    load(s->shared->other, OTHERS, s, s->rows == QUERIES ? KEYS : QUERIES, of, other, channel);
}

/* ---- scores: a lane has other + lane of each of its warp's rows ---- */

static __device__ void add_products(float *sums, const tile *t, int n_channels)
{
    for (int c = 0; c < n_channels; c++)
        for (int i = 0; i < OWN; i++)
            sums[i] += t->row[own_row(i)][c] * t->other[lane()][c];
}

/* sums (OWN) = the products with other + lane. All threads call it together. */
static __device__ void find_products(float *sums, const span *s, product of, int64_t other)
{
    const int64_t d_head = s->of->batch->kind.d_head;
    for (int i = 0; i < OWN; i++)
        sums[i] = 0;
    for (int64_t channel = 0; channel < d_head; channel += CHANNELS) {
        const int64_t rest = d_head - channel;
        __syncthreads(); /* everyone is done with what stood there */
        load(s->shared->row, ROWS, s, s->rows, of, s->first, channel);
        load_others(s, of, other, channel);
        __syncthreads();
        add_products(sums, s->shared, rest < CHANNELS ? (int)rest : CHANNELS);
    }
}

static __device__ __forceinline__ float p_at(const head *h, int64_t query, int64_t key)
{
    return expf(h->log_pattern[query * h->item->seq + key]);
}

/* How much a softcap bends a score: 1 - (s / c)^2. */
static __device__ __forceinline__ float bend_of(const pc_attention_kind *kind, float product)
{
    const float t = pc_tanhf((float)kind->scale * product / (float)kind->softcap);
    return (1 - t) * (1 + t);
}

/* The weights of a tile into shared memory, 0 where nothing is seen. */
static __device__ void find_weights(const span *s, int64_t other)
{
    const pc_attention_backward_batch *b = s->of->batch;
    float dp[OWN] = {0}, scores[OWN] = {0};
    if (b->rule == PC_GRADIENT) find_products(dp, s, VALUES, other);
    if (b->rule == PC_GRADIENT && b->kind.softcap > 0) find_products(scores, s, SCORES, other);
    for (int i = 0; i < OWN; i++) {
        const int64_t row = s->first + own_row(i), query = query_of(s, row, other + lane());
        const int seen = is_seen(s, row, other + lane());
        float p = 0, dt = 0;
        if (seen) p = p_at(s->of, query, key_of(s, row, other + lane()));
        if (seen && b->rule == PC_GRADIENT)
            dt = (float)b->kind.scale * p * (dp[i] - s->of->dq[query * b->dq_stride]);
        if (b->kind.softcap > 0) dt *= bend_of(&b->kind, scores[i]);
        s->shared->p[own_row(i)][lane()] = p;
        s->shared->dt[own_row(i)][lane()] = dt;
        const unsigned all_seen = __ballot_sync(0xffffffffu, seen);
        if (lane() == 0) s->shared->seen[own_row(i)] = all_seen;
    }
}

/* ---- outputs: a thread has one channel of a chunk, of OUT rows ---- */

static __device__ __forceinline__ int out_row(int i)
{
    return threadIdx.x / CHANNELS + i * (THREADS / CHANNELS);
}

/* out (CHUNKS, OUT) += the others' vectors times their weights. What is not seen is not looked at:
 * it may be NaN. */
static __device__ void add_others(float (*out)[OUT], const span *s, const weights *by, product of,
                                  int64_t other, int64_t channel)
{
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        if (channel + chunk * CHANNELS >= s->of->batch->kind.d_head) continue;
        float sums[OUT]; /* registers */
        unsigned seen[OUT];
        __syncthreads(); /* the weights are there, and everyone is done with the vectors before */
        load_others(s, of, other, channel + chunk * CHANNELS);
        __syncthreads();
        for (int i = 0; i < OUT; i++) {
            sums[i] = out[chunk][i];
            seen[i] = s->shared->seen[out_row(i)];
        }
        for (int k = 0; k < OTHERS && other + k < s->end; k++)
            for (int i = 0; i < OUT; i++)
                if (seen[i] >> k & 1)
                    sums[i] += by[out_row(i)][k] * s->shared->other[k][threadIdx.x % CHANNELS];
        for (int i = 0; i < OUT; i++)
            out[chunk][i] = sums[i];
    }
}

static __device__ void write_out(float *to, int64_t stride, float (*out)[OUT], const span *s,
                                 int64_t channel)
{
    for (int chunk = 0; chunk < CHUNKS; chunk++)
        for (int i = 0; i < OUT; i++) {
            const int64_t row = s->first + out_row(i);
            const int64_t c = channel + chunk * CHANNELS + threadIdx.x % CHANNELS;
            if (row < s->of->item->seq && c < s->of->batch->kind.d_head)
                to[row * stride + c] = out[chunk][i];
        }
}

/* ---- the three launches: block (x, y) has every gridDim.y-th span of item x ---- */

static __device__ __forceinline__ int64_t first_row(void)
{
    return (int64_t)blockIdx.y * ROWS;
}

static __device__ __forceinline__ int64_t row_step(void)
{
    return (int64_t)gridDim.y * ROWS;
}

static __device__ void find_means(const span *s)
{
    double mean[OWN] = {0};
    for (int64_t key = s->from; key < s->end; key += OTHERS) {
        float dp[OWN];
        find_products(dp, s, VALUES, key);
        for (int i = 0; i < OWN; i++)
            if (is_seen(s, s->first + own_row(i), key + lane()))
                mean[i] += (double)p_at(s->of, s->first + own_row(i), key + lane()) * (double)dp[i];
    }
    for (int i = 0; i < OWN; i++) {
        const int64_t query = s->first + own_row(i);
        const double sum = pc_warp_sum(mean[i]);
        if (query < s->of->item->seq && lane() == 0)
            s->of->dq[query * s->of->batch->dq_stride] = (float)sum;
    }
}

/* First: the means of the queries, which both other launches need, into dq. */
static __global__ void __launch_bounds__(THREADS)
    attention_backward_means_kernel(pc_attention_backward_batch batch)
{
    __shared__ tile shared;
    const pc_attention_backward_item *item = &batch.items[blockIdx.x];
    for (int64_t first = first_row(); first < item->seq; first += row_step())
        for (int64_t n = 0; n < item->n_heads; n++) {
            const head h = head_of(&batch, item, n);
            const span s = span_of(&h, QUERIES, first, &shared);
            find_means(&s);
        }
}

/* dk and dv of one span of keys, STEP channels from `channel` on. */
static __device__ void write_keys(const pc_attention_backward_batch *b,
                                  const pc_attention_backward_item *item, int64_t first,
                                  int64_t channel, tile *shared)
{
    float dv[CHUNKS][OUT] = {{0}}, dk[CHUNKS][OUT] = {{0}};
    head h = head_of(b, item, 0);
    span s = span_of(&h, KEYS, first, shared);
    for (int64_t n = 0; n < item->n_heads; n++) {
        h = head_of(b, item, n);
        for (int64_t query = s.from; query < s.end; query += OTHERS) {
            find_weights(&s, query);
            add_others(dv, &s, shared->p, VALUES, query, channel);
            if (b->rule == PC_GRADIENT) add_others(dk, &s, shared->dt, SCORES, query, channel);
            __syncthreads(); /* the weights have been read */
        }
    }
    write_out(b->dv + item->dv, b->dv_stride, dv, &s, channel);
    write_out(b->dk + item->dk, b->dk_stride, dk, &s, channel);
}

/* Second: a block takes 16 neighbouring keys of an item and walks over the queries that see any of
 * them, 32 at a time, head by head of the group: the sums of dk and dv stay in registers, in the
 * order of the definition, so that nothing has to be added up between blocks. */
static __global__ void __launch_bounds__(THREADS)
    attention_backward_keys_kernel(pc_attention_backward_batch batch)
{
    __shared__ tile shared;
    const pc_attention_backward_item *item = &batch.items[blockIdx.x];
    for (int64_t first = first_row(); first < item->seq; first += row_step())
        for (int64_t channel = 0; channel < batch.kind.d_head; channel += STEP)
            write_keys(&batch, item, first, channel, &shared);
}

/* dq of one span of queries, STEP channels from `channel` on. */
static __device__ void write_queries(const span *s, int64_t channel)
{
    const pc_attention_backward_batch *b = s->of->batch;
    float dq[CHUNKS][OUT] = {{0}};
    for (int64_t key = s->from; key < s->end && b->rule == PC_GRADIENT; key += OTHERS) {
        find_weights(s, key);
        add_others(dq, s, s->shared->dt, SCORES, key, channel);
    }
    write_out(s->of->dq, b->dq_stride, dq, s, channel);
}

/* Last: a block takes 16 neighbouring queries, head by head, and walks over their keys. The first
 * channels are written last, because the means stand there. */
static __global__ void __launch_bounds__(THREADS)
    attention_backward_queries_kernel(pc_attention_backward_batch batch)
{
    __shared__ tile shared;
    const pc_attention_backward_item *item = &batch.items[blockIdx.x];
    for (int64_t first = first_row(); first < item->seq; first += row_step())
        for (int64_t n = 0; n < item->n_heads; n++) {
            const head h = head_of(&batch, item, n);
            const span s = span_of(&h, QUERIES, first, &shared);
            for (int64_t channel = (batch.kind.d_head - 1) / STEP * STEP; channel >= 0;
                 channel -= STEP)
                write_queries(&s, channel);
        }
}

cudaError_t pck_attention_backward(const pc_attention_backward_batch *batch, cudaStream_t stream)
{
    if (batch->n_items == 0 || batch->most_seq == 0) return cudaSuccess;
    const int64_t spans = (batch->most_seq + ROWS - 1) / ROWS, most = 65535;
    const dim3 grid((unsigned)batch->n_items, (unsigned)(spans < most ? spans : most));
    cudaError_t error = cudaSuccess;
    if (batch->rule == PC_GRADIENT)
        error = pc_launch(attention_backward_means_kernel, grid, dim3(THREADS), 0, stream, *batch);
    if (!error)
        error = pc_launch(attention_backward_keys_kernel, grid, dim3(THREADS), 0, stream, *batch);
    if (error) return error;
    return pc_launch(attention_backward_queries_kernel, grid, dim3(THREADS), 0, stream, *batch);
}
