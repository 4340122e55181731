/* What a change does to answers' logits: by hand, and that it is linear without a softcap. */
#include "kernels/answer_delta.h"

#include <criterion/criterion.h>
#include <math.h>

enum { WIDTH = 3, N_COLUMNS = 5 };

/* Small integers: every sum is exact. */
static const float w[N_COLUMNS * WIDTH] = {1, 0, 2, 0, 1, 0, 3, 3, 3, -1, 0, 1, 2, 2, 0};
static const double logits[N_COLUMNS] = {0, 2, -4, 1, 3};
static const pc_answer_columns columns[] = {{0, 1, 0}, {0, 2, 3}, {3, 1, 1}};
static const float dy[2 * WIDTH] = {1, 2, 4, -1, 0, 3};

static double effect_of(int row, int32_t target, double softcap)
{
    double effect;
    const pc_answer_delta_args args = {.dy = dy + row * WIDTH,
                                       .target = &target,
                                       .columns = columns,
                                       .w = w,
                                       .logits = logits,
                                       .softcap = softcap,
                                       .rows = 1,
                                       .width = WIDTH};
    pc_ref_answer_delta(&effect, &args);
    return effect;
}

Test(op_answer_delta, means_of_answers_and_wrong_answers_by_hand)
{
    cr_expect_eq(effect_of(0, 0, 0), 9);                      /* 1 + 8 */
    cr_expect_eq(effect_of(0, 1, 0), (9 + 2) / 2.0 - 30 / 3); /* 21 + 3 + 6 */
    cr_expect_eq(effect_of(1, 2, 0), 4 - -2);
}

Test(op_answer_delta, a_softcap_by_hand)
{
    /* 4 tanh((0 + 9) / 4) - 4 tanh(0) */
    cr_expect(fabs(effect_of(0, 0, 4) - 4 * 0.97802611473881363) < 1e-14);
    /* column 3: l = 1, d = 4; column 4: l = 3, d = -2; of tanh(5/4) - tanh(1/4) and the like */
    const double answer = 4 * (0.84828363995751299 - 0.24491866240370913);
    const double wrong = 4 * (0.24491866240370913 - 0.63514895238728731);
    cr_expect(fabs(effect_of(1, 2, 4) - (answer - wrong)) < 1e-14, "%.17g", effect_of(1, 2, 4));
}

Test(op_answer_delta, a_high_softcap_is_none)
{
    for (int32_t target = 0; target < 3; target++)
        cr_expect(fabs(effect_of(0, target, 1e6) - effect_of(0, target, 0)) < 1e-8);
}
