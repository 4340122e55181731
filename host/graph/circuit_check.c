/* The invariants of a circuit, checked after reading and before writing. */
#include "graph/circuit_private.h"

#include "base/memory.h"
#include "graph/names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One node or edge as a number to sort by; nodes have reader 0. */
typedef struct pc_identity {
    uint64_t writer, reader;
    size_t index;
} pc_identity;

static int compare_identities(const void *left, const void *right)
{
    const pc_identity *a = left, *b = right;
    if (a->writer != b->writer) return a->writer < b->writer ? -1 : 1;
    if (a->reader != b->reader) return a->reader < b->reader ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The least index that repeats an earlier one; `count` if none does. */
static size_t find_repeat(pc_identity *identities, size_t count)
{
    size_t least = count;
    qsort(identities, count, sizeof *identities, compare_identities);
    for (size_t i = 1; i < count; i++) {
        const pc_identity *a = &identities[i - 1], *b = &identities[i];
        if (a->writer == b->writer && a->reader == b->reader && b->index < least) least = b->index;
    }
    return least;
}

static bool is_in_model(const pc_part *part, const pc_circuit_model *model)
{
    if (part->layer >= model->n_layers) return false;
    switch (part->kind) {
    case PC_PART_HEAD:
        return part->index < model->n_heads;
    case PC_PART_KV:
        return part->index < model->n_kv_heads;
    case PC_PART_MLP:
        return model->d_mlp > 0;
    case PC_PART_NEURON:
        return part->index < model->d_mlp;
    case PC_PART_INPUT:
    case PC_PART_LOGITS:
        return true;
    }
    return false;
}

static pc_status check_name(pc_part *part, const pc_circuit *c, const char *text, const char *what,
                            size_t i, const char *name)
{
    if (!text || !pc_part_parse(part, text))
        return pc_fail(PC_ERR_INPUT, "%s: %s[%zu]: \"%.60s\" is not a component's name", name, what,
                       i, text ? text : "");
    if (!is_in_model(part, &c->model))
        return pc_fail(PC_ERR_INPUT,
                       "%s: %s[%zu]: %s is not in the model (%d layers, %d heads, %d KV heads, "
                       "d_mlp %d)",
                       name, what, i, text, c->model.n_layers, c->model.n_heads,
                       c->model.n_kv_heads, c->model.d_mlp);
    return PC_OK;
}

static pc_status check_number(double value, const char *what, size_t i, const char *key,
                              const char *name)
{
    if (isfinite(value)) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s[%zu].%s is %s, expected a finite number", name, what, i,
                   key, isnan(value) ? "NaN" : "infinite");
}

static pc_status check_effect(double effect, double error, const char *what, size_t i,
                              const char *name)
{
    PC_TRY(check_number(effect, what, i, "effect", name));
    PC_TRY(check_number(error, what, i, "stderr", name));
    if (error >= 0) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s[%zu].stderr is negative", name, what, i);
}

static pc_status check_node(pc_identity *identity, const pc_circuit *c, size_t i, const char *name)
{
    const pc_circuit_node *node = &c->nodes[i];
    pc_part part;
    PC_TRY(check_name(&part, c, node->name, "nodes", i, name));
    if (!pc_part_is_writer(&part) && part.kind != PC_PART_LOGITS)
        return pc_fail(PC_ERR_INPUT, "%s: nodes[%zu]: %s is a reader, expected a component", name,
                       i, node->name);
    *identity = (pc_identity){pc_part_key(&part), 0, i};
    return check_effect(node->effect, node->stderr_, "nodes", i, name);
}

static pc_status check_edge(pc_identity *identity, const pc_circuit *c, size_t i, const char *name)
{
    const pc_circuit_edge *edge = &c->edges[i];
    pc_part from, to;
    PC_TRY(check_name(&from, c, edge->from, "edges", i, name));
    PC_TRY(check_name(&to, c, edge->to, "edges", i, name));
    if (!pc_part_is_writer(&from))
        return pc_fail(PC_ERR_INPUT, "%s: edges[%zu]: %s does not write to the residual stream",
                       name, i, edge->from);
    if (!pc_part_is_reader(&to))
        return pc_fail(PC_ERR_INPUT, "%s: edges[%zu]: %s does not read the residual stream", name,
                       i, edge->to);
    if (!pc_part_precedes(&from, &to, c->model.has_parallel_blocks))
        return pc_fail(PC_ERR_INPUT, "%s: edges[%zu]: %s does not see what %s writes", name, i,
                       edge->to, edge->from);
    *identity = (pc_identity){pc_part_key(&from), pc_part_key(&to), i};
    return check_effect(edge->effect, edge->stderr_, "edges", i, name);
}

static pc_status check_nodes(const pc_circuit *c, pc_identity *identities, const char *name)
{
    for (size_t i = 0; i < c->n_nodes; i++)
        PC_TRY(check_node(&identities[i], c, i, name));
    const size_t repeat = find_repeat(identities, c->n_nodes);
    if (repeat == c->n_nodes) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: nodes[%zu]: %s is there twice", name, repeat,
                   c->nodes[repeat].name);
}

static pc_status check_edges(const pc_circuit *c, pc_identity *identities, const char *name)
{
    for (size_t i = 0; i < c->n_edges; i++)
        PC_TRY(check_edge(&identities[i], c, i, name));
    const size_t repeat = find_repeat(identities, c->n_edges);
    if (repeat == c->n_edges) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: edges[%zu]: %s->%s is there twice", name, repeat,
                   c->edges[repeat].from, c->edges[repeat].to);
}

static pc_status check_numbers(const pc_circuit_numbers *numbers, const char *what,
                               const char *name)
{
    for (size_t i = 0; i < numbers->count; i++)
        if (!isfinite(numbers->items[i].value))
            return pc_fail(PC_ERR_INPUT, "%s: %s.%.60s is not a finite number", name, what,
                           numbers->items[i].name);
    return PC_OK;
}

static pc_status check_prefixes(const pc_circuit *c, const char *name)
{
    for (size_t i = 0; i < c->n_prefixes; i++) {
        const pc_circuit_prefix *p = &c->prefixes[i];
        if (p->n < (i ? c->prefixes[i - 1].n + 1 : 0) || p->n_kept < 0 || p->n_kept > p->n)
            return pc_fail(PC_ERR_INPUT,
                           "%s: prefixes[%zu]: n %lld, kept %lld: expected n to rise and to be at "
                           "least kept",
                           name, i, (long long)p->n, (long long)p->n_kept);
        PC_TRY(check_number(p->faithfulness, "prefixes", i, "faithfulness", name));
        PC_TRY(check_number(p->low, "prefixes", i, "low", name));
        PC_TRY(check_number(p->high, "prefixes", i, "high", name));
    }
    return PC_OK;
}

static pc_status check_header(const pc_circuit *c, const char *name)
{
    const pc_circuit_model *m = &c->model;
    if (m->n_layers < 1 || m->n_heads < 1 || m->n_kv_heads < 1 || m->d_model < 1 || m->d_head < 1 ||
        m->d_mlp < 0 || m->vocab < 1)
        return pc_fail(PC_ERR_INPUT, "%s: model: a dimension is missing or not positive", name);
    if (c->task.n < 0)
        return pc_fail(PC_ERR_INPUT, "%s: task.n is %lld, expected at least 0", name,
                       (long long)c->task.n);
    for (size_t i = 0; i < c->n_options; i++)
        if (!isfinite(c->options[i].number))
            return pc_fail(PC_ERR_INPUT, "%s: options.%.60s is not a finite number", name,
                           c->options[i].key);
    PC_TRY(check_numbers(&c->baseline, "baseline", name));
    return check_numbers(&c->evaluation, "evaluation", name);
}

pc_status pc_circuit_check(const pc_circuit *c, const char *name)
{
    PC_TRY(check_header(c, name));
    PC_TRY(check_prefixes(c, name));
    const size_t longest = c->n_nodes > c->n_edges ? c->n_nodes : c->n_edges;
    pc_identity *identities = pc_alloc(longest, sizeof *identities);
    if (!identities) return PC_ERR_NOMEM;
    pc_status status = check_nodes(c, identities, name);
    if (status == PC_OK) status = check_edges(c, identities, name);
    free(identities);
    return status;
}
