/* Elementary functions in double, one number at a time, the same bits on every processor: for what
 * is computed once a row or once a run. */
#ifndef PC_KERNELS_SCALAR_MATH_H
#define PC_KERNELS_SCALAR_MATH_H

/* log(1 + x) for x >= -1/4, within 2 units in the last place. NaN gives NaN, infinity infinity. */
double pc_log1p(double x);

/* The sine and cosine of an angle in radians, |angle| <= 1e6, within 2e-16. */
void pc_sine_cosine(double *sine, double *cosine, double angle);

#endif
