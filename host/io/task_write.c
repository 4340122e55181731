/* Writing a task: which format, and text that gives the same tokens again. */
#include "io/task_write.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static const char *const format_names[] = {[PC_TASK_JSONL] = "jsonl",
                                           [PC_TASK_AUTO_CIRCUIT] = "auto-circuit",
                                           [PC_TASK_EAP_IG] = "eap-ig"};
enum { N_FORMATS = sizeof format_names / sizeof *format_names };

pc_status pc_task_format_parse(pc_task_format *out, const char *name)
{
    for (int i = 0; i < N_FORMATS; i++)
        if (strcmp(format_names[i], name) == 0) return *out = (pc_task_format)i, PC_OK;
    return pc_fail(PC_ERR_INPUT,
                   "unknown format \"%.80s\", expected one of: jsonl, auto-circuit, eap-ig", name);
}

static pc_status check_pair(const pc_prompt *prompt)
{
    const pc_target *target = prompt->targets;
    if (prompt->n_targets != 1)
        return pc_fail(PC_ERR_INPUT, "%d positions are read, but the format knows the last alone",
                       prompt->n_targets);
    if (target->position != prompt->n_tokens - 1)
        return pc_fail(PC_ERR_INPUT,
                       "position %d of %d tokens is read, but the format knows the last alone",
                       target->position, prompt->n_tokens);
    if (target->n_wrong_answers == 0)
        return pc_fail(PC_ERR_INPUT, "no wrong answers, but the format needs some");
    return PC_OK;
}

static int count_bos(const int32_t *ids, const pc_task *task)
{
    return ids[0] == task->bos;
}

pc_status pc_task_check_plain(int *n_bos, const pc_task *task)
{
    *n_bos = count_bos(task->pairs[0].view.clean, task);
    for (size_t i = 0; i < task->n; i++) {
        const pc_prompt *prompt = &task->pairs[i].view;
        const pc_status status = check_pair(prompt);
        if (status != PC_OK) return pc_fail_within(status, "pair %zu", i);
        if (count_bos(prompt->clean, task) != *n_bos ||
            count_bos(prompt->corrupted, task) != *n_bos)
            return pc_fail(PC_ERR_INPUT,
                           "pair %zu: BOS begins some prompts only, but the format's readers put "
                           "it in front of all or none",
                           i);
    }
    return PC_OK;
}

static bool is_same(const int32_t *a, size_t n_a, const int32_t *b, size_t n_b)
{
    return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof *a) == 0);
}

static pc_status fail_other_tokens(const char *what, const char *text, const int32_t *ids, size_t n,
                                   const pc_tokenizer *tokenizer)
{
    pc_text shown = {0};
    pc_task_put_tokens(&shown, ids, n, tokenizer);
    pc_status status = pc_text_status(&shown);
    if (status == PC_OK)
        status = pc_fail(PC_ERR_INPUT,
                         "%s as text, \"%.200s\", is not the tokens %.300s: it encodes to others",
                         what, text, shown.data ? shown.data : "(none)");
    pc_text_free(&shown);
    return status;
}

pc_status pc_task_text_of(char **text, const int32_t *ids, int n, const char *what,
                          const pc_tokenizer *tokenizer)
{
    size_t length = 0, n_again = 0;
    int32_t *again = NULL;
    *text = NULL;
    PC_TRY(pc_tokenizer_decode(text, &length, tokenizer, ids, (size_t)n));
    pc_status status =
        pc_tokenizer_encode(&again, &n_again, tokenizer, *text, length, PC_BOS_NEVER);
    if (status == PC_OK && (strlen(*text) != length || !is_same(ids, (size_t)n, again, n_again)))
        status = fail_other_tokens(what, *text, ids, (size_t)n, tokenizer);
    free(again);
    if (status == PC_OK) return PC_OK;
    free(*text);
    *text = NULL;
    return status;
}

static pc_status put(pc_text *out, const pc_task *task, pc_task_format format,
                     const pc_tokenizer *tokenizer)
{
    if (format == PC_TASK_JSONL) return pc_task_put_jsonl(out, task);
    if (!tokenizer)
        return pc_fail(PC_ERR_INPUT, "the format %s is text, but the model has no tokenizer",
                       format_names[format]);
    const pc_status status = format == PC_TASK_AUTO_CIRCUIT
                                 ? pc_task_put_autocircuit(out, task, tokenizer)
                                 : pc_task_put_eapig(out, task, tokenizer);
    return status == PC_OK ? PC_OK
                           : pc_fail_within(status, "%s as %s", task->name, format_names[format]);
}

pc_status pc_task_export(const pc_task *task, const char *path, pc_task_format format,
                         const pc_tokenizer *tokenizer)
{
    if (!task || !path || (int)format < 0 || (int)format >= N_FORMATS)
        return pc_fail(PC_ERR_ARG, "pc_task_export: an argument is NULL or out of range");
    pc_text text = {0};
    pc_status status = put(&text, task, format, tokenizer);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

pc_status pc_task_write(const pc_task *task, const char *path)
{
    return pc_task_export(task, path, PC_TASK_JSONL, NULL);
}
