/* circuit.json read back; the file is hostile until pc_circuit_check() has passed. */
#include "graph/circuit_private.h"

#include "base/file.h"
#include "base/json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 256 << 20, MAX_DIMENSION = 1 << 20, MAX_LAYERS = 1024, MAX_HEADS = 1024 };

#define SCHEMA_NAME "patchclamp-circuit/"

/* An object with its address in the file, for messages. */
typedef struct pc_spot {
    const json_t *object;
    const char *file;
    char where[48]; /* "model.", "edges[17].", "" at the top */
} pc_spot;

static pc_status fail_at(const pc_spot *spot, const char *key, const char *expected)
{
    char found[96];
    pc_json_describe(found, sizeof found, json_object_get(spot->object, key));
    return pc_fail(PC_ERR_INPUT, "%s: %s%.60s is %s, expected %s", spot->file, spot->where, key,
                   found, expected);
}

static pc_status read_text(const char **out, const pc_spot *spot, const char *key)
{
    const json_t *value = json_object_get(spot->object, key);
    if (!json_is_string(value)) return fail_at(spot, key, "a string");
    if (json_string_length(value) > PC_CIRCUIT_MAX_TEXT)
        return pc_fail(PC_ERR_INPUT, "%s: %s%.60s has %zu bytes, expected at most %d", spot->file,
                       spot->where, key, json_string_length(value), PC_CIRCUIT_MAX_TEXT);
    *out = json_string_value(value);
    return PC_OK;
}

static pc_status read_int(int64_t *out, const pc_spot *spot, const char *key, int64_t least,
                          int64_t most)
{
    const json_t *value = json_object_get(spot->object, key);
    if (json_is_integer(value) && json_integer_value(value) >= least &&
        json_integer_value(value) <= most) {
        *out = json_integer_value(value);
        return PC_OK;
    }
    char expected[80];
    snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)least,
             (long long)most);
    return fail_at(spot, key, expected);
}

static pc_status read_dimension(int *out, const pc_spot *spot, const char *key, int least, int most)
{
    int64_t value;
    PC_TRY(read_int(&value, spot, key, least, most));
    *out = (int)value;
    return PC_OK;
}

static pc_status read_bool(bool *out, const pc_spot *spot, const char *key)
{
    const json_t *value = json_object_get(spot->object, key);
    if (!json_is_boolean(value)) return fail_at(spot, key, "true or false");
    *out = json_is_true(value);
    return PC_OK;
}

/* A member that is an object; `where` becomes "KEY.". */
static pc_status enter(pc_spot *out, const pc_spot *spot, const char *key)
{
    *out = (pc_spot){json_object_get(spot->object, key), spot->file, ""};
    if (!json_is_object(out->object)) return fail_at(spot, key, "an object");
    snprintf(out->where, sizeof out->where, "%s.", key);
    return PC_OK;
}

static pc_status read_schema(const pc_spot *top)
{
    const char *schema;
    char *end;
    PC_TRY(read_text(&schema, top, "schema"));
    const size_t length = strlen(SCHEMA_NAME);
    if (strncmp(schema, SCHEMA_NAME, length) != 0 || schema[length] < '1' || schema[length] > '9')
        return fail_at(top, "schema", "\"" SCHEMA_NAME "1\"");
    const long number = strtol(schema + length, &end, 10);
    if (*end) return fail_at(top, "schema", "\"" SCHEMA_NAME "1\"");
    if (number == PC_CIRCUIT_SCHEMA) return PC_OK;
    return pc_fail(PC_ERR_UNSUPPORTED,
                   "%s: schema is \"%.60s\", newer than the \"" SCHEMA_NAME
                   "%d\" that this version of Patchclamp reads",
                   top->file, schema, PC_CIRCUIT_SCHEMA);
}

static pc_status read_model(pc_circuit *c, const pc_spot *top)
{
    pc_spot at;
    pc_circuit_model m = {0};
    PC_TRY(enter(&at, top, "model"));
    PC_TRY(read_text(&m.name, &at, "name"));
    PC_TRY(read_text(&m.sha256, &at, "sha256"));
    PC_TRY(read_text(&m.architecture, &at, "architecture"));
    PC_TRY(read_dimension(&m.n_layers, &at, "n_layers", 1, MAX_LAYERS));
    PC_TRY(read_dimension(&m.n_heads, &at, "n_heads", 1, MAX_HEADS));
    PC_TRY(read_dimension(&m.n_kv_heads, &at, "n_kv_heads", 1, m.n_heads));
    PC_TRY(read_dimension(&m.d_model, &at, "d_model", 1, MAX_DIMENSION));
    PC_TRY(read_dimension(&m.d_head, &at, "d_head", 1, MAX_DIMENSION));
    PC_TRY(read_dimension(&m.d_mlp, &at, "d_mlp", 0, MAX_DIMENSION));
    PC_TRY(read_int(&m.vocab, &at, "vocab", 1, INT_MAX));
    PC_TRY(read_bool(&m.has_parallel_blocks, &at, "parallel_attn_mlp"));
    PC_TRY(read_bool(&m.is_attention_only, &at, "attn_only"));
    return pc_circuit_set_model(c, &m);
}

static pc_status read_task(pc_circuit *c, const pc_spot *top)
{
    pc_spot at;
    pc_circuit_task task = {0};
    PC_TRY(enter(&at, top, "task"));
    PC_TRY(read_text(&task.name, &at, "name"));
    PC_TRY(read_text(&task.sha256, &at, "sha256"));
    PC_TRY(read_int(&task.n, &at, "n", 0, INT64_MAX));
    PC_TRY(read_int(&task.seed, &at, "seed", INT64_MIN, INT64_MAX));
    PC_TRY(read_text(&task.split, &at, "split"));
    return pc_circuit_set_task(c, &task);
}

/* Lists are searched one by one: their length is bounded too. */
static pc_status enter_list(pc_spot *out, const pc_spot *top, const char *key)
{
    enum { MAX_MEMBERS = 1024 };
    PC_TRY(enter(out, top, key));
    if (json_object_size(out->object) <= MAX_MEMBERS) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s has %zu members, expected at most %d", top->file, key,
                   json_object_size(out->object), MAX_MEMBERS);
}

static pc_status read_options(pc_circuit *c, const pc_spot *top)
{
    pc_spot at;
    PC_TRY(enter_list(&at, top, "options"));
    for (void *i = json_object_iter((json_t *)at.object); i;
         i = json_object_iter_next((json_t *)at.object, i)) {
        const char *key = json_object_iter_key(i), *text;
        const json_t *value = json_object_iter_value(i);
        if (json_is_number(value)) {
            PC_TRY(pc_circuit_set_option_number(c, key, json_number_value(value)));
        } else if (json_is_boolean(value)) {
            PC_TRY(pc_circuit_set_option_bool(c, key, json_is_true(value)));
        } else if (json_is_string(value)) {
            PC_TRY(read_text(&text, &at, key));
            PC_TRY(pc_circuit_set_option(c, key, text));
        } else {
            return fail_at(&at, key, "a string, a number, true or false");
        }
    }
    return PC_OK;
}

static pc_status read_numbers(pc_circuit *c, const pc_spot *top, const char *list,
                              pc_status (*set)(pc_circuit *, const char *, double))
{
    pc_spot at;
    PC_TRY(enter_list(&at, top, list));
    for (void *i = json_object_iter((json_t *)at.object); i;
         i = json_object_iter_next((json_t *)at.object, i)) {
        const json_t *value = json_object_iter_value(i);
        if (!json_is_number(value)) return fail_at(&at, json_object_iter_key(i), "a number");
        PC_TRY(set(c, json_object_iter_key(i), json_number_value(value)));
    }
    return PC_OK;
}

/* effect and stderr: two numbers, or two nulls where nothing was measured. */
static pc_status read_effect(double *effect, double *error, bool *is_measured, const pc_spot *spot)
{
    const json_t *first = json_object_get(spot->object, "effect");
    const json_t *second = json_object_get(spot->object, "stderr");
    *effect = *error = 0;
    *is_measured = !json_is_null(first);
    if (!*is_measured)
        return json_is_null(second) ? PC_OK : fail_at(spot, "stderr", "null, as effect is");
    if (!json_is_number(first)) return fail_at(spot, "effect", "a number or null");
    if (!json_is_number(second)) return fail_at(spot, "stderr", "a number");
    *effect = json_number_value(first);
    *error = json_number_value(second);
    return PC_OK;
}

/* Fewer prompts than the task's, where it is said. */
static pc_status read_n(int64_t *out, const pc_spot *spot)
{
    const json_t *n = json_object_get(spot->object, "n");
    *out = 0;
    if (!n) return PC_OK;
    if (!json_is_integer(n) || json_integer_value(n) < 1)
        return fail_at(spot, "n", "a number of prompts");
    *out = json_integer_value(n);
    return PC_OK;
}

static pc_status read_untouched(bool *out, const pc_spot *spot)
{
    *out = false;
    return json_object_get(spot->object, "untouched") ? read_bool(out, spot, "untouched") : PC_OK;
}

static pc_status read_p(double *out, const pc_spot *spot)
{
    const json_t *p = json_object_get(spot->object, "p");
    *out = 0;
    if (!p) return PC_OK;
    *out = json_number_value(p);
    if (!json_is_number(p) || !(*out > 0 && *out <= 1))
        return fail_at(spot, "p", "a probability above 0");
    return PC_OK;
}

static pc_status read_frequency(double *out, bool *has_frequency, const pc_spot *spot)
{
    const json_t *frequency = json_object_get(spot->object, "frequency");
    *out = 0;
    *has_frequency = frequency != NULL;
    if (!frequency) return PC_OK;
    *out = json_number_value(frequency);
    if (!json_is_number(frequency) || !(*out >= 0 && *out <= 1))
        return fail_at(spot, "frequency", "a share from 0 to 1");
    return PC_OK;
}

static pc_status read_node(pc_circuit *c, const pc_spot *at)
{
    pc_circuit_node node = {0};
    PC_TRY(read_text(&node.name, at, "name"));
    PC_TRY(read_effect(&node.effect, &node.stderr_, &node.is_measured, at));
    PC_TRY(read_n(&node.n, at));
    PC_TRY(read_bool(&node.in_circuit, at, "in_circuit"));
    PC_TRY(read_untouched(&node.is_untouched, at));
    PC_TRY(read_p(&node.p, at));
    PC_TRY(read_frequency(&node.frequency, &node.has_frequency, at));
    if (json_object_get(at->object, "role")) PC_TRY(read_text(&node.role, at, "role"));
    return pc_circuit_add_node(c, &node);
}

static pc_status read_edge(pc_circuit *c, const pc_spot *at)
{
    pc_circuit_edge edge = {0};
    PC_TRY(read_text(&edge.from, at, "from"));
    PC_TRY(read_text(&edge.to, at, "to"));
    PC_TRY(read_effect(&edge.effect, &edge.stderr_, &edge.is_measured, at));
    PC_TRY(read_n(&edge.n, at));
    PC_TRY(read_bool(&edge.in_circuit, at, "in_circuit"));
    PC_TRY(read_untouched(&edge.is_untouched, at));
    PC_TRY(read_p(&edge.p, at));
    PC_TRY(read_frequency(&edge.frequency, &edge.has_frequency, at));
    return pc_circuit_add_edge(c, &edge);
}

static pc_status read_array(pc_circuit *c, const pc_spot *top, const char *key,
                            pc_status (*read_one)(pc_circuit *, const pc_spot *))
{
    const json_t *array = json_object_get(top->object, key);
    if (!json_is_array(array)) return fail_at(top, key, "an array");
    for (size_t i = 0; i < json_array_size(array); i++) {
        pc_spot at = {json_array_get(array, i), top->file, ""};
        snprintf(at.where, sizeof at.where, "%s[%zu].", key, i);
        if (!json_is_object(at.object)) {
            char found[96];
            return pc_fail(PC_ERR_INPUT, "%s: %s[%zu] is %s, expected an object", top->file, key, i,
                           pc_json_describe(found, sizeof found, at.object));
        }
        PC_TRY(read_one(c, &at));
    }
    return PC_OK;
}

static pc_status read_real(double *out, const pc_spot *at, const char *key)
{
    const json_t *value = json_object_get(at->object, key);
    if (!json_is_number(value)) return fail_at(at, key, "a number");
    *out = json_number_value(value);
    return PC_OK;
}

static pc_status read_prefix(pc_circuit *c, const pc_spot *at)
{
    pc_circuit_prefix prefix;
    PC_TRY(read_int(&prefix.n, at, "n", 0, INT64_MAX));
    PC_TRY(read_int(&prefix.n_kept, at, "kept", 0, INT64_MAX));
    PC_TRY(read_real(&prefix.faithfulness, at, "faithfulness"));
    PC_TRY(read_real(&prefix.low, at, "low"));
    PC_TRY(read_real(&prefix.high, at, "high"));
    return pc_circuit_add_prefix(c, &prefix);
}

static pc_status read_all(pc_circuit *c, const pc_spot *top)
{
    PC_TRY(read_model(c, top));
    PC_TRY(read_task(c, top));
    PC_TRY(read_options(c, top));
    PC_TRY(read_numbers(c, top, "baseline", pc_circuit_set_baseline));
    PC_TRY(read_array(c, top, "nodes", read_node));
    PC_TRY(read_array(c, top, "edges", read_edge));
    PC_TRY(read_numbers(c, top, "evaluation", pc_circuit_set_evaluation));
    if (json_object_get(top->object, "prefixes"))
        PC_TRY(read_array(c, top, "prefixes", read_prefix));
    return pc_circuit_check(c, top->file);
}

static pc_status read_root(pc_circuit **out, const json_t *root, const char *name)
{
    const pc_spot top = {root, name, ""};
    const char *version;
    if (!json_is_object(root)) {
        char found[96];
        return pc_fail(PC_ERR_INPUT, "%s: the file holds %s, expected an object", name,
                       pc_json_describe(found, sizeof found, root));
    }
    PC_TRY(read_schema(&top));
    PC_TRY(read_text(&version, &top, "version"));
    PC_TRY(pc_circuit_new(out, version));
    pc_status status = read_all(*out, &top);
    if (status == PC_OK) return PC_OK;
    pc_circuit_free(*out);
    *out = NULL;
    return status;
}

pc_status pc_circuit_parse(pc_circuit **out, const char *bytes, size_t length, const char *name)
{
    json_t *root;
    *out = NULL;
    PC_TRY(pc_json_parse(&root, bytes, length, name));
    pc_status status = read_root(out, root, name);
    json_decref(root);
    return status;
}

pc_status pc_circuit_read(pc_circuit **out, const char *path)
{
    char *bytes;
    size_t length;
    *out = NULL;
    PC_TRY(pc_file_read(&bytes, &length, path, MAX_FILE_BYTES));
    pc_status status = pc_circuit_parse(out, bytes, length, path);
    free(bytes);
    return status;
}
