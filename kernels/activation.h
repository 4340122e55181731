/* The activations of MLPs, element by element: out = f(x).
 *
 *   PC_ACTIVATION_RELU       max(x, 0); NaN stays NaN
 *   PC_ACTIVATION_GELU       x Phi(x), through erf (Hendrycks and Gimpel 2016)
 *   PC_ACTIVATION_GELU_TANH  its tanh form, GPT-2's: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
 *   PC_ACTIVATION_SILU       x / (1 + exp(-x))
 *
 * out and x have n elements and may be the same array. */
#ifndef PC_KERNELS_ACTIVATION_H
#define PC_KERNELS_ACTIVATION_H

#include <stdint.h>

typedef enum pc_activation {
    PC_ACTIVATION_RELU,
    PC_ACTIVATION_GELU,
    PC_ACTIVATION_GELU_TANH,
    PC_ACTIVATION_SILU
} pc_activation;

/* The definition, in double. */
void pc_ref_activation(double *out, const double *x, int64_t n, pc_activation kind);

#endif
