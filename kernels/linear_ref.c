/* The definition of the linear map, in double. */
#include "kernels/linear.h"

#include <stddef.h>

/* Outputs that are summed side by side, in registers. Each is its own chain of additions. */
enum { TOGETHER = 8 };

/* Columns o ... o + TOGETHER - 1 of w (n_in, n_out): w points at column o. */
static void sum_columns(double *y, const double *x, const float *w, const float *bias, int64_t n_in,
                        int64_t n_out)
{
    double sums[TOGETHER];
    for (int o = 0; o < TOGETHER; o++)
        sums[o] = bias ? (double)bias[o] : 0;
    for (int64_t i = 0; i < n_in; i++)
        for (int o = 0; o < TOGETHER; o++)
            sums[o] += x[i] * (double)w[i * n_out + o];
    for (int o = 0; o < TOGETHER; o++)
        y[o] = sums[o];
}

static void sum_column(double *y, const double *x, const float *w, const float *bias, int64_t n_in,
                       int64_t n_out)
{
    double sum = bias ? (double)*bias : 0;
    for (int64_t i = 0; i < n_in; i++)
        sum += x[i] * (double)w[i * n_out];
    *y = sum;
}

/* Rows inside, so that a block's weights are read once for all of them. */
void pc_ref_linear(double *out, const double *x, const float *w, const float *bias, int64_t rows,
                   int64_t n_in, int64_t n_out)
{
    int64_t o = 0;
    for (; o + TOGETHER <= n_out; o += TOGETHER)
        for (int64_t row = 0; row < rows; row++)
            sum_columns(out + row * n_out + o, x + row * n_in, w + o, bias ? bias + o : NULL, n_in,
                        n_out);
    for (; o < n_out; o++)
        for (int64_t row = 0; row < rows; row++)
            sum_column(out + row * n_out + o, x + row * n_in, w + o, bias ? bias + o : NULL, n_in,
                       n_out);
}

/* n <= TOGETHER rows of w (n_out, n_in): w points at the first. */
static void sum_rows(double *y, const double *x, const float *w, const float *bias, int64_t n_in,
                     int n)
{
    double sums[TOGETHER];
    for (int o = 0; o < n; o++)
        sums[o] = bias ? (double)bias[o] : 0;
    for (int64_t i = 0; i < n_in; i++)
        for (int o = 0; o < n; o++)
            sums[o] += x[i] * (double)w[o * n_in + i];
    for (int o = 0; o < n; o++)
        y[o] = sums[o];
}

void pc_ref_linear_rows(double *out, const double *x, const float *w, const float *bias,
                        int64_t rows, int64_t n_in, int64_t n_out)
{
    for (int64_t o = 0; o < n_out; o += TOGETHER) {
        const int n = n_out - o < TOGETHER ? (int)(n_out - o) : (int)TOGETHER;
        for (int64_t row = 0; row < rows; row++)
            sum_rows(out + row * n_out + o, x + row * n_in, w + o * n_in, bias ? bias + o : NULL,
                     n_in, n);
    }
}
