/* What of a variant has to be computed. */
#include "patch/variant.h"

pc_reading pc_variant_reads(const pc_variant *v, const pc_components *c, int layer,
                            pc_reader_kind kind)
{
    pc_reading most = PC_READS_NOTHING;
    for (int head = 0; head < c->n_heads; head++) {
        const int writer = pc_writer_of_head(c, layer, head);
        if (!pc_delta_is_computed(v, writer)) continue;
        if (pc_routing_input(v->routing, pc_reader_of_head(c, layer, kind, head))) continue;
        if (pc_delta_is_heeded(v, writer)) return PC_READS_HEEDED;
        most = PC_READS_IN_VAIN;
    }
    return most;
}

const pc_cut *pc_variant_neurons(size_t *n, const pc_variant *v, const pc_components *c, int layer)
{
    const pc_routing *routing = v->routing;
    const int writer = pc_writer_of_mlp(c, layer);
    size_t first = 0, end;
    while (first < routing->n_replaced && routing->replaced[first].writer != writer)
        first++;
    for (end = first; end < routing->n_replaced && routing->replaced[end].writer == writer;)
        end++;
    *n = end - first;
    return routing->replaced + first;
}

size_t pc_cuts_alike(const pc_cut *cuts, size_t n, const pc_components *c)
{
    const pc_writer *first = &c->writers[cuts[0].writer];
    size_t i = 1;
    for (; i < n; i++) {
        const pc_writer *next = &c->writers[cuts[i].writer];
        if (next->layer != first->layer || next->kind != first->kind) break;
        if ((cuts[i].neuron < 0) != (cuts[0].neuron < 0)) break;
    }
    return i;
}
