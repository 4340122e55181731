/* Rotary positions: turns by hand, and what a rotation keeps. */
#include "kernels/rotary.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { SEQ = 6, D_HEAD = 7, DIM = 4 };

static const double frequencies[DIM / 2] = {1.5707963267948966, 0.3};
static double x[SEQ * D_HEAD], was[SEQ * D_HEAD];

static void fill(void)
{
    pc_rng rng = {.seed = 5};
    for (int i = 0; i < SEQ * D_HEAD; i++)
        x[i] = 2 * pc_rng_unit(&rng) - 1;
    memcpy(was, x, sizeof was);
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < D_HEAD; i++)
        sum += a[i] * b[i];
    return sum;
}

Test(op_rotary, quarter_turns_by_hand)
{
    double halves[] = {1, 2, 3, 4, 9}, neighbours[] = {1, 2, 3, 4, 9};
    const double quarter[] = {frequencies[0], frequencies[0]};
    const double by_halves[] = {-3, -4, 1, 2, 9}, by_neighbours[] = {-2, 1, -4, 3, 9};
    pc_ref_rotary(halves, quarter, 1, 5, 4, 1, PC_ROTARY_HALVES);
    pc_ref_rotary(neighbours, quarter, 1, 5, 4, 1, PC_ROTARY_NEIGHBOURS);
    for (int i = 0; i < 5; i++) {
        cr_expect(fabs(halves[i] - by_halves[i]) < 1e-15, "%d: %.17g", i, halves[i]);
        cr_expect(fabs(neighbours[i] - by_neighbours[i]) < 1e-15, "%d: %.17g", i, neighbours[i]);
    }
}

Test(op_rotary, position_0_and_the_channels_behind_dim_stay)
{
    fill();
    pc_ref_rotary(x, frequencies, SEQ, D_HEAD, DIM, 0, PC_ROTARY_HALVES);
    for (int row = 0; row < SEQ; row++)
        for (int c = row ? DIM : 0; c < D_HEAD; c++)
            cr_expect(x[row * D_HEAD + c] == was[row * D_HEAD + c], "row %d channel %d", row, c);
}

Test(op_rotary, products_depend_on_the_distance_alone)
{
    double query[D_HEAD], key[D_HEAD];
    fill();
    for (int shift = 0; shift < 3; shift++) {
        memcpy(query, was, sizeof query);
        memcpy(key, was + D_HEAD, sizeof key);
        pc_ref_rotary(query, frequencies, 1, D_HEAD, DIM, 5 + shift, PC_ROTARY_HALVES);
        pc_ref_rotary(key, frequencies, 1, D_HEAD, DIM, 2 + shift, PC_ROTARY_HALVES);
        static double first;
        if (shift == 0) first = dot(query, key);
        cr_expect(fabs(dot(query, key) - first) < 1e-14, "shift %d", shift);
    }
}

Test(op_rotary, rows_do_not_depend_on_their_batch)
{
    double row[D_HEAD];
    fill();
    pc_ref_rotary(x, frequencies, SEQ, D_HEAD, DIM, 3, PC_ROTARY_NEIGHBOURS);
    for (int r = 0; r < SEQ; r++) {
        memcpy(row, was + r * D_HEAD, sizeof row);
        pc_ref_rotary(row, frequencies, 1, D_HEAD, DIM, 3 + r, PC_ROTARY_NEIGHBOURS);
        cr_expect(memcmp(row, x + r * D_HEAD, sizeof row) == 0, "row %d", r);
    }
}
