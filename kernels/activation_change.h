/* An activation of one number, f(a), and what a change of a changes in it (activation_delta.h). */
#ifndef PC_KERNELS_ACTIVATION_CHANGE_H
#define PC_KERNELS_ACTIVATION_CHANGE_H

#include "kernels/activation.h"
#include "kernels/gates.h"

/* f(a) and f(a + da) - f(a). */
typedef struct pc_change_of_one {
    float before, by;
} pc_change_of_one;

static inline PC_HOST_DEVICE pc_change_of_one pc_change_of_gate(float a, float da, pc_gate gate)
{
    const pc_change_of_one change = {a * gate.before, da * gate.after + a * gate.change};
    return change;
}

/* NaN passes through, and a - a makes NaN of infinity. */
static inline PC_HOST_DEVICE pc_change_of_one pc_change_of_relu(float a, float da)
{
    const float b = a + da;
    const float kept = a > 0 ? da + (a - a) : b, lost = a > 0 ? -a : 0;
    const pc_change_of_one change = {a < 0 ? 0 : a, b <= 0 ? lost : kept};
    return change;
}

static inline PC_HOST_DEVICE pc_change_of_one pc_change_of(float a, float da, pc_activation kind)
{
    switch (kind) {
    case PC_ACTIVATION_GELU:
        return pc_change_of_gate(a, da, pc_gelu_gate(a, da));
    case PC_ACTIVATION_GELU_TANH:
        return pc_change_of_gate(a, da, pc_gelu_tanh_gate(a, da));
    case PC_ACTIVATION_SILU:
        return pc_change_of_gate(a, da, pc_silu_gate(a, da));
    default:
        return pc_change_of_relu(a, da);
    }
}

/* f(a + da) (u + du) - f(a) u. */
static inline PC_HOST_DEVICE float pc_gated_change(pc_change_of_one f, float u, float du)
{
    return f.by * (u + du) + f.before * du;
}

#endif
