/* The graph file of EAP-IG and MIB (Graph.from_json of hannamw/EAP-IG): every edge with its score
 * and whether it is in the graph, nodes likewise. The score is ours, metric(intervened) -
 * metric(base), which is what that library's exact scores are. */
#include "graph/circuit_private.h"

#include "base/file.h"

#include <string.h>

static const char *word(bool value)
{
    return value ? "true" : "false";
}

/* It has readers of k and v for each query head. */
static pc_status check(const pc_circuit *c)
{
    const char *level = pc_circuit_option(c, "level");
    if (c->n_edges == 0)
        return pc_fail(PC_ERR_INPUT,
                       "the circuit has no edges (level %s): EAP-IG's file is of edges",
                       level ? level : "unknown");
    for (size_t i = 0; i < c->n_edges; i++)
        if (strstr(c->edges[i].to, ".kv"))
            return pc_fail(PC_ERR_INPUT,
                           "%s->%s reads a key-value head that query heads share, EAP-IG has one "
                           "for each: find the circuit with --kv-granularity query",
                           c->edges[i].from, c->edges[i].to);
    return PC_OK;
}

static void put_nodes(pc_text *t, const pc_circuit *c)
{
    pc_text_put(t, "\"nodes\": {");
    for (size_t i = 0; i < c->n_nodes; i++) {
        const pc_circuit_node *node = &c->nodes[i];
        pc_text_put(t, i ? ",\n  " : "\n  ");
        pc_text_put_json_string(t, node->name);
        pc_text_printf(t, ": {\"in_graph\": %s", word(node->in_circuit));
        if (node->is_measured) {
            pc_text_put(t, ", \"score\": ");
            pc_text_put_number(t, node->effect);
        }
        pc_text_put(t, "}");
    }
    pc_text_put(t, "\n},\n");
}

static void put_edges(pc_text *t, const pc_circuit *c)
{
    pc_text_put(t, "\"edges\": {");
    for (size_t i = 0; i < c->n_edges; i++) {
        const pc_circuit_edge *edge = &c->edges[i];
        pc_text_printf(t, "%s\"%s->%s\": {\"score\": ", i ? ",\n  " : "\n  ", edge->from, edge->to);
        pc_text_put_number(t, edge->effect);
        pc_text_printf(t, ", \"in_graph\": %s}", word(edge->in_circuit));
    }
    pc_text_put(t, "\n}\n");
}

pc_status pc_circuit_put_eapig(pc_text *t, const pc_circuit *c)
{
    PC_TRY(pc_circuit_check(c, "circuit"));
    PC_TRY(check(c));
    pc_text_printf(t,
                   "{\"cfg\": {\"n_layers\": %d, \"n_heads\": %d, \"parallel_attn_mlp\": %s, "
                   "\"d_model\": %d},\n",
                   c->model.n_layers, c->model.n_heads, word(c->model.has_parallel_blocks),
                   c->model.d_model);
    put_nodes(t, c);
    put_edges(t, c);
    pc_text_put(t, "}\n");
    return pc_text_status(t);
}

pc_status pc_circuit_write_eapig(const pc_circuit *c, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_eapig(&text, c);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

/* ---- the edges of the circuit, one a line ---- */

pc_status pc_circuit_put_edges(pc_text *t, const pc_circuit *c)
{
    PC_TRY(pc_circuit_check(c, "circuit"));
    if (c->n_edges == 0) return pc_fail(PC_ERR_INPUT, "the circuit has no edges to list");
    for (size_t i = 0; i < c->n_edges; i++)
        if (c->edges[i].in_circuit) pc_text_printf(t, "%s->%s\n", c->edges[i].from, c->edges[i].to);
    if (t->length == 0)
        return pc_fail(PC_ERR_INPUT, "the circuit keeps no edge: there is none to list");
    return pc_text_status(t);
}

pc_status pc_circuit_write_edges(const pc_circuit *c, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_edges(&text, c);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
