/* The gates of the activations, f(x) = x g(x), and the slopes f'(x). For loops that the compiler
 * vectorises; kernels use them too. */
#ifndef PC_KERNELS_SLOPES_H
#define PC_KERNELS_SLOPES_H

#include "kernels/activation.h"
#include "kernels/gates.h"

typedef struct pc_slope {
    float gate, slope;
} pc_slope;

/* g = sigmoid(w): g + x w' g (1 - g), where 1 - g = sigmoid(-w) keeps its digits. It stops falling
 * where |w| > 86; whoever calls stops x there. */
static inline PC_HOST_DEVICE pc_slope pc_sigmoid_slope(float x, float w, float w_slope)
{
    const float g = pc_sigmoid_gate(w, w, 0).before, rest = pc_sigmoid_gate(-w, -w, 0).before;
    const pc_slope slope = {g, g + x * w_slope * g * rest};
    return slope;
}

static inline PC_HOST_DEVICE pc_slope pc_relu_slope(float a)
{
    const float is_on = a > 0 ? 1.0f : 0.0f;
    const pc_slope slope = {is_on, is_on};
    return slope;
}

static inline PC_HOST_DEVICE pc_slope pc_gelu_slope(float a)
{
    const float x = pc_clampf(a, -20, 20), phi = pc_normal_cumulative(a);
    const pc_slope slope = {phi, phi + x * 0.398942280f * pc_expf(-0.5f * x * x)};
    return slope;
}

static inline PC_HOST_DEVICE pc_slope pc_gelu_tanh_slope(float a)
{
    const float scale = 1.59576912f, cubic = 0.0713548163f;
    const float x = pc_clampf(a, -12, 12);
    return pc_sigmoid_slope(x, pc_gelu_tanh_argument(x), scale + 3 * cubic * x * x);
}

static inline PC_HOST_DEVICE pc_slope pc_silu_slope(float a)
{
    const float x = pc_clampf(a, -100, 100);
    return pc_sigmoid_slope(x, x, 1);
}

static inline PC_HOST_DEVICE pc_slope pc_slope_of(float a, pc_activation kind)
{
    switch (kind) {
    case PC_ACTIVATION_GELU:
        return pc_gelu_slope(a);
    case PC_ACTIVATION_GELU_TANH:
        return pc_gelu_tanh_slope(a);
    case PC_ACTIVATION_SILU:
        return pc_silu_slope(a);
    default:
        return pc_relu_slope(a);
    }
}

#endif
