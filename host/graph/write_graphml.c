/* A circuit as GraphML, for Gephi, networkx, igraph: components and edges with typed attributes. */
#include "graph/circuit_private.h"

#include "base/file.h"
#include "base/memory.h"
#include "graph/draw.h"
#include "graph/names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- attributes ---- */

static const struct {
    const char *of, *name, *type;
} attributes[] = {
    {"graph", "model", "string"},      {"graph", "task", "string"},
    {"graph", "metric", "string"},     {"graph", "direction", "string"},
    {"graph", "version", "string"},    {"node", "label", "string"},
    {"node", "kind", "string"},        {"node", "layer", "int"},
    {"node", "index", "int"},          {"node", "role", "string"},
    {"node", "effect", "double"},      {"node", "stderr", "double"},
    {"node", "in_circuit", "boolean"}, {"edge", "kind", "string"},
    {"edge", "port", "string"},        {"edge", "weight", "double"},
    {"edge", "effect", "double"},      {"edge", "stderr", "double"},
    {"edge", "in_circuit", "boolean"},
};

static void put_keys(pc_text *t)
{
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        pc_text_printf(t, "  <key id=\"%s_%s\" for=\"%s\" attr.name=\"%s\" attr.type=\"%s\"/>\n",
                       attributes[i].of, attributes[i].name, attributes[i].of, attributes[i].name,
                       attributes[i].type);
}

static void put_text(pc_text *t, const char *key, const char *value)
{
    if (!value || !*value) return;
    pc_text_printf(t, "<data key=\"%s\">", key);
    pc_text_put_xml(t, value);
    pc_text_put(t, "</data>");
}

static void put_integer(pc_text *t, const char *key, int value)
{
    pc_text_printf(t, "<data key=\"%s\">%d</data>", key, value);
}

static void put_number(pc_text *t, const char *key, double value)
{
    pc_text_printf(t, "<data key=\"%s\">", key);
    pc_text_put_number(t, value);
    pc_text_put(t, "</data>");
}

static void put_bool(pc_text *t, const char *key, bool value)
{
    put_text(t, key, value ? "true" : "false");
}

/* ---- nodes ---- */

/* A component of the graph: one of the circuit's, or one that an edge names. */
typedef struct pc_vertex {
    uint64_t key;
    pc_part part;
    const pc_circuit_node *node; /* NULL: the circuit has no number for it */
    bool is_end;                 /* of an edge that is written */
} pc_vertex;

typedef struct pc_graph {
    const pc_circuit *circuit;
    const pc_circuit_edge **edges;
    size_t n_edges;
    const pc_circuit_node **nodes; /* without edges: what is written; else NULL */
    size_t n_nodes;
    bool is_all; /* also what no written edge touches */
    pc_vertex *vertices;
    size_t n_vertices;
} pc_graph;

static void add_vertex(pc_graph *g, const char *name, const pc_circuit_node *node, bool is_end)
{
    pc_part part;
    (void)pc_part_parse(&part, name); /* the circuit was checked */
    part.port = PC_PORT_NONE;
    g->vertices[g->n_vertices++] = (pc_vertex){pc_part_key(&part), part, node, is_end};
}

static int compare_vertices(const void *left, const void *right)
{
    const pc_vertex *a = left, *b = right;
    return a->key < b->key ? -1 : a->key > b->key;
}

/* Each once, in component order, with all that is known of it. */
static void merge_vertices(pc_graph *g)
{
    size_t n = 0;
    qsort(g->vertices, g->n_vertices, sizeof *g->vertices, compare_vertices);
    for (size_t first = 0, end; first < g->n_vertices; first = end) {
        pc_vertex merged = g->vertices[first];
        for (end = first; end < g->n_vertices && g->vertices[end].key == merged.key; end++) {
            if (g->vertices[end].node) merged.node = g->vertices[end].node;
            merged.is_end |= g->vertices[end].is_end;
        }
        if (g->is_all || merged.is_end) g->vertices[n++] = merged;
    }
    g->n_vertices = n;
}

static pc_status list_vertices(pc_graph *g)
{
    const size_t n_nodes = pc_circuit_n_nodes(g->circuit);
    g->vertices = pc_alloc(n_nodes + 2 * g->n_edges + g->n_nodes, sizeof *g->vertices);
    if (!g->vertices) return PC_ERR_NOMEM;
    for (size_t i = 0; i < n_nodes; i++) {
        const pc_circuit_node *node = pc_circuit_node_at(g->circuit, i);
        add_vertex(g, node->name, node, false);
    }
    for (size_t i = 0; i < g->n_edges; i++) {
        add_vertex(g, g->edges[i]->from, NULL, true);
        add_vertex(g, g->edges[i]->to, NULL, true);
    }
    for (size_t i = 0; i < g->n_nodes; i++)
        add_vertex(g, g->nodes[i]->name, NULL, true);
    merge_vertices(g);
    return PC_OK;
}

static const char *kind_of(const pc_part *part)
{
    static const char *const kinds[] = {"input", "kv-head", "head", "mlp", "neuron", "logits"};
    return kinds[part->kind];
}

static void put_vertex(pc_text *t, const pc_graph *g, const pc_vertex *v)
{
    char name[PC_PART_NAME_BYTES];
    const int n_layers = pc_circuit_describe_model(g->circuit)->n_layers;
    pc_part_name(name, &v->part);
    pc_text_printf(t, "    <node id=\"%s\">", name);
    put_text(t, "node_label", name);
    put_text(t, "node_kind", kind_of(&v->part));
    put_integer(t, "node_layer", v->part.kind == PC_PART_LOGITS ? n_layers : v->part.layer);
    if (v->part.index >= 0) put_integer(t, "node_index", v->part.index);
    if (v->node) {
        put_text(t, "node_role", v->node->role);
        if (v->node->is_measured) {
            put_number(t, "node_effect", v->node->effect);
            put_number(t, "node_stderr", v->node->stderr_);
        }
        put_bool(t, "node_in_circuit", v->node->in_circuit);
    }
    pc_text_put(t, "</node>\n");
}

/* ---- edges ---- */

static void put_ends(pc_text *t, size_t id, const pc_part *from, const pc_part *to)
{
    char writer[PC_PART_NAME_BYTES], reader[PC_PART_NAME_BYTES];
    pc_text_printf(t, "    <edge id=\"e%zu\" source=\"%s\" target=\"%s\">", id,
                   pc_part_name(writer, from), pc_part_name(reader, to));
}

static void put_edge(pc_text *t, size_t id, const pc_circuit_edge *edge)
{
    static const char *const ports[] = {NULL, "q", "k", "v"};
    pc_part from, to;
    (void)pc_part_parse(&from, edge->from);
    (void)pc_part_parse(&to, edge->to);
    const pc_port port = to.port;
    to.port = PC_PORT_NONE;
    put_ends(t, id, &from, &to);
    put_text(t, "edge_kind", "effect");
    put_text(t, "edge_port", ports[port]);
    if (edge->is_measured) {
        put_number(t, "edge_weight", fabs(edge->effect));
        put_number(t, "edge_effect", edge->effect);
        put_number(t, "edge_stderr", edge->stderr_);
    }
    put_bool(t, "edge_in_circuit", edge->in_circuit);
    pc_text_put(t, "</edge>\n");
}

/* From a key-value head to the query heads that share it: no effect, but paths go on. */
static size_t put_shared(pc_text *t, const pc_graph *g, size_t id)
{
    const pc_circuit_model *model = pc_circuit_describe_model(g->circuit);
    for (size_t i = 0; i < g->n_vertices; i++) {
        const pc_part *kv = &g->vertices[i].part;
        for (size_t k = i + 1; k < g->n_vertices && kv->kind == PC_PART_KV; k++) {
            const pc_part *head = &g->vertices[k].part;
            if (head->layer != kv->layer) break;
            if (head->kind != PC_PART_HEAD ||
                head->index / (model->n_heads / model->n_kv_heads) != kv->index)
                continue;
            put_ends(t, id++, kv, head);
            put_text(t, "edge_kind", "shared");
            pc_text_put(t, "</edge>\n");
        }
    }
    return id;
}

static void put_graph(pc_text *t, const pc_graph *g)
{
    const pc_circuit *c = g->circuit;
    pc_text_put(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n");
    put_keys(t);
    pc_text_put(t, "  <graph id=\"circuit\" edgedefault=\"directed\">\n    ");
    put_text(t, "graph_model", pc_circuit_describe_model(c)->name);
    put_text(t, "graph_task", pc_circuit_describe_task(c)->name);
    put_text(t, "graph_metric", pc_circuit_option(c, "metric"));
    put_text(t, "graph_direction", pc_circuit_option(c, "direction"));
    put_text(t, "graph_version", pc_circuit_version(c));
    pc_text_put(t, "\n");
    for (size_t i = 0; i < g->n_vertices; i++)
        put_vertex(t, g, &g->vertices[i]);
    for (size_t i = 0; i < g->n_edges; i++)
        put_edge(t, i, g->edges[i]);
    put_shared(t, g, g->n_edges);
    pc_text_put(t, "  </graph>\n</graphml>\n");
}

/* ---- what is written ---- */

static pc_status put_listed(pc_text *t, pc_graph *g)
{
    const pc_status status = list_vertices(g);
    if (status == PC_OK) put_graph(t, g);
    free(g->vertices);
    return status == PC_OK ? pc_text_status(t) : status;
}

static pc_status put_all(pc_text *t, const pc_circuit *c)
{
    pc_graph g = {.circuit = c, .n_edges = c->n_edges, .is_all = true};
    g.edges = pc_alloc(c->n_edges, sizeof *g.edges);
    if (!g.edges) return PC_ERR_NOMEM;
    for (size_t i = 0; i < c->n_edges; i++)
        g.edges[i] = &c->edges[i];
    const pc_status status = put_listed(t, &g);
    free(g.edges);
    return status;
}

/* What the figure draws: the strongest of the circuit. */
static pc_status put_drawn(pc_text *t, const pc_circuit *c, const pc_draw_options *options)
{
    pc_scene scene;
    PC_TRY(pc_scene_init(&scene, c, options));
    pc_graph g = {.circuit = c, .edges = scene.edges, .n_edges = (size_t)scene.n_edges};
    if (scene.n_edges == 0) {
        const int most = scene.options.max_edges;
        g.nodes = scene.nodes;
        g.n_nodes = (size_t)(scene.n_nodes < most ? scene.n_nodes : most);
    }
    const pc_status status = put_listed(t, &g);
    pc_scene_free(&scene);
    return status;
}

pc_status pc_circuit_put_graphml(pc_text *t, const pc_circuit *c, const pc_draw_options *options)
{
    PC_TRY(pc_circuit_check(c, "circuit"));
    return options ? put_drawn(t, c, options) : put_all(t, c);
}

pc_status pc_circuit_write_graphml(const pc_circuit *c, const char *path,
                                   const pc_draw_options *options)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_graphml(&text, c, options);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
