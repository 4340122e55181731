/* The words of a table that are one token, and that the split has. */
#include "io/task_text.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { HELD_OUT_EACH = 4, DROPPED_SHOWN = 4 };

/* Whether the tokens of `more`, but for one at its end, are those of `few`. */
static bool is_one_more(const pc_ids *few, const pc_ids *more)
{
    return more->n == few->n + 1 &&
           (few->n == 0 || memcmp(few->ids, more->ids, few->n * sizeof *few->ids) == 0);
}

/* A sentence stands before: at the start of a text some tokenizers add a space. */
pc_status pc_word_id(bool *is_one, int32_t *id, const char *before, const char *word,
                     const pc_task_context *context)
{
    pc_ids few = {0}, more = {0};
    pc_text text = {0};
    /* a space that belongs to the word is not yet there */
    const size_t n = strlen(before), n_before = n && before[n - 1] == ' ' ? n - 1 : n;
    pc_text_printf(&text, "the%s%s", before, word);
    pc_status status = pc_text_status(&text);
    if (status == PC_OK)
        status = pc_task_encode(&few, text.data, 3 + n_before, PC_BOS_NEVER, "a word", context);
    if (status == PC_OK)
        status = pc_task_encode(&more, text.data, text.length, PC_BOS_NEVER, "a word", context);
    *is_one = status == PC_OK && is_one_more(&few, &more);
    if (*is_one) *id = more.ids[more.n - 1];
    if (status == PC_ERR_INPUT) status = PC_OK; /* bytes that the vocabulary does not have */
    pc_text_free(&text);
    free(more.ids);
    free(few.ids);
    return status;
}

/* All forms of a row, or none. */
static pc_status push_row(bool *is_kept, pc_word *out, const char *const *row,
                          const pc_word_table *table, const pc_task_order *order)
{
    const pc_task_limits *limits = order->context->limits;
    *is_kept = true;
    for (int i = 0; i < table->n_forms && *is_kept; i++) {
        bool is_one = false;
        int32_t id = -1;
        PC_TRY(pc_word_id(&is_one, &id, table->before, row[i], order->context));
        *is_kept = is_one && id < limits->vocab && id < limits->vocab_out;
        out[i] = (pc_word){row[i], id};
    }
    return PC_OK;
}

static bool is_in_split(size_t row, const pc_word_table *table, const pc_task_order *order)
{
    const bool is_held_out = row % HELD_OUT_EACH == HELD_OUT_EACH - 1;
    return table->is_whole || is_held_out == (order->split == PC_SPLIT_OOD);
}

typedef struct dropped {
    size_t n, n_rows; /* of rows that the split has */
    pc_text some;     /* the first few */
} dropped;

static void add_dropped(dropped *self, const char *word)
{
    if (self->n++ < DROPPED_SHOWN)
        pc_text_printf(&self->some, "%s%s", self->some.length ? ", " : "", word);
    else if (self->n == DROPPED_SHOWN + 1) pc_text_put(&self->some, ", ...");
}

static pc_status push_rows(pc_word_list *list, dropped *lost, const pc_word_table *table,
                           const pc_task_order *order)
{
    const size_t n_forms = (size_t)table->n_forms;
    for (size_t row = 0; table->words[row * n_forms]; row++) {
        const char *const *words = table->words + row * n_forms;
        bool is_kept;
        if (!is_in_split(row, table, order)) continue;
        PC_TRY(push_row(&is_kept, list->words + list->n_rows * n_forms, words, table, order));
        lost->n_rows++;
        if (is_kept) list->n_rows++;
        else add_dropped(lost, words[0]);
    }
    return pc_text_status(&lost->some);
}

static pc_status tell_dropped(const pc_word_list *list, const dropped *lost, pc_task *task)
{
    const pc_word_table *table = list->table;
    if (list->n_rows < (size_t)table->least)
        return pc_fail(PC_ERR_INPUT, "%zu of %zu %s are one token, expected at least %d; not %s",
                       list->n_rows, lost->n_rows, table->name, table->least, lost->some.data);
    if (lost->n == 0) return PC_OK;
    return pc_task_add_note(task, "%zu of %zu %s left out, not one token: %s", lost->n,
                            lost->n_rows, table->name, lost->some.data);
}

static size_t count_words(const pc_word_table *table)
{
    size_t n = 0;
    while (table->words[n])
        n++;
    return n;
}

pc_status pc_word_list_open(pc_word_list *out, pc_task *task, const pc_word_table *table,
                            const pc_task_order *order)
{
    dropped lost = {0};
    *out = (pc_word_list){.table = table};
    out->words = pc_alloc(count_words(table), sizeof *out->words);
    if (!out->words) return PC_ERR_NOMEM;
    pc_status status = push_rows(out, &lost, table, order);
    if (status == PC_OK) status = tell_dropped(out, &lost, task);
    pc_text_free(&lost.some);
    return status;
}
