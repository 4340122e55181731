/* The divergence that a change d of the logits makes: KL(softmax(l) || softmax(l + d)), in nats.
 *
 *   p = softmax(l)      t = d - sum(p d)      KL = log1p(sum p (expm1(t) - t))
 *
 * Every term is >= 0 and nothing cancels, so that a divergence of 1e-12 has as many right digits as
 * one of 1; the difference of two log-softmaxes has none below 1e-7. Where a term would overflow
 * (l + t > 80) it is log(sum exp(l + t)) - log(sum exp(l)), with the largest taken out.
 *
 *   kl        (rows) out, >= 0
 *   d         (rows, vocab) row-major
 *   base_row  (rows) the base row of each row
 *   l         (n_base, vocab) logits less their row's logarithm of sum(exp): log-probabilities, to
 *             rounding. p is normalised again, in double.
 *
 * Any rows >= 0, vocab >= 1. Sums are in double, in an order that depends on vocab alone. NaN or
 * infinity in a row of d makes its divergence NaN or infinite. No change gives 0 exactly. */
#ifndef PC_KERNELS_KL_DELTA_H
#define PC_KERNELS_KL_DELTA_H

#include <stdint.h>

typedef struct pc_kl_delta_args {
    double *kl;
    const float *d;
    const int32_t *base_row;
    const float *l;
    int64_t rows, vocab;
} pc_kl_delta_args;

typedef void pc_kl_delta_fn(const pc_kl_delta_args *args);

pc_kl_delta_fn pc_kl_delta_baseline, pc_kl_delta_avx2;

/* The definition: log(sum p exp(d)) - sum(p d), in double, without the care above. args->kl is not
 * written. */
void pc_ref_kl_delta(double *kl, const pc_kl_delta_args *args);

#endif
