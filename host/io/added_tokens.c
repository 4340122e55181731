/* Added tokens: leftmost-longest search over a sorted array. */
#include "io/added_tokens.h"

#include "base/memory.h"
#include "io/unicode_ranges.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT_BYTES = 4096 };

pc_status pc_added_tokens_add(pc_added_tokens *added, const char *text, size_t n,
                              const pc_added_token *flags)
{
    if (n == 0) return PC_OK;
    if (n > MAX_TEXT_BYTES)
        return pc_fail(PC_ERR_UNSUPPORTED, "added token of %zu bytes, supported are at most %d", n,
                       MAX_TEXT_BYTES);
    pc_added_token *tokens =
        pc_grow(added->tokens, &added->capacity, added->n_tokens + 1, sizeof *tokens);
    if (!tokens) return PC_ERR_NOMEM;
    added->tokens = tokens;
    pc_added_token *token = &tokens[added->n_tokens];
    *token = *flags;
    token->n = n;
    token->text = pc_copy_bytes(text, n);
    if (!token->text) return PC_ERR_NOMEM;
    added->n_tokens++;
    return PC_OK;
}

static int compare_tokens(const void *left, const void *right)
{
    const pc_added_token *a = left, *b = right;
    if (a->is_normalized != b->is_normalized) return a->is_normalized ? 1 : -1;
    int order = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

static int compare_ids(const void *left, const void *right)
{
    int32_t a = ((const pc_added_token *)left)->id, b = ((const pc_added_token *)right)->id;
    return (a > b) - (a < b);
}

static pc_status check_ids(pc_added_tokens *added)
{
    pc_added_token *tokens = added->tokens;
    if (added->n_tokens > 1) qsort(tokens, added->n_tokens, sizeof *tokens, compare_ids);
    for (size_t i = 1; i < added->n_tokens; i++)
        if (tokens[i].id == tokens[i - 1].id)
            return pc_fail(PC_ERR_INPUT, "added token \"%.60s\", id %d, is there twice",
                           tokens[i].text, (int)tokens[i].id);
    return PC_OK;
}

/* Sorted, equal texts stand side by side. */
static pc_status check_texts(const pc_added_tokens *added)
{
    const pc_added_token *tokens = added->tokens;
    for (size_t i = 1; i < added->n_tokens; i++)
        if (compare_tokens(&tokens[i - 1], &tokens[i]) == 0)
            return pc_fail(PC_ERR_INPUT, "added tokens %d and %d are the same text, \"%.60s\"%s",
                           (int)tokens[i - 1].id, (int)tokens[i].id, tokens[i].text,
                           tokens[i].is_normalized ? ", once they are normalized" : "");
    return PC_OK;
}

static bool is_space(uint32_t code_point)
{
    for (size_t i = 0; i < pc_unicode_n_spaces; i++)
        if (code_point >= pc_unicode_spaces[i].first && code_point <= pc_unicode_spaces[i].last)
            return true;
    return false;
}

static bool begins_with_space(const char *text, size_t n)
{
    size_t length = pc_utf8_length(text, n);
    return length && is_space(pc_utf8_code_point(text, length));
}

pc_status pc_added_tokens_index(pc_added_tokens *added)
{
    pc_added_token *tokens = added->tokens;
    const pc_added_token *taker = NULL, *spaced = NULL;
    PC_TRY(check_ids(added));
    if (added->n_tokens > 1) qsort(tokens, added->n_tokens, sizeof *tokens, compare_tokens);
    PC_TRY(check_texts(added));
    for (size_t i = 0; i < added->n_tokens; i++) {
        if (!tokens[i].is_normalized) added->n_raw = i + 1;
        if (tokens[i].takes_space_right) taker = &tokens[i];
        if (begins_with_space(tokens[i].text, tokens[i].n)) spaced = &tokens[i];
    }
    if (taker && spaced)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "added token \"%.60s\": rstrip is not supported beside a token that begins "
                       "with white space, \"%.60s\"",
                       taker->text, spaced->text);
    return PC_OK;
}

void pc_added_tokens_free(pc_added_tokens *added)
{
    for (size_t i = 0; i < added->n_tokens; i++)
        free(added->tokens[i].text);
    free(added->tokens);
    *added = (pc_added_tokens){0};
}

/* Of the tokens [low, high), which agree in their first `depth` bytes, the first whose next byte is
 * at least `byte`. Those that end there come before all others. */
static size_t lower_bound(const pc_added_token *tokens, size_t low, size_t high, size_t depth,
                          int byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const pc_added_token *token = &tokens[middle];
        int here = token->n > depth ? (unsigned char)token->text[depth] : -1;
        if (here < byte) low = middle + 1;
        else high = middle;
    }
    return low;
}

static const pc_added_token *longest_at(const pc_added_token *tokens, size_t n_tokens,
                                        const char *text, size_t n)
{
    const pc_added_token *longest = NULL;
    size_t low = 0, high = n_tokens;
    for (size_t depth = 0; depth < n; depth++) {
        int byte = (unsigned char)text[depth];
        low = lower_bound(tokens, low, high, depth, byte);
        high = lower_bound(tokens, low, high, depth, byte + 1);
        if (low == high) break;
        if (tokens[low].n == depth + 1) longest = &tokens[low];
    }
    return longest;
}

static size_t spaces_before(const char *text, size_t from, size_t to)
{
    while (to > from) {
        size_t start = to - 1;
        while (start > from && ((unsigned char)text[start] & 0xc0) == 0x80)
            start--;
        if (!begins_with_space(text + start, to - start)) break;
        to = start;
    }
    return to;
}

static size_t spaces_after(const char *text, size_t from, size_t n)
{
    while (begins_with_space(text + from, n - from))
        from += pc_utf8_length(text + from, n - from);
    return from;
}

/* Some of the tokens, and where the parts go. */
typedef struct cutter {
    const pc_added_token *tokens;
    size_t n_tokens;
    pc_take_part *take_part;
    void *receiver;
} cutter;

static pc_status cut(const cutter *with, const char *text, size_t n)
{
    size_t done = 0;
    for (size_t at = 0; at < n;) {
        const pc_added_token *token = longest_at(with->tokens, with->n_tokens, text + at, n - at);
        if (!token) {
            at++;
            continue;
        }
        size_t start = token->takes_space_left ? spaces_before(text, done, at) : at;
        size_t end = at + token->n;
        if (token->takes_space_right) end = spaces_after(text, end, n);
        if (start > done) PC_TRY(with->take_part(with->receiver, text + done, start - done, -1));
        PC_TRY(with->take_part(with->receiver, text + start, end - start, token->id));
        done = at = end;
    }
    return done < n ? with->take_part(with->receiver, text + done, n - done, -1) : PC_OK;
}

pc_status pc_added_tokens_cut(const pc_added_tokens *added, pc_added_round round, const char *text,
                              size_t n, pc_take_part *take_part, void *receiver)
{
    const size_t n_normalized = added->n_tokens - added->n_raw;
    const cutter raw = {added->tokens, added->n_raw, take_part, receiver};
    const cutter normalized = {n_normalized ? added->tokens + added->n_raw : NULL, n_normalized,
                               take_part, receiver};
    return cut(round == PC_ADDED_RAW ? &raw : &normalized, text, n);
}
