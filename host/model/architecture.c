/* Finding the architecture of a checkpoint and reading its configuration by the row's table. */
#include "model/architecture.h"

#include "base/file.h"
#include "base/text.h"
#include "model/config_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pc_architecture *const architectures[] = {
    &pc_arch_gpt2,  &pc_arch_gpt_neo, &pc_arch_gpt_neox, &pc_arch_llama,           &pc_arch_mistral,
    &pc_arch_qwen2, &pc_arch_qwen3,   &pc_arch_gemma2,   &pc_arch_transformer_lens};
enum { N_ARCHITECTURES = sizeof architectures / sizeof *architectures };

/* Larger than any configuration seen, small enough to bound the parser. */
enum { CONFIG_MAX_BYTES = 4 << 20 };

static pc_status check_only_value(const json_t *config, const pc_config_key *key, const char *path)
{
    json_t *only = json_loads(key->only, JSON_DECODE_ANY, NULL);
    const json_t *found = json_object_get(config, key->name);
    /* 0 and 0.0 are one value to us, two to jansson */
    const int is_same =
        json_equal(only, found) || (json_is_number(only) && json_is_number(found) &&
                                    json_number_value(only) == json_number_value(found));
    json_decref(only);
    if (is_same) return PC_OK;
    char words[96];
    return pc_fail(PC_ERR_UNSUPPORTED, "%s: %s is %s, Patchclamp supports only %s", path, key->name,
                   pc_json_describe(words, sizeof words, found), key->only);
}

static pc_status read_token(int64_t *out, const json_t *config, const char *key, const char *path)
{
    if (json_is_null(json_object_get(config, key))) return PC_OK;
    return pc_json_int(out, config, key, 0, INT32_MAX, path);
}

static pc_status read_int(int *out, const json_t *config, const char *key, const char *path)
{
    int64_t value;
    PC_TRY(pc_json_int(&value, config, key, 1, 1 << 24, path));
    *out = (int)value;
    return PC_OK;
}

static pc_status read_key(pc_shape *shape, const json_t *config, const pc_config_key *key,
                          const char *path)
{
    char *field = (char *)shape + key->field;
    switch (key->kind) {
    case PC_KEY_INT:
        return read_int((int *)field, config, key->name, path);
    case PC_KEY_INT_OR_DEFAULT:
        return pc_config_count((int *)field, config, key->name, path);
    case PC_KEY_INT64:
        return pc_json_int((int64_t *)field, config, key->name, 1, 1 << 24, path);
    case PC_KEY_REAL:
        return pc_json_real((double *)field, config, key->name, path);
    case PC_KEY_REAL_OR_DEFAULT:
        return pc_config_real((double *)field, config, key->name, path);
    case PC_KEY_BOOL:
        return pc_config_flag((bool *)field, config, key->name, path);
    case PC_KEY_ACTIVATION:
        return pc_config_activation((pc_activation *)field, config, key->name, path);
    case PC_KEY_TOKEN:
        return read_token((int64_t *)field, config, key->name, path);
    case PC_KEY_MUST_BE:
        return check_only_value(config, key, path);
    case PC_KEY_BY_FINISH:
    case PC_KEY_WITHOUT_EFFECT:
        return PC_OK;
    }
    return pc_fail(PC_ERR_INTERNAL, "%s: no rule for key kind %d", path, (int)key->kind);
}

static bool is_required(pc_key_kind kind)
{
    return kind == PC_KEY_INT || kind == PC_KEY_INT64 || kind == PC_KEY_REAL;
}

static bool has_key(const pc_architecture *architecture, const char *name)
{
    for (int t = 0; t < PC_MOST_KEY_TABLES && architecture->keys[t]; t++)
        for (const pc_config_key *key = architecture->keys[t]; key->name; key++)
            if (strcmp(key->name, name) == 0) return true;
    return false;
}

static pc_status check_keys(const pc_architecture *architecture, const json_t *config,
                            const char *path)
{
    json_t *object = (json_t *)config; /* jansson iterates only what it might change */
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i))
        if (!has_key(architecture, json_object_iter_key(i)))
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "%s: key \"%.60s\" is unknown for %s and might change the computation",
                           path, json_object_iter_key(i), architecture->name);
    return PC_OK;
}

static pc_status read_keys(pc_shape *shape, const pc_config_key *keys, const json_t *config,
                           const char *path)
{
    for (const pc_config_key *key = keys; key->name; key++)
        if (is_required(key->kind) || json_object_get(config, key->name))
            PC_TRY(read_key(shape, config, key, path));
    return PC_OK;
}

static pc_status read_config(pc_shape *shape, const pc_architecture *architecture,
                             const json_t *config, const char *path)
{
    *shape = architecture->defaults;
    PC_TRY(check_keys(architecture, config, path));
    for (int t = 0; t < PC_MOST_KEY_TABLES && architecture->keys[t]; t++)
        PC_TRY(read_keys(shape, architecture->keys[t], config, path));
    if (shape->n_layers > PC_MOST_LAYERS)
        return pc_fail(PC_ERR_INPUT, "%s: the configuration has %d layers, supported are %d", path,
                       shape->n_layers, PC_MOST_LAYERS);
    return architecture->finish(shape, config, path);
}

static pc_status fail_model_type(const json_t *config, const char *path)
{
    char words[96];
    pc_text known = {0};
    for (int i = 0; i < N_ARCHITECTURES; i++)
        if (architectures[i]->model_type)
            pc_text_printf(&known, "%s%s", i ? ", " : "", architectures[i]->model_type);
    pc_status status = pc_text_status(&known);
    if (status == PC_OK)
        status =
            pc_fail(PC_ERR_UNSUPPORTED, "%s: model_type is %s, expected one of: %s", path,
                    pc_json_describe(words, sizeof words, json_object_get(config, "model_type")),
                    known.data);
    pc_text_free(&known);
    return status;
}

static pc_status find_by_model_type(const pc_architecture **out, const json_t *config,
                                    const char *file, const char *path)
{
    const char *type = json_string_value(json_object_get(config, "model_type"));
    for (int i = 0; i < N_ARCHITECTURES; i++) {
        const pc_architecture *a = architectures[i];
        if (strcmp(a->config_file, file) != 0) continue;
        if (a->model_type && (!type || strcmp(a->model_type, type) != 0)) continue;
        *out = a;
        return PC_OK;
    }
    return fail_model_type(config, path);
}

pc_status pc_architecture_parse(const pc_architecture **out, pc_shape *shape, const char *bytes,
                                size_t length, const char *file, const char *path)
{
    json_t *config;
    PC_TRY(pc_json_parse(&config, bytes, length, path));
    pc_status status = PC_OK;
    if (!json_is_object(config)) status = pc_fail(PC_ERR_INPUT, "%s: expected a JSON object", path);
    if (status == PC_OK) status = find_by_model_type(out, config, file, path);
    if (status == PC_OK) status = read_config(shape, *out, config, path);
    json_decref(config);
    return status;
}

static pc_status read_as(const pc_architecture **out, pc_shape *shape, const char *file,
                         const char *path)
{
    char *bytes;
    size_t length;
    PC_TRY(pc_file_read(&bytes, &length, path, CONFIG_MAX_BYTES));
    pc_status status = pc_architecture_parse(out, shape, bytes, length, file, path);
    free(bytes);
    return status;
}

pc_status pc_architecture_detect(const pc_architecture **out, pc_shape *shape, char **config_path,
                                 const char *directory)
{
    static const char *const files[] = {"config.json", "cfg.json"};
    *config_path = NULL;
    if (!pc_directory_exists(directory))
        return pc_fail(PC_ERR_INPUT, "%s: no such model directory", directory);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = pc_path_join(directory, files[i]);
        if (!path) return PC_ERR_NOMEM;
        if (!pc_file_exists(path)) {
            free(path);
            continue;
        }
        pc_status status = read_as(out, shape, files[i], path);
        if (status == PC_OK) *config_path = path;
        else free(path);
        return status;
    }
    return pc_fail(PC_ERR_INPUT,
                   "%s: has neither config.json (Hugging Face) nor cfg.json (TransformerLens)",
                   directory);
}
