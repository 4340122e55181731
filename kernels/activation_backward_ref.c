/* The definition of the activations backwards, in double. */
#include "kernels/activation_backward.h"

#include <math.h>

/* f(a) = a g(a), and f'(a). */
typedef struct gate {
    double g, slope;
} gate;

/* g = sigmoid(w), w' = dw/da */
static gate sigmoid_gate(double a, double w, double w_slope)
{
    const double g = 1 / (1 + exp(-w));
    return (gate){g, g + a * g * (1 - g) * w_slope};
}

static gate gate_of(double a, pc_activation kind)
{
    const double two_sqrt_two_over_pi = 1.5957691216057308, cubic = 0.044715;
    const double density = exp(-a * a / 2) * 0.3989422804014327, phi = 0.5 * erfc(-a * sqrt(0.5));
    switch (kind) {
    case PC_ACTIVATION_GELU:
        return (gate){phi, phi + a * density};
    case PC_ACTIVATION_GELU_TANH:
        return sigmoid_gate(a, two_sqrt_two_over_pi * (a + cubic * a * a * a),
                            two_sqrt_two_over_pi * (1 + 3 * cubic * a * a));
    case PC_ACTIVATION_SILU:
        return sigmoid_gate(a, a, 1);
    default:
        return a > 0 ? (gate){1, 1} : (gate){0, 0};
    }
}

void pc_ref_activation_backward(double *da, double *du, const pc_activation_backward_args *args)
{
    const double half = args->rule == PC_RELEVANCE && args->u ? 0.5 : 1;
    for (int64_t i = 0; i < args->n; i++) {
        const double a = (double)args->a[i], u = args->u ? (double)args->u[i] : 1;
        const gate at = gate_of(a, args->kind);
        const double slope = args->rule == PC_RELEVANCE ? at.g : at.slope;
        da[i] = half * (double)args->dout[i] * slope * u;
        if (args->u) du[i] = half * (double)args->dout[i] * a * at.g;
    }
}
