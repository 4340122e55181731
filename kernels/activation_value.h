/* The activations f of one number, in fp32. For loops that the compiler vectorises; kernels use
 * them too. */
#ifndef PC_KERNELS_ACTIVATION_VALUE_H
#define PC_KERNELS_ACTIVATION_VALUE_H

#include "kernels/activation.h"
#include "kernels/gates.h"

static inline PC_HOST_DEVICE float pc_relu(float a)
{
    return a < 0 ? 0 : a; /* NaN stays */
}

static inline PC_HOST_DEVICE float pc_gelu(float a)
{
    return a * pc_normal_cumulative(a);
}

static inline PC_HOST_DEVICE float pc_gelu_tanh(float a)
{
    return a * pc_gelu_tanh_gate(a, 0).before;
}

static inline PC_HOST_DEVICE float pc_silu(float a)
{
    return a * pc_silu_gate(a, 0).before;
}

static inline PC_HOST_DEVICE float pc_activation_value(float a, pc_activation kind)
{
    switch (kind) {
    case PC_ACTIVATION_GELU:
        return pc_gelu(a);
    case PC_ACTIVATION_GELU_TANH:
        return pc_gelu_tanh(a);
    case PC_ACTIVATION_SILU:
        return pc_silu(a);
    default:
        return pc_relu(a);
    }
}

#endif
