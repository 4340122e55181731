/* Student's t distribution. */
#ifndef PC_SEARCH_STUDENT_H
#define PC_SEARCH_STUDENT_H

/* P(T > t) for t >= 0 and n >= 1 degrees of freedom: half the regularised incomplete beta function
 * I_x(n/2, 1/2) at x = n / (n + t^2) (Abramowitz and Stegun, 26.5.27). */
double pc_student_tail(double t, int n);

/* The t with P(T > t) = tail, 0 < tail <= 1/2. */
double pc_student_quantile(double tail, int n);

#endif
