/* Ranks by |effect|, and effects as shares of the whole. */
#include "graph/circuit_private.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What sorting needs: qsort() passes no context. */
typedef struct pc_ranked {
    double strength; /* |effect|; -1 where it was not measured */
    size_t index;
} pc_ranked;

static int compare_ranked(const void *left, const void *right)
{
    const pc_ranked *a = left, *b = right;
    if (a->strength != b->strength) return a->strength > b->strength ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void sort_ranks(size_t *order, pc_ranked *ranks, size_t count)
{
    qsort(ranks, count, sizeof *ranks, compare_ranked);
    for (size_t i = 0; i < count; i++)
        order[i] = ranks[i].index;
    free(ranks);
}

static double strength_of(double effect, bool is_measured)
{
    return is_measured ? fabs(effect) : -1;
}

pc_status pc_circuit_rank_nodes(size_t *order, const pc_circuit *c)
{
    pc_ranked *ranks = pc_alloc(c->n_nodes, sizeof *ranks);
    if (!ranks) return PC_ERR_NOMEM;
    for (size_t i = 0; i < c->n_nodes; i++)
        ranks[i] = (pc_ranked){strength_of(c->nodes[i].effect, c->nodes[i].is_measured), i};
    sort_ranks(order, ranks, c->n_nodes);
    return PC_OK;
}

pc_status pc_circuit_rank_edges(size_t *order, const pc_circuit *c)
{
    pc_ranked *ranks = pc_alloc(c->n_edges, sizeof *ranks);
    if (!ranks) return PC_ERR_NOMEM;
    for (size_t i = 0; i < c->n_edges; i++)
        ranks[i] = (pc_ranked){strength_of(c->edges[i].effect, c->edges[i].is_measured), i};
    sort_ranks(order, ranks, c->n_edges);
    return PC_OK;
}

bool pc_circuit_share(double *out, const pc_circuit *c, double effect)
{
    double clean, cut;
    const char *direction = pc_circuit_option(c, "direction");
    const bool is_denoise = direction && strcmp(direction, "denoise") == 0;
    if (!pc_circuit_baseline(&clean, c, "clean")) return false;
    if ((is_denoise || !pc_circuit_baseline(&cut, c, "empty")) &&
        !pc_circuit_baseline(&cut, c, "corrupted"))
        return false;
    const double whole = is_denoise ? clean - cut : cut - clean;
    const double share = effect / whole;
    if (whole == 0 || !isfinite(share)) return false;
    *out = share;
    return true;
}
