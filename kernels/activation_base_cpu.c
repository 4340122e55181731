/* The activations of the base run in fp32. */
#include "kernels/activation_base.h"

#include "kernels/gates.h"
#include "kernels/instruction_set.h"

static inline float activation(float a, pc_activation kind)
{
    switch (kind) {
    case PC_ACTIVATION_GELU:
        return a * pc_normal_cumulative(a);
    case PC_ACTIVATION_GELU_TANH:
        return a * pc_gelu_tanh_gate(a, 0).before;
    case PC_ACTIVATION_SILU:
        return a * pc_silu_gate(a, 0).before;
    default:
        return a < 0 ? 0 : a;
    }
}

static inline void run(const pc_activation_base_args *args, pc_activation kind)
{
    for (int64_t i = 0; i < args->n; i++) {
        const float f = activation(args->a[i], kind);
        args->out[i] = args->u ? f * args->u[i] : f;
    }
}

void PC_FOR_SET(pc_activation_base)(const pc_activation_base_args *args)
{
    switch (args->kind) { /* a loop for each */
    case PC_ACTIVATION_RELU:
        run(args, PC_ACTIVATION_RELU);
        break;
    case PC_ACTIVATION_GELU:
        run(args, PC_ACTIVATION_GELU);
        break;
    case PC_ACTIVATION_GELU_TANH:
        run(args, PC_ACTIVATION_GELU_TANH);
        break;
    case PC_ACTIVATION_SILU:
        run(args, PC_ACTIVATION_SILU);
        break;
    }
}
