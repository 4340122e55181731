/* The definition of the activations' change, in double: f at a + da, minus f at a. */
#include "kernels/activation_delta.h"

static double f(double x, pc_activation kind)
{
    double out;
    pc_ref_activation(&out, &x, 1, kind);
    return out;
}

void pc_ref_activation_delta(double *out, const pc_activation_delta_args *args)
{
    for (int64_t row = 0; row < args->rows; row++) {
        const int64_t base = args->base_row[row] * args->width;
        for (int64_t i = 0; i < args->width; i++) {
            const int64_t at = row * args->width + i;
            const double a = (double)args->a[base + i], da = (double)args->da[at];
            const double u = args->u ? (double)args->u[base + i] : 1;
            const double du = args->du ? (double)args->du[at] : 0;
            out[at] = f(a + da, args->kind) * (u + du) - f(a, args->kind) * u;
        }
    }
}
