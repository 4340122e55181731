/* The definition of the linear map, in double. */
#include "kernels/linear.h"

#include <stddef.h>

/* Outputs that are summed together, in registers. Each is its own chain of additions. */
enum { TOGETHER = 8 };

static void sum_outputs(double *y, const double *x, const float *w, const float *bias, int64_t n_in,
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

static void sum_output(double *y, const double *x, const float *w, const float *bias, int64_t n_in,
                       int64_t n_out)
{
    double sum = bias ? (double)*bias : 0;
    for (int64_t i = 0; i < n_in; i++)
        sum += x[i] * (double)w[i * n_out];
    *y = sum;
}

void pc_ref_linear(double *out, const double *x, const float *w, const float *bias, int64_t rows,
                   int64_t n_in, int64_t n_out)
{
    for (int64_t row = 0; row < rows; row++) {
        const double *from = x + row * n_in;
        double *to = out + row * n_out;
        int64_t o = 0;
        for (; o + TOGETHER <= n_out; o += TOGETHER)
            sum_outputs(to + o, from, w + o, bias ? bias + o : NULL, n_in, n_out);
        for (; o < n_out; o++)
            sum_output(to + o, from, w + o, bias ? bias + o : NULL, n_in, n_out);
    }
}

void pc_ref_linear_rows(double *out, const double *x, const float *w, const float *bias,
                        int64_t rows, int64_t n_in, int64_t n_out)
{
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t o = 0; o < n_out; o++) {
            double sum = bias ? (double)bias[o] : 0;
            for (int64_t i = 0; i < n_in; i++)
                sum += x[row * n_in + i] * (double)w[o * n_in + i];
            out[row * n_out + o] = sum;
        }
    }
}
