/* Binomial tails, the Hilbert-Schmidt criterion, Holm's correction. */
#include "search/hypothesis.h"

#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { SEED = 4 };

/* ---- binomial ---- */

static double probability(int64_t k, int n, double q)
{
    return exp(lgamma(n + 1.0) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) +
               (double)k * log(q) + (double)(n - k) * log1p(-q));
}

double pc_binomial_at_most(int64_t k, int n, double q)
{
    double sum = 0;
    for (int64_t i = 0; i <= k && i <= n; i++)
        sum += probability(i, n, q);
    return fmin(sum, 1);
}

double pc_equivalence_p(double wins, int n, double epsilon)
{
    const double found = fabs(wins - n / 2.0);
    double sum = 0;
    for (int k = 0; k <= n; k++)
        if (fabs(k - n / 2.0) >= found) sum += probability(k, n, 0.5 + epsilon);
    return fmin(sum, 1);
}

/* ---- independence ---- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The width of a sample's kernel; room (n * n) is used. 0: nothing varies. */
static double width_of(const double *x, int n, double *room)
{
    int64_t count = 0;
    double sum = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            room[count] = fabs(x[i] - x[j]);
            sum += room[count++];
        }
    qsort(room, (size_t)count, sizeof *room, compare);
    const double median = (room[(count - 1) / 2] + room[count / 2]) / 2;
    return median > 0 ? median : sum / (double)count;
}

static void fill_kernel(double *kernel, const double *x, int n, double width)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            const double distance = (x[i] - x[j]) / width;
            kernel[(int64_t)i * n + j] = exp(-distance * distance / 2);
        }
}

/* H K H with H = 1 - 1/n: rows and columns add up to 0. */
static void centre(double *kernel, int n, double *means)
{
    double all = 0;
    for (int i = 0; i < n; i++) {
        means[i] = 0;
        for (int j = 0; j < n; j++)
            means[i] += kernel[(int64_t)i * n + j] / n;
        all += means[i] / n;
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            kernel[(int64_t)i * n + j] += all - means[i] - means[j];
}

/* Of y with its pairs in another order. */
static double criterion(const double *k, const double *l, const int *order, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            sum += k[(int64_t)i * n + j] * l[(int64_t)order[i] * n + order[j]];
    return sum / ((double)(n - 1) * (n - 1));
}

static void shuffle(int *order, int n, pc_rng *rng)
{
    for (int i = n - 1; i > 0; i--) {
        const int other = (int)pc_rng_below(rng, (uint64_t)i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

static void permute(double *hsic, double *p, const double *k, const double *l, int *order, int n)
{
    pc_rng rng = {.seed = SEED};
    int n_as_large = 0;
    *hsic = criterion(k, l, order, n);
    for (int i = 0; i < PC_PERMUTATIONS; i++) {
        shuffle(order, n, &rng);
        n_as_large += criterion(k, l, order, n) >= *hsic * (1 - 1e-12); /* but for rounding */
    }
    *p = (1.0 + n_as_large) / (1 + PC_PERMUTATIONS);
}

pc_status pc_independence(double *hsic, double *p, const double *x, const double *y, int n)
{
    const size_t cells = (size_t)n * (size_t)n;
    double *k = pc_alloc(cells, sizeof *k), *l = pc_alloc(cells, sizeof *l);
    double *means = pc_alloc((size_t)n, sizeof *means);
    int *order = pc_alloc((size_t)n, sizeof *order);
    const bool has_all = k && l && means && order;
    *hsic = 0;
    *p = 1;
    const double widths[] = {has_all ? width_of(x, n, k) : 0, has_all ? width_of(y, n, k) : 0};
    if (widths[0] > 0 && widths[1] > 0) {
        fill_kernel(k, x, n, widths[0]);
        fill_kernel(l, y, n, widths[1]);
        centre(k, n, means);
        for (int i = 0; i < n; i++)
            order[i] = i;
        permute(hsic, p, k, l, order, n);
    }
    free(order);
    free(means);
    free(l);
    free(k);
    return has_all ? PC_OK : PC_ERR_NOMEM;
}

/* ---- many tests ---- */

typedef struct ordered {
    double p;
    int64_t index;
} ordered;

static int compare_ordered(const void *a, const void *b)
{
    const ordered *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

pc_status pc_holm(double *adjusted, const double *p, int64_t n)
{
    ordered *rows = pc_alloc((size_t)n, sizeof *rows);
    double least = 0;
    if (!rows) return PC_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++)
        rows[i] = (ordered){p[i], i};
    qsort(rows, (size_t)n, sizeof *rows, compare_ordered);
    for (int64_t i = 0; i < n; i++) {
        least = fmax(least, fmin(1, rows[i].p * (double)(n - i)));
        adjusted[rows[i].index] = least;
    }
    free(rows);
    return PC_OK;
}
