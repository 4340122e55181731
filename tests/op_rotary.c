/* Rotary positions: turns by hand, and what rotations keep. */
#include "kernels/rotary.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { HEADS = 2, D_HEAD = 8, PAIRS = 3, ROWS = 4, N = ROWS * HEADS * D_HEAD };

static const double frequency[PAIRS] = {1, 0.25, 0.01};
static const int32_t position[ROWS] = {0, 1, 7, 1000};

static pc_rotary_kind kind_of(pc_rotary_pairs pairs)
{
    return (pc_rotary_kind){.n_heads = HEADS,
                            .d_head = D_HEAD,
                            .n_pairs = PAIRS,
                            .pairs = pairs,
                            .frequency = frequency};
}

static void fill(double *x)
{
    pc_rng rng = {.seed = 13};
    for (int i = 0; i < N; i++)
        x[i] = 2 * pc_rng_unit(&rng) - 1;
}

Test(op_rotary, a_quarter_turn_by_hand)
{
    const double quarter = 1.57079632679489661923, expected[4] = {-2, 1, 3, 4};
    const int32_t one = 1;
    const pc_rotary_kind kind = {
        .n_heads = 1, .d_head = 4, .n_pairs = 1, .pairs = PC_ROTARY_HALVES, .frequency = &quarter};
    double x[4] = {1, 2, 3, 4};
    pc_ref_rotary(x, &one, 1, &kind);
    for (int i = 0; i < 4; i++)
        cr_expect(fabs(x[i] - expected[i]) < 1e-15, "%d: %.17g", i, x[i]);
}

Test(op_rotary, position_0_and_the_channels_beyond_the_pairs_stay)
{
    double x[N], turned[N];
    fill(x);
    memcpy(turned, x, sizeof x);
    const pc_rotary_kind kind = kind_of(PC_ROTARY_HALVES);
    pc_ref_rotary(turned, position, ROWS, &kind);
    cr_expect(memcmp(turned, x, HEADS * D_HEAD * sizeof *x) == 0, "position 0");
    for (int i = 0; i < N; i++)
        cr_expect_eq(turned[i] == x[i], i < HEADS * D_HEAD || i % D_HEAD >= 2 * PAIRS, "%d", i);
}

Test(op_rotary, adjacent_pairs_are_halves_in_another_order)
{
    static const int halves_of[D_HEAD] = {0, 3, 1, 4, 2, 5, 6, 7}; /* adjacent channel -> halves */
    double halves[N], adjacent[N];
    fill(halves);
    for (int i = 0; i < N; i++)
        adjacent[i] = halves[i - i % D_HEAD + halves_of[i % D_HEAD]];
    const pc_rotary_kind by_halves = kind_of(PC_ROTARY_HALVES);
    const pc_rotary_kind by_neighbours = kind_of(PC_ROTARY_ADJACENT);
    pc_ref_rotary(halves, position, ROWS, &by_halves);
    pc_ref_rotary(adjacent, position, ROWS, &by_neighbours);
    for (int i = 0; i < N; i++)
        cr_expect(adjacent[i] == halves[i - i % D_HEAD + halves_of[i % D_HEAD]], "%d", i);
}

Test(op_rotary, a_score_depends_on_the_distance_alone)
{
    const pc_rotary_kind kind = {.n_heads = 1,
                                 .d_head = D_HEAD,
                                 .n_pairs = PAIRS,
                                 .pairs = PC_ROTARY_ADJACENT,
                                 .frequency = frequency};
    double scores[2];
    for (int shift = 0; shift < 2; shift++) {
        const int32_t at[2] = {5 + 40 * shift, 2 + 40 * shift};
        double x[2 * D_HEAD], rows[N];
        fill(rows);
        memcpy(x, rows, sizeof x);
        pc_ref_rotary(x, at, 2, &kind);
        scores[shift] = 0;
        for (int c = 0; c < D_HEAD; c++)
            scores[shift] += x[c] * x[D_HEAD + c];
    }
    cr_expect(fabs(scores[0] - scores[1]) < 1e-14, "%.17g, %.17g", scores[0], scores[1]);
}
