/* Softcapped numbers c tanh(x / c), and their changes, for loops that the compiler vectorises. */
#ifndef PC_KERNELS_SOFTCAP_H
#define PC_KERNELS_SOFTCAP_H

#include "kernels/vector_math.h"

static inline PC_HOST_DEVICE float pc_capped(float x, float cap)
{
    return cap * pc_tanhf(x / cap);
}

/* c tanh((x + d) / c) - c tanh(x / c); for small d by the addition theorem, with a = tanh(x / c)
 * and b = tanh(d / c): c b (1 - a^2) / (1 + a b). */
static inline PC_HOST_DEVICE float pc_capped_change(float x, float d, float cap)
{
    const float a = pc_tanhf(x / cap), b = pc_tanhf(d / cap);
    const float near = b * ((1 - a) * (1 + a)) / (1 + a * b), far = pc_tanhf((x + d) / cap) - a;
    return cap * (fabsf(d) < 0.5f * cap ? near : far);
}

#endif
