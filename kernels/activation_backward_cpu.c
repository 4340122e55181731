/* The activations backwards, in fp32. */
#include "kernels/activation_backward.h"

#include "kernels/instruction_set.h"
#include "kernels/slopes.h"

static inline void run(const pc_activation_backward_args *args, pc_activation kind,
                       pc_gradient_rule rule)
{
    const float half = rule == PC_RELEVANCE && args->u ? 0.5f : 1.0f;
    for (int64_t i = 0; i < args->n; i++) {
        const float a = args->a[i], d = half * args->dout[i];
        const pc_slope slope = pc_slope_of(a, kind);
        const float by_a = rule == PC_RELEVANCE ? slope.gate : slope.slope;
        args->da[i] = args->u ? d * by_a * args->u[i] : d * by_a;
        if (args->u) args->du[i] = d * (a * slope.gate);
    }
}

static inline void run_rule(const pc_activation_backward_args *args, pc_activation kind)
{
    if (args->rule == PC_RELEVANCE) run(args, kind, PC_RELEVANCE);
    else run(args, kind, PC_GRADIENT);
}

void PC_FOR_SET(pc_activation_backward)(const pc_activation_backward_args *args)
{
    switch (args->kind) { /* a loop for each */
    case PC_ACTIVATION_RELU:
        run_rule(args, PC_ACTIVATION_RELU);
        break;
    case PC_ACTIVATION_GELU:
        run_rule(args, PC_ACTIVATION_GELU);
        break;
    case PC_ACTIVATION_GELU_TANH:
        run_rule(args, PC_ACTIVATION_GELU_TANH);
        break;
    case PC_ACTIVATION_SILU:
        run_rule(args, PC_ACTIVATION_SILU);
        break;
    }
}
