/* What both ways of attention_delta share: which rows and keys belong to a query, how a score and a
 * weight change. */
#ifndef PC_KERNELS_ATTENTION_WEIGHTS_CUH
#define PC_KERNELS_ATTENTION_WEIGHTS_CUH

#include "kernels/attention_delta_cuda.h"
#include "kernels/softcap.h"

#include <cuda_runtime.h>
#include <math.h>

static const float pc_most_exponent = 80; /* of a new weight; e^88 overflows */

/* The row of dk or dv for a position, NULL for no change. */
static __device__ __forceinline__ const float *pc_changed_row(const float *array, int64_t offset,
                                                              int64_t stride,
                                                              const pc_attention_item *item,
                                                              int64_t position)
{
    if (offset < 0 || position < item->first) return NULL;
    return array + offset + (position - item->first) * stride;
}

/* The first key that a query sees; the last one is its own position. */
static __device__ __forceinline__ int64_t pc_first_key_of(const pc_attention_kind *kind,
                                                          int64_t position)
{
    return kind->window > 0 && position >= kind->window ? position - kind->window + 1 : 0;
}

/* The change of a score whose products q.k are `base` and change by `change`. */
static __device__ __forceinline__ float pc_score_change(const pc_attention_kind *kind, float base,
                                                        float change)
{
    const float scale = (float)kind->scale, cap = (float)kind->softcap;
    return cap > 0 ? pc_capped_change(scale * base, scale * change, cap) : scale * change;
}

/* p (e^t - 1), where e^t may be large and p have vanished. */
static __device__ __forceinline__ float pc_weight_change(float log_p, float t)
{
    const float p = expf(log_p);
    return t > 1 ? expf(log_p + t) - p : p * expm1f(t);
}

/* What the items of more than PCK_ATTENTION_SHORT positions get; the others are left alone. */
cudaError_t pck_attention_delta_long(const pc_attention_batch *batch, cudaStream_t stream);

#endif
