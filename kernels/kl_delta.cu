/* The divergence of a change of the logits on the device: one block a row. */
#include "kernels/kl_delta_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"
#include "kernels/vector_math.h"

enum { THREADS = 512 };

static const int64_t most_blocks = 1 << 20;
static const double most_exponent = 80; /* of a new weight; e^88 overflows */

struct logits {
    const float *l, *d;
    int64_t vocab;
};

/* sum exp(l), sum exp(l) d over it, and the largest l + d. */
struct moments {
    double mass, mean;
    float most;
};

static __device__ moments moments_of(const logits *row)
{
    moments m = {0, 0, -INFINITY};
    for (int64_t i = threadIdx.x; i < row->vocab; i += THREADS) {
        const double p = (double)pc_expf(row->l[i]);
        m.mass += p;
        m.mean += p * (double)row->d[i];
        m.most = fmaxf(m.most, row->l[i] + row->d[i]);
    }
    m.mass = pc_block_sum(m.mass);
    m.mean = pc_block_sum(m.mean) / m.mass;
    m.most = pc_block_max(m.most);
    return m;
}

/* log(sum exp(l + d)) - log(sum exp(l)) - mean. */
static __device__ double large_change(const logits *row, moments m)
{
    double after = 0;
    for (int64_t i = threadIdx.x; i < row->vocab; i += THREADS)
        after += (double)pc_expf(row->l[i] + row->d[i] - m.most);
    return (double)m.most + log(pc_block_sum(after)) - log(m.mass) - m.mean;
}

/* exp(l) (exp(t) - 1 - t); a large exp(t) may belong to an exp(l) that is 0 in float. */
static __device__ __forceinline__ float term(float l, float t)
{
    const float p = pc_expf(l);
    return t > 1 ? pc_expf(l + t) - p * (1 + t) : p * pc_exp_restf(t);
}

static __device__ double small_change(const logits *row, moments m)
{
    double sum = 0;
    for (int64_t i = threadIdx.x; i < row->vocab; i += THREADS)
        sum += (double)term(row->l[i], (float)((double)row->d[i] - m.mean));
    return log1p(pc_block_sum(sum) / m.mass);
}

/* A block takes whole rows, a thread every 512th logit of them: a vocabulary has 50,000 to 256,000,
 * so that a row fills a block many times over. Two passes, since the mean change must be known
 * before anything is small; the second reads the row from the cache. Sums are in double, for they
 * have as many terms as float32 has digits to lose: one or two additions beside some 30 operations
 * of the exponentials. */
static __global__ void __launch_bounds__(THREADS) kl_delta_kernel(pc_kl_delta_args args)
{
    for (int64_t i = blockIdx.x; i < args.rows; i += gridDim.x) {
        const logits row = {args.l + args.base_row[i] * args.vocab, args.d + i * args.vocab,
                            args.vocab};
        const moments m = moments_of(&row);
        const double kl =
            (double)m.most - m.mean > most_exponent ? large_change(&row, m) : small_change(&row, m);
        if (threadIdx.x == 0) args.kl[i] = kl;
    }
}

cudaError_t pck_kl_delta(const pc_kl_delta_args *args, cudaStream_t stream)
{
    if (args->rows == 0) return cudaSuccess;
    const int64_t blocks = args->rows < most_blocks ? args->rows : most_blocks;
    return pc_launch(kl_delta_kernel, dim3((unsigned)blocks), dim3(THREADS), 0, stream, *args);
}
