/* Comparing an operator's output with its definition, and with the other instruction sets'. */
#include "support/compare.h"

#include "backend/cpu_ops.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

int compare_n_sets(void)
{
    int n = 0;
    for (int i = 0; i < pc_cpu_n_sets(); i++)
        n += pc_cpu_can_run(i);
    return n;
}

const pc_cpu_ops *compare_set(int i)
{
    for (int set = 0; set < pc_cpu_n_sets(); set++)
        if (pc_cpu_can_run(set) && i-- == 0) return pc_cpu_set(set);
    return NULL;
}

void compare_near(const char *what, const float *found, const double *expected, int64_t n,
                  double absolute, double relative)
{
    for (int64_t i = 0; i < n; i++) {
        const double bound = absolute + relative * fabs(expected[i]);
        const double error = fabs((double)found[i] - expected[i]);
        const int is_right = isnan(expected[i]) ? isnan(found[i]) != 0 : error <= bound;
        cr_assert(is_right, "%s, element %d: %.9g, not %.9g: off by %.3g, allowed %.3g", what,
                  (int)i, (double)found[i], expected[i], error, bound);
    }
}

void compare_bits(const char *what, const float *found, const float *expected, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        cr_assert(memcmp(&found[i], &expected[i], sizeof *found) == 0 ||
                      (isnan(found[i]) && isnan(expected[i])),
                  "%s, element %d: %a, not %a", what, (int)i, (double)found[i],
                  (double)expected[i]);
}

double compare_size(const double *x, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

void compare_fill(float *x, int64_t n, double size, uint64_t seed)
{
    pc_rng rng = {.seed = seed};
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(size * (2 * pc_rng_unit(&rng) - 1));
}
