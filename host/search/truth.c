/* A circuit beside the true one. */
#include "base/memory.h"
#include "graph/circuit_private.h"
#include "patchclamp/find.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct judged {
    double strength;
    bool is_true;
} judged;

static int compare(const void *a, const void *b)
{
    const judged *x = a, *y = b;
    return (x->strength > y->strength) - (x->strength < y->strength);
}

/* Mann and Whitney's statistic: how often a true edge is ranked before a false one, ties half. */
static double area(judged *rows, int64_t n, int64_t n_true)
{
    double wins = 0;
    int64_t false_before = 0;
    qsort(rows, (size_t)n, sizeof *rows, compare);
    for (int64_t first = 0, end; first < n; first = end) {
        int64_t trues = 0, falses = 0;
        for (end = first; end < n && rows[end].strength == rows[first].strength; end++) {
            trues += rows[end].is_true;
            falses += !rows[end].is_true;
        }
        wins += (double)trues * ((double)false_before + 0.5 * (double)falses);
        false_before += falses;
    }
    return wins / ((double)n_true * (double)(n - n_true));
}

static pc_status check(const pc_circuit *circuit, const pc_circuit *truth)
{
    if (circuit->n_edges == 0)
        return pc_fail(PC_ERR_INPUT, "the circuit has no edges to hold against the truth");
    bool is_same = circuit->n_edges == truth->n_edges, has_true = false;
    for (size_t i = 0; i < truth->n_edges; i++)
        has_true = has_true || truth->edges[i].in_circuit;
    if (!has_true) return pc_fail(PC_ERR_INPUT, "no edge of the truth is in its circuit");
    for (size_t i = 0; i < circuit->n_edges && is_same; i++)
        is_same = strcmp(circuit->edges[i].from, truth->edges[i].from) == 0 &&
                  strcmp(circuit->edges[i].to, truth->edges[i].to) == 0;
    if (is_same) return PC_OK;
    return pc_fail(PC_ERR_INPUT,
                   "the circuit and the truth are not of the same edges: %zu and %zu, or of "
                   "another k/v granularity",
                   circuit->n_edges, truth->n_edges);
}

pc_status pc_circuit_judge(pc_judgement *out, const pc_circuit *circuit, const pc_circuit *truth)
{
    *out = (pc_judgement){0};
    PC_TRY(check(circuit, truth));
    const int64_t n = (int64_t)circuit->n_edges;
    judged *rows = pc_alloc((size_t)n, sizeof *rows);
    if (!rows) return PC_ERR_NOMEM;
    out->n_all = n;
    for (int64_t i = 0; i < n; i++) {
        const pc_circuit_edge *edge = &circuit->edges[i];
        const bool is_true = truth->edges[i].in_circuit;
        rows[i] = (judged){edge->is_measured ? fabs(edge->effect) : -1, is_true};
        out->n_true += is_true;
        out->n_kept += edge->in_circuit;
        out->n_both += edge->in_circuit && is_true;
    }
    out->auroc = area(rows, n, out->n_true); /* NaN where all are true */
    free(rows);
    return PC_OK;
}
