/* The CPU's rotary positions, in every instruction set. */
#include "kernels/rotary.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    ROWS = 5,
    MOST_PAIRS = 40,
    MOST_WIDTH = 3 * 80,
    STRIDE = MOST_WIDTH + 3,
    N_POSITIONS = 2100
};

static const int32_t position[ROWS] = {0, 3, 4, 700, 2099};
static double frequency[MOST_PAIRS], reference[ROWS * MOST_WIDTH];
static float table[N_POSITIONS * MOST_PAIRS * 2];
static float x[ROWS * STRIDE], turned[ROWS * STRIDE], first[ROWS * STRIDE];

static const pc_rotary_kind kinds[] = {
    {.n_heads = 3, .d_head = 80, .n_pairs = 40, .pairs = PC_ROTARY_HALVES},
    {.n_heads = 3, .d_head = 80, .n_pairs = 10, .pairs = PC_ROTARY_HALVES},
    {.n_heads = 3, .d_head = 80, .n_pairs = 40, .pairs = PC_ROTARY_ADJACENT},
    {.n_heads = 2, .d_head = 11, .n_pairs = 5, .pairs = PC_ROTARY_ADJACENT},
    {.n_heads = 2, .d_head = 11, .n_pairs = 5, .pairs = PC_ROTARY_HALVES},
    {.n_heads = 1, .d_head = 4, .n_pairs = 0, .pairs = PC_ROTARY_HALVES},
};

static pc_rotary_kind fill(int i)
{
    pc_rotary_kind kind = kinds[i];
    for (int pair = 0; pair < MOST_PAIRS; pair++)
        frequency[pair] = pow(10000, -pair / (double)MOST_PAIRS);
    kind.frequency = frequency;
    pc_rotary_table(table, &kind, N_POSITIONS);
    compare_fill(x, ROWS * STRIDE, 1, 1);
    return kind;
}

/* Three roundings of numbers up to sqrt(2), and the table's: 2e-7. */
Test(cpu_rotary, rows_are_turned_as_defined)
{
    char name[64];
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++) {
        const pc_rotary_kind kind = fill(i);
        const int64_t width = kind.n_heads * kind.d_head;
        for (int at = 0; at < ROWS * width; at++)
            reference[at] = (double)x[at / width * STRIDE + at % width];
        pc_ref_rotary(reference, position, ROWS, &kind);
        for (int set = 0; set < compare_n_sets(); set++) {
            snprintf(name, sizeof name, "%s, kind %d", compare_set(set)->name, i);
            memcpy(turned, x, sizeof x);
            const pc_rotary_args args = {.x = turned,
                                         .x_stride = STRIDE,
                                         .rows = ROWS,
                                         .position = position,
                                         .kind = &kind,
                                         .table = table};
            compare_set(set)->rotary(&args);
            for (int row = 0; row < ROWS; row++) {
                compare_near(name, turned + row * STRIDE, reference + row * width, width, 2e-7, 0);
                compare_bits("beside", turned + row * STRIDE + width, x + row * STRIDE + width,
                             STRIDE - width);
            }
            if (set == 0) memcpy(first, turned, sizeof first);
            compare_bits(name, turned, first, ROWS * STRIDE);
        }
    }
}

Test(cpu_rotary, the_table_is_the_rounded_cosines_and_sines)
{
    const pc_rotary_kind kind = fill(0);
    for (int p = 0; p < N_POSITIONS; p++)
        for (int i = 0; i < kind.n_pairs; i++) {
            const float *entry = table + 2 * (p * kind.n_pairs + i);
            const double angle = p * frequency[i];
            cr_assert(fabs((double)entry[0] - cos(angle)) < 3e-8, "position %d, pair %d", p, i);
            cr_assert(fabs((double)entry[1] - sin(angle)) < 3e-8, "position %d, pair %d", p, i);
        }
}
