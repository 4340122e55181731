/* Logarithm, sine and cosine in double, by reduction and series. */
#include "kernels/scalar_math.h"

#include <math.h>
#include <stdint.h>

/* log((1 + z) / (1 - z)) = 2 (z + z^3 / 3 + z^5 / 5 + ...), |z| < 0.172: the next term is below
 * 2^-60. */
static double log_of_ratio(double z)
{
    const double s = z * z;
    double sum = 0;
    for (int k = 23; k >= 3; k -= 2)
        sum = s * (1.0 / k + sum);
    return 2 * (z + z * sum);
}

double pc_log1p(double x)
{
    const double sqrt_two = 1.41421356237309504880;
    const double log_two_high = 0x1.62e42fefa38p-1, log_two_low = 0x1.ef35793c7673p-45;
    if (!(x < INFINITY)) return x;
    if (x < sqrt_two - 1) return log_of_ratio(x / (2 + x));
    const double y = 1 + x, lost = x - (y - 1); /* y < 2^53, or x does not feel the 1 */
    int exponent;
    double m = frexp(y, &exponent);
    if (m < sqrt_two / 2) {
        m *= 2;
        exponent--;
    }
    const double f = m - 1;
    return exponent * log_two_high +
           (log_of_ratio(f / (2 + f)) + (exponent * log_two_low + lost / y));
}

/* Taylor's series for |r| <= pi / 4; the next terms are below 2^-58. */
static double sine_of(double r)
{
    const double s = r * r;
    double sum = 0;
    for (int k = 17; k >= 3; k -= 2)
        sum = -s / (k * (k - 1)) * (1 + sum);
    return r + r * sum;
}

static double cosine_of(double r)
{
    const double s = r * r;
    double sum = 0;
    for (int k = 18; k >= 4; k -= 2)
        sum = -s / (k * (k - 1)) * (1 + sum);
    return 1 - 0.5 * s * (1 + sum);
}

/* Quarter turns are taken away in three parts of pi / 2 (Cody and Waite); the first two have 33
 * bits, so that their multiples are exact. */
void pc_sine_cosine(double *sine, double *cosine, double angle)
{
    const double first = 0x1.921fb544p+0, second = 0x1.0b4611a6p-34, third = 0x1.3198a2e037073p-69;
    const double per_quarter = 0.63661977236758134308;
    const double quarters = floor(angle * per_quarter + 0.5);
    const double r = ((angle - quarters * first) - quarters * second) - quarters * third;
    const double s = sine_of(r), c = cosine_of(r);
    switch ((int64_t)quarters & 3) {
    case 0:
        *sine = s, *cosine = c;
        break;
    case 1:
        *sine = c, *cosine = -s;
        break;
    case 2:
        *sine = -s, *cosine = -c;
        break;
    default:
        *sine = -c, *cosine = s;
        break;
    }
}
