/* Templates: words put into their places, and the tokens where those are. */
#include "io/task_text.h"

#include <stdlib.h>
#include <string.h>

static int find_place(const char *name, size_t length, const pc_page *page)
{
    for (int i = 0; page->places[i]; i++)
        if (strlen(page->places[i]) == length && memcmp(page->places[i], name, length) == 0)
            return i;
    return -1;
}

/* What a template is made of, one after the other: text, or the place behind it. */
typedef struct piece {
    const char *text;
    size_t length;
    int place; /* -1 behind the last text */
} piece;

/* The next piece at *at, which moves on; braces hold names of the page's places alone. */
static pc_status next_piece(piece *out, const char **at, const pc_page *page)
{
    const char *open = strchr(*at, '{');
    *out = (piece){*at, open ? (size_t)(open - *at) : strlen(*at), -1};
    *at += out->length;
    if (!open) return PC_OK;
    const char *close = strchr(open, '}');
    if (close) out->place = find_place(open + 1, (size_t)(close - open - 1), page);
    if (out->place < 0)
        return pc_fail(PC_ERR_INTERNAL, "the template \"%.40s\" has an unknown place", open);
    *at = close + 1;
    return PC_OK;
}

pc_status pc_template_compose(pc_text *out, const char *text, const pc_page *page,
                              const pc_word *const *words)
{
    for (const char *at = text; *at;) {
        piece p;
        PC_TRY(next_piece(&p, &at, page));
        pc_text_put_bytes(out, p.text, p.length);
        if (p.place >= 0) pc_text_put(out, words[p.place]->text);
    }
    return pc_text_status(out);
}

/* What stands at the token behind `length` bytes of text; false if no token begins there. */
static pc_status find_token(int *out, const char *text, size_t length, const pc_ids *whole,
                            const pc_word *word, const pc_task_context *context)
{
    pc_ids before = {0};
    pc_status status = pc_task_encode(&before, text, length, PC_BOS_NEVER, "a template", context);
    const bool is_token =
        status == PC_OK && before.n < whole->n && whole->ids[before.n] == word->id &&
        (before.n == 0 || memcmp(before.ids, whole->ids, before.n * sizeof *before.ids) == 0);
    *out = is_token ? (int)before.n : -1;
    free(before.ids);
    return status;
}

static pc_status find_places(bool *is_usable, pc_template *out, const char *composed,
                             const pc_page *page, const pc_word *const *words,
                             const pc_task_context *context)
{
    size_t length = 0;
    *is_usable = true;
    for (const char *at = out->text; *at && *is_usable;) {
        piece p;
        PC_TRY(next_piece(&p, &at, page));
        length += p.length;
        if (p.place < 0) continue;
        const size_t start = length > 0 && composed[length - 1] == ' ' ? length - 1 : length;
        if (out->at[p.place] >= 0)
            return pc_fail(PC_ERR_INTERNAL, "the template \"%.60s\" has %s twice", out->text,
                           page->places[p.place]);
        PC_TRY(find_token(&out->at[p.place], composed, start, &out->ids, words[p.place], context));
        *is_usable = out->at[p.place] >= 0;
        length += strlen(words[p.place]->text);
    }
    return PC_OK;
}

pc_status pc_template_open(bool *is_usable, pc_template *out, const char *text, const pc_page *page,
                           const pc_word *const *words, const pc_task_order *order)
{
    pc_text composed = {0};
    *is_usable = false;
    out->text = text;
    out->ids.n = 0;
    for (int i = 0; i < PC_PAGE_PLACES; i++)
        out->at[i] = -1;
    PC_TRY(pc_template_compose(&composed, text, page, words));
    pc_status status = pc_task_encode(&out->ids, composed.data, composed.length, PC_BOS_NEVER,
                                      "a template", order->context);
    if (status == PC_OK)
        status = find_places(is_usable, out, composed.data, page, words, order->context);
    pc_text_free(&composed);
    return status;
}
