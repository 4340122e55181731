/* Rotary position embedding (Su et al. 2021, equation 34): at position p, pair i of a head's first
 * 2 n_pairs channels is turned by the angle p f_i; the other channels stay.
 *
 *   (x, y) -> (x cos(p f_i) - y sin(p f_i), x sin(p f_i) + y cos(p f_i))
 *
 *   PC_ROTARY_HALVES    pair i = channels (i, i + n_pairs)    GPT-NeoX, Llama
 *   PC_ROTARY_ADJACENT  pair i = channels (2 i, 2 i + 1)      GPT-J
 *
 * It is linear in the channels, so it maps changes to changes. */
#ifndef PC_KERNELS_ROTARY_H
#define PC_KERNELS_ROTARY_H

#include <stdint.h>

typedef enum pc_rotary_pairs { PC_ROTARY_HALVES, PC_ROTARY_ADJACENT } pc_rotary_pairs;

typedef struct pc_rotary_kind {
    int64_t n_heads, d_head;
    int64_t n_pairs; /* 0 <= 2 n_pairs <= d_head */
    pc_rotary_pairs pairs;
    const double *frequency; /* (n_pairs) f_i, radians a position */
} pc_rotary_kind;

/* The angles of positions 0 ... n_positions - 1 as (n_positions, n_pairs, 2): cosine, sine,
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

/* The definition, in double: x (rows, n_heads, d_head) without gaps, in place. */
void pc_ref_rotary(double *x, const int32_t *position, int64_t rows, const pc_rotary_kind *kind);

#endif
