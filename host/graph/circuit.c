/* The circuit: building, reading out, freeing. */
#include "graph/circuit_private.h"

#include "base/memory.h"
#include "graph/positions_private.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bits. The seed keeps a hostile file from choosing names that all collide; no result
 * depends on it, for the table is never walked. */
static uint64_t hash_text(uint64_t seed, const char *text)
{
    uint64_t hash = 14695981039346656037u ^ seed;
    for (const unsigned char *s = (const unsigned char *)text; *s; s++)
        hash = (hash ^ *s) * 1099511628211u;
    return hash ^ hash >> 32;
}

static size_t find_slot(const pc_circuit *c, char *const *slots, size_t n_slots, const char *text)
{
    size_t slot = (size_t)hash_text((uint64_t)(uintptr_t)c, text) & (n_slots - 1);
    while (slots[slot] && strcmp(slots[slot], text) != 0)
        slot = (slot + 1) & (n_slots - 1);
    return slot;
}

static pc_status grow_strings(pc_circuit *c)
{
    const size_t n_slots = c->n_slots ? c->n_slots * 2 : 64;
    char **slots = pc_alloc(n_slots, sizeof *slots);
    if (!slots) return PC_ERR_NOMEM;
    for (size_t i = 0; i < c->n_slots; i++)
        if (c->strings[i]) slots[find_slot(c, slots, n_slots, c->strings[i])] = c->strings[i];
    free(c->strings);
    c->strings = slots;
    c->n_slots = n_slots;
    return PC_OK;
}

/* *out becomes the circuit's own copy of `text`; NULL stays NULL. */
static pc_status intern(const char **out, pc_circuit *c, const char *text)
{
    *out = NULL;
    if (!text) return PC_OK;
    if (c->n_strings * 2 >= c->n_slots) PC_TRY(grow_strings(c));
    char **slot = &c->strings[find_slot(c, c->strings, c->n_slots, text)];
    if (!*slot) {
        if (!(*slot = pc_copy_text(text))) return PC_ERR_NOMEM;
        c->n_strings++;
    }
    *out = *slot;
    return PC_OK;
}

/* -0 would read back from JSON as 0. */
static double without_negative_zero(double value)
{
    return value == 0 ? 0 : value;
}

pc_status pc_circuit_new(pc_circuit **out, const char *version)
{
    *out = NULL;
    pc_circuit *c = pc_alloc(1, sizeof *c);
    if (!c) return PC_ERR_NOMEM;
    pc_status status = intern(&c->version, c, version);
    if (status == PC_OK) status = intern(&c->model.name, c, "");
    if (status != PC_OK) {
        pc_circuit_free(c);
        return status;
    }
    const char *empty = c->model.name;
    c->model.sha256 = c->model.architecture = empty;
    c->task.name = c->task.sha256 = c->task.split = empty;
    *out = c;
    return PC_OK;
}

void pc_circuit_free(pc_circuit *c)
{
    if (!c) return;
    pc_position_effects_free(c->positions);
    free(c->thresholds);
    for (size_t i = 0; i < c->n_slots; i++)
        free(c->strings[i]);
    free(c->strings);
    free(c->checked);
    free(c->prefixes);
    free(c->edges);
    free(c->nodes);
    free(c->evaluation.items);
    free(c->baseline.items);
    free(c->options);
    free(c);
}

pc_status pc_circuit_set_model(pc_circuit *c, const pc_circuit_model *model)
{
    pc_circuit_model copy = *model;
    PC_TRY(intern(&copy.name, c, model->name ? model->name : ""));
    PC_TRY(intern(&copy.sha256, c, model->sha256 ? model->sha256 : ""));
    PC_TRY(intern(&copy.architecture, c, model->architecture ? model->architecture : ""));
    c->model = copy;
    return PC_OK;
}

pc_status pc_circuit_set_task(pc_circuit *c, const pc_circuit_task *task)
{
    pc_circuit_task copy = *task;
    PC_TRY(intern(&copy.name, c, task->name ? task->name : ""));
    PC_TRY(intern(&copy.sha256, c, task->sha256 ? task->sha256 : ""));
    PC_TRY(intern(&copy.split, c, task->split ? task->split : ""));
    c->task = copy;
    return PC_OK;
}

static pc_circuit_option_pair *find_option(const pc_circuit *c, const char *key)
{
    for (size_t i = 0; i < c->n_options; i++)
        if (strcmp(c->options[i].key, key) == 0) return &c->options[i];
    return NULL;
}

static pc_status set_option(pc_circuit *c, const char *key, pc_circuit_option_pair pair)
{
    PC_TRY(intern(&pair.key, c, key));
    PC_TRY(intern(&pair.text, c, pair.text));
    pc_circuit_option_pair *at = find_option(c, key);
    if (!at) {
        at = pc_grow(c->options, &c->options_capacity, c->n_options + 1, sizeof *at);
        if (!at) return PC_ERR_NOMEM;
        c->options = at;
        at += c->n_options++;
    }
    *at = pair;
    return PC_OK;
}

pc_status pc_circuit_set_option(pc_circuit *c, const char *key, const char *value)
{
    return set_option(c, key, (pc_circuit_option_pair){.kind = PC_OPTION_TEXT, .text = value});
}

pc_status pc_circuit_set_option_number(pc_circuit *c, const char *key, double value)
{
    char digits[32];
    const double number = without_negative_zero(value);
    return set_option(c, key,
                      (pc_circuit_option_pair){.kind = PC_OPTION_NUMBER,
                                               .text = pc_format_number(digits, number),
                                               .number = number});
}

pc_status pc_circuit_set_option_bool(pc_circuit *c, const char *key, bool value)
{
    return set_option(c, key,
                      (pc_circuit_option_pair){.kind = PC_OPTION_BOOL,
                                               .text = value ? "true" : "false",
                                               .is_true = value});
}

static pc_circuit_number *find_number(const pc_circuit_numbers *numbers, const char *name)
{
    for (size_t i = 0; i < numbers->count; i++)
        if (strcmp(numbers->items[i].name, name) == 0) return &numbers->items[i];
    return NULL;
}

static pc_status set_number(pc_circuit *c, pc_circuit_numbers *numbers, const char *name,
                            double value)
{
    pc_circuit_number number = {NULL, without_negative_zero(value)};
    PC_TRY(intern(&number.name, c, name));
    pc_circuit_number *at = find_number(numbers, name);
    if (!at) {
        at = pc_grow(numbers->items, &numbers->capacity, numbers->count + 1, sizeof *at);
        if (!at) return PC_ERR_NOMEM;
        numbers->items = at;
        at += numbers->count++;
    }
    *at = number;
    return PC_OK;
}

pc_status pc_circuit_set_baseline(pc_circuit *c, const char *name, double value)
{
    return set_number(c, &c->baseline, name, value);
}

pc_status pc_circuit_set_evaluation(pc_circuit *c, const char *name, double value)
{
    return set_number(c, &c->evaluation, name, value);
}

pc_status pc_circuit_add_node(pc_circuit *c, const pc_circuit_node *node)
{
    pc_circuit_node copy = *node;
    PC_TRY(intern(&copy.name, c, node->name));
    PC_TRY(intern(&copy.role, c, node->role));
    copy.effect = node->is_measured ? without_negative_zero(node->effect) : 0;
    copy.stderr_ = node->is_measured ? without_negative_zero(node->stderr_) : 0;
    pc_circuit_node *nodes = pc_grow(c->nodes, &c->nodes_capacity, c->n_nodes + 1, sizeof *nodes);
    if (!nodes) return PC_ERR_NOMEM;
    c->nodes = nodes;
    c->nodes[c->n_nodes++] = copy;
    return PC_OK;
}

pc_status pc_circuit_add_edge(pc_circuit *c, const pc_circuit_edge *edge)
{
    pc_circuit_edge copy = *edge;
    PC_TRY(intern(&copy.from, c, edge->from));
    PC_TRY(intern(&copy.to, c, edge->to));
    copy.effect = edge->is_measured ? without_negative_zero(edge->effect) : 0;
    copy.stderr_ = edge->is_measured ? without_negative_zero(edge->stderr_) : 0;
    pc_circuit_edge *edges = pc_grow(c->edges, &c->edges_capacity, c->n_edges + 1, sizeof *edges);
    if (!edges) return PC_ERR_NOMEM;
    c->edges = edges;
    c->edges[c->n_edges++] = copy;
    return PC_OK;
}

pc_status pc_circuit_add_prefix(pc_circuit *c, const pc_circuit_prefix *prefix)
{
    pc_circuit_prefix copy = *prefix;
    copy.faithfulness = without_negative_zero(prefix->faithfulness);
    copy.low = without_negative_zero(prefix->low);
    copy.high = without_negative_zero(prefix->high);
    pc_circuit_prefix *prefixes =
        pc_grow(c->prefixes, &c->prefixes_capacity, c->n_prefixes + 1, sizeof *prefixes);
    if (!prefixes) return PC_ERR_NOMEM;
    c->prefixes = prefixes;
    c->prefixes[c->n_prefixes++] = copy;
    return PC_OK;
}

const pc_circuit_model *pc_circuit_describe_model(const pc_circuit *c)
{
    return &c->model;
}

const pc_circuit_task *pc_circuit_describe_task(const pc_circuit *c)
{
    return &c->task;
}

const char *pc_circuit_version(const pc_circuit *c)
{
    return c->version;
}

const char *pc_circuit_option(const pc_circuit *c, const char *key)
{
    const pc_circuit_option_pair *pair = find_option(c, key);
    return pair ? pair->text : NULL;
}

static bool get_number(double *out, const pc_circuit_numbers *numbers, const char *name)
{
    const pc_circuit_number *number = find_number(numbers, name);
    if (number) *out = number->value;
    return number != NULL;
}

bool pc_circuit_baseline(double *out, const pc_circuit *c, const char *name)
{
    return get_number(out, &c->baseline, name);
}

bool pc_circuit_evaluation(double *out, const pc_circuit *c, const char *name)
{
    return get_number(out, &c->evaluation, name);
}

size_t pc_circuit_n_nodes(const pc_circuit *c)
{
    return c->n_nodes;
}

size_t pc_circuit_n_edges(const pc_circuit *c)
{
    return c->n_edges;
}

const pc_circuit_node *pc_circuit_node_at(const pc_circuit *c, size_t i)
{
    return i < c->n_nodes ? &c->nodes[i] : NULL;
}

const pc_circuit_edge *pc_circuit_edge_at(const pc_circuit *c, size_t i)
{
    return i < c->n_edges ? &c->edges[i] : NULL;
}

pc_status pc_circuit_set_checked(pc_circuit *c, const pc_checked_estimate *checked, size_t n)
{
    pc_checked_estimate *copy = pc_alloc(n, sizeof *copy);
    if (!copy) return PC_ERR_NOMEM;
    pc_status status = PC_OK;
    for (size_t i = 0; i < n && status == PC_OK; i++) {
        copy[i] = checked[i];
        status = intern(&copy[i].name, c, checked[i].name);
    }
    free(c->checked);
    c->checked = copy;
    c->n_checked = status == PC_OK ? n : 0;
    return status;
}

const pc_checked_estimate *pc_circuit_checked(const pc_circuit *c, size_t *n)
{
    *n = c->n_checked;
    return c->checked;
}

size_t pc_circuit_n_prefixes(const pc_circuit *c)
{
    return c->n_prefixes;
}

const pc_circuit_prefix *pc_circuit_prefix_at(const pc_circuit *c, size_t i)
{
    return i < c->n_prefixes ? &c->prefixes[i] : NULL;
}

bool pc_circuit_is_estimate(const pc_circuit *c)
{
    const char *effects = pc_circuit_option(c, "effects");
    return effects && strcmp(effects, "estimate") == 0;
}
