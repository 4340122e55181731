/* auto-circuit's data sets: one JSON object with "prompts", and position names in "word_idxs". */
#include "io/json_limits.h"
#include "io/task_json.h"

#include <stdlib.h>

enum { MAX_VALUES = 1 << 24, MAX_DEPTH = 16 };

static pc_status read_pair(pc_pair *pair, const json_t *object, const pc_task_context *context)
{
    static const char *const known[] = {"clean", "corrupt", "answers", "wrong_answers", NULL};
    pc_pair_target *target;
    if (!json_is_object(object))
        return pc_fail(PC_ERR_INPUT, "expected an object with \"clean\" and \"corrupt\"");
    PC_TRY(pc_task_json_keys(object, known));
    pc_pair_clear(pair);
    PC_TRY(pc_task_json_prompt(&pair->clean, json_object_get(object, "clean"), "clean", context));
    PC_TRY(pc_task_json_prompt(&pair->corrupted, json_object_get(object, "corrupt"), "corrupt",
                               context));
    PC_TRY(pc_pair_add_target(&target, pair, -1));
    PC_TRY(pc_task_json_answers(&target->answers, json_object_get(object, "answers"), "answers",
                                context));
    return pc_task_json_answers(&target->wrong_answers, json_object_get(object, "wrong_answers"),
                                "wrong_answers", context);
}

static pc_status read_prompts(pc_task *task, const json_t *prompts, const pc_task_context *context)
{
    pc_pair pair = {0};
    pc_status status = PC_OK;
    if (!json_is_array(prompts))
        return pc_fail(PC_ERR_INPUT, "prompts is missing or no array, expected an array of pairs");
    for (size_t i = 0; i < json_array_size(prompts) && status == PC_OK; i++) {
        status = read_pair(&pair, json_array_get(prompts, i), context);
        if (status == PC_OK) status = pc_task_add(task, &pair, context);
        if (status != PC_OK) pc_fail_within(status, "prompts[%zu]", i);
    }
    pc_pair_free(&pair);
    return status;
}

/* The file counts positions without the BOS that its reader puts in front of a text. */
static pc_status count_bos(int64_t *out, const json_t *prompts, const pc_task_context *context)
{
    const json_t *text = json_object_get(json_array_get(prompts, 0), "clean");
    *out = 0;
    if (!json_is_string(text)) return PC_OK;
    pc_ids with = {0}, without = {0};
    const char *bytes = json_string_value(text);
    const size_t length = json_string_length(text);
    pc_status status =
        pc_task_encode(&with, bytes, length, context->limits->bos_rule, "clean", context);
    if (status == PC_OK)
        status = pc_task_encode(&without, bytes, length, PC_BOS_NEVER, "clean", context);
    if (status == PC_OK) *out = (int64_t)with.n - (int64_t)without.n;
    free(without.ids);
    free(with.ids);
    return status;
}

/* {"name": position, ...}, each moved by the BOS in front. */
static pc_status read_words(pc_task *task, const json_t *words, int64_t n_bos)
{
    const char *name;
    json_t *position;
    if (!words || json_is_null(words)) return PC_OK;
    if (!json_is_object(words))
        return pc_fail(PC_ERR_INPUT, "word_idxs is no object, expected {name: position, ...}");
    json_object_foreach((json_t *)words, name, position)
    {
        const json_int_t at = json_integer_value(position);
        if (!json_is_integer(position) || at < 0 || at > INT32_MAX - n_bos) {
            char found[96];
            pc_json_describe(found, sizeof found, position);
            return pc_fail(PC_ERR_INPUT, "word_idxs.%.60s is %s, expected a position, 0 or more",
                           name, found);
        }
        PC_TRY(pc_task_name_position(task, name, at + n_bos, at + n_bos));
    }
    return PC_OK;
}

static pc_status read_whole(pc_task *task, const json_t *root, const pc_task_context *context)
{
    static const char *const known[] = {"seq_labels", "word_idxs", "prompts", NULL};
    const json_t *prompts = json_object_get(root, "prompts");
    const json_t *words = json_object_get(root, "word_idxs");
    int64_t n_bos;
    PC_TRY(pc_task_json_keys(root, known));
    PC_TRY(read_prompts(task, prompts, context));
    PC_TRY(count_bos(&n_bos, prompts, context));
    return read_words(task, words, n_bos);
}

pc_status pc_task_read_autocircuit(pc_task *task, const char *bytes, size_t length,
                                   const char *file, const pc_task_context *context)
{
    json_t *root;
    PC_TRY(pc_json_check_limits(bytes, length, MAX_VALUES, MAX_DEPTH, file));
    PC_TRY(pc_json_parse(&root, bytes, length, file));
    pc_status status = read_whole(task, root, context);
    if (status != PC_OK) pc_fail_within(status, "%s", file);
    json_decref(root);
    return status;
}
