/* Reading, checking and labelling the position axis. */
#include "search/grid_columns.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int shortest(const pc_task *task)
{
    int least = pc_task_longest(task);
    for (int i = 0; i < pc_task_n(task); i++)
        if (pc_task_prompt(task, i)->n_tokens < least) least = pc_task_prompt(task, i)->n_tokens;
    return least;
}

static pc_status fail_lengths(const pc_task *task)
{
    pc_text names = {0};
    for (int i = 0; pc_task_position_name(task, i) && names.length < 200; i++)
        pc_text_printf(&names, "%s%.40s", i ? "," : "", pc_task_position_name(task, i));
    pc_status status = pc_fail(PC_ERR_INPUT,
                               "positions each needs prompts of one length, task %.80s has %d to "
                               "%d tokens: name positions instead, of %s",
                               pc_task_name(task), shortest(task), pc_task_longest(task),
                               names.data ? names.data : "?");
    pc_text_free(&names);
    return status;
}

static pc_status take_each(pc_grid_columns *c)
{
    if (!pc_task_has_equal_lengths(c->task)) return fail_lengths(c->task);
    c->n = pc_task_longest(c->task);
    c->positions = pc_alloc((size_t)c->n, sizeof *c->positions);
    if (!c->positions) return PC_ERR_NOMEM;
    for (int i = 0; i < c->n; i++)
        c->positions[i] = (pc_position){NULL, i, i};
    pc_text_put(&c->words, "each");
    return pc_text_status(&c->words);
}

static pc_status take_named(pc_grid_columns *c, const char *const *names, int n)
{
    c->positions = pc_alloc((size_t)n, sizeof *c->positions);
    if (!c->positions) return PC_ERR_NOMEM;
    for (c->n = 0; c->n < n; c->n++) {
        for (int i = 0; i < c->n; i++)
            if (strcmp(names[i], names[c->n]) == 0)
                return pc_fail(PC_ERR_INPUT, "position %.40s is given twice", names[i]);
        PC_TRY(pc_position_parse(&c->positions[c->n], names[c->n]));
        pc_text_printf(&c->words, "%s%s", c->n ? "," : "", names[c->n]);
    }
    return pc_text_status(&c->words);
}

/* Finds every column in every prompt before anything is measured. */
static pc_status digest_spans(pc_grid_columns *c)
{
    pc_text spans = {0};
    pc_status status = PC_OK;
    for (int i = 0; i < pc_task_n(c->task) && status == PC_OK; i++)
        for (int column = 0; column < c->n && c->positions && status == PC_OK; column++) {
            pc_span span;
            status = pc_position_find(&span, &c->positions[column], c->task, i);
            if (status == PC_OK) pc_text_printf(&spans, "%d..%d,", span.first, span.last);
        }
    if (status == PC_OK) status = pc_text_status(&spans);
    if (status == PC_OK)
        status = pc_digest_bytes(c->spans, spans.data ? spans.data : "", spans.length);
    pc_text_free(&spans);
    return status;
}

pc_status pc_grid_columns_init(pc_grid_columns *out, const pc_task *task, const pc_grid_options *o)
{
    *out = (pc_grid_columns){.task = task, .n = 1};
    pc_text_put(&out->words, "");
    pc_status status = PC_OK;
    if ((o->axes & PC_AXIS_POSITION) && o->positions)
        status = take_named(out, o->positions, o->n_positions);
    else if (o->axes & PC_AXIS_POSITION) status = take_each(out);
    if (status == PC_OK) status = digest_spans(out);
    if (status != PC_OK) pc_grid_columns_free(out);
    return status;
}

void pc_grid_columns_free(pc_grid_columns *c)
{
    for (int i = 0; c->positions && i < c->n; i++)
        pc_position_free(&c->positions[i]);
    free(c->positions);
    pc_text_free(&c->words);
    *c = (pc_grid_columns){0};
}

/* ---- labels ---- */

static void put_tokens(pc_text *out, const int32_t *tokens, int n, const pc_tokenizer *tokenizer)
{
    for (int i = 0; i < n; i++) {
        const char *shown = tokenizer ? pc_tokenizer_token(tokenizer, tokens[i]) : NULL;
        if (shown) pc_text_put(out, shown);
        else pc_text_printf(out, "%s#%d", i ? " " : "", (int)tokens[i]);
    }
}

/* The clean tokens of a column, if all prompts have the same there; `out` stays empty if not. */
static pc_status find_tokens(pc_text *out, const pc_grid_columns *c, int column,
                             const pc_tokenizer *tokenizer)
{
    pc_span first, span;
    PC_TRY(pc_position_find(&first, &c->positions[column], c->task, 0));
    const int32_t *tokens = pc_task_prompt(c->task, 0)->clean + first.first;
    const int n = first.last - first.first + 1;
    for (int i = 1; i < pc_task_n(c->task); i++) {
        PC_TRY(pc_position_find(&span, &c->positions[column], c->task, i));
        if (span.last - span.first + 1 != n ||
            memcmp(pc_task_prompt(c->task, i)->clean + span.first, tokens,
                   (size_t)n * sizeof *tokens) != 0)
            return PC_OK;
    }
    put_tokens(out, tokens, n, tokenizer);
    return pc_text_status(out);
}

static bool is_always_at(const pc_task *task, const char *name, int position)
{
    for (int i = 0; i < pc_task_n(task); i++) {
        pc_span span;
        if (pc_task_span(&span, task, i, name) != PC_OK || span.first != position ||
            span.last != position)
            return false;
    }
    return true;
}

/* What the task calls a position in all prompts; NULL: nothing. */
static const char *name_at(const pc_task *task, int position)
{
    const char *name;
    for (int i = 0; (name = pc_task_position_name(task, i)) != NULL; i++)
        if (is_always_at(task, name, position)) return name;
    return NULL;
}

static pc_status label(pc_grid_position *out, const pc_grid_columns *c, int column,
                       const pc_tokenizer *tokenizer)
{
    const pc_position *p = &c->positions[column];
    pc_text name = {0}, token = {0};
    pc_status status = find_tokens(&token, c, column, tokenizer);
    if (p->name) pc_text_put(&name, p->name);
    else pc_text_printf(&name, "%d", p->first);
    if (!p->name && p->last != p->first) pc_text_printf(&name, "..%d", p->last);
    if (status == PC_OK) status = pc_text_status(&name);
    const bool is_number = !p->name && p->first >= 0 && p->first == p->last;
    const pc_grid_position made = {name.data, token.data,
                                   is_number ? name_at(c->task, p->first) : NULL};
    if (status == PC_OK) status = pc_grid_position_copy(out, &made);
    pc_text_free(&token);
    pc_text_free(&name);
    return status;
}

pc_status pc_grid_columns_label(pc_grid_position *labels, const pc_grid_columns *c,
                                const pc_tokenizer *tokenizer)
{
    for (int i = 0; c->positions && i < c->n; i++)
        PC_TRY(label(&labels[i], c, i, tokenizer));
    return PC_OK;
}
