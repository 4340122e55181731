/* What a change does to a number under a softcap, in double: of answers' logits and of effects.
 * softcap.h has it in float32, for vector loops. */
#ifndef PC_KERNELS_SOFTCAP_DOUBLE_H
#define PC_KERNELS_SOFTCAP_DOUBLE_H

#include "kernels/host_device.h"

#include <math.h>

/* c tanh((x + d) / c) - c tanh(x / c) by the addition theorem, relative to d; d without a cap. */
static inline PC_HOST_DEVICE double pc_capped_change_double(double x, double d, double cap)
{
    if (!(cap > 0)) return d;
    const double t = tanh(x / cap), u = tanh(d / cap);
    return cap * u * (1 - t * t) / (1 + t * u);
}

#endif
