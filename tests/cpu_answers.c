/* What a change does to answers' logits on the CPU, in every instruction set. */
#include "kernels/answer_delta.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { ROWS = 4, N_COLUMNS = 9, MOST_WIDTH = 1030 };

static float dy[ROWS * MOST_WIDTH], w[N_COLUMNS * MOST_WIDTH];
static double logits[N_COLUMNS], effect[ROWS], first[ROWS], reference[ROWS];
static const int32_t target[ROWS] = {2, 0, 2, 1};
static const pc_answer_columns columns[] = {{0, 1, 1}, {2, 3, 0}, {5, 1, 3}};

static pc_answer_delta_args args_of(int64_t width, double softcap)
{
    return (pc_answer_delta_args){.effect = effect,
                                  .dy = dy,
                                  .target = target,
                                  .columns = columns,
                                  .w = w,
                                  .logits = softcap > 0 ? logits : NULL,
                                  .softcap = softcap,
                                  .rows = ROWS,
                                  .width = width};
}

static void fill(int64_t width, double size)
{
    compare_fill(dy, ROWS * width, size, 1);
    compare_fill(w, N_COLUMNS * width, 1, 2);
    for (int i = 0; i < N_COLUMNS; i++)
        logits[i] = 7.5 * i - 30;
}

/* Sums in the definition's order are the same bits; its difference of two tanh's is off by a few
 * 1e-16 of the cap. */
Test(cpu_answers, effects_are_the_definitions)
{
    static const int64_t widths[] = {1, 7, 64, MOST_WIDTH};
    static const double sizes[] = {1e-6, 0.1, 10}, caps[] = {0, 30};
    for (int i = 0; i < 4 * 3 * 2; i++) {
        const double cap = caps[i % 2];
        fill(widths[i / 6], sizes[i / 2 % 3]);
        const pc_answer_delta_args args = args_of(widths[i / 6], cap);
        pc_ref_answer_delta(reference, &args);
        for (int set = 0; set < compare_n_sets(); set++) {
            compare_set(set)->answer_delta(&args);
            for (int row = 0; row < ROWS; row++)
                cr_assert(fabs(effect[row] - reference[row]) <=
                              (cap > 0 ? 1e-15 * cap + 1e-14 * fabs(reference[row]) : 0),
                          "%s, row %d: %.17g, not %.17g", compare_set(set)->name, row, effect[row],
                          reference[row]);
            if (set == 0) memcpy(first, effect, sizeof first);
            cr_assert(memcmp(effect, first, sizeof first) == 0, "%s", compare_set(set)->name);
        }
    }
}

Test(cpu_answers, no_change_gives_zero_and_a_nan_stays_in_its_row)
{
    fill(64, 0);
    memset(dy, 0, sizeof dy);
    dy[70] = NAN;
    const pc_answer_delta_args args = args_of(64, 30);
    for (int set = 0; set < compare_n_sets(); set++) {
        compare_set(set)->answer_delta(&args);
        cr_assert(effect[0] == 0 && isnan(effect[1]) && effect[2] == 0 && effect[3] == 0);
    }
}
