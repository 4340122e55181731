/* x y + z with one rounding, on any processor. */
#ifndef PC_KERNELS_FUSED_H
#define PC_KERNELS_FUSED_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The double nearest product + addend, rounded to odd instead: towards zero, and the last bit of an
 * inexact result is 1. The sum's error is Knuth's two-sum. NaN and infinity pass through. */
static inline double pc_odd_sum(double product, double addend)
{
    const double sum = product + addend, part = sum - product;
    const double error = (product - (sum - part)) + (addend - part);
    const int64_t inexact = (error > 0) | (error < 0);
    const int64_t is_rounded_up = inexact & ((error > 0) != (sum > 0));
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    bits = (bits - is_rounded_up) | inexact;
    double odd;
    memcpy(&odd, &bits, sizeof odd);
    return odd;
}

/* In double the product is exact; what remains is to round the sum twice, to double and to float,
 * as if once. The second rounding can go wrong only where the first one's result lies in the
 * middle between two floats: there, and below the normal floats, where middles look otherwise, the
 * first rounds to odd (Boldo and Melquiond 2008, theorem 1: 53 >= 24 + 2 bits). No double
 * overflows here. */
static inline float pc_fused_by_double(float x, float y, float z)
{
    const int64_t below_float = ((int64_t)1 << 29) - 1, middle = (int64_t)1 << 28;
    const double smallest_normal = 0x1p-126;
    const double product = (double)x * (double)y, sum = product + (double)z;
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((bits & below_float) != middle && fabs(sum) >= smallest_normal) return (float)sum;
    return (float)pc_odd_sum(product, (double)z);
}

#endif
