/* The divergence of a change of logits: by hand, and what every divergence obeys. */
#include "kernels/kl_delta.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

enum { VOCAB = 41 };

static const int32_t own_row[] = {0};

static double kl_of(const float *l, const float *d, int64_t vocab)
{
    double kl;
    const pc_kl_delta_args args = {.d = d, .base_row = own_row, .l = l, .rows = 1, .vocab = vocab};
    pc_ref_kl_delta(&kl, &args);
    return kl;
}

Test(op_kl_delta, from_evens_to_three_to_one_by_hand)
{
    const float l[2] = {-0.69314718f, -0.69314718f}, d[2] = {1.09861229f, 0}; /* log 2, log 3 */
    const double expected = 0.5 * log(4.0 / 3); /* 1/2 log(2/3) + 1/2 log 2; d is rounded: 1e-7 */
    cr_expect(fabs(kl_of(l, d, 2) - expected) < 1e-7, "%.17g", kl_of(l, d, 2));
}

static float l[VOCAB], d[VOCAB];

static void fill(float size)
{
    pc_rng rng = {.seed = 17};
    for (int i = 0; i < VOCAB; i++) {
        l[i] = -8 * (float)pc_rng_unit(&rng);
        d[i] = size * (2 * (float)pc_rng_unit(&rng) - 1);
    }
}

Test(op_kl_delta, a_constant_changes_nothing)
{
    fill(0);
    cr_expect_eq(kl_of(l, d, VOCAB), 0);
    for (int i = 0; i < VOCAB; i++)
        d[i] = 4;
    cr_expect(fabs(kl_of(l, d, VOCAB)) < 1e-14);
}

Test(op_kl_delta, a_small_change_costs_half_its_variance)
{
    const double size = 0x1p-10;
    fill((float)size);
    double sum = 0, mean = 0, squares = 0;
    for (int i = 0; i < VOCAB; i++) {
        const double p = exp((double)l[i]);
        sum += p;
        mean += p * (double)d[i];
        squares += p * (double)d[i] * (double)d[i];
    }
    const double variance = squares / sum - (mean / sum) * (mean / sum);
    /* the third cumulant: at most a third of the largest change, relative */
    cr_expect(fabs(kl_of(l, d, VOCAB) - variance / 2) < variance * size, "%g, %g",
              kl_of(l, d, VOCAB), variance / 2);
}
