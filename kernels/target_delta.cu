/* Effects from changes of all logits on the device: one block a row. */
#include "kernels/target_delta_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"
#include "kernels/softcap_double.h"

enum { THREADS = 512 };

static const int64_t most_blocks = 1 << 20;

/* A row of changes, and what the base run says at its target. */
struct row {
    const float *d;
    pc_target_logits base;
    const int32_t *answers, *wrong;
    int n_answers, n_wrong;
    int64_t vocab;
    double softcap;
};

static __device__ const double *at(const double *of_targets, int64_t first)
{
    return of_targets ? of_targets + first : nullptr;
}

static __device__ row row_of(const pc_target_delta_args *args, int64_t i)
{
    const int64_t first = args->target[i] * args->vocab;
    const pc_answer_columns c = args->columns[args->target[i]];
    const pc_target_logits base = {at(args->base.logits, first), at(args->base.log_probs, first),
                                   at(args->base.probs, first), at(args->base.reference, first)};
    return {args->d + i * args->vocab,
            base,
            args->tokens + c.first,
            args->tokens + c.first + c.n_answers,
            c.n_answers,
            c.n_wrong,
            args->vocab,
            args->softcap};
}

static __device__ __forceinline__ double change(const row *r, int64_t v)
{
    const double d = (double)r->d[v];
    return r->softcap > 0 ? pc_capped_change_double(r->base.logits[v], d, r->softcap) : d;
}

/* m and D of target_delta.h. D is a sum of terms >= 0, so that a change that all logits share,
 * which may be large and changes nothing, costs no digits: it is in m alone. */
struct moments {
    double mean, divergence;
};

static __device__ moments moments_of(const row *r)
{
    double mean = 0, sum = 0;
    for (int64_t v = threadIdx.x; v < r->vocab; v += THREADS)
        mean += r->base.probs[v] * change(r, v);
    mean = pc_block_sum(mean);
    for (int64_t v = threadIdx.x; v < r->vocab; v += THREADS) {
        const double u = change(r, v) - mean;
        sum += r->base.probs[v] * (expm1(u) - u);
    }
    return {mean, log1p(pc_block_sum(sum))};
}

static __device__ double log_prob_change(const row *r)
{
    const moments m = moments_of(r);
    double sum = 0;
    for (int i = threadIdx.x; i < r->n_answers; i += THREADS)
        sum += change(r, r->answers[i]) - m.mean;
    return pc_block_sum(sum) / r->n_answers - m.divergence;
}

static __device__ double probability_change(const row *r, moments m, const int32_t *tokens, int n)
{
    double sum = 0;
    for (int i = threadIdx.x; i < n; i += THREADS)
        sum += r->base.probs[tokens[i]] * expm1(change(r, tokens[i]) - m.mean - m.divergence);
    return pc_block_sum(sum);
}

static __device__ double probabilities_change(const row *r)
{
    const moments m = moments_of(r);
    return probability_change(r, m, r->answers, r->n_answers) -
           probability_change(r, m, r->wrong, r->n_wrong);
}

static __device__ double divergence_change(const row *r)
{
    const moments m = moments_of(r);
    double sum = 0;
    if (!r->base.reference) return m.divergence;
    for (int64_t v = threadIdx.x; v < r->vocab; v += THREADS)
        sum += exp(r->base.reference[v]) * (change(r, v) - m.mean);
    return m.divergence - pc_block_sum(sum);
}

/* A logit and its token. */
struct largest {
    double value;
    int64_t at;
};

/* The first of equals, so that the order does not matter. */
static __device__ __forceinline__ largest larger(largest a, largest b)
{
    const bool is_b = b.value > a.value || (b.value == a.value && b.at < a.at);
    return is_b ? b : a;
}

/* The largest of every thread's, returned to every thread. */
static __device__ largest block_largest(largest mine)
{
    __shared__ largest of_warp[PC_MAX_WARPS];
    for (int distance = PC_WARP / 2; distance > 0; distance /= 2) {
        const double value = __shfl_xor_sync(0xffffffffu, mine.value, distance);
        mine = larger(mine, {value, __shfl_xor_sync(0xffffffffu, mine.at, distance)});
    }
    __syncthreads(); /* everyone has read what the previous call left in of_warp */
    if (threadIdx.x % PC_WARP == 0) of_warp[threadIdx.x / PC_WARP] = mine;
    __syncthreads();
    for (int warp = 0; warp < THREADS / PC_WARP; warp++)
        mine = larger(mine, of_warp[warp]);
    return mine;
}

/* NaN if a logit is: comparisons pass over it. */
static __device__ double is_right(const row *r, bool is_changed)
{
    largest mine = {-INFINITY, INT64_MAX};
    int has_nan = 0, has_answer = 0;
    for (int64_t v = threadIdx.x; v < r->vocab; v += THREADS) {
        const double value = r->base.log_probs[v] + (is_changed ? change(r, v) : 0);
        has_nan |= value != value;
        mine = larger(mine, {value, v});
    }
    if (__syncthreads_or(has_nan)) return NAN;
    const int64_t best = block_largest(mine).at;
    for (int i = threadIdx.x; i < r->n_answers; i += THREADS)
        has_answer |= r->answers[i] == best;
    return __syncthreads_or(has_answer) ? 1 : 0;
}

static __device__ double effect_of(const row *r, pc_metric metric)
{
    switch (metric) {
    case PC_METRIC_LOG_PROB:
        return log_prob_change(r);
    case PC_METRIC_LOSS:
        return -log_prob_change(r);
    case PC_METRIC_PROB_DIFF:
        return probabilities_change(r);
    case PC_METRIC_KL:
        return divergence_change(r);
    case PC_METRIC_ACCURACY:
        return is_right(r, true) - is_right(r, false);
    default:
        return NAN;
    }
}

/* A block takes whole rows, a thread every 512th logit of them: a vocabulary has 50,000 to 256,000,
 * so that a row fills a block many times over. A row is read from memory once, its target's base,
 * which rows of a prompt share, from the cache; a second pass, where a sum must be known before the
 * terms of the next, reads both there. All in double: an exponential a logit is little beside the
 * product that made it, and effects keep the digits that float32's exponentials would cost. */
static __global__ void __launch_bounds__(THREADS) target_delta_kernel(pc_target_delta_args args)
{
    for (int64_t i = blockIdx.x; i < args.rows; i += gridDim.x) {
        const row r = row_of(&args, i);
        const double effect = effect_of(&r, args.metric);
        if (threadIdx.x == 0) args.effect[i] = effect;
    }
}

cudaError_t pck_target_delta(const pc_target_delta_args *args, cudaStream_t stream)
{
    if (args->rows == 0) return cudaSuccess;
    const int64_t blocks = args->rows < most_blocks ? args->rows : most_blocks;
    return pc_launch(target_delta_kernel, dim3((unsigned)blocks), dim3(THREADS), 0, stream, *args);
}
