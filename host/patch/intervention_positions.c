/* Positions: reading them, finding them in a prompt, their canonical form. */
#include "patch/intervention.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 24 };

/* A whole number at *at, which moves behind it. */
static bool take_end(int *out, const char **at)
{
    char *end;
    const long value = strtol(*at, &end, 10);
    const char *digits = *at + (**at == '-');
    if (*digits < '0' || *digits > '9' || value < -MOST || value > MOST) return false;
    *at = end;
    *out = (int)value;
    return true;
}

static pc_status check_order(const pc_position *p, const char *text)
{
    const bool is_mixed = (p->first < 0) != (p->last < 0);
    if (is_mixed || p->first <= p->last) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "position \"%.40s\" runs backwards", text);
}

pc_status pc_position_parse(pc_position *out, const char *text)
{
    const char *at = text;
    *out = (pc_position){0};
    if (*text == '_' || (*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z')) {
        out->name = pc_copy_text(text);
        return out->name ? PC_OK : PC_ERR_NOMEM;
    }
    bool is_good = take_end(&out->first, &at);
    out->last = out->first;
    if (is_good && strncmp(at, "..", 2) == 0) {
        at += 2;
        is_good = take_end(&out->last, &at);
    }
    if (is_good && !*at) return check_order(out, text);
    return pc_fail(PC_ERR_INPUT,
                   "position is \"%.40s\", expected a number (-1 is the last), a span like 2..5 or "
                   "a name",
                   text);
}

void pc_position_free(pc_position *position)
{
    free(position->name);
    *position = (pc_position){0};
}

/* `end` as it was given, `at` where that is. */
static pc_status check_inside(int end, int at, int prompt, int n_tokens)
{
    if (at >= 0 && at < n_tokens) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "position %d is outside prompt %d of %d tokens", end, prompt,
                   n_tokens);
}

pc_status pc_position_find(pc_span *out, const pc_position *p, const pc_task *task, int prompt)
{
    const int n_tokens = pc_task_prompt(task, prompt)->n_tokens;
    if (p->name) return pc_task_span(out, task, prompt, p->name);
    out->first = p->first < 0 ? p->first + n_tokens : p->first;
    out->last = p->last < 0 ? p->last + n_tokens : p->last;
    PC_TRY(check_inside(p->first, out->first, prompt, n_tokens));
    PC_TRY(check_inside(p->last, out->last, prompt, n_tokens));
    if (out->first <= out->last) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "positions %d to %d run backwards in prompt %d of %d tokens",
                   p->first, p->last, prompt, n_tokens);
}

/* Both ends from the start of the prompt, both from its end, or one of each: these cannot be joined
 * without knowing how long a prompt is. */
static int class_of(const pc_position *p)
{
    if (p->name) return 3;
    return p->first >= 0 && p->last >= 0 ? 0 : p->first < 0 && p->last < 0 ? 1 : 2;
}

static int compare(const void *a, const void *b)
{
    const pc_position *x = a, *y = b;
    const int class_x = class_of(x), class_y = class_of(y);
    if (class_x != class_y) return class_x < class_y ? -1 : 1;
    if (x->name) return strcmp(x->name, y->name);
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return (x->last > y->last) - (x->last < y->last);
}

/* Makes `before` hold what `p` does, if the two touch. */
static bool join(pc_position *before, const pc_position *p)
{
    if (class_of(before) != class_of(p)) return false;
    if (class_of(p) >= 2) return compare(before, p) == 0;
    if (p->first > before->last + 1) return false;
    if (p->last > before->last) before->last = p->last;
    return true;
}

static void make_canonical(pc_intervention *x, int n)
{
    qsort(x->positions, (size_t)n, sizeof *x->positions, compare);
    x->n_positions = 0;
    for (int i = 0; i < n; i++) {
        const pc_position p = x->positions[i];
        if (x->n_positions > 0 && join(&x->positions[x->n_positions - 1], &p)) free(p.name);
        else x->positions[x->n_positions++] = p;
    }
}

pc_status pc_intervention_set_positions(pc_intervention *x, const pc_position *positions, size_t n)
{
    pc_status status = PC_OK;
    x->positions = pc_alloc(n, sizeof *x->positions);
    if (!x->positions) return PC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        pc_position *p = &x->positions[x->n_positions++];
        *p = positions[i];
        if (p->name && !(p->name = pc_copy_text(positions[i].name))) status = PC_ERR_NOMEM;
    }
    if (status == PC_OK) make_canonical(x, x->n_positions);
    return status;
}
