/* The activations backwards, in fp32. */
#include "kernels/activation_backward.h"

#include "kernels/instruction_set.h"
#include "kernels/slopes.h"

#include <stddef.h>
#include <string.h>

/* Of a stretch of elements. It is computed aside, because da may be dout: then the compiler need
 * not look. */
enum { STRETCH = 128 };
typedef struct slopes {
    float gate[STRETCH], slope[STRETCH];
} slopes;

static void relu_slopes(slopes *to, const float *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to->gate[i] = to->slope[i] = pc_relu_slope(a[i]).slope;
}

static void gelu_slopes(slopes *to, const float *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const pc_slope at = pc_gelu_slope(a[i]);
        to->gate[i] = at.gate;
        to->slope[i] = at.slope;
    }
}

static void gelu_tanh_slopes(slopes *to, const float *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const pc_slope at = pc_gelu_tanh_slope(a[i]);
        to->gate[i] = at.gate;
        to->slope[i] = at.slope;
    }
}

static void silu_slopes(slopes *to, const float *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const pc_slope at = pc_silu_slope(a[i]);
        to->gate[i] = at.gate;
        to->slope[i] = at.slope;
    }
}

typedef void slopes_fn(slopes *to, const float *a, int64_t n);

static slopes_fn *const slopes_of[] = {[PC_ACTIVATION_RELU] = relu_slopes,
                                       [PC_ACTIVATION_GELU] = gelu_slopes,
                                       [PC_ACTIVATION_GELU_TANH] = gelu_tanh_slopes,
                                       [PC_ACTIVATION_SILU] = silu_slopes};

static void run_plain(const pc_activation_backward_args *args, int64_t from, int64_t n,
                      const slopes *at)
{
    const float *dout = args->dout + from;
    const float *by = args->rule == PC_RELEVANCE ? at->gate : at->slope;
    float da[STRETCH];
    for (int64_t i = 0; i < n; i++)
        da[i] = dout[i] * by[i];
    memcpy(args->da + from, da, (size_t)n * sizeof *da);
}

static void run_gated(const pc_activation_backward_args *args, int64_t from, int64_t n,
                      const slopes *at)
{
    const float *dout = args->dout + from, *a = args->a + from, *u = args->u + from;
    const float *by = args->rule == PC_RELEVANCE ? at->gate : at->slope;
    const float half = args->rule == PC_RELEVANCE ? 0.5f : 1.0f;
    float da[STRETCH], du[STRETCH];
    for (int64_t i = 0; i < n; i++) {
        da[i] = half * dout[i] * by[i] * u[i];
        du[i] = half * dout[i] * (a[i] * at->gate[i]);
    }
    memcpy(args->da + from, da, (size_t)n * sizeof *da);
    memcpy(args->du + from, du, (size_t)n * sizeof *du);
}

void PC_FOR_SET(pc_activation_backward)(const pc_activation_backward_args *args)
{
    slopes at;
    for (int64_t from = 0; from < args->n; from += STRETCH) {
        const int64_t rest = args->n - from, n = rest < STRETCH ? rest : STRETCH;
        slopes_of[args->kind](&at, args->a + from, n);
        if (args->u) run_gated(args, from, n, &at);
        else run_plain(args, from, n, &at);
    }
}
