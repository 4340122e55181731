/* Whether a change all but takes away what a norm reads: x + d is then the small difference of two
 * large numbers, and float32 has lost it. Of a span of rows, whether that is so in any:
 *
 *   d != 0,   |x + d|^2 < 1e-4 (|x|^2 + |d|^2)
 *
 * with squares around the mean where the norm takes it off. 1e-2 in size: of float32's 7 digits 5
 * are left. Rows with NaN or infinity do not count. */
#ifndef PC_KERNELS_VANISHING_H
#define PC_KERNELS_VANISHING_H

#include "kernels/row_span.h"

/*   is_lost     (n_spans) out: 0 or 1
 *   spans       (n_spans) of d's rows
 *   d           (rows, width) row-major
 *   base_row    (rows) the base row of each row
 *   x           (n_base, width) the norm's input in the base run
 *   is_centred  whether the norm takes the mean off
 *
 * Any n_spans, rows >= 0, width >= 1. */
typedef struct pc_vanishing_args {
    uint8_t *is_lost;
    const pc_row_span *spans;
    int64_t n_spans;
    const float *d;
    const int32_t *base_row;
    const float *x;
    int64_t width;
    int is_centred;
} pc_vanishing_args;

typedef void pc_vanishing_fn(const pc_vanishing_args *args);

pc_vanishing_fn pc_vanishing_baseline, pc_vanishing_avx2;

/* The definition, in double: what is_lost compares, the smallest |x + d|^2 / (|x|^2 + |d|^2) of
 * each span's rows with d != 0, infinity if there is none. args->is_lost is not written. */
void pc_ref_vanishing(double *share, const pc_vanishing_args *args);

#endif
