/* Rotary frequencies, in double. */
#include "model/rotary_frequencies.h"

#include <math.h>

static double scale_llama3(double f, const pc_rotary *r)
{
    const double turns = r->original_n_ctx * f / 6.283185307179586476925; /* n / w */
    if (turns > r->high_freq_factor) return f;
    if (turns < r->low_freq_factor) return f / r->factor;
    const double t = (turns - r->low_freq_factor) / (r->high_freq_factor - r->low_freq_factor);
    return (1 - t) * f / r->factor + t * f;
}

void pc_rotary_frequencies(double *out, const pc_rotary *r)
{
    for (int i = 0; i < r->dim / 2; i++) {
        const double f = pow(r->base, -2.0 * i / r->dim);
        switch (r->scaling) {
        case PC_ROTARY_PLAIN:
            out[i] = f;
            break;
        case PC_ROTARY_LINEAR:
            out[i] = f / r->factor;
            break;
        case PC_ROTARY_LLAMA3:
            out[i] = scale_llama3(f, r);
            break;
        }
    }
}
