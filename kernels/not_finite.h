/* Whether a NaN or an infinity stands in a span of rows: such a result is located, never ranked.
 *
 *   is_found  (n_spans) out: 0 or 1
 *   spans     (n_spans) of x's rows
 *   x         (rows, width), rows x_stride apart
 *
 * Any n_spans, rows, width >= 0. */
#ifndef PC_KERNELS_NOT_FINITE_H
#define PC_KERNELS_NOT_FINITE_H

#include "kernels/row_span.h"

typedef struct pc_not_finite_args {
    uint8_t *is_found;
    const pc_row_span *spans;
    int64_t n_spans;
    const float *x;
    int64_t x_stride, width;
} pc_not_finite_args;

typedef void pc_not_finite_fn(const pc_not_finite_args *args);

pc_not_finite_fn pc_not_finite_baseline, pc_not_finite_avx2;

/* The definition. */
void pc_ref_not_finite(uint8_t *is_found, const pc_not_finite_args *args);

#endif
