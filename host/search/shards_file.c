/* shards.json: the list of shards as a file; what is read is hostile until it was checked. */
#include "search/shards_private.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/json_limits.h"
#include "patchclamp/version.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA_NAME "patchclamp-shards/1"

enum {
    MOST_BYTES = 64 << 20,
    MOST_VALUES = 8 * PC_MOST_SHARDS,
    MOST_DEPTH = 4,
    MOST_WORD = 8192,
    MOST_FACTS = PC_MOST_RUN_FACTS
};

/* ---- writing ---- */

static void put_facts(pc_text *t, const pc_shards *s)
{
    pc_text_put(t, " \"search\": {");
    for (int i = 0; i < s->n_facts; i++) {
        pc_text_put(t, i ? ",\n  " : "\n  ");
        pc_text_put_json_string(t, s->facts[i].key);
        pc_text_put(t, ": ");
        pc_text_put_json_string(t, s->facts[i].value);
    }
    pc_text_put(t, "},\n");
}

static void put_shards(pc_text *t, const pc_shards *s)
{
    pc_text_printf(t, " \"interventions\": %lld,\n \"shards\": [", (long long)s->n_all);
    for (int k = 0; k < s->n; k++) {
        const pc_shard *shard = &s->list[k];
        pc_text_printf(t, "%s\n  {\"first\": %lld, \"n\": %lld, \"flop\": ", k ? "," : "",
                       (long long)shard->first, (long long)shard->n);
        pc_text_put_number(t, shard->flop);
        pc_text_put(t, "}");
    }
    pc_text_put(t, "]}\n");
}

pc_status pc_shards_write(const pc_shards *s, const char *const *words, int n_words,
                          const char *path)
{
    pc_text t = {0};
    if (n_words > PC_MOST_SHARD_WORDS)
        return pc_fail(PC_ERR_INPUT, "%d words, expected at most %d", n_words, PC_MOST_SHARD_WORDS);
    pc_text_put(&t, "{\"schema\": \"" SCHEMA_NAME "\", \"version\": ");
    pc_text_put_json_string(&t, pc_version());
    pc_text_put(&t, ",\n \"words\": [");
    for (int i = 0; i < n_words; i++) {
        if (i) pc_text_put(&t, ", ");
        pc_text_put_json_string(&t, words[i]);
    }
    pc_text_put(&t, "],\n");
    put_facts(&t, s);
    put_shards(&t, s);
    pc_status status = pc_text_status(&t);
    if (status == PC_OK) status = pc_file_replace(path, t.data, t.length);
    pc_text_free(&t);
    return status;
}

/* ---- reading ---- */

static pc_status fail_kind(const char *name, const char *what, const json_t *found,
                           const char *expected)
{
    char words[96];
    pc_json_describe(words, sizeof words, found);
    return pc_fail(PC_ERR_INPUT, "%s: %s is %s, expected %s", name, what, words, expected);
}

static pc_status read_words(pc_shards *s, const json_t *root, const char *name)
{
    const json_t *words = json_object_get(root, "words");
    if (!json_is_array(words)) return fail_kind(name, "words", words, "an array");
    const size_t n = json_array_size(words);
    if (n > PC_MOST_SHARD_WORDS)
        return pc_fail(PC_ERR_INPUT, "%s: %zu words, expected at most %d", name, n,
                       PC_MOST_SHARD_WORDS);
    s->words = pc_alloc(n, sizeof(char *));
    if (!s->words) return PC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *word = json_array_get(words, i);
        if (!json_is_string(word) || json_string_length(word) > MOST_WORD)
            return fail_kind(name, "a word", word, "a string");
        s->words[i] = pc_copy_text(json_string_value(word));
        if (!s->words[i]) return PC_ERR_NOMEM;
        s->n_words++;
    }
    return PC_OK;
}

static pc_status read_facts(pc_shards *s, json_t *root, const char *name)
{
    json_t *facts = json_object_get(root, "search"), *value;
    const char *key;
    if (!json_is_object(facts)) return fail_kind(name, "search", facts, "an object");
    if (json_object_size(facts) > MOST_FACTS)
        return pc_fail(PC_ERR_INPUT, "%s: %zu facts, expected at most %d", name,
                       json_object_size(facts), MOST_FACTS);
    s->facts = pc_alloc(json_object_size(facts), sizeof *s->facts);
    if (!s->facts) return PC_ERR_NOMEM;
    json_object_foreach(facts, key, value)
    {
        if (!json_is_string(value)) return fail_kind(name, "a fact of search", value, "a string");
        pc_store_fact *fact = &s->facts[s->n_facts++];
        fact->key = pc_copy_text(key);
        fact->value = pc_copy_text(json_string_value(value));
        if (!fact->key || !fact->value) return PC_ERR_NOMEM;
    }
    return PC_OK;
}

/* The next shard begins at `at`. */
static pc_status read_shard(pc_shard *out, const json_t *object, int64_t at, int64_t n_all, int k,
                            const char *name)
{
    if (!json_is_object(object)) return fail_kind(name, "a shard", object, "an object");
    pc_status status = pc_json_int(&out->first, object, "first", at, at, name);
    if (status == PC_OK) status = pc_json_int(&out->n, object, "n", 1, n_all - at, name);
    if (status == PC_OK) status = pc_json_real(&out->flop, object, "flop", name);
    if (status == PC_OK && !(out->flop >= 0))
        status = pc_fail(PC_ERR_INPUT, "%s: flop is %g, expected 0 or more", name, out->flop);
    return status == PC_OK ? PC_OK : pc_fail_within(status, "shard %d", k);
}

static pc_status read_list(pc_shards *s, const json_t *root, const char *name)
{
    const json_t *list = json_object_get(root, "shards");
    int64_t at = 0;
    PC_TRY(pc_json_int(&s->n_all, root, "interventions", 1, INT64_MAX / 2, name));
    if (!json_is_array(list)) return fail_kind(name, "shards", list, "an array");
    const size_t n = json_array_size(list);
    if (n < 1 || n > PC_MOST_SHARDS)
        return pc_fail(PC_ERR_INPUT, "%s: %zu shards, expected 1 to %d", name, n, PC_MOST_SHARDS);
    s->list = pc_alloc(n, sizeof *s->list);
    if (!s->list) return PC_ERR_NOMEM;
    s->n = (int)n;
    for (int k = 0; k < s->n; k++) {
        PC_TRY(read_shard(&s->list[k], json_array_get(list, (size_t)k), at, s->n_all, k, name));
        at += s->list[k].n;
    }
    if (at == s->n_all) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: the shards have %lld interventions, expected %lld", name,
                   (long long)at, (long long)s->n_all);
}

static pc_status read_root(pc_shards *s, json_t *root, const char *name)
{
    const char *schema;
    if (!json_is_object(root)) return fail_kind(name, "the file", root, "an object");
    PC_TRY(pc_json_text(&schema, root, "schema", name));
    if (strcmp(schema, SCHEMA_NAME) != 0)
        return pc_fail(PC_ERR_INPUT, "%s: schema is \"%.60s\", expected \"" SCHEMA_NAME "\"", name,
                       schema);
    PC_TRY(read_words(s, root, name));
    PC_TRY(read_facts(s, root, name));
    return read_list(s, root, name);
}

pc_status pc_shards_read(pc_shards **out, const char *path)
{
    char *bytes;
    size_t length;
    json_t *root = NULL;
    *out = NULL;
    PC_TRY(pc_file_read(&bytes, &length, path, MOST_BYTES));
    pc_shards *s = pc_alloc(1, sizeof *s);
    pc_status status = s ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK)
        status = pc_json_check_limits(bytes, length, MOST_VALUES, MOST_DEPTH, path);
    if (status == PC_OK) status = pc_json_parse(&root, bytes, length, path);
    if (status == PC_OK) status = read_root(s, root, path);
    if (root) json_decref(root);
    free(bytes);
    if (status == PC_OK) *out = s;
    else pc_shards_free(s);
    return status;
}
