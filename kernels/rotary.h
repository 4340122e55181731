/* Rotary positions (Su et al. 2021, equation 34): the first `dim` channels of a row at position p
 * are taken in pairs, and pair i is turned by the angle p f_i:
 *   (a, b) -> (a cos - b sin, b cos + a sin)
 *
 *   x            (rows, d_head) in place; row r stands at position first + r
 *   frequencies  (dim / 2) f_i
 *   pairing      PC_ROTARY_HALVES: channels i and i + dim/2 (GPT-NeoX, Llama)
 *                PC_ROTARY_NEIGHBOURS: channels 2i and 2i + 1 (GPT-J)
 *
 * dim is even and at most d_head; the other channels stay. The map is linear in x. */
#ifndef PC_KERNELS_ROTARY_H
#define PC_KERNELS_ROTARY_H

#include <stdint.h>

typedef enum pc_rotary_pairing { PC_ROTARY_HALVES, PC_ROTARY_NEIGHBOURS } pc_rotary_pairing;

/* The definition, in double. */
void pc_ref_rotary(double *x, const double *frequencies, int64_t rows, int64_t d_head, int64_t dim,
                   int64_t first, pc_rotary_pairing pairing);

#endif
