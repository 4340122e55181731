/* The graph file of circuit-tracer (decoderesearch/circuit-tracer, frontend/graph_models.py,
 * schema version 1), for its viewer and for Neuronpedia's.
 *
 * Its graphs are of one prompt and of transcoder features; ours are of components, over many
 * prompts and all positions. So there is one column of positions, heads and MLPs stand where
 * features do, under types of their own (the viewer looks nothing up for these), a link's weight is
 * the effect of cutting the edge, and what we do not have is left empty: influence, activation,
 * probabilities, the prompt. Two tokens stand in for a prompt: the viewer drops features that occur
 * at more than two thirds of the positions, and of one that is any. */
#include "graph/circuit_private.h"

#include "base/file.h"
#include "base/memory.h"
#include "graph/names.h"

#include <stdlib.h>
#include <string.h>

enum { POSITION = 1 };

/* As the viewer's readers have k and v for each query head. */
static pc_status check(const pc_circuit *c)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < c->n_edges; i++) {
        n_kept += c->edges[i].in_circuit;
        if (c->edges[i].in_circuit && strstr(c->edges[i].to, ".kv"))
            return pc_fail(PC_ERR_INPUT,
                           "%s->%s reads a key-value head that query heads share, which "
                           "circuit-tracer does not have: find the circuit with --kv-granularity "
                           "query",
                           c->edges[i].from, c->edges[i].to);
    }
    return n_kept > 0 ? PC_OK
                      : pc_fail(PC_ERR_INPUT, "the circuit keeps no edge: circuit-tracer's file is "
                                              "of edges");
}

/* ---- nodes ---- */

static int compare_parts(const void *left, const void *right)
{
    const uint64_t a = pc_part_key(left), b = pc_part_key(right);
    return a < b ? -1 : a > b;
}

static void add_part(pc_part *parts, size_t *n, const char *name)
{
    (void)pc_part_parse(&parts[*n], name); /* the circuit was checked */
    parts[(*n)++].port = PC_PORT_NONE;
}

/* The ends of the circuit's edges, each once, in component order. */
static pc_status list_parts(pc_part **out, size_t *n, const pc_circuit *c)
{
    size_t kept = 0;
    *n = 0;
    *out = pc_alloc(2 * c->n_edges, sizeof **out);
    if (!*out) return PC_ERR_NOMEM;
    for (size_t i = 0; i < c->n_edges; i++) {
        if (!c->edges[i].in_circuit) continue;
        add_part(*out, n, c->edges[i].from);
        add_part(*out, n, c->edges[i].to);
    }
    qsort(*out, *n, sizeof **out, compare_parts);
    for (size_t i = 0; i < *n; i++)
        if (kept == 0 || compare_parts(&(*out)[kept - 1], &(*out)[i]) != 0)
            (*out)[kept++] = (*out)[i];
    *n = kept;
    return PC_OK;
}

/* The number among the features of its layer: heads, then the MLP. */
static int feature_of(const pc_circuit *c, const pc_part *part)
{
    if (part->kind == PC_PART_HEAD) return part->index;
    return part->kind == PC_PART_MLP ? c->model.n_heads : 0;
}

static void put_layer(pc_text *t, const pc_circuit *c, const pc_part *part)
{
    if (part->kind == PC_PART_INPUT) pc_text_put(t, "E");
    else pc_text_printf(t, "%d", part->kind == PC_PART_LOGITS ? c->model.n_layers : part->layer);
}

/* "1_3_1": layer, feature, position. */
static void put_id(pc_text *t, const pc_circuit *c, const pc_part *part)
{
    put_layer(t, c, part);
    pc_text_printf(t, "_%d_%d", feature_of(c, part), POSITION);
}

static const pc_circuit_node *find_node(const pc_circuit *c, const char *name)
{
    for (size_t i = 0; i < c->n_nodes; i++)
        if (strcmp(c->nodes[i].name, name) == 0) return &c->nodes[i];
    return NULL;
}

static const char *role_of(const pc_circuit *c, const pc_part *part)
{
    char name[PC_PART_NAME_BYTES];
    const pc_circuit_node *node = find_node(c, pc_part_name(name, part));
    return node ? node->role : NULL;
}

/* What the viewer shows: the name and the role. It reads a logit's label for the token, in quotes,
 * and its probability, which is not there. */
static void put_label(pc_text *t, const pc_circuit *c, const pc_part *part)
{
    char name[PC_PART_NAME_BYTES];
    const char *role = role_of(c, part), *metric = pc_circuit_option(c, "metric");
    pc_text label = {0};
    if (part->kind == PC_PART_LOGITS)
        pc_text_printf(&label, "Output \"%s\" (p=none)", metric ? metric : "logits");
    else pc_text_put(&label, pc_part_name(name, part));
    if (role) pc_text_printf(&label, " (%s)", role);
    pc_text_put_json_string(t, label.data ? label.data : "");
    t->has_failed |= label.has_failed;
    pc_text_free(&label);
}

static const char *type_of(const pc_part *part)
{
    switch (part->kind) {
    case PC_PART_INPUT:
        return "embedding";
    case PC_PART_LOGITS:
        return "logit";
    case PC_PART_MLP:
        return "mlp";
    default:
        return "attention head";
    }
}

static void put_node(pc_text *t, const pc_circuit *c, const pc_part *part)
{
    pc_text_put(t, "{\"node_id\": \"");
    put_id(t, c, part);
    pc_text_printf(t, "\", \"feature\": %d, \"layer\": \"", feature_of(c, part));
    put_layer(t, c, part);
    pc_text_printf(t,
                   "\", \"ctx_idx\": %d, \"feature_type\": \"%s\", \"token_prob\": 0.0, "
                   "\"is_target_logit\": %s, \"run_idx\": 0, \"reverse_ctx_idx\": 0, "
                   "\"jsNodeId\": \"",
                   POSITION, type_of(part), part->kind == PC_PART_LOGITS ? "true" : "false");
    put_id(t, c, part);
    pc_text_put(t, "\", \"clerp\": ");
    put_label(t, c, part);
    pc_text_put(t, ", \"influence\": null, \"activation\": null}");
}

/* ---- groups ---- */

static bool is_first_of_role(const pc_circuit *c, const pc_part *parts, size_t i, const char *role)
{
    for (size_t k = 0; k < i; k++) {
        const char *other = role_of(c, &parts[k]);
        if (other && strcmp(other, role) == 0) return false;
    }
    return true;
}

/* ["induction", "1_0_1", "1_2_1"] */
static void put_group(pc_text *t, const pc_circuit *c, const pc_part *parts, size_t n,
                      const char *role)
{
    pc_text_put(t, "[");
    pc_text_put_json_string(t, role);
    for (size_t i = 0; i < n; i++) {
        const char *other = role_of(c, &parts[i]);
        if (!other || strcmp(other, role) != 0) continue;
        pc_text_put(t, ", \"");
        put_id(t, c, &parts[i]);
        pc_text_put(t, "\"");
    }
    pc_text_put(t, "]");
}

/* Heads of one role are one of the viewer's supernodes. */
static void put_groups(pc_text *t, const pc_circuit *c, const pc_part *parts, size_t n)
{
    const char *comma = "";
    pc_text_put(t, "\"supernodes\": [");
    for (size_t i = 0; i < n; i++) {
        const char *role = role_of(c, &parts[i]);
        if (!role || !is_first_of_role(c, parts, i, role)) continue;
        pc_text_put(t, comma);
        put_group(t, c, parts, n, role);
        comma = ", ";
    }
    pc_text_put(t, "]");
}

/* All components are pinned, so that the circuit is what the viewer opens with. */
static void put_view(pc_text *t, const pc_circuit *c, const pc_part *parts, size_t n)
{
    pc_text_put(t, "\"qParams\": {\"pinnedIds\": [");
    for (size_t i = 0; i < n; i++) {
        pc_text_put(t, i ? ", \"" : "\"");
        put_id(t, c, &parts[i]);
        pc_text_put(t, "\"");
    }
    pc_text_put(t, "], ");
    put_groups(t, c, parts, n);
    pc_text_put(t, ", \"linkType\": \"both\", \"clickedId\": \"\", \"sg_pos\": \"\"},\n");
}

/* ---- the rest ---- */

/* A file's name: letters, digits, dots; anything else becomes "-". */
static void put_slug(pc_text *t, const char *words)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (; *words; words++)
        pc_text_put_bytes(t, strchr(allowed, *words) ? words : "-", 1);
}

static void put_metadata(pc_text *t, const pc_circuit *c)
{
    pc_text prompt = {0};
    pc_text_printf(&prompt, "%s, %lld prompts", *c->task.name ? c->task.name : "no task",
                   (long long)c->task.n);
    pc_text_put(t, "{\"metadata\": {\"slug\": \"");
    put_slug(t, c->model.name);
    pc_text_put(t, "-");
    put_slug(t, c->task.name);
    pc_text_put(t, "\", \"scan\": ");
    pc_text_put_json_string(t, c->model.name);
    pc_text_put(t, ", \"transcoder_list\": [], \"prompt_tokens\": [\"\", \"all positions\"], "
                   "\"prompt\": ");
    pc_text_put_json_string(t, prompt.data ? prompt.data : "");
    pc_text_put(t, ", \"node_threshold\": null, \"schema_version\": 1},\n");
    t->has_failed |= prompt.has_failed;
    pc_text_free(&prompt);
}

static void put_links(pc_text *t, const pc_circuit *c)
{
    static const char *const ports[] = {"", "q", "k", "v"};
    const char *comma = "";
    pc_text_put(t, "\"links\": [");
    for (size_t i = 0; i < c->n_edges; i++) {
        const pc_circuit_edge *edge = &c->edges[i];
        pc_part from, to;
        if (!edge->in_circuit) continue;
        (void)pc_part_parse(&from, edge->from);
        (void)pc_part_parse(&to, edge->to);
        pc_text_printf(t, "%s\n  {\"source\": \"", comma);
        put_id(t, c, &from);
        pc_text_put(t, "\", \"target\": \"");
        put_id(t, c, &to);
        pc_text_put(t, "\", \"weight\": ");
        pc_text_put_number(t, edge->effect);
        if (to.port) pc_text_printf(t, ", \"port\": \"%s\"", ports[to.port]);
        pc_text_put(t, "}");
        comma = ",";
    }
    pc_text_put(t, "\n]}\n");
}

pc_status pc_circuit_put_circuit_tracer(pc_text *t, const pc_circuit *c)
{
    pc_part *parts = NULL;
    size_t n;
    PC_TRY(pc_circuit_check(c, "circuit"));
    PC_TRY(check(c));
    PC_TRY(list_parts(&parts, &n, c));
    put_metadata(t, c);
    put_view(t, c, parts, n);
    pc_text_put(t, "\"nodes\": [");
    for (size_t i = 0; i < n; i++) {
        pc_text_put(t, i ? ",\n  " : "\n  ");
        put_node(t, c, &parts[i]);
    }
    pc_text_put(t, "\n],\n");
    put_links(t, c);
    free(parts);
    return pc_text_status(t);
}

pc_status pc_circuit_write_circuit_tracer(const pc_circuit *c, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_circuit_tracer(&text, c);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
