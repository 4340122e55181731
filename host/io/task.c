/* The task itself: pairs, their digest, what can be asked about them. */
#include "io/task_private.h"

#include "base/memory.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pc_status pc_task_context_make(pc_task_context *out, const pc_tokenizer *tokenizer,
                               const pc_task_limits *limits)
{
    *out = (pc_task_context){tokenizer, limits, limits->bos};
    if (limits->vocab < 1 || limits->vocab_out < 1 || limits->n_ctx < 1)
        return pc_fail(PC_ERR_ARG,
                       "task limits: vocab %lld, vocab_out %lld, n_ctx %d, expected "
                       "positive numbers",
                       (long long)limits->vocab, (long long)limits->vocab_out, limits->n_ctx);
    if (tokenizer && pc_tokenizer_bos(tokenizer) >= 0) out->bos = pc_tokenizer_bos(tokenizer);
    if (out->bos < -1 || out->bos >= limits->vocab)
        return pc_fail(PC_ERR_INPUT, "the BOS token is %lld, but the model's ids are 0 to %lld",
                       (long long)out->bos, (long long)limits->vocab - 1);
    return PC_OK;
}

pc_status pc_task_set(char **text, const char *value)
{
    char *copy = pc_copy_text(value);
    if (!copy) return PC_ERR_NOMEM;
    free(*text);
    *text = copy;
    return PC_OK;
}

pc_status pc_task_new(pc_task **out, const char *name, const pc_task_context *context)
{
    pc_task *task = pc_alloc(1, sizeof *task);
    *out = NULL;
    if (!task) return PC_ERR_NOMEM;
    task->bos = context->bos;
    task->has_wrong_answers = true;
    if (pc_task_set(&task->name, name) != PC_OK || pc_task_set(&task->split, "") != PC_OK ||
        pc_task_set(&task->origin, "") != PC_OK || pc_task_set(&task->meta, "") != PC_OK) {
        pc_task_free(task);
        return PC_ERR_NOMEM;
    }
    *out = task;
    return PC_OK;
}

static void free_stored(pc_stored_pair *pair)
{
    free(pair->named);
    free(pair->targets);
    free(pair->ids);
}

void pc_task_free(pc_task *task)
{
    if (!task) return;
    free(task->named);
    for (size_t i = 0; i < task->n_names; i++)
        free(task->names[i]);
    free(task->names);
    for (size_t i = 0; i < task->n; i++)
        free_stored(&task->pairs[i]);
    free(task->pairs);
    for (size_t i = 0; i < task->n_notes; i++)
        free(task->notes[i]);
    free(task->notes);
    free(task->meta);
    free(task->origin);
    free(task->split);
    free(task->name);
    free(task);
}

pc_status pc_task_add_note(pc_task *task, const char *format, ...)
{
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    char **notes = pc_grow(task->notes, &task->notes_capacity, task->n_notes + 1, sizeof *notes);
    if (!notes) return PC_ERR_NOMEM;
    task->notes = notes;
    notes[task->n_notes] = pc_copy_text(line);
    if (!notes[task->n_notes]) return PC_ERR_NOMEM;
    task->n_notes++;
    return PC_OK;
}

static size_t count_ids(const pc_pair *pair)
{
    size_t n = pair->clean.n + pair->corrupted.n;
    for (size_t i = 0; i < pair->n_targets; i++)
        n += pair->targets[i].answers.n + pair->targets[i].wrong_answers.n;
    return n;
}

static const int32_t *append_ids(int32_t **end, const pc_ids *ids)
{
    int32_t *start = *end;
    if (ids->n) memcpy(start, ids->ids, ids->n * sizeof *start);
    *end += ids->n;
    return start;
}

/* Fills arrays of the right size; the counts fit an int because pc_pair_check() bounded them. */
static void copy_pair(pc_stored_pair *out, const pc_pair *pair)
{
    int32_t *end = out->ids;
    pc_prompt *view = &out->view;
    view->n_tokens = (int)pair->clean.n;
    view->n_targets = (int)pair->n_targets;
    view->clean = append_ids(&end, &pair->clean);
    view->corrupted = append_ids(&end, &pair->corrupted);
    view->targets = out->targets;
    for (size_t i = 0; i < pair->n_targets; i++) {
        const pc_pair_target *from = &pair->targets[i];
        pc_target *to = &out->targets[i];
        to->position = (int)(from->position < 0 ? from->position + view->n_tokens : from->position);
        to->n_answers = (int)from->answers.n;
        to->n_wrong_answers = (int)from->wrong_answers.n;
        to->answers = append_ids(&end, &from->answers);
        to->wrong_answers = append_ids(&end, &from->wrong_answers);
    }
}

static pc_status store_pair(pc_stored_pair *out, pc_task *task, const pc_pair *pair)
{
    out->ids = pc_alloc(count_ids(pair), sizeof *out->ids);
    out->targets = pc_alloc(pair->n_targets, sizeof *out->targets);
    if (!out->ids || !out->targets) return PC_ERR_NOMEM;
    copy_pair(out, pair);
    return pc_task_store_positions(out, task, pair);
}

pc_status pc_task_add(pc_task *task, const pc_pair *pair, const pc_task_context *context)
{
    PC_TRY(pc_pair_check(pair, context));
    if (task->n == INT_MAX) return pc_fail(PC_ERR_INPUT, "more than %d pairs", INT_MAX);
    pc_stored_pair *pairs = pc_grow(task->pairs, &task->capacity, task->n + 1, sizeof *pairs);
    if (!pairs) return PC_ERR_NOMEM;
    task->pairs = pairs;

    pc_stored_pair stored = {0};
    const pc_status status = store_pair(&stored, task, pair);
    if (status != PC_OK) {
        free_stored(&stored);
        return status;
    }
    const int n_tokens = stored.view.n_tokens;
    if (n_tokens > task->longest) task->longest = n_tokens;
    if (task->n == 0 || n_tokens < task->shortest) task->shortest = n_tokens;
    for (int i = 0; i < stored.view.n_targets; i++)
        if (stored.targets[i].n_wrong_answers == 0) task->has_wrong_answers = false;
    task->pairs[task->n++] = stored;
    return PC_OK;
}

/* Numbers enter the digest as 8 bytes, the lowest first: the same on every machine. */
static pc_status add_number(pc_digest *digest, int64_t number)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)number >> 8 * i);
    return pc_digest_add(digest, bytes, sizeof bytes);
}

static pc_status add_ids(pc_digest *digest, const int32_t *ids, int n)
{
    PC_TRY(add_number(digest, n));
    for (int i = 0; i < n; i++)
        PC_TRY(add_number(digest, ids[i]));
    return PC_OK;
}

static pc_status add_prompt(pc_digest *digest, const pc_prompt *prompt)
{
    PC_TRY(add_ids(digest, prompt->clean, prompt->n_tokens));
    PC_TRY(add_ids(digest, prompt->corrupted, prompt->n_tokens));
    PC_TRY(add_number(digest, prompt->n_targets));
    for (int i = 0; i < prompt->n_targets; i++) {
        const pc_target *target = &prompt->targets[i];
        PC_TRY(add_number(digest, target->position));
        PC_TRY(add_ids(digest, target->answers, target->n_answers));
        PC_TRY(add_ids(digest, target->wrong_answers, target->n_wrong_answers));
    }
    return PC_OK;
}

static pc_status add_task(pc_digest *digest, const pc_task *task)
{
    static const char schema[] = "patchclamp-task/1";
    PC_TRY(pc_digest_add(digest, schema, sizeof schema));
    PC_TRY(add_number(digest, (int64_t)task->n));
    for (size_t i = 0; i < task->n; i++)
        PC_TRY(add_prompt(digest, &task->pairs[i].view));
    return PC_OK;
}

pc_status pc_task_finish(pc_task *task)
{
    if (task->n == 0) return pc_fail(PC_ERR_INPUT, "no pairs, expected at least one");
    PC_TRY(pc_task_check_positions(task));
    pc_digest *digest;
    PC_TRY(pc_digest_new(&digest));
    pc_status status = add_task(digest, task);
    if (status == PC_OK) status = pc_digest_finish(task->sha256, digest);
    pc_digest_free(digest);
    return status;
}

const char *pc_task_note(const pc_task *task, int i)
{
    return i >= 0 && (size_t)i < task->n_notes ? task->notes[i] : NULL;
}

const char *pc_task_name(const pc_task *task)
{
    return task->name;
}

const char *pc_task_split(const pc_task *task)
{
    return task->split;
}

uint64_t pc_task_seed(const pc_task *task)
{
    return task->seed;
}

int pc_task_n(const pc_task *task)
{
    return (int)task->n;
}

const pc_prompt *pc_task_prompt(const pc_task *task, int i)
{
    return i >= 0 && (size_t)i < task->n ? &task->pairs[i].view : NULL;
}

const char *pc_task_sha256(const pc_task *task)
{
    return task->sha256;
}

int64_t pc_task_bos(const pc_task *task)
{
    return task->bos;
}

int pc_task_longest(const pc_task *task)
{
    return task->longest;
}

bool pc_task_has_wrong_answers(const pc_task *task)
{
    return task->has_wrong_answers;
}

bool pc_task_has_equal_lengths(const pc_task *task)
{
    return task->shortest == task->longest;
}
