/* All inner products between two sets of long vectors, weighted and added up: the contraction of
 * what writers change with the gradients at readers (Syed et al. 2023, equation 4).
 *
 *   out[item.out + i out_stride + j] += weight sum_k a[item.a + i a_stride + k] b[item.b + j
 * b_stride + k]
 *
 * for i < n_a, j < n_b, k < item.n. On the processor products and sums are in float32 in eight
 * chains over stretches of 1024, element k of a stretch in chain k mod 8, the chains of a stretch
 * added as in lanes.h; from there on in double, stretch by stretch. On a device they are in float32
 * in one chain over stretches of 64, from there on in double; the weight comes last. A pair depends
 * on its two vectors alone. */
#ifndef PC_KERNELS_PAIR_DOTS_H
#define PC_KERNELS_PAIR_DOTS_H

#include <stdint.h>

enum { PC_DOT_STRETCH = 1024, PC_DOT_DEVICE_STRETCH = 64 };

/* Offsets in elements of each array; the length of the vectors. */
typedef struct pc_dot_item {
    int64_t out, a, b, n;
} pc_dot_item;

/*   out    doubles; no place is written by two items
 *   a, b   floats
 *   items  (n_items)
 *
 * Any n_items, n_a, n_b, n >= 0. */
typedef struct pc_pair_dots_args {
    double *out;
    const float *a, *b;
    int64_t out_stride, a_stride, b_stride;
    int64_t n_a, n_b;
    const pc_dot_item *items;
    int64_t n_items;
    double weight;
} pc_pair_dots_args;

typedef void pc_pair_dots_fn(const pc_pair_dots_args *args);

pc_pair_dots_fn pc_pair_dots_baseline, pc_pair_dots_avx2;

/* The definition: the same sums in double; `out` is not read, (n_a, n_b) without gaps of one item.
 */
void pc_ref_pair_dots(double *out, const pc_pair_dots_args *args, int64_t item);

#endif
