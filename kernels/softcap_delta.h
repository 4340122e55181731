/* What a change d changes in softcapped numbers, such as Gemma 2's logits:
 * out = c tanh((x + d) / c) - c tanh(x / c), for small d by tanh's addition theorem, so that it
 * rounds relative to d. No change gives 0 exactly, NaN gives NaN.
 *
 *   out, d    (rows, width) row-major; may be the same array
 *   base_row  (rows) the base row of each row
 *   x         (n_base, width) the base run's numbers, before the cap
 *
 * c > 0. Any rows >= 0, width >= 0. */
#ifndef PC_KERNELS_SOFTCAP_DELTA_H
#define PC_KERNELS_SOFTCAP_DELTA_H

#include <stdint.h>

typedef struct pc_softcap_delta_args {
    float *out;
    const float *d;
    const int32_t *base_row;
    const float *x;
    int64_t rows, width;
    double cap;
} pc_softcap_delta_args;

typedef void pc_softcap_delta_fn(const pc_softcap_delta_args *args);

pc_softcap_delta_fn pc_softcap_delta_baseline, pc_softcap_delta_avx2;

/* out = c tanh(x / c), n elements; out may be x. */
typedef void pc_softcap_base_fn(float *out, const float *x, int64_t n, double cap);

pc_softcap_base_fn pc_softcap_base_baseline, pc_softcap_base_avx2;

/* The definition, in double: out (rows, width), the difference itself. args->out is not written. */
void pc_ref_softcap_delta(double *out, const pc_softcap_delta_args *args);

#endif
