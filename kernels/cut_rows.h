/* What a reader sees otherwise where an edge into it is cut: the source's change c of the writer,
 * in place of the run's d. Item i has as many rows as it says, with
 *
 *   v = item.sign (change[item.change + row change_stride + c] - was[item.was + row was_stride +
 * c])
 *
 *   PC_CUT_SET  to[item.to + row to_stride + c]  = v, or 0 where the cut does not act
 *   PC_CUT_ADD  to[item.to + row to_stride + c] += v, and nothing where it does not act
 *
 * for 0 <= c < width: of a writer's whole width to be added to the reader's own input, of a head's
 * or neuron's columns to be multiplied by W_O or W_out first. */
#ifndef PC_KERNELS_CUT_ROWS_H
#define PC_KERNELS_CUT_ROWS_H

#include <stdint.h>

/* Offsets in floats of the first row.
 *
 *   change  below 0: the cut does not act in these rows
 *   was     below 0: the writer has not changed, d = 0
 *   sign    1 of a cut edge; -1 of an edge kept where everything is replaced
 */
typedef struct pc_cut_item {
    int64_t to, change, was, rows;
    float sign;
} pc_cut_item;

typedef enum pc_cut_mode { PC_CUT_SET, PC_CUT_ADD } pc_cut_mode;

/*   to         has no part in common with the others; no place is named twice
 *   was        NULL if no item has any
 *   items      (n_items), in any order
 *   most_rows  no item has more
 *
 * Any n_items, rows, width >= 0. Two roundings an element, with PC_CUT_SET one. */
typedef struct pc_cut_rows_args {
    float *to;
    const float *change, *was;
    int64_t to_stride, change_stride, was_stride, width;
    const pc_cut_item *items;
    int64_t n_items, most_rows;
    pc_cut_mode mode;
} pc_cut_rows_args;

typedef void pc_cut_rows_fn(const pc_cut_rows_args *args);

pc_cut_rows_fn pc_cut_rows_baseline, pc_cut_rows_avx2;

/* The definition, in double: out is laid out as args->to, of which only what is added to is read.
 */
void pc_ref_cut_rows(double *out, const pc_cut_rows_args *args);

#endif
