/* Derivatives of a definition in double, to hold gradients against. */
#ifndef PC_TESTS_DERIVATIVE_H
#define PC_TESTS_DERIVATIVE_H

/* df/dx at the present *x, which f reads; *x is as before afterwards. Four points, 1e-3 apart: for
 * functions whose values and derivatives are of order 1, right to about 1e-11 (the fifth derivative
 * counts with 3e-14, a value's rounding with 3e-13). */
double derivative(double (*f)(void *context), void *context, double *x);

#endif
