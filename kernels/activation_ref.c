/* The definition of the activations, in double. */
#include "kernels/activation.h"

#include <math.h>

static double relu(double x)
{
    return x < 0 ? 0 : x;
}

static double gelu(double x)
{
    const double sqrt_half = 0.70710678118654752440;
    return 0.5 * x * (1 + erf(x * sqrt_half));
}

static double gelu_tanh(double x)
{
    const double sqrt_two_over_pi = 0.79788456080286535588;
    return 0.5 * x * (1 + tanh(sqrt_two_over_pi * (x + 0.044715 * x * x * x)));
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

void pc_ref_activation(double *out, const double *x, int64_t n, pc_activation kind)
{
    static double (*const functions[])(double) = {
        [PC_ACTIVATION_RELU] = relu,
        [PC_ACTIVATION_GELU] = gelu,
        [PC_ACTIVATION_GELU_TANH] = gelu_tanh,
        [PC_ACTIVATION_SILU] = silu,
    };
    for (int64_t i = 0; i < n; i++)
        out[i] = functions[kind](x[i]);
}
