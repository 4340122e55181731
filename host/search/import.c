/* Circuits of other tools, on a model: EAP-IG's and MIB's graph file, or a list of edges. */
#include "search/import.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "patchclamp/find.h"
#include "patchclamp/version.h"
#include "search/provenance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 256 << 20 };

/* A file that is read. */
typedef struct import {
    const pc_model *model;
    const pc_components *c;
    const char *file;
    pc_imported *edges;
} import;

static pc_status find_edge(int64_t *out, const import *m, const char *name, const char *place)
{
    pc_place at;
    pc_status status = pc_place_parse(&at, m->c, name);
    if (status == PC_OK &&
        (at.kind != PC_PLACE_EDGES || at.reader < 0 || at.writer < 0 || at.neuron >= 0))
        status = pc_fail(PC_ERR_INPUT, "\"%.60s\" is not an edge", name);
    if (status != PC_OK) return pc_fail_within(status, "%s: %s", m->file, place);
    *out = m->c->readers[at.reader].first_edge + at.writer;
    if (!m->edges->is_known[*out]) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s: \"%.60s\" stands there twice", m->file, place, name);
}

/* ---- EAP-IG's graph ---- */

static pc_status check_config(const import *m, const json_t *root)
{
    const json_t *config = json_object_get(root, "cfg");
    int64_t n_layers, n_heads;
    if (!json_is_object(config))
        return pc_fail(PC_ERR_INPUT,
                       "%s: cfg is missing: expected EAP-IG's graph, an object with "
                       "cfg, nodes and edges",
                       m->file);
    PC_TRY(pc_json_int(&n_layers, config, "n_layers", 1, 1024, m->file));
    PC_TRY(pc_json_int(&n_heads, config, "n_heads", 1, 1024, m->file));
    if (n_layers == m->c->n_layers && n_heads == m->c->n_heads) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: the graph has %lld layers of %lld heads, %s has %d of %d",
                   m->file, (long long)n_layers, (long long)n_heads, m->model->info.name,
                   m->c->n_layers, m->c->n_heads);
}

static pc_status read_edge(import *m, const char *name, const json_t *value)
{
    const json_t *score = json_object_get(value, "score");
    const json_t *kept = json_object_get(value, "in_graph");
    int64_t edge;
    PC_TRY(find_edge(&edge, m, name, "edges"));
    if (!json_is_boolean(kept) || (score && !json_is_number(score)))
        return pc_fail(PC_ERR_INPUT,
                       "%s: edges: \"%.60s\" is not {\"score\": a number, \"in_graph\": true or "
                       "false}",
                       m->file, name);
    m->edges->is_known[edge] = true;
    m->edges->is_kept[edge] = json_is_true(kept);
    m->edges->score[edge] = score ? json_number_value(score) : NAN;
    return PC_OK;
}

static pc_status read_graph(import *m, const char *bytes, size_t length)
{
    json_t *root;
    const char *name;
    json_t *value;
    PC_TRY(pc_json_parse(&root, bytes, length, m->file));
    pc_status status = check_config(m, root);
    json_t *edges = json_object_get(root, "edges");
    if (status == PC_OK && !json_is_object(edges))
        status = pc_fail(PC_ERR_INPUT, "%s: edges is not an object", m->file);
    if (status == PC_OK) json_object_foreach(edges, name, value)
        {
            status = read_edge(m, name, value);
            if (status != PC_OK) break;
        }
    json_decref(root);
    return status;
}

/* ---- a list ---- */

/* *at goes behind "12 layers", or stays. */
static int64_t read_count(char **at, const char *what)
{
    char *end = *at + strspn(*at, " \t,");
    if (*end < '0' || *end > '9') return -1;
    const int64_t n = strtoll(end, &end, 10);
    if (strncmp(end, what, strlen(what)) != 0) return -1;
    *at = end + strlen(what);
    return n;
}

/* "model: 12 layers, 12 heads, 32491 edges": names alone fit any model that is large enough. */
static pc_status check_model(const import *m, char *words, const char *place)
{
    char *at = words;
    const int64_t n_layers = read_count(&at, " layers");
    const int64_t n_heads = read_count(&at, " heads");
    const int64_t n_edges = read_count(&at, " edges");
    if (n_layers < 0 || n_heads < 0 || n_edges < 0 || at[strspn(at, " \t")] != '\0')
        return pc_fail(PC_ERR_INPUT,
                       "%s: %s: \"model:%.60s\", expected model: N layers, N heads, N edges",
                       m->file, place, words);
    if (n_layers == m->c->n_layers && n_heads == m->c->n_heads && n_edges == m->c->n_edges)
        return PC_OK;
    return pc_fail(PC_ERR_INPUT,
                   "%s: %s: a list of edges of a model of%s; %.60s has %d layers, %d heads, %lld "
                   "edges",
                   m->file, place, words, m->model->info.name, m->c->n_layers, m->c->n_heads,
                   (long long)m->c->n_edges);
}

/* "a0.h1->a1.h0<k>", a score behind blanks or a comma if there is one, # begins a comment. */
static pc_status read_line(import *m, char *line, int number)
{
    static const char model_key[] = "model:";
    char place[32];
    int64_t edge;
    line[strcspn(line, "#\r\n")] = '\0';
    line += strspn(line, " \t");
    if (*line == '\0') return PC_OK;
    snprintf(place, sizeof place, "line %d", number);
    if (strncmp(line, model_key, sizeof model_key - 1) == 0)
        return check_model(m, line + sizeof model_key - 1, place);
    char *rest = line + strcspn(line, " \t,");
    char *score = rest + strspn(rest, " \t,"), *end = score;
    *rest = '\0';
    PC_TRY(find_edge(&edge, m, line, place));
    m->edges->score[edge] = *score ? strtod(score, &end) : NAN;
    const bool is_number = !*score || isfinite(m->edges->score[edge]);
    if (end[strspn(end, " \t")] != '\0' || !is_number)
        return pc_fail(PC_ERR_INPUT, "%s: %s: \"%.40s\" is not a score", m->file, place, score);
    m->edges->is_known[edge] = m->edges->is_kept[edge] = true;
    return PC_OK;
}

static pc_status read_list(import *m, char *bytes, size_t length)
{
    int number = 0;
    for (char *line = bytes; line < bytes + length;) {
        char *end = memchr(line, '\n', (size_t)(bytes + length - line));
        char *next = end ? end + 1 : bytes + length;
        if (memchr(line, '\0', (size_t)((end ? end : next) - line)))
            return pc_fail(PC_ERR_INPUT, "%s: line %d: a byte 0, expected text", m->file,
                           number + 1);
        if (end) *end = '\0';
        PC_TRY(read_line(m, line, ++number));
        line = next;
    }
    return PC_OK;
}

/* ---- either ---- */

pc_status pc_import_parse(pc_imported *out, const pc_model *model, char *bytes, size_t length,
                          const char *file)
{
import m = {model, & model->components, file, out };
    if (bytes[strspn(bytes, " \t\r\n")] == '{') PC_TRY(read_graph(&m, bytes, length));
    else PC_TRY(read_list(&m, bytes, length));
    for (int64_t e = 0; e < m.c->n_edges; e++)
        if (out->is_known[e]) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: there is no edge in it", file);
}

/* ---- the circuit ---- */

static pc_status add_edges(pc_circuit *circuit, const pc_imported *m, const pc_components *c,
                           bool *is_node)
{
    for (int64_t e = 0; e < c->n_edges; e++) {
        int writer, reader;
        pc_edge_ends(&writer, &reader, c, e);
        is_node[writer] = is_node[writer] || m->is_kept[e];
    }
    for (int u = 0; u < c->n_writers; u++)
        PC_TRY(pc_circuit_add_node(
            circuit, &(pc_circuit_node){.name = c->writers[u].name, .in_circuit = is_node[u]}));
    PC_TRY(pc_circuit_add_node(circuit, &(pc_circuit_node){.name = "logits", .in_circuit = true}));
    for (int64_t e = 0; e < c->n_edges; e++) {
        int writer, reader;
        pc_edge_ends(&writer, &reader, c, e);
        PC_TRY(pc_circuit_add_edge(
            circuit, &(pc_circuit_edge){.from = c->writers[writer].name,
                                        .to = c->readers[reader].name,
                                        .effect = isnan(m->score[e]) ? 0 : m->score[e],
                                        .is_measured = m->is_known[e] && !isnan(m->score[e]),
                                        .in_circuit = m->is_kept[e]}));
    }
    return PC_OK;
}

static pc_status build(pc_circuit *circuit, const pc_imported *m, pc_model *model, const char *file)
{
    const pc_components *c = &model->components;
    const pc_circuit_task none = {.name = "imported", .sha256 = "", .split = ""};
    bool *is_node = pc_alloc((size_t)c->n_writers, sizeof *is_node);
    pc_status status = is_node ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_provenance_set_model(circuit, model);
    if (status == PC_OK) status = pc_circuit_set_task(circuit, &none);
    if (status == PC_OK) status = pc_circuit_set_option(circuit, "level", "edge");
    if (status == PC_OK) status = pc_circuit_set_option(circuit, "method", "imported");
    if (status == PC_OK)
        status = pc_circuit_set_option(circuit, "kv_granularity",
                                       pc_kv_granularity_name(model->info.kv_granularity));
    if (status == PC_OK) status = add_edges(circuit, m, c, is_node);
    if (status == PC_OK) status = pc_circuit_check(circuit, file);
    free(is_node);
    return status;
}

static pc_status allocate(pc_imported *m, size_t n)
{
    m->is_kept = pc_alloc(n, sizeof *m->is_kept);
    m->is_known = pc_alloc(n, sizeof *m->is_known);
    m->score = pc_alloc(n, sizeof *m->score);
    return m->is_kept && m->is_known && m->score ? PC_OK : PC_ERR_NOMEM;
}

pc_status pc_circuit_import(pc_circuit **out, const char *path, pc_model *model)
{
    pc_imported m = {0};
    char *bytes;
    size_t length;
    *out = NULL;
    PC_TRY(pc_file_read(&bytes, &length, path, MAX_FILE_BYTES));
    pc_status status = allocate(&m, (size_t)model->components.n_edges);
    if (status == PC_OK) status = pc_import_parse(&m, model, bytes, length, path);
    if (status == PC_OK) status = pc_circuit_new(out, pc_version());
    if (status == PC_OK) status = build(*out, &m, model, path);
    if (status != PC_OK) {
        pc_circuit_free(*out);
        *out = NULL;
    }
    free(m.score);
    free(m.is_known);
    free(m.is_kept);
    free(bytes);
    return status;
}
