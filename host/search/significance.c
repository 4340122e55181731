/* Familywise p-values by flipping signs. */
#include "search/significance.h"

#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { SEED = 1, TOGETHER = 8 };

typedef struct flipping {
    const double *effects; /* (n, n_prompts) */
    int64_t n;
    int n_prompts;
    double *scale; /* (n) 1 / sqrt(sum x^2), or 0 */
    double *signs; /* (n_prompts, TOGETHER) */
    double *most;  /* (PC_SIGN_FLIPS) the largest statistic of each flip */
} flipping;

static void find_scales(flipping *f)
{
    for (int64_t i = 0; i < f->n; i++) {
        double squares = 0;
        for (int p = 0; p < f->n_prompts; p++)
            squares += f->effects[i * f->n_prompts + p] * f->effects[i * f->n_prompts + p];
        f->scale[i] = squares > 0 ? 1 / sqrt(squares) : 0;
    }
}

static double statistic(const flipping *f, int64_t i)
{
    double sum = 0;
    for (int p = 0; p < f->n_prompts; p++)
        sum += f->effects[i * f->n_prompts + p];
    return fabs(sum) * f->scale[i];
}

/* Some flips side by side: an effect is read once for all of them. */
static void flip(flipping *f, pc_rng *rng, double *most)
{
    for (int p = 0; p < f->n_prompts * TOGETHER; p++)
        f->signs[p] = pc_rng_below(rng, 2) ? 1 : -1;
    for (int64_t i = 0; i < f->n; i++) {
        double sums[TOGETHER] = {0};
        for (int p = 0; p < f->n_prompts; p++)
            for (int k = 0; k < TOGETHER; k++)
                sums[k] += f->effects[i * f->n_prompts + p] * f->signs[p * TOGETHER + k];
        for (int k = 0; k < TOGETHER; k++)
            most[k] = fmax(most[k], fabs(sums[k]) * f->scale[i]);
    }
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many of the sorted values are at least x, but for rounding. */
static int count_from(const double *sorted, int n, double x)
{
    int first = 0, end = n;
    while (first < end) {
        const int middle = (first + end) / 2;
        if (sorted[middle] < x * (1 - 1e-12)) first = middle + 1;
        else end = middle;
    }
    return n - first;
}

static void run(double *p, flipping *f)
{
    pc_rng rng = {.seed = SEED};
    find_scales(f);
    for (int done = 0; done < PC_SIGN_FLIPS; done += TOGETHER)
        flip(f, &rng, f->most + done);
    qsort(f->most, PC_SIGN_FLIPS, sizeof *f->most, compare);
    for (int64_t i = 0; i < f->n; i++)
        p[i] = (1.0 + count_from(f->most, PC_SIGN_FLIPS, statistic(f, i))) / (1 + PC_SIGN_FLIPS);
}

pc_status pc_familywise(double *p, const double *effects, int64_t n, int n_prompts)
{
    flipping f = {.effects = effects, .n = n, .n_prompts = n_prompts};
    f.scale = pc_alloc((size_t)n, sizeof *f.scale);
    f.signs = pc_alloc((size_t)n_prompts * TOGETHER, sizeof *f.signs);
    f.most = pc_alloc(PC_SIGN_FLIPS, sizeof *f.most);
    const bool has_all = f.scale && f.signs && f.most;
    if (has_all) run(p, &f);
    free(f.most);
    free(f.signs);
    free(f.scale);
    return has_all ? PC_OK : PC_ERR_NOMEM;
}
