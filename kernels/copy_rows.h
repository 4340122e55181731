/* Rows from one array to places in another: gathering them, putting results where they belong,
 * leaving some out. Item i moves as many rows as it says:
 *
 *   to[item.to + row to_stride + c] = from[item.from + row from_stride + c]     0 <= c < width
 *
 * or 0 where item.from is below 0. Bits are moved, whatever they mean. */
#ifndef PC_KERNELS_COPY_ROWS_H
#define PC_KERNELS_COPY_ROWS_H

#include <stdint.h>

/* Offsets in floats of the first row, and the number of rows. */
typedef struct pc_row_copy {
    int64_t to, from, rows;
} pc_row_copy;

/*   to, from   arrays without a common part; no place is written twice
 *   items      (n_items), in any order
 *   most_rows  no item has more
 *
 * Any n_items, rows, width >= 0; strides are at least the width. */
typedef struct pc_copy_rows_args {
    float *to;
    const float *from;
    int64_t to_stride, from_stride, width;
    const pc_row_copy *items;
    int64_t n_items, most_rows;
} pc_copy_rows_args;

typedef void pc_copy_rows_fn(const pc_copy_rows_args *args);

pc_copy_rows_fn pc_copy_rows_baseline, pc_copy_rows_avx2;

/* The definition. */
void pc_ref_copy_rows(const pc_copy_rows_args *args);

#endif
