/* The gates of the activations, f(x) = x g(x), and their changes, which round relative to the
 * change. For loops that the compiler vectorises. */
#ifndef PC_KERNELS_GATES_H
#define PC_KERNELS_GATES_H

#include "kernels/vector_math.h"

/* g(a), g(a + da), and the second less the first. */
typedef struct pc_gate {
    float before, after, change;
} pc_gate;

/* g = sigmoid, at w, at w_after, and dw = w_after - w, which is known better than that difference.
 *
 * With E = exp(-w) and F = exp(-w_after), g = 1 / (1 + E), and the change is
 * -(F - E) / ((1 + E) (1 + F)), where F - E = E expm1(-dw) if dw is small. sigmoid(-w) = 1 -
 * sigmoid(w) turns w < 0 around, so that E <= 1; F is kept below e^80, where 1 / (1 + F) is nothing
 * beside 1. */
static inline PC_HOST_DEVICE pc_gate pc_sigmoid_gate(float w, float w_after, float dw)
{
    const float side = w < 0 ? -1.0f : 1.0f;
    const float turned = dw * side, is_near = fabsf(turned) < 1 ? 1.0f : 0.0f;
    const float target = w_after * side;
    const float size = w * side, e = pc_exp_less(size > 86 ? -86 : -size, 0);
    const float exponent = is_near > 0 ? -turned : pc_clampf(-target, -86, 80);
    const float power = pc_exp_less(exponent, is_near);
    const float rise = is_near > 0 ? e * power : power - e;
    const float f = e + rise;
    const float both = 1 / ((1 + e) * (1 + f));
    const float before = (1 + f) * both, after = (1 + e) * both;
    const pc_gate gate = {w < 0 ? e * before : before, w < 0 ? f * after : after,
                          -side * rise * both};
    return gate;
}

static inline PC_HOST_DEVICE pc_gate pc_silu_gate(float a, float da)
{
    return pc_sigmoid_gate(a, a + da, da);
}

/* sqrt(8 / pi) (a + 0.044715 a^3) */
static inline PC_HOST_DEVICE float pc_gelu_tanh_argument(float a)
{
    const float scale = 1.59576912f, cubic = 0.0713548163f;
    return a * (scale + cubic * a * a);
}

static inline PC_HOST_DEVICE pc_gate pc_gelu_tanh_gate(float a, float da)
{
    const float scale = 1.59576912f, cubic = 0.0713548163f;
    const float x = pc_clampf(a, -1e9f, 1e9f), dx = pc_clampf(da, -2e9f, 2e9f);
    const float dw = dx * (scale + cubic * (3 * x * x + 3 * x * dx + dx * dx));
    return pc_sigmoid_gate(pc_gelu_tanh_argument(x), pc_gelu_tanh_argument(x + dx), dw);
}

static inline PC_HOST_DEVICE float pc_normal_cumulative(float x)
{
    const float sqrt_half = 0.707106781f;
    return 0.5f + 0.5f * pc_erff(x * sqrt_half);
}

/* The integral of the normal density over [m - h/2, m + h/2], |h| < 5/8:
 * h density(m) (1 + He2(m) h^2 / 24 + He4(m) h^4 / 1920 + He6(m) h^6 / 322560), with Hermite's
 * polynomials; what is left out is below 3e-8 h. */
static inline PC_HOST_DEVICE float pc_normal_integral(float middle, float h)
{
    const float m = pc_clampf(middle, -20, 20), s = m * m, t = h * h;
    const float density = 0.398942280f * pc_expf(-0.5f * s);
    const float he2 = s - 1, he4 = s * (s - 6) + 3, he6 = s * (s * (s - 15) + 45) - 15;
    float series = he6 * (1 / 322560.0f);
    series = series * t + he4 * (1 / 1920.0f);
    series = series * t + he2 * (1 / 24.0f);
    series = series * t + 1;
    return h * density * series;
}

static inline PC_HOST_DEVICE pc_gate pc_gelu_gate(float a, float da)
{
    const float before = pc_normal_cumulative(a), after = pc_normal_cumulative(a + da);
    const float near = pc_normal_integral(a + 0.5f * da, da);
    const pc_gate gate = {before, after, fabsf(da) < 0.625f ? near : after - before};
    return gate;
}

#endif
