/* Means and standard errors over prompts. */
#ifndef PC_SEARCH_STATISTICS_H
#define PC_SEARCH_STATISTICS_H

/* Mean of n >= 1 values, summed in order. */
double pc_mean(const double *values, int n);

/* Standard error of that mean: sqrt(sum (x - mean)^2 / (n - 1) / n); 0 for n = 1, where it is not
 * known. */
double pc_standard_error(const double *values, int n);

#endif
