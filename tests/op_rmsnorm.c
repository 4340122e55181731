/* The root-mean-square norm: hand-computed values and scale invariance. */
#include "kernels/rmsnorm.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>

Test(op_rmsnorm, small_rows_by_hand)
{
    const double x[] = {3, 4, 0, 0, -5, 0, 0, 0};
    const float gain[] = {1, 2, 3, 4};
    const double expected[] = {1.2, 3.2, 0, 0, -2, 0, 0, 0}; /* rms 2.5 in both rows */
    double out[8];
    pc_ref_rmsnorm(out, x, gain, 0, 2, 4, 0);
    for (int i = 0; i < 8; i++)
        cr_expect(fabs(out[i] - expected[i]) < 1e-15, "%d: %.17g", i, out[i]);
}

Test(op_rmsnorm, the_offset_is_added_to_the_stored_gain)
{
    const double x[] = {3, 4, 0, 0};
    const float less[] = {0, 1, 2, 3}, gain[] = {1, 2, 3, 4};
    double a[4], b[4];
    pc_ref_rmsnorm(a, x, less, 1, 1, 4, 1e-3);
    pc_ref_rmsnorm(b, x, gain, 0, 1, 4, 1e-3);
    for (int i = 0; i < 4; i++)
        cr_expect(a[i] == b[i], "%d: %.17g and %.17g", i, a[i], b[i]);
}

Test(op_rmsnorm, scaling_the_row_changes_nothing)
{
    double x[] = {1, -2, 0.5, 4, 9}, a[5], b[5];
    pc_ref_rmsnorm(a, x, NULL, 0, 1, 5, 0);
    for (int i = 0; i < 5; i++)
        x[i] *= 1024;
    pc_ref_rmsnorm(b, x, NULL, 0, 1, 5, 0);
    for (int i = 0; i < 5; i++)
        cr_expect(a[i] == b[i], "%d: %.17g and %.17g", i, a[i], b[i]);
}

Test(op_rmsnorm, eps_is_added_to_the_mean_square_and_rows_may_be_in_place)
{
    double x[] = {0, 0, 3};
    pc_ref_rmsnorm(x, x, NULL, 0, 1, 3, 1); /* mean square 3, plus eps 4 */
    cr_expect(x[0] == 0 && x[2] == 1.5, "%g", x[2]);
}
