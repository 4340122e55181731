/* The activations of the base run in fp32. */
#include "kernels/activation_base.h"

#include "kernels/activation_value.h"
#include "kernels/instruction_set.h"

#include <stddef.h>
#include <string.h>

/* A stretch is computed aside, because out may be a or u: then the compiler need not look. */
enum { STRETCH = 128 };

static void run_relu(float *out, const float *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = pc_relu(a[i]);
}

static void run_gelu(float *out, const float *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = pc_gelu(a[i]);
}

static void run_gelu_tanh(float *out, const float *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = pc_gelu_tanh(a[i]);
}

static void run_silu(float *out, const float *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = pc_silu(a[i]);
}

typedef void run_fn(float *out, const float *a, int64_t n);

static run_fn *const runs[] = {[PC_ACTIVATION_RELU] = run_relu,
                               [PC_ACTIVATION_GELU] = run_gelu,
                               [PC_ACTIVATION_GELU_TANH] = run_gelu_tanh,
                               [PC_ACTIVATION_SILU] = run_silu};

void PC_FOR_SET(pc_activation_base)(const pc_activation_base_args *args)
{
    float out[STRETCH];
    for (int64_t from = 0; from < args->n; from += STRETCH) {
        const int64_t rest = args->n - from, n = rest < STRETCH ? rest : STRETCH;
        runs[args->kind](out, args->a + from, n);
        for (int64_t i = 0; i < n && args->u; i++)
            out[i] *= args->u[from + i];
        memcpy(args->out + from, out, (size_t)n * sizeof *out);
    }
}
