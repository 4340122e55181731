/* The definition of the divergence that a change of the logits makes, in double. */
#include "kernels/kl_delta.h"

#include <math.h>

/* log(sum exp(l + share d)), share 0 or 1. */
static double log_sum(const float *l, const float *d, double share, int64_t vocab)
{
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < vocab; i++)
        most = fmax(most, (double)l[i] + share * (double)d[i]);
    for (int64_t i = 0; i < vocab; i++)
        sum += exp((double)l[i] + share * (double)d[i] - most);
    return most + log(sum);
}

void pc_ref_kl_delta(double *kl, const pc_kl_delta_args *args)
{
    const int64_t vocab = args->vocab;
    for (int64_t row = 0; row < args->rows; row++) {
        const float *l = args->l + args->base_row[row] * vocab, *d = args->d + row * vocab;
        const double from = log_sum(l, d, 0, vocab), to = log_sum(l, d, 1, vocab);
        double mean = 0;
        for (int64_t i = 0; i < vocab; i++)
            mean += exp((double)l[i] - from) * (double)d[i];
        kl[row] = to - from - mean;
    }
}
