/* Derivatives of a definition in double. */
#include "support/derivative.h"

static double at(double (*f)(void *context), void *context, double *x, double by)
{
    const double before = *x;
    *x = before + by;
    const double value = f(context);
    *x = before;
    return value;
}

double derivative(double (*f)(void *context), void *context, double *x)
{
    const double h = 0.0009765625; /* 2^-10 */
    return (8 * (at(f, context, x, h) - at(f, context, x, -h)) -
            (at(f, context, x, 2 * h) - at(f, context, x, -2 * h))) /
           (12 * h);
}
