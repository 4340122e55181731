/* Patchclamp's own task files: JSON Lines, a line a pair, before them a line about the whole. */
#include "io/json_limits.h"
#include "io/task_json.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 1 << 22, MAX_DEPTH = 64 }; /* of one line; "meta" may nest */

static pc_status parse_line(json_t **out, const char *bytes, size_t length)
{
    json_error_t error;
    PC_TRY(pc_json_check_limits(bytes, length, MAX_VALUES, MAX_DEPTH, "the line"));
    *out = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
    if (!*out && json_error_code(&error) == json_error_out_of_memory)
        return pc_fail(PC_ERR_NOMEM, "out of memory while parsing JSON");
    if (!*out)
        return pc_fail(PC_ERR_INPUT, "not valid JSON at column %d: %s", error.column, error.text);
    if (json_is_object(*out)) return PC_OK;
    char found[96];
    pc_json_describe(found, sizeof found, *out);
    json_decref(*out);
    *out = NULL;
    return pc_fail(PC_ERR_INPUT, "%s, expected an object with \"clean\" and \"corrupted\"", found);
}

/* A seed is 0 .. 2^64 - 1; what JSON readers take for too large an integer is written as text. */
static pc_status read_seed(uint64_t *out, const json_t *value)
{
    if (!value) return PC_OK;
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return PC_OK;
    }
    const char *digits = json_is_string(value) ? json_string_value(value) : "";
    char *end = NULL;
    errno = 0;
    const unsigned long long seed = strtoull(digits, &end, 10);
    if (*digits >= '0' && *digits <= '9' && !*end && errno == 0) {
        *out = seed;
        return PC_OK;
    }
    char found[96];
    pc_json_describe(found, sizeof found, value);
    return pc_fail(PC_ERR_INPUT, "seed is %s, expected an integer from 0 to 2^64 - 1", found);
}

static pc_status read_words(char **out, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value) return PC_OK;
    if (json_is_string(value)) return pc_task_set(out, json_string_value(value));
    char found[96];
    pc_json_describe(found, sizeof found, value);
    return pc_fail(PC_ERR_INPUT, "%s is %s, expected a string", key, found);
}

/* Kept as it is, to be written again. */
static pc_status read_meta(pc_task *task, const json_t *meta)
{
    if (!meta) return PC_OK;
    char *dumped = json_dumps(meta, JSON_ENCODE_ANY);
    if (!dumped) return pc_fail(PC_ERR_NOMEM, "out of memory for \"meta\"");
    const pc_status status = pc_task_set(&task->meta, dumped);
    free(dumped);
    return status;
}

/* {"task": NAME, "seed": N, "split": S, "source": WORDS, "positions": {...}, "meta": ...} */
static pc_status read_head(pc_task *task, const json_t *object)
{
    static const char *const known[] = {"task",      "seed", "split", "source",
                                        "positions", "meta", NULL};
    PC_TRY(pc_task_json_keys(object, known));
    PC_TRY(read_words(&task->name, object, "task"));
    PC_TRY(read_words(&task->split, object, "split"));
    PC_TRY(read_words(&task->origin, object, "source"));
    PC_TRY(read_seed(&task->seed, json_object_get(object, "seed")));
    PC_TRY(read_meta(task, json_object_get(object, "meta")));
    return pc_task_json_positions(task, json_object_get(object, "positions"));
}

static pc_status read_position(int64_t *out, const json_t *value, const pc_pair *pair,
                               const pc_task *task)
{
    *out = value ? json_integer_value(value) : -1;
    if (!value || json_is_integer(value)) return PC_OK;
    if (json_is_string(value))
        return pc_pair_find_position(out, pair, task, json_string_value(value));
    char found[96];
    pc_json_describe(found, sizeof found, value);
    return pc_fail(PC_ERR_INPUT, "position is %s, expected an integer or a name", found);
}

static pc_status read_target(pc_pair *pair, const json_t *object, const pc_task *task,
                             const pc_task_context *context)
{
    int64_t position;
    PC_TRY(read_position(&position, json_object_get(object, "position"), pair, task));
    pc_pair_target *target;
    PC_TRY(pc_pair_add_target(&target, pair, position));
    PC_TRY(pc_task_json_answers(&target->answers, json_object_get(object, "answers"), "answers",
                                context));
    return pc_task_json_answers(&target->wrong_answers, json_object_get(object, "wrong_answers"),
                                "wrong_answers", context);
}

static pc_status read_targets(pc_pair *pair, const json_t *targets, const pc_task *task,
                              const pc_task_context *context)
{
    static const char *const known[] = {"position", "answers", "wrong_answers", NULL};
    if (!json_is_array(targets))
        return pc_fail(PC_ERR_INPUT, "targets is not an array, expected [{\"position\": ..., "
                                     "\"answers\": [...]}, ...]");
    for (size_t i = 0; i < json_array_size(targets); i++) {
        const json_t *target = json_array_get(targets, i);
        pc_status status = PC_OK;
        if (!json_is_object(target) || !json_object_get(target, "position"))
            status = pc_fail(PC_ERR_INPUT, "expected an object with \"position\" and \"answers\"");
        if (status == PC_OK) status = pc_task_json_keys(target, known);
        if (status == PC_OK) status = read_target(pair, target, task, context);
        if (status != PC_OK) return pc_fail_within(status, "targets[%zu]", i);
    }
    return PC_OK;
}

static pc_status read_pair(pc_pair *pair, const json_t *object, const pc_task *task,
                           const pc_task_context *context)
{
    static const char *const of_one[] = {"clean",    "corrupted", "answers", "wrong_answers",
                                         "position", "positions", "meta",    NULL};
    static const char *const of_several[] = {"clean",     "corrupted", "targets",
                                             "positions", "meta",      NULL};
    const json_t *targets = json_object_get(object, "targets");
    PC_TRY(pc_task_json_keys(object, targets ? of_several : of_one));
    pc_pair_clear(pair);
    PC_TRY(pc_task_json_prompt(&pair->clean, json_object_get(object, "clean"), "clean", context));
    PC_TRY(pc_task_json_prompt(&pair->corrupted, json_object_get(object, "corrupted"), "corrupted",
                               context));
    PC_TRY(pc_pair_json_positions(pair, json_object_get(object, "positions")));
    return targets ? read_targets(pair, targets, task, context)
                   : read_target(pair, object, task, context);
}

static pc_status read_line(pc_task *task, pc_pair *pair, bool is_first, const char *bytes,
                           size_t length, const pc_task_context *context)
{
    json_t *object;
    PC_TRY(parse_line(&object, bytes, length));
    pc_status status;
    if (is_first && json_object_get(object, "task")) {
        status = read_head(task, object);
    } else {
        status = read_pair(pair, object, task, context);
        if (status == PC_OK) status = pc_task_add(task, pair, context);
    }
    json_decref(object);
    return status;
}

static bool is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r') return false;
    return true;
}

pc_status pc_task_read_jsonl(pc_task *task, const char *bytes, size_t length, const char *file,
                             const pc_task_context *context)
{
    pc_pair pair = {0};
    bool is_first = true;
    size_t line = 1;
    pc_status status = PC_OK;
    for (size_t at = 0; at < length && status == PC_OK; line++) {
        const char *end = memchr(bytes + at, '\n', length - at);
        const size_t n = end ? (size_t)(end - bytes) - at : length - at;
        if (!is_blank(bytes + at, n)) {
            status = read_line(task, &pair, is_first, bytes + at, n, context);
            if (status != PC_OK) pc_fail_within(status, "%s:%zu", file, line);
            is_first = false;
        }
        at += n + 1;
    }
    pc_pair_free(&pair);
    return status;
}

static void put_ids(pc_text *out, const char *key, const int32_t *ids, int n)
{
    pc_text_printf(out, "\"%s\": [", key);
    for (int i = 0; i < n; i++)
        pc_text_printf(out, "%s%" PRId32, i ? ", " : "", ids[i]);
    pc_text_put(out, "]");
}

static void put_target(pc_text *out, const pc_target *target)
{
    pc_text_printf(out, "\"position\": %d, ", target->position);
    put_ids(out, "answers", target->answers, target->n_answers);
    if (target->n_wrong_answers == 0) return;
    pc_text_put(out, ", ");
    put_ids(out, "wrong_answers", target->wrong_answers, target->n_wrong_answers);
}

/* `, "positions": {"S": 1, "IO": [3, 4]}` */
static void put_positions(pc_text *out, const pc_named_span *spans, size_t n, const pc_task *task)
{
    for (size_t i = 0; i < n; i++) {
        const long long first = spans[i].first, last = spans[i].last;
        pc_text_put(out, i ? ", " : ", \"positions\": {");
        pc_text_put_json_string(out, task->names[spans[i].name]);
        pc_text_put(out, ": ");
        if (first == last) pc_text_printf(out, "%lld", first);
        else pc_text_printf(out, "[%lld, %lld]", first, last);
    }
    if (n) pc_text_put(out, "}");
}

static void put_pair(pc_text *out, const pc_stored_pair *pair, const pc_task *task)
{
    const pc_prompt *prompt = &pair->view;
    pc_text_put(out, "{");
    put_ids(out, "clean", prompt->clean, prompt->n_tokens);
    pc_text_put(out, ", ");
    put_ids(out, "corrupted", prompt->corrupted, prompt->n_tokens);
    pc_text_put(out, ", ");
    if (prompt->n_targets == 1) {
        put_target(out, prompt->targets);
    } else {
        pc_text_put(out, "\"targets\": [");
        for (int i = 0; i < prompt->n_targets; i++) {
            pc_text_put(out, i ? ", {" : "{");
            put_target(out, &prompt->targets[i]);
            pc_text_put(out, "}");
        }
        pc_text_put(out, "]");
    }
    put_positions(out, pair->named, pair->n_named, task);
    pc_text_put(out, "}\n");
}

static void put_words(pc_text *out, const char *key, const char *words)
{
    if (!*words) return;
    pc_text_printf(out, ", \"%s\": ", key);
    pc_text_put_json_string(out, words);
}

/* The file's own, or what the generator says. */
static void put_meta(pc_text *out, const pc_task *task)
{
    if (*task->meta) pc_text_printf(out, ", \"meta\": %s", task->meta);
    if (*task->meta || task->n_notes == 0) return;
    for (size_t i = 0; i < task->n_notes; i++) {
        pc_text_put(out, i ? ", " : ", \"meta\": {\"notes\": [");
        pc_text_put_json_string(out, task->notes[i]);
    }
    pc_text_put(out, "]}");
}

static void put_head(pc_text *out, const pc_task *task)
{
    pc_text_put(out, "{\"task\": ");
    pc_text_put_json_string(out, task->name);
    const char *quote = task->seed > INT64_MAX ? "\"" : "";
    pc_text_printf(out, ", \"seed\": %s%" PRIu64 "%s", quote, task->seed, quote);
    put_words(out, "split", task->split);
    put_words(out, "source", task->origin);
    put_positions(out, task->named, task->n_named, task);
    put_meta(out, task);
    pc_text_put(out, "}\n");
}

pc_status pc_task_put_jsonl(pc_text *out, const pc_task *task)
{
    put_head(out, task);
    for (size_t i = 0; i < task->n; i++)
        put_pair(out, &task->pairs[i], task);
    return pc_text_status(out);
}
