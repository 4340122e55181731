/* What a change da of its input changes in an activation: out = f(a + da) - f(a), and in a gated
 * MLP: out = f(a + da)(u + du) - f(a) u.
 *
 * Neither is computed as that difference, which rounds relative to f(a). Every f is x g(x) with a
 * gate g between 0 and 1, so that
 *
 *   f(a + da) - f(a)             = da g(a + da) + a (g(a + da) - g(a))
 *   f(a + da)(u + du) - f(a) u   = (f(a + da) - f(a)) (u + du) + f(a) du
 *
 *   SILU, GELU_TANH   g = sigmoid(w), w = a, or sqrt(8/pi) (a + 0.044715 a^3), and with
 *                     dw = w(a + da) - w(a), a polynomial in a with the factor da:
 *                     g(a + da) - g(a) = -expm1(-dw) exp(-w) sigmoid(w) sigmoid(w + dw)
 *   GELU              g = Phi: for |da| < 5/8 the integral of the normal density by its series
 *                     around the middle of [a, a + da], to the seventh power of da; else the
 *                     difference itself
 *   RELU              da, 0, -a or a + da, by the signs of a and a + da
 *
 * which round relative to da and du. A change of 0 gives 0 exactly. Where the difference itself is
 * NaN or infinite, out is NaN or infinite. */
#ifndef PC_KERNELS_ACTIVATION_DELTA_H
#define PC_KERNELS_ACTIVATION_DELTA_H

#include "kernels/activation.h"

/*   out, da, du  (rows, width) row-major; out may be da or du
 *   base_row     (rows) the base row of each row
 *   a, u         (n_base, width) the base run's input of f (the gate), and its factor
 *
 * u and du are both NULL in an MLP without a gate. Any rows >= 0, width >= 0. */
typedef struct pc_activation_delta_args {
    float *out;
    const float *da, *du;
    const int32_t *base_row;
    const float *a, *u;
    int64_t rows, width;
    pc_activation kind;
} pc_activation_delta_args;

typedef void pc_activation_delta_fn(const pc_activation_delta_args *args);

pc_activation_delta_fn pc_activation_delta_baseline, pc_activation_delta_avx2;

/* The definition, in double: out (rows, width), the difference itself. */
void pc_ref_activation_delta(double *out, const pc_activation_delta_args *args);

#endif
