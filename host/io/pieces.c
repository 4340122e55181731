/* Marks for spaces, and cuts at marks. */
#include "io/pieces.h"

#include "base/text.h"

#include <string.h>

static bool is_mark(const pc_piece_rule *rule, const char *text, size_t n)
{
    return rule->n_mark > 0 && n >= rule->n_mark && memcmp(text, rule->mark, rule->n_mark) == 0;
}

static void put_marked(pc_text *out, const pc_piece_rule *rule, const char *part, size_t n,
                       bool is_first)
{
    const bool prepends =
        rule->prepends == PC_PREPEND_ALWAYS || (rule->prepends == PC_PREPEND_FIRST && is_first);
    const bool is_marked = (rule->replaces_spaces && part[0] == ' ') || is_mark(rule, part, n);
    if (prepends && !is_marked) pc_text_put_bytes(out, rule->mark, rule->n_mark);
    for (size_t i = 0; i < n; i++) {
        if (rule->replaces_spaces && part[i] == ' ')
            pc_text_put_bytes(out, rule->mark, rule->n_mark);
        else pc_text_put_bytes(out, part + i, 1);
    }
}

/* The end of the word that begins at `start`. */
static size_t find_end(const pc_piece_rule *rule, const char *text, size_t n, size_t start)
{
    const size_t from = rule->cut == PC_CUT_BEFORE && is_mark(rule, text + start, n - start)
                            ? start + rule->n_mark
                            : start;
    if (rule->cut == PC_CUT_NOWHERE) return n;
    for (size_t i = from; i < n; i++)
        if (is_mark(rule, text + i, n - i))
            return rule->cut == PC_CUT_BEFORE ? i : i + rule->n_mark;
    return n;
}

pc_status pc_cut_pieces(const pc_piece_rule *rule, const char *part, size_t n, bool is_first,
                        pc_take_word *take_word, void *receiver)
{
    pc_text marked = {0};
    if (n == 0) return PC_OK;
    put_marked(&marked, rule, part, n, is_first);
    pc_status status = pc_text_status(&marked);
    for (size_t start = 0, end; start < marked.length && status == PC_OK; start = end) {
        end = find_end(rule, marked.data, marked.length, start);
        status = take_word(receiver, marked.data + start, end - start);
    }
    pc_text_free(&marked);
    return status;
}
