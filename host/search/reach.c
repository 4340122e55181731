/* Counting out-edges. */
#include "search/reach.h"

#include <string.h>

void pc_reach_keep_all(bool *kept, int *n_out, const pc_components *c)
{
    memset(n_out, 0, (size_t)c->n_writers * sizeof *n_out);
    for (int64_t e = 0; e < c->n_edges; e++) {
        int writer, reader;
        pc_edge_ends(&writer, &reader, c, e);
        kept[e] = true;
        n_out[writer]++;
    }
}

bool pc_reach_has(const pc_components *c, const int *n_out, int64_t edge)
{
    int writer, reader, first, end;
    pc_edge_ends(&writer, &reader, c, edge);
    if (reader == pc_reader_of_logits(c)) return true;
    pc_reader_owners(&first, &end, c, reader);
    for (int u = first; u < end; u++)
        if (n_out[u] > 0) return true;
    return false;
}

void pc_reach_remove(bool *kept, int *n_out, const pc_components *c, int64_t edge)
{
    int writer, reader;
    pc_edge_ends(&writer, &reader, c, edge);
    kept[edge] = false;
    n_out[writer]--;
}
