/* The activations of the base run: out = f(a), or f(a) u in a gated MLP, f as in activation.h.
 *
 *   out, a, u  n elements; out may be a or u; u NULL without a gate */
#ifndef PC_KERNELS_ACTIVATION_BASE_H
#define PC_KERNELS_ACTIVATION_BASE_H

#include "kernels/activation.h"

typedef struct pc_activation_base_args {
    float *out;
    const float *a, *u;
    int64_t n;
    pc_activation kind;
} pc_activation_base_args;

typedef void pc_activation_base_fn(const pc_activation_base_args *args);

pc_activation_base_fn pc_activation_base_baseline, pc_activation_base_avx2;

#endif
