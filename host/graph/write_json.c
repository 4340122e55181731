/* circuit.json: one node or edge a line, so that differences can be read. */
#include "graph/circuit_private.h"

#include "base/file.h"

static void put_key(pc_text *t, const char *key)
{
    pc_text_put_json_string(t, key);
    pc_text_put(t, ": ");
}

static void put_text_member(pc_text *t, const char *key, const char *value)
{
    put_key(t, key);
    pc_text_put_json_string(t, value);
    pc_text_put(t, ", ");
}

static void put_int_member(pc_text *t, const char *key, int64_t value)
{
    put_key(t, key);
    pc_text_printf(t, "%lld, ", (long long)value);
}

static const char *word(bool value)
{
    return value ? "true" : "false";
}

static void put_model(pc_text *t, const pc_circuit_model *m)
{
    pc_text_put(t, "  \"model\": {");
    put_text_member(t, "name", m->name);
    put_text_member(t, "sha256", m->sha256);
    put_text_member(t, "architecture", m->architecture);
    put_int_member(t, "n_layers", m->n_layers);
    put_int_member(t, "n_heads", m->n_heads);
    put_int_member(t, "n_kv_heads", m->n_kv_heads);
    put_int_member(t, "d_model", m->d_model);
    put_int_member(t, "d_head", m->d_head);
    put_int_member(t, "d_mlp", m->d_mlp);
    put_int_member(t, "vocab", m->vocab);
    pc_text_printf(t, "\"parallel_attn_mlp\": %s, \"attn_only\": %s},\n",
                   word(m->has_parallel_blocks), word(m->is_attention_only));
}

static void put_task(pc_text *t, const pc_circuit_task *task)
{
    pc_text_put(t, "  \"task\": {");
    put_text_member(t, "name", task->name);
    put_text_member(t, "sha256", task->sha256);
    put_int_member(t, "n", task->n);
    put_int_member(t, "seed", task->seed);
    put_key(t, "split");
    pc_text_put_json_string(t, task->split);
    pc_text_put(t, "},\n");
}

static void put_options(pc_text *t, const pc_circuit *c)
{
    pc_text_put(t, "  \"options\": {");
    for (size_t i = 0; i < c->n_options; i++) {
        const pc_circuit_option_pair *pair = &c->options[i];
        if (i > 0) pc_text_put(t, ", ");
        put_key(t, pair->key);
        if (pair->kind == PC_OPTION_TEXT) pc_text_put_json_string(t, pair->text);
        else pc_text_put(t, pair->text);
    }
    pc_text_put(t, "},\n");
}

static void put_numbers(pc_text *t, const char *key, const pc_circuit_numbers *numbers)
{
    pc_text_printf(t, "  \"%s\": {", key);
    for (size_t i = 0; i < numbers->count; i++) {
        if (i > 0) pc_text_put(t, ", ");
        put_key(t, numbers->items[i].name);
        pc_text_put_number(t, numbers->items[i].value);
    }
    pc_text_put(t, "}");
}

static void put_effect(pc_text *t, double effect, double error, int64_t n, bool is_measured)
{
    if (!is_measured) {
        pc_text_put(t, ", \"effect\": null, \"stderr\": null");
        return;
    }
    pc_text_put(t, ", \"effect\": ");
    pc_text_put_number(t, effect);
    pc_text_put(t, ", \"stderr\": ");
    pc_text_put_number(t, error);
    if (n) pc_text_printf(t, ", \"n\": %lld", (long long)n);
}

static void put_p(pc_text *t, double p)
{
    if (p == 0) return;
    pc_text_put(t, ", \"p\": ");
    pc_text_put_number(t, p);
}

static void put_frequency(pc_text *t, bool has_frequency, double frequency)
{
    if (!has_frequency) return;
    pc_text_put(t, ", \"frequency\": ");
    pc_text_put_number(t, frequency);
}

static void put_node(pc_text *t, const pc_circuit_node *node)
{
    pc_text_put(t, "    {\"name\": ");
    pc_text_put_json_string(t, node->name);
    put_effect(t, node->effect, node->stderr_, node->n, node->is_measured);
    pc_text_printf(t, ", \"in_circuit\": %s", word(node->in_circuit));
    if (node->role) {
        pc_text_put(t, ", \"role\": ");
        pc_text_put_json_string(t, node->role);
    }
    if (node->is_untouched) pc_text_put(t, ", \"untouched\": true");
    put_p(t, node->p);
    put_frequency(t, node->has_frequency, node->frequency);
    pc_text_put(t, "}");
}

static void put_edge(pc_text *t, const pc_circuit_edge *edge)
{
    pc_text_put(t, "    {\"from\": ");
    pc_text_put_json_string(t, edge->from);
    pc_text_put(t, ", \"to\": ");
    pc_text_put_json_string(t, edge->to);
    put_effect(t, edge->effect, edge->stderr_, edge->n, edge->is_measured);
    pc_text_printf(t, ", \"in_circuit\": %s", word(edge->in_circuit));
    if (edge->is_untouched) pc_text_put(t, ", \"untouched\": true");
    put_p(t, edge->p);
    put_frequency(t, edge->has_frequency, edge->frequency);
    pc_text_put(t, "}");
}

static void put_prefixes(pc_text *t, const pc_circuit *c)
{
    for (size_t i = 0; i < c->n_prefixes; i++) {
        const pc_circuit_prefix *p = &c->prefixes[i];
        pc_text_put(t, i > 0 ? ",\n" : ",\n  \"prefixes\": [\n");
        pc_text_printf(t, "    {\"n\": %lld, \"kept\": %lld, \"faithfulness\": ", (long long)p->n,
                       (long long)p->n_kept);
        pc_text_put_number(t, p->faithfulness);
        pc_text_put(t, ", \"low\": ");
        pc_text_put_number(t, p->low);
        pc_text_put(t, ", \"high\": ");
        pc_text_put_number(t, p->high);
        pc_text_put(t, "}");
    }
    if (c->n_prefixes) pc_text_put(t, "]");
}

void pc_circuit_put_provenance(pc_text *t, const pc_circuit *c)
{
    pc_text_put(t, "  \"version\": ");
    pc_text_put_json_string(t, c->version);
    pc_text_put(t, ",\n");
    put_model(t, &c->model);
    put_task(t, &c->task);
    put_options(t, c);
    put_numbers(t, "baseline", &c->baseline);
}

pc_status pc_circuit_put_json(pc_text *t, const pc_circuit *c)
{
    PC_TRY(pc_circuit_check(c, "circuit"));
    pc_text_printf(t, "{\n  \"schema\": \"patchclamp-circuit/%d\",\n", PC_CIRCUIT_SCHEMA);
    pc_circuit_put_provenance(t, c);
    pc_text_put(t, ",\n  \"nodes\": [");
    for (size_t i = 0; i < c->n_nodes; i++) {
        pc_text_put(t, i > 0 ? ",\n" : "\n");
        put_node(t, &c->nodes[i]);
    }
    pc_text_put(t, "],\n  \"edges\": [");
    for (size_t i = 0; i < c->n_edges; i++) {
        pc_text_put(t, i > 0 ? ",\n" : "\n");
        put_edge(t, &c->edges[i]);
    }
    pc_text_put(t, "],\n");
    put_numbers(t, "evaluation", &c->evaluation);
    put_prefixes(t, c);
    pc_text_put(t, "\n}\n");
    return pc_text_status(t);
}

pc_status pc_circuit_write_json(const pc_circuit *c, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_json(&text, c);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
