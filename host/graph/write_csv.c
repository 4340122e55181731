/* scores.csv: every measured effect, ranked. */
#include "graph/circuit_private.h"

#include "base/file.h"
#include "base/memory.h"
#include "graph/names.h"

#include <stdlib.h>

static void put_row_end(pc_text *t, const pc_circuit *c, double effect, double error, int64_t n)
{
    pc_text_put(t, ",");
    pc_text_put_number(t, effect);
    pc_text_put(t, ",");
    pc_text_put_number(t, error);
    pc_text_printf(t, ",%lld\n", (long long)(n ? n : c->task.n));
}

static void put_nodes(pc_text *t, const pc_circuit *c, const size_t *order, bool is_neuron)
{
    for (size_t i = 0; i < c->n_nodes; i++) {
        const pc_circuit_node *node = &c->nodes[order[i]];
        pc_part part;
        if (!node->is_measured || !pc_part_parse(&part, node->name) ||
            (part.kind == PC_PART_NEURON) != is_neuron)
            continue;
        pc_text_printf(t, "%s,%s", is_neuron ? "neuron" : "node", node->name);
        put_row_end(t, c, node->effect, node->stderr_, node->n);
    }
}

static void put_edges(pc_text *t, const pc_circuit *c, const size_t *order)
{
    for (size_t i = 0; i < c->n_edges; i++) {
        const pc_circuit_edge *edge = &c->edges[order[i]];
        if (!edge->is_measured) continue;
        pc_text_printf(t, "edge,%s->%s", edge->from, edge->to);
        put_row_end(t, c, edge->effect, edge->stderr_, edge->n);
    }
}

static pc_status put_ranked(pc_text *t, const pc_circuit *c, size_t *order)
{
    pc_text_put(t, "kind,name,effect,stderr,n\n");
    PC_TRY(pc_circuit_rank_nodes(order, c));
    put_nodes(t, c, order, false);
    put_nodes(t, c, order, true);
    PC_TRY(pc_circuit_rank_edges(order, c));
    put_edges(t, c, order);
    return pc_text_status(t);
}

pc_status pc_circuit_put_csv(pc_text *t, const pc_circuit *c)
{
    PC_TRY(pc_circuit_check(c, "circuit"));
    size_t *order = pc_alloc(c->n_nodes > c->n_edges ? c->n_nodes : c->n_edges, sizeof *order);
    if (!order) return PC_ERR_NOMEM;
    pc_status status = put_ranked(t, c, order);
    free(order);
    return status;
}

pc_status pc_circuit_write_csv(const pc_circuit *c, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_csv(&text, c);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
