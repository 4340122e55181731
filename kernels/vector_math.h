/* Elementary functions in fp32 for loops that the compiler vectorises: no branches, no table, no C
 * library, no contraction. The same bits on every processor. On a device, which contracts, the same
 * errors.
 *
 *   function       error in units in the last place, at most (tests/op_vector_math.c)
 *   pc_expf        1      0 below -104, infinity above 88.7228; never falls as x grows
 *   pc_expm1f      2      -1 below -17.4
 *   pc_tanhf       3
 *   pc_erff        2
 *
 * exp(0) = 1 and the others are 0 at 0, exactly; tanh and erf are odd, and 1 for large x. NaN gives
 * NaN. Polynomials are minimax fits (Remez), relative error below 2^-28. */
#ifndef PC_KERNELS_VECTOR_MATH_H
#define PC_KERNELS_VECTOR_MATH_H

#include "kernels/host_device.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline PC_HOST_DEVICE uint32_t pc_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline PC_HOST_DEVICE float pc_float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^n for -126 <= n <= 127. */
static inline PC_HOST_DEVICE float pc_power_of_two(int32_t n)
{
    return pc_float_of((uint32_t)(n + 127) << 23);
}

/* x = n log 2 + r with |r| <= log(2) / 2, and q = exp(r) - 1. */
typedef struct pc_exp_parts {
    int32_t n;
    float q;
} pc_exp_parts;

/* |x| <= 128. log 2 is split in two (Cody and Waite): n times the first part is exact. */
static inline PC_HOST_DEVICE pc_exp_parts pc_split_exp(float x)
{
    const float log2_e = 1.44269504f, high = 0.693359375f, low = -2.12194440e-4f;
    const float to_integer = 12582912.0f; /* 1.5 2^23: the sum's last bits are the integer */
    const float shifted = x * log2_e + to_integer;
    const float n = shifted - to_integer;
    const float r = (x - n * high) - n * low;
    float q = 1.98458787e-4f;
    q = q * r + 1.39406370e-3f;
    q = q * r + 8.33338965e-3f;
    q = q * r + 4.16663624e-2f;
    q = q * r + 1.66666657e-1f;
    q = q * r + 0.5f;
    const int32_t exponent = (int32_t)(pc_bits_of(shifted) - pc_bits_of(to_integer));
    const pc_exp_parts parts = {exponent, r + r * r * q};
    return parts;
}

static inline PC_HOST_DEVICE float pc_clampf(float x, float least, float most)
{
    const float up = x < least ? least : x; /* NaN stays */
    return up > most ? most : up;
}

static inline PC_HOST_DEVICE float pc_expf(float x)
{
    const pc_exp_parts parts = pc_split_exp(pc_clampf(x, -104, 89));
    const int32_t half = parts.n >> 1; /* 2^n in two steps: it may be subnormal, or 2^128 */
    return (parts.q + 1) * pc_power_of_two(half) * pc_power_of_two(parts.n - half);
}

/* exp(x) - one, for -86 <= x <= 89 and one 0 or 1: exp(x) and expm1(x) by the same operations. */
static inline PC_HOST_DEVICE float pc_exp_less(float x, float one)
{
    const pc_exp_parts parts = pc_split_exp(x);
    const float half = pc_power_of_two(parts.n - 1);
    return 2 * (half * parts.q + (half - 0.5f * one));
}

static inline PC_HOST_DEVICE float pc_expm1f(float x)
{
    return pc_exp_less(pc_clampf(x, -86, 89), 1);
}

static inline PC_HOST_DEVICE float pc_tanhf(float x)
{
    const float t = pc_expm1f(-2 * fabsf(x));
    return copysignf(-t / (2 + t), x);
}

/* x + x P(x^2), and 1 - exp(-x G(x)). */
static inline PC_HOST_DEVICE float pc_erff(float x)
{
    const float size = pc_clampf(fabsf(x), 0, 4), s = size * size;
    float p = 8.37010157e-5f;
    p = p * s - 8.14270461e-4f;
    p = p * s + 5.20103239e-3f;
    p = p * s - 2.68593989e-2f;
    p = p * s + 1.12836957e-1f;
    p = p * s - 3.76126349e-1f;
    p = p * s + 1.28379166e-1f;
    float g = 1.15912108e-5f;
    g = g * size - 3.26345413e-4f;
    g = g * size + 3.65659269e-3f;
    g = g * size - 2.37913560e-2f;
    g = g * size + 1.06270157e-1f;
    g = g * size + 6.35131657e-1f;
    g = g * size + 1.12865317f;
    const float near = size + size * p, far = 1 - pc_expf(-size * g);
    return copysignf(size > 0.921875f ? far : near, x);
}

#endif
