/* Estimates beside measurements. */
#include "search/estimate_check.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_estimate(const void *a, const void *b)
{
    const pc_check_row *x = a, *y = b;
    const double p = fabs(x->estimate), q = fabs(y->estimate);
    if (p != q) return p > q ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int by_miss(const void *a, const void *b)
{
    const pc_check_row *x = a, *y = b;
    const double p = fabs(x->estimate - x->effect.mean), q = fabs(y->estimate - y->effect.mean);
    if (p != q) return p > q ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* The strongest (n + 1) / 2 of all; then n / 2 ranks, evenly spread over the rest. */
static int64_t rank_of(int64_t i, int64_t n, int64_t n_all)
{
    const int64_t strongest = (n + 1) / 2, rest = n - strongest;
    if (i < strongest) return i;
    return strongest + (i - strongest) * (n_all - strongest) / rest;
}

static pc_status choose(pc_check_row *rows, int64_t n, const pc_effect *effects, int64_t n_all)
{
    pc_check_row *all = pc_alloc((size_t)n_all, sizeof *all);
    if (!all) return PC_ERR_NOMEM;
    for (int64_t i = 0; i < n_all; i++)
        all[i] = (pc_check_row){.index = i, .estimate = effects[i].mean};
    qsort(all, (size_t)n_all, sizeof *all, by_estimate);
    for (int64_t i = 0; i < n; i++)
        rows[i] = all[rank_of(i, n, n_all)];
    free(all);
    return PC_OK;
}

/* ---- measuring ---- */

static pc_status measure(pc_check_row *rows, int64_t n, const pc_candidates *candidates,
                         pc_journal *journal, const pc_watch *watch)
{
    int64_t *indices = pc_alloc((size_t)n, sizeof *indices);
    pc_effect *measured = pc_alloc((size_t)n, sizeof *measured);
    pc_status status = indices && measured ? PC_OK : PC_ERR_NOMEM;
    for (int64_t i = 0; i < n && status == PC_OK; i++)
        indices[i] = rows[i].index;
    if (status == PC_OK)
        status = pc_sweep_chosen(measured, indices, n, candidates, "checking", journal, watch);
    for (int64_t i = 0; i < n && status == PC_OK; i++)
        rows[i].effect = measured[i];
    free(measured);
    free(indices);
    return status;
}

/* ---- agreement ---- */

static double correlation(const double *x, const double *y, int64_t n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

typedef struct placed {
    double value;
    int64_t index;
} placed;

static int by_value(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Ranks from 0 on, equal values their mean rank. */
static void find_ranks(double *ranks, placed *sorted, const double *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sorted[i] = (placed){values[i], i};
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].value == sorted[i].value;)
            end++;
        for (int64_t k = i; k < end; k++)
            ranks[sorted[k].index] = (double)(i + end - 1) / 2;
    }
}

static pc_status agree(pc_estimate_check *c)
{
    const size_t n = (size_t)c->n;
    double *x = pc_alloc(4 * n, sizeof *x), *y = x + n, *rx = y + n, *ry = rx + n;
    placed *sorted = pc_alloc(n, sizeof *sorted);
    int64_t n_signed = 0, n_same = 0;
    if (x && sorted) {
        for (int64_t i = 0; i < c->n; i++) {
            x[i] = c->rows[i].estimate;
            y[i] = c->rows[i].effect.mean;
            n_signed += y[i] != 0;
            n_same += x[i] * y[i] > 0;
        }
        find_ranks(rx, sorted, x, c->n);
        find_ranks(ry, sorted, y, c->n);
        c->pearson = correlation(x, y, c->n);
        c->spearman = correlation(rx, ry, c->n);
        c->same_sign = n_signed ? (double)n_same / (double)n_signed : NAN;
    }
    const bool has_room = x && sorted;
    free(sorted);
    free(x);
    return has_room ? PC_OK : PC_ERR_NOMEM;
}

pc_status pc_estimate_check_measure(pc_estimate_check *out, int64_t n, const pc_effect *effects,
                                    const pc_candidates *candidates, pc_journal *journal,
                                    const pc_watch *watch)
{
    *out = (pc_estimate_check){.n = n < candidates->n ? n : candidates->n};
    out->rows = pc_alloc((size_t)out->n, sizeof *out->rows);
    if (!out->rows) return PC_ERR_NOMEM;
    PC_TRY(choose(out->rows, out->n, effects, candidates->n));
    PC_TRY(measure(out->rows, out->n, candidates, journal, watch));
    qsort(out->rows, (size_t)out->n, sizeof *out->rows, by_miss);
    return agree(out);
}

void pc_estimate_check_free(pc_estimate_check *check)
{
    free(check->rows);
    *check = (pc_estimate_check){0};
}
