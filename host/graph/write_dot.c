/* A circuit as Graphviz DOT: for those who want their own layout. */
#include "graph/circuit_private.h"

#include "base/file.h"
#include "base/memory.h"
#include "graph/draw.h"
#include "graph/names.h"

#include <stdlib.h>
#include <string.h>

/* A quoted identifier; Graphviz knows no escape but these two. */
static void put_quoted(pc_text *t, const char *words)
{
    pc_text_put(t, "\"");
    for (; *words; words++) {
        if (*words == '"' || *words == '\\') pc_text_put(t, "\\");
        pc_text_put_bytes(t, (unsigned char)*words < 0x20 ? " " : words, 1);
    }
    pc_text_put(t, "\"");
}

typedef struct pc_dot_part {
    uint64_t key;
    pc_part part;
} pc_dot_part;

static int compare_parts(const void *left, const void *right)
{
    const pc_dot_part *a = left, *b = right;
    return a->key < b->key ? -1 : a->key > b->key;
}

static void add_part(pc_dot_part *parts, size_t *count, const char *name)
{
    pc_part part;
    (void)pc_part_parse(&part, name); /* the circuit was checked */
    if (part.kind != PC_PART_NEURON) part = pc_part_box(part);
    parts[(*count)++] = (pc_dot_part){pc_part_key(&part), part};
}

static const pc_circuit_node *find_node(const pc_circuit *c, const char *name)
{
    for (size_t i = 0; i < pc_circuit_n_nodes(c); i++)
        if (strcmp(pc_circuit_node_at(c, i)->name, name) == 0) return pc_circuit_node_at(c, i);
    return NULL;
}

static void put_node(pc_text *t, const pc_scene *scene, const pc_part *part)
{
    char name[PC_PART_NAME_BYTES];
    const pc_circuit_node *node = find_node(scene->circuit, pc_part_name(name, part));
    pc_text_put(t, "    ");
    put_quoted(t, name);
    if (node && node->role) {
        pc_text label = {0};
        pc_text_printf(&label, "%s (%s)", name, node->role);
        pc_text_put(t, " [label=");
        put_quoted(t, label.data ? label.data : "");
        pc_text_put(t, "]");
        t->has_failed |= label.has_failed;
        pc_text_free(&label);
    }
    pc_text_put(t, ";\n");
}

/* Components of one row share a rank. */
static bool is_same_rank(const pc_part *a, const pc_part *b)
{
    return a->layer == b->layer && a->kind == b->kind;
}

static void put_ranks(pc_text *t, const pc_scene *scene, const pc_dot_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && parts[i].key == parts[i - 1].key) continue;
        if (i == 0 || !is_same_rank(&parts[i - 1].part, &parts[i].part))
            pc_text_printf(t, "%s  { rank=same;\n", i > 0 ? "  }\n" : "");
        put_node(t, scene, &parts[i].part);
    }
    if (count > 0) pc_text_put(t, "  }\n");
}

static const char *head_of(char name[PC_PART_NAME_BYTES], pc_port *port, const char *to)
{
    pc_part part;
    (void)pc_part_parse(&part, to);
    *port = part.port;
    part.port = PC_PORT_NONE;
    return pc_part_name(name, &part);
}

static void put_edge(pc_text *t, const pc_scene *scene, const pc_circuit_edge *edge)
{
    static const char *const styles[] = {"solid", "dashed", "solid", "dotted"};
    static const char *const letters[] = {"", "q", "k", "v"};
    char name[PC_PART_NAME_BYTES];
    pc_port port;
    pc_text_put(t, "  ");
    put_quoted(t, edge->from);
    pc_text_put(t, " -> ");
    put_quoted(t, head_of(name, &port, edge->to));
    pc_text_printf(t, " [color=\"#%06x\", penwidth=", (unsigned)pc_sign_colour(edge->effect));
    pc_text_put_fixed(t, pc_stroke_width(scene, edge->effect), 2, PC_SIGN_PLAIN);
    pc_text_printf(t, ", style=%s, headlabel=\"%s\", label=\"", styles[port], letters[port]);
    if (edge->is_measured) pc_text_put_effect(t, scene, edge->effect);
    pc_text_put(t, "\"];\n");
}

static pc_status put_graph(pc_text *t, const pc_scene *scene)
{
    size_t count = 0;
    const size_t most = 2 * (size_t)scene->n_edges + (size_t)scene->n_nodes;
    pc_dot_part *parts = pc_alloc(most, sizeof *parts);
    if (!parts) return PC_ERR_NOMEM;
    for (int e = 0; e < scene->n_edges; e++) {
        add_part(parts, &count, scene->edges[e]->from);
        add_part(parts, &count, scene->edges[e]->to);
    }
    for (int i = 0; i < scene->n_nodes && i < scene->options.max_edges && scene->n_edges == 0; i++)
        add_part(parts, &count, scene->nodes[i]->name);
    qsort(parts, count, sizeof *parts, compare_parts);
    pc_text_put(t, "digraph circuit {\n  rankdir=BT;\n"
                   "  node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=11];\n"
                   "  edge [fontname=\"Helvetica\", fontsize=8, arrowsize=0.6];\n");
    put_ranks(t, scene, parts, count);
    for (int e = 0; e < scene->n_edges; e++)
        put_edge(t, scene, scene->edges[e]);
    pc_text_put(t, "}\n");
    free(parts);
    return pc_text_status(t);
}

pc_status pc_circuit_put_dot(pc_text *t, const pc_circuit *c, const pc_draw_options *options)
{
    pc_scene scene;
    PC_TRY(pc_circuit_check(c, "circuit"));
    PC_TRY(pc_scene_init(&scene, c, options));
    pc_status status = put_graph(t, &scene);
    pc_scene_free(&scene);
    return status;
}

pc_status pc_circuit_write_dot(const pc_circuit *c, const char *path,
                               const pc_draw_options *options)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_dot(&text, c, options);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
