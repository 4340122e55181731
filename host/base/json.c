/* JSON input over jansson: strict parsing and typed member access. */
#include "base/json.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

static pc_status parse(json_t **out, const char *bytes, size_t length, const char *name,
                       size_t flags)
{
    json_error_t error;
    *out = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | flags, &error);
    if (*out) return PC_OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return pc_fail(PC_ERR_NOMEM, "%s: out of memory while parsing JSON", name);
    return pc_fail(PC_ERR_INPUT, "%s:%d:%d: not valid JSON: %s", name, error.line, error.column,
                   error.text);
}

pc_status pc_json_parse(json_t **out, const char *bytes, size_t length, const char *name)
{
    return parse(out, bytes, length, name, 0);
}

pc_status pc_json_parse_reals(json_t **out, const char *bytes, size_t length, const char *name)
{
    return parse(out, bytes, length, name, JSON_DECODE_INT_AS_REAL);
}

pc_status pc_json_read(json_t **out, const char *path, size_t max_bytes)
{
    char *bytes;
    size_t length;
    *out = NULL;
    PC_TRY(pc_file_read(&bytes, &length, path, max_bytes));
    pc_status status = pc_json_parse(out, bytes, length, path);
    free(bytes);
    return status;
}

const char *pc_json_describe(char *out, size_t out_bytes, const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        snprintf(out, out_bytes, "\"%.60s\"", json_string_value(value));
        break;
    case JSON_INTEGER:
        snprintf(out, out_bytes, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(out, out_bytes, "%g", json_real_value(value));
        break;
    case JSON_OBJECT:
        snprintf(out, out_bytes, "an object");
        break;
    case JSON_ARRAY:
        snprintf(out, out_bytes, "an array of %zu", json_array_size(value));
        break;
    case JSON_TRUE:
        snprintf(out, out_bytes, "true");
        break;
    case JSON_FALSE:
        snprintf(out, out_bytes, "false");
        break;
    case JSON_NULL:
        snprintf(out, out_bytes, value ? "null" : "missing");
        break;
    }
    return out;
}

static pc_status fail_member(const json_t *object, const char *key, const char *expected,
                             const char *name)
{
    char found[96];
    pc_json_describe(found, sizeof found, json_object_get(object, key));
    return pc_fail(PC_ERR_INPUT, "%s: %s is %s, expected %s", name, key, found, expected);
}

pc_status pc_json_int(int64_t *out, const json_t *object, const char *key, int64_t least,
                      int64_t most, const char *name)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value) && json_integer_value(value) >= least &&
        json_integer_value(value) <= most) {
        *out = json_integer_value(value);
        return PC_OK;
    }
    char expected[96];
    snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)least,
             (long long)most);
    return fail_member(object, key, expected, name);
}

pc_status pc_json_real(double *out, const json_t *object, const char *key, const char *name)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value)) return fail_member(object, key, "a number", name);
    *out = json_number_value(value);
    return PC_OK;
}

pc_status pc_json_text(const char **out, const json_t *object, const char *key, const char *name)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value)) return fail_member(object, key, "a string", name);
    *out = json_string_value(value);
    return PC_OK;
}

pc_status pc_json_bool(int *out, const json_t *object, const char *key, const char *name)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value)) return fail_member(object, key, "true or false", name);
    *out = json_is_true(value);
    return PC_OK;
}
