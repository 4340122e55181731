/* EAP-IG's tables: the inverse of task_eapig_csv.c. One layout for all pairs, the first that can
 * say them: a year to be exceeded, an answer and a wrong one, lists of both. */
#include "io/task_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_YEARS = 100 };

typedef enum layout { LAYOUT_YEARS, LAYOUT_IDS, LAYOUT_LISTS } layout;

static const char *const headers[] = {
    [LAYOUT_YEARS] = "clean,corrupted,label",
    [LAYOUT_IDS] = "clean,corrupted,correct_idx,incorrect_idx",
    [LAYOUT_LISTS] = "clean,corrupted,answers_idx,corrupted_answers_idx",
};

static bool is_part(const int32_t *ids, int n, const int32_t *years, int n_years)
{
    return n == n_years && memcmp(ids, years, (size_t)n * sizeof *ids) == 0;
}

/* The year that all answers exceed and no wrong answer does, -1 if they are anything else. */
static int year_of(const pc_target *target, const pc_ids *years)
{
    const int n = target->n_wrong_answers;
    const bool is_year = years->n == N_YEARS && n >= 1 && n < N_YEARS &&
                         is_part(target->wrong_answers, n, years->ids, n) &&
                         is_part(target->answers, target->n_answers, years->ids + n, N_YEARS - n);
    return is_year ? n - 1 : -1;
}

static layout choose_layout(const pc_task *task, const pc_ids *years)
{
    bool is_years = true, is_ids = true;
    for (size_t i = 0; i < task->n; i++) {
        const pc_target *target = task->pairs[i].view.targets;
        is_years &= year_of(target, years) >= 0;
        is_ids &= target->n_answers == 1 && target->n_wrong_answers == 1;
    }
    return is_years ? LAYOUT_YEARS : is_ids ? LAYOUT_IDS : LAYOUT_LISTS;
}

/* In quotes, which RFC 4180 doubles inside. */
static void put_cell(pc_text *out, const char *text)
{
    pc_text_put(out, "\"");
    for (; *text; text++)
        pc_text_put_bytes(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    pc_text_put(out, "\"");
}

static pc_status put_prompt(pc_text *out, const int32_t *ids, int n, const char *what,
                            const pc_tokenizer *tokenizer)
{
    char *text;
    PC_TRY(pc_task_text_of(&text, ids, n, what, tokenizer));
    put_cell(out, text);
    pc_text_put(out, ",");
    free(text);
    return PC_OK;
}

static void put_list(pc_text *out, const int32_t *ids, int n)
{
    for (int i = 0; i < n; i++)
        pc_text_printf(out, "%s%" PRId32, i ? ", " : "\"[", ids[i]);
    pc_text_put(out, "]\"");
}

static void put_answers(pc_text *out, const pc_target *target, layout kind, const pc_ids *years)
{
    switch (kind) {
    case LAYOUT_YEARS:
        pc_text_printf(out, "%d", year_of(target, years));
        break;
    case LAYOUT_IDS:
        pc_text_printf(out, "%" PRId32 ",%" PRId32, target->answers[0], target->wrong_answers[0]);
        break;
    case LAYOUT_LISTS:
        put_list(out, target->answers, target->n_answers);
        pc_text_put(out, ",");
        put_list(out, target->wrong_answers, target->n_wrong_answers);
    }
    pc_text_put(out, "\n");
}

static pc_status put_pairs(pc_text *out, const pc_task *task, int n_bos, const pc_ids *years,
                           const pc_tokenizer *tokenizer)
{
    const layout kind = choose_layout(task, years);
    pc_text_printf(out, "%s\n", headers[kind]);
    for (size_t i = 0; i < task->n; i++) {
        const pc_prompt *prompt = &task->pairs[i].view;
        const int n = prompt->n_tokens - n_bos;
        pc_status status = put_prompt(out, prompt->clean + n_bos, n, "clean", tokenizer);
        if (status == PC_OK)
            status = put_prompt(out, prompt->corrupted + n_bos, n, "corrupted", tokenizer);
        if (status != PC_OK) return pc_fail_within(status, "pair %zu", i);
        put_answers(out, prompt->targets, kind, years);
    }
    return pc_text_status(out);
}

pc_status pc_task_put_eapig(pc_text *out, const pc_task *task, const pc_tokenizer *tokenizer)
{
    const pc_task_context context = {.tokenizer = tokenizer};
    pc_ids years = {0};
    int n_bos;
    PC_TRY(pc_task_check_plain(&n_bos, task));
    pc_status status = pc_task_encode_years(&years, &context);
    if (status == PC_ERR_INPUT) { /* no tokens for years: then no task of years */
        years.n = 0;
        status = PC_OK;
    }
    if (status == PC_OK) status = put_pairs(out, task, n_bos, &years, tokenizer);
    free(years.ids);
    return status;
}
