/* auto-circuit's data sets, as its load_datasets_from_json() reads them: the inverse of
 * task_autocircuit.c. */
#include "io/task_write.h"

#include "base/memory.h"

#include <stdlib.h>

static pc_status put_text(pc_text *out, const int32_t *ids, int n, const char *key,
                          const pc_tokenizer *tokenizer)
{
    char *text;
    PC_TRY(pc_task_text_of(&text, ids, n, key, tokenizer));
    pc_text_put_json_string(out, text);
    free(text);
    return PC_OK;
}

static pc_status put_answers(pc_text *out, const char *key, const int32_t *ids, int n,
                             const pc_tokenizer *tokenizer)
{
    pc_text_printf(out, ", \"%s\": [", key);
    for (int i = 0; i < n; i++) {
        pc_text_put(out, i ? ", " : "");
        PC_TRY(put_text(out, &ids[i], 1, key, tokenizer));
    }
    pc_text_put(out, "]");
    return PC_OK;
}

static pc_status put_pair(pc_text *out, const pc_prompt *prompt, int n_bos,
                          const pc_tokenizer *tokenizer)
{
    const pc_target *target = prompt->targets;
    const int n = prompt->n_tokens - n_bos;
    pc_text_put(out, "    {\"clean\": ");
    PC_TRY(put_text(out, prompt->clean + n_bos, n, "clean", tokenizer));
    pc_text_put(out, ", \"corrupt\": ");
    PC_TRY(put_text(out, prompt->corrupted + n_bos, n, "corrupt", tokenizer));
    PC_TRY(put_answers(out, "answers", target->answers, target->n_answers, tokenizer));
    PC_TRY(put_answers(out, "wrong_answers", target->wrong_answers, target->n_wrong_answers,
                       tokenizer));
    pc_text_put(out, "}");
    return PC_OK;
}

/* The one token that a name means in every pair; -1 if there is none such. */
static int common_position(const pc_task *task, const char *name)
{
    int position = -1;
    for (size_t i = 0; i < task->n; i++) {
        pc_span span;
        if (pc_task_span(&span, task, (int)i, name) != PC_OK || span.first != span.last) return -1;
        if (i > 0 && span.first != position) return -1;
        position = span.first;
    }
    return position;
}

/* The first name of each token that has one in every pair; free it. */
static pc_status find_labels(const char ***out, const pc_task *task)
{
    const char **labels = pc_alloc((size_t)task->longest, sizeof *labels);
    if (!labels) return PC_ERR_NOMEM;
    for (int i = 0; pc_task_position_name(task, i); i++) {
        const char *name = pc_task_position_name(task, i);
        const int position = common_position(task, name);
        if (position >= 0 && !labels[position]) labels[position] = name;
    }
    *out = labels;
    return PC_OK;
}

static void put_word_idxs(pc_text *out, const pc_task *task, int n_bos)
{
    int n = 0;
    for (int i = 0; pc_task_position_name(task, i); i++) {
        const char *name = pc_task_position_name(task, i);
        const int position = common_position(task, name) - n_bos;
        if (position < 0) continue;
        pc_text_put(out, n++ ? ", " : "  \"word_idxs\": {");
        pc_text_put_json_string(out, name);
        pc_text_printf(out, ": %d", position);
    }
    if (n) pc_text_put(out, "},\n");
}

/* Whether all clean prompts have the first one's token there. */
static bool is_constant(const pc_task *task, int at)
{
    for (size_t i = 1; i < task->n; i++)
        if (task->pairs[i].view.clean[at] != task->pairs[0].view.clean[at]) return false;
    return true;
}

/* A label a token: its name, else what it is in all prompts, else its number. */
static pc_status put_seq_labels(pc_text *out, const pc_task *task, int n_bos,
                                const pc_tokenizer *tokenizer)
{
    const char **labels;
    PC_TRY(find_labels(&labels, task));
    for (int i = n_bos; i < task->longest; i++) {
        const char *label = labels[i];
        if (!label && is_constant(task, i))
            label = pc_tokenizer_token(tokenizer, task->pairs[0].view.clean[i]);
        pc_text_put(out, i > n_bos ? ", " : "  \"seq_labels\": [");
        if (label) pc_text_put_json_string(out, label);
        else pc_text_printf(out, "\"[%d]\"", i - n_bos);
    }
    pc_text_put(out, "],\n");
    free(labels);
    return PC_OK;
}

pc_status pc_task_put_autocircuit(pc_text *out, const pc_task *task, const pc_tokenizer *tokenizer)
{
    int n_bos;
    PC_TRY(pc_task_check_plain(&n_bos, task));
    pc_text_put(out, "{\n");
    if (pc_task_has_equal_lengths(task) && task->longest > n_bos) {
        PC_TRY(put_seq_labels(out, task, n_bos, tokenizer));
        put_word_idxs(out, task, n_bos);
    }
    pc_text_put(out, "  \"prompts\": [\n");
    for (size_t i = 0; i < task->n; i++) {
        const pc_status status = put_pair(out, &task->pairs[i].view, n_bos, tokenizer);
        if (status != PC_OK) return pc_fail_within(status, "pair %zu", i);
        pc_text_put(out, i + 1 < task->n ? ",\n" : "\n");
    }
    pc_text_put(out, "  ]\n}\n");
    return pc_text_status(out);
}
