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

/* How all heads of a layer are turned, in fp32. */
typedef struct pc_rotary_kind {
    int64_t n_heads, d_head, dim;
    pc_rotary_pairing pairing;
    const double *frequencies; /* (dim / 2) */
} pc_rotary_kind;

/* The angles of positions 0 ... n_positions - 1 as (n_positions, dim / 2, 2): cosine, sine,
 * computed in double without the C library, within 1e-15 for angles up to 1e6, and rounded. */
void pc_rotary_table(float *table, const pc_rotary_kind *kind, int64_t n_positions);

/* x (rows, n_heads, d_head), heads without gaps, rows x_stride apart, is turned in place; row r
 * stands at position[r], which the table has. */
typedef struct pc_rotary_args {
    float *x;
    int64_t x_stride, rows;
    const int32_t *position;
    const pc_rotary_kind *kind;
    const float *table;
} pc_rotary_args;

typedef void pc_rotary_fn(const pc_rotary_args *args);

pc_rotary_fn pc_rotary_baseline, pc_rotary_avx2;

#endif
