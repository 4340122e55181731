/* Inner products of columns, weighted and added up: what each channel of a writer changes, times
 * the gradient there, over a prompt's rows.
 *
 *   out[item.out + i] += weight sum_r a[item.a + r a_stride + i] b[item.b + r b_stride + i]
 *
 * for i < width, r < item.rows. Products and sums in double, row by row. */
#ifndef PC_KERNELS_COLUMN_DOTS_H
#define PC_KERNELS_COLUMN_DOTS_H

#include <stdint.h>

/* Offsets in elements of each array; the number of rows. */
typedef struct pc_column_item {
    int64_t out, a, b, rows;
} pc_column_item;

/*   out    doubles; no place is written by two items
 *   a, b   floats
 *   items  (n_items)
 *
 * Any n_items, width, rows >= 0. */
typedef struct pc_column_dots_args {
    double *out;
    const float *a, *b;
    int64_t a_stride, b_stride, width;
    const pc_column_item *items;
    int64_t n_items;
    double weight;
} pc_column_dots_args;

typedef void pc_column_dots_fn(const pc_column_dots_args *args);

pc_column_dots_fn pc_column_dots_baseline, pc_column_dots_avx2;

/* The definition: out as it would be, of one item, from `out` as it is: (width). */
void pc_ref_column_dots(double *out, const pc_column_dots_args *args, int64_t item);

#endif
