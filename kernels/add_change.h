/* Adding a change to the stream, or taking it away: x += sign y.
 *
 *   x, y  (n) floats; the same array, or no part of it in common
 *   sign  1 or -1; or any factor, in between base and source
 *
 * Any n >= 0. One rounding an element, with a factor two at most. */
#ifndef PC_KERNELS_ADD_CHANGE_H
#define PC_KERNELS_ADD_CHANGE_H

#include <stdint.h>

typedef struct pc_add_change_args {
    float *x;
    const float *y;
    float sign;
    int64_t n;
} pc_add_change_args;

typedef void pc_add_change_fn(const pc_add_change_args *args);

pc_add_change_fn pc_add_change_baseline, pc_add_change_avx2;

/* The definition, in double: out (n). args->x is not written. */
void pc_ref_add_change(double *out, const pc_add_change_args *args);

#endif
