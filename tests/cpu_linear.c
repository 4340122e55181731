/* The linear map in double: every instruction set gives the bits of the definition. */
#include "backend/cpu_ops.h"
#include "base/rng.h"
#include "kernels/linear.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MOST_ROWS = 11, MOST_IN = 67, MOST_OUT = 37 };

static double x[MOST_ROWS * MOST_IN], want[MOST_ROWS * MOST_OUT], got[MOST_ROWS * MOST_OUT];
static float w[MOST_IN * MOST_OUT], bias[MOST_OUT];

static void fill(void)
{
    pc_rng rng = {.seed = 11};
    for (int i = 0; i < MOST_ROWS * MOST_IN; i++)
        x[i] = 2 * pc_rng_unit(&rng) - 1;
    for (int i = 0; i < MOST_IN * MOST_OUT; i++)
        w[i] = (float)(2 * pc_rng_unit(&rng) - 1);
    for (int i = 0; i < MOST_OUT; i++)
        bias[i] = (float)(2 * pc_rng_unit(&rng) - 1);
}

static void compare(const pc_cpu_ops *ops, const float *b, int rows, int n_in, int n_out)
{
    const size_t bytes = sizeof *got * (size_t)(rows * n_out);
    pc_ref_linear(want, x, w, b, rows, n_in, n_out);
    memset(got, 0xff, sizeof got);
    ops->linear(got, x, w, b, rows, n_in, n_out);
    cr_expect(memcmp(want, got, bytes) == 0, "%s: %d rows, %d to %d", ops->name, rows, n_in, n_out);
}

Test(cpu_linear, every_set_gives_the_bits_of_the_definition)
{
    const int rows[] = {0, 1, 3, 4, 5, 8, 11}, ins[] = {0, 1, 2, 16, 67};
    const int outs[] = {0, 1, 7, 8, 9, 16, 37};
    fill();
    for (int set = 0; set < pc_cpu_n_sets(); set++) {
        if (!pc_cpu_can_run(set)) continue;
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            for (size_t i = 0; i < sizeof ins / sizeof *ins; i++)
                for (size_t o = 0; o < sizeof outs / sizeof *outs; o++) {
                    compare(pc_cpu_set(set), bias, rows[r], ins[i], outs[o]);
                    compare(pc_cpu_set(set), NULL, rows[r], ins[i], outs[o]);
                }
    }
}
