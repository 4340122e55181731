/* Means and standard errors, summed in the order of the prompts. */
#include "search/statistics.h"

#include <math.h>

double pc_mean(const double *values, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += values[i];
    return sum / n;
}

double pc_standard_error(const double *values, int n)
{
    const double mean = pc_mean(values, n);
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return n > 1 ? sqrt(sum / (n - 1) / n) : 0;
}
