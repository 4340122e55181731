/* JSON values as prompts, answers and named positions. */
#include "io/task_json.h"

#include <stdio.h>
#include <string.h>

static pc_status fail_value(const json_t *value, const char *what, const char *expected)
{
    char found[96];
    pc_json_describe(found, sizeof found, value);
    return pc_fail(PC_ERR_INPUT, "%s is %s, expected %s", what, found, expected);
}

static pc_status push_id(pc_ids *out, const json_t *value, const char *what, size_t i,
                         int64_t bound)
{
    if (!json_is_integer(value)) {
        char place[64];
        snprintf(place, sizeof place, "%s[%zu]", what, i);
        return fail_value(value, place, "a token id");
    }
    PC_TRY(pc_task_check_id(what, i, json_integer_value(value), bound));
    return pc_ids_push(out, (int32_t)json_integer_value(value));
}

pc_status pc_task_json_prompt(pc_ids *out, const json_t *value, const char *what,
                              const pc_task_context *context)
{
    if (json_is_string(value))
        return pc_task_encode(out, json_string_value(value), json_string_length(value),
                              context->limits->bos_rule, what, context);
    if (!json_is_array(value)) return fail_value(value, what, "text or an array of token ids");
    out->n = 0;
    for (size_t i = 0; i < json_array_size(value); i++)
        PC_TRY(push_id(out, json_array_get(value, i), what, i, context->limits->vocab));
    return PC_OK;
}

pc_status pc_task_json_answers(pc_ids *out, const json_t *value, const char *what,
                               const pc_task_context *context)
{
    if (!value) return PC_OK;
    if (!json_is_array(value)) return fail_value(value, what, "an array of answers");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *answer = json_array_get(value, i);
        if (json_is_string(answer))
            PC_TRY(pc_task_encode_answer(out, json_string_value(answer), json_string_length(answer),
                                         what, i, context));
        else PC_TRY(push_id(out, answer, what, i, context->limits->vocab_out));
    }
    return PC_OK;
}

static bool is_known(const char *key, const char *const *known)
{
    for (; *known; known++)
        if (strcmp(key, *known) == 0) return true;
    return false;
}

static pc_status fail_key(const char *key, const char *const *known)
{
    pc_text list = {0};
    for (size_t i = 0; known[i]; i++)
        pc_text_printf(&list, "%s%s", i ? ", " : "", known[i]);
    pc_status status = pc_text_status(&list);
    if (status == PC_OK)
        status = pc_fail(PC_ERR_INPUT, "unknown key \"%.60s\", expected only %s", key, list.data);
    pc_text_free(&list);
    return status;
}

pc_status pc_task_json_keys(const json_t *object, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (!is_known(key, known)) return fail_key(key, known);
    }
    return PC_OK;
}

static bool is_position(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= INT32_MIN &&
           json_integer_value(value) <= INT32_MAX;
}

static pc_status read_span(int64_t *first, int64_t *last, const json_t *value, const char *name)
{
    const bool is_pair = json_is_array(value) && json_array_size(value) == 2;
    const json_t *from = is_pair ? json_array_get(value, 0) : value;
    const json_t *to = is_pair ? json_array_get(value, 1) : value;
    if (!is_position(from) || !is_position(to)) {
        char place[96];
        snprintf(place, sizeof place, "positions.%.60s", name);
        return fail_value(value, place, "a position or [first, last]");
    }
    *first = json_integer_value(from);
    *last = json_integer_value(to);
    return PC_OK;
}

/* To the pair, or without one to the task. */
static pc_status read_positions(pc_task *task, pc_pair *pair, const json_t *value)
{
    const char *name;
    json_t *span;
    if (!value) return PC_OK;
    if (!json_is_object(value)) return fail_value(value, "positions", "an object of positions");
    json_object_foreach((json_t *)value, name, span)
    {
        int64_t first = 0, last = 0;
        PC_TRY(read_span(&first, &last, span, name));
        PC_TRY(pair ? pc_pair_name_position(pair, name, first, last)
                    : pc_task_name_position(task, name, first, last));
    }
    return PC_OK;
}

pc_status pc_task_json_positions(pc_task *task, const json_t *value)
{
    return read_positions(task, NULL, value);
}

pc_status pc_pair_json_positions(pc_pair *pair, const json_t *value)
{
    return read_positions(NULL, pair, value);
}
