/* The frequencies of a model's rotary positions. */
#ifndef PC_MODEL_ROTARY_FREQUENCIES_H
#define PC_MODEL_ROTARY_FREQUENCIES_H

#include "model/shape.h"

/* out (dim / 2): base^(-2i/dim), scaled for long contexts as the model asks: divided by factor
 * (linear), or as Llama 3.1 does it: with wavelength w = 2 pi / f and the old context n,
 *   w < n / high_freq_factor    f
 *   w > n / low_freq_factor     f / factor
 *   between                     (1 - t) f / factor + t f,  t = (n/w - low) / (high - low) */
void pc_rotary_frequencies(double *out, const pc_rotary *rotary);

#endif
