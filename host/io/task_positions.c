/* Named positions and spans: of a whole task, and of a pair, which adds to them or overrides. */
#include "io/task_private.h"

#include "base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 256, MAX_NAME_BYTES = 64 };

static const char end_name[] = "end";

/* auto-circuit's own files have `,_B`: only what cannot be told from a number, or ends a word on a
 * command line, is no name. */
static bool is_name(const char *name)
{
    size_t n = 0;
    if (!name[0] || name[0] == '-' || (name[0] >= '0' && name[0] <= '9')) return false;
    while ((unsigned char)name[n] > ' ' && name[n] != 0x7f)
        n++;
    return !name[n] && n <= MAX_NAME_BYTES;
}

/* The index of a name in the task, -1 if it is not there. */
static int find_name(const pc_task *task, const char *name)
{
    for (size_t i = 0; i < task->n_names; i++)
        if (strcmp(task->names[i], name) == 0) return (int)i;
    return -1;
}

static pc_status add_name(int *out, pc_task *task, const char *name)
{
    *out = find_name(task, name);
    if (*out >= 0) return PC_OK;
    if (!is_name(name))
        return pc_fail(PC_ERR_INPUT,
                       "\"%.80s\" cannot name a position, expected at most %d bytes without "
                       "spaces, no digit and no - first",
                       name, MAX_NAME_BYTES);
    if (task->n_names == MAX_NAMES)
        return pc_fail(PC_ERR_INPUT, "more than %d names of positions", MAX_NAMES);
    char **names = pc_grow(task->names, &task->names_capacity, task->n_names + 1, sizeof *names);
    if (!names) return PC_ERR_NOMEM;
    task->names = names;
    names[task->n_names] = pc_copy_text(name);
    if (!names[task->n_names]) return PC_ERR_NOMEM;
    *out = (int)task->n_names++;
    return PC_OK;
}

static int64_t from_start(int64_t position, int n_tokens)
{
    return position < 0 ? position + n_tokens : position;
}

static bool fits(int64_t first, int64_t last, int n_tokens)
{
    first = from_start(first, n_tokens);
    last = from_start(last, n_tokens);
    return first >= 0 && first <= last && last < n_tokens;
}

static pc_status fail_span(const char *name, int64_t first, int64_t last, int n_tokens)
{
    if (first == last)
        return pc_fail(PC_ERR_INPUT, "position %s is %lld, expected %d to %d for %d tokens", name,
                       (long long)first, -n_tokens, n_tokens - 1, n_tokens);
    return pc_fail(PC_ERR_INPUT,
                   "position %s is [%lld, %lld], expected a first and a last token out of %d to %d "
                   "for %d tokens",
                   name, (long long)first, (long long)last, -n_tokens, n_tokens - 1, n_tokens);
}

pc_status pc_task_name_position(pc_task *task, const char *name, int64_t first, int64_t last)
{
    int index;
    PC_TRY(add_name(&index, task, name));
    pc_named_span *named =
        pc_grow(task->named, &task->named_capacity, task->n_named + 1, sizeof *named);
    if (!named) return PC_ERR_NOMEM;
    task->named = named;
    named[task->n_named++] = (pc_named_span){index, first, last};
    return PC_OK;
}

pc_status pc_pair_name_position(pc_pair *pair, const char *name, int64_t first, int64_t last)
{
    pc_pair_position *named =
        pc_grow(pair->named, &pair->named_capacity, pair->n_named + 1, sizeof *named);
    if (!named) return PC_ERR_NOMEM;
    pair->named = named;
    named[pair->n_named++] = (pc_pair_position){name, first, last};
    return PC_OK;
}

pc_status pc_task_store_positions(pc_stored_pair *out, pc_task *task, const pc_pair *pair)
{
    out->named = pc_alloc(pair->n_named, sizeof *out->named);
    if (!out->named) return PC_ERR_NOMEM;
    const int n = out->view.n_tokens;
    for (size_t i = 0; i < pair->n_named; i++) {
        const pc_pair_position *p = &pair->named[i];
        pc_named_span *to = &out->named[i];
        if (!fits(p->first, p->last, n)) return fail_span(p->name, p->first, p->last, n);
        PC_TRY(add_name(&to->name, task, p->name));
        to->first = from_start(p->first, n);
        to->last = from_start(p->last, n);
    }
    out->n_named = pair->n_named;
    return PC_OK;
}

static const pc_named_span *find_span(const pc_named_span *spans, size_t n, int name)
{
    for (size_t i = 0; i < n; i++)
        if (spans[i].name == name) return &spans[i];
    return NULL;
}

/* Whether a span fits is linear in the prompt's length: what fits the shortest and the longest fits
 * all. Only otherwise are the pairs looked at, for one that has the span and not its own. */
static pc_status check_for_all(const pc_task *task, const pc_named_span *span)
{
    if (fits(span->first, span->last, task->shortest) &&
        fits(span->first, span->last, task->longest))
        return PC_OK;
    for (size_t i = 0; i < task->n; i++) {
        const pc_stored_pair *pair = &task->pairs[i];
        const int n = pair->view.n_tokens;
        if (fits(span->first, span->last, n) || find_span(pair->named, pair->n_named, span->name))
            continue;
        return pc_fail_within(fail_span(task->names[span->name], span->first, span->last, n),
                              "pair %zu", i);
    }
    return PC_OK;
}

pc_status pc_task_check_positions(const pc_task *task)
{
    for (size_t i = 0; i < task->n_named; i++)
        PC_TRY(check_for_all(task, &task->named[i]));
    return PC_OK;
}

static const char *comma_before(const pc_text *list)
{
    return list->length ? ", " : "";
}

static pc_status fail_unknown(const char *name, const pc_text *known)
{
    PC_TRY(pc_text_status(known));
    return pc_fail(PC_ERR_INPUT, "no position is named \"%.80s\", only: %s", name, known->data);
}

pc_status pc_pair_find_position(int64_t *out, const pc_pair *pair, const pc_task *task,
                                const char *name)
{
    pc_text known = {0};
    for (size_t i = 0; i < pair->n_named; i++) {
        if (strcmp(pair->named[i].name, name) == 0) return *out = pair->named[i].last, PC_OK;
    }
    const int index = find_name(task, name);
    const pc_named_span *span = find_span(task->named, task->n_named, index);
    if (span) return *out = span->last, PC_OK;
    if (strcmp(name, end_name) == 0) return *out = -1, PC_OK;

    for (size_t i = 0; i < pair->n_named; i++)
        pc_text_printf(&known, "%s%s", comma_before(&known), pair->named[i].name);
    for (size_t i = 0; i < task->n_named; i++)
        pc_text_printf(&known, "%s%s", comma_before(&known), task->names[task->named[i].name]);
    pc_text_printf(&known, "%s%s", comma_before(&known), end_name);
    const pc_status status = fail_unknown(name, &known);
    pc_text_free(&known);
    return status;
}

const char *pc_task_position_name(const pc_task *task, int i)
{
    if (i < 0 || (size_t)i > task->n_names) return NULL;
    if ((size_t)i < task->n_names) return task->names[i];
    return find_name(task, end_name) < 0 ? end_name : NULL;
}

/* The span of the i-th name in a pair; false if the pair has none. */
static bool span_of(pc_span *out, const pc_task *task, const pc_stored_pair *pair, int i)
{
    const int n = pair->view.n_tokens;
    const pc_named_span *span = find_span(pair->named, pair->n_named, i);
    if (!span) span = find_span(task->named, task->n_named, i);
    if (span) {
        *out = (pc_span){(int)from_start(span->first, n), (int)from_start(span->last, n)};
        return true;
    }
    *out = (pc_span){n - 1, n - 1};
    return strcmp(pc_task_position_name(task, i), end_name) == 0;
}

pc_status pc_task_span(pc_span *out, const pc_task *task, int prompt, const char *name)
{
    if (!out || !task || !name || prompt < 0 || (size_t)prompt >= task->n)
        return pc_fail(PC_ERR_ARG, "pc_task_span: an argument is NULL, or no prompt %d", prompt);
    const pc_stored_pair *pair = &task->pairs[prompt];
    pc_span other;
    int i = 0;
    while (pc_task_position_name(task, i) && strcmp(pc_task_position_name(task, i), name) != 0)
        i++;
    if (pc_task_position_name(task, i) && span_of(out, task, pair, i)) return PC_OK;

    pc_text known = {0};
    for (i = 0; pc_task_position_name(task, i); i++)
        if (span_of(&other, task, pair, i))
            pc_text_printf(&known, "%s%s", comma_before(&known), pc_task_position_name(task, i));
    const pc_status status = fail_unknown(name, &known);
    pc_text_free(&known);
    return status == PC_ERR_INPUT ? pc_fail_within(status, "task %s, pair %d", task->name, prompt)
                                  : status;
}
