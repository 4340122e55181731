/* Cutting with PCRE2, within limits on steps and memory. */
#include "io/pretokenize.h"

#include "base/memory.h"
#include "io/split_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_PER_WORD = 10000, STEPS_PER_BYTE = 16, HEAP_KIB = 65536 };

static pc_status compile(pcre2_code **out, const char *pattern, size_t n)
{
    int code;
    PCRE2_SIZE offset;
    *out = pcre2_compile((PCRE2_SPTR)pattern, n, PCRE2_UTF | PCRE2_UCP, &code, &offset, NULL);
    if (!*out) {
        char words[128];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof words);
        return pc_fail(PC_ERR_INPUT, "split pattern: %s", words);
    }
    uint32_t can_be_empty = 0;
    pcre2_pattern_info(*out, PCRE2_INFO_MATCHEMPTY, &can_be_empty);
    if (can_be_empty)
        return pc_fail(PC_ERR_UNSUPPORTED, "split pattern: one that can match nothing is not "
                                           "supported");
    return PC_OK;
}

pc_status pc_pretokenizer_add_split(pc_pretokenizer *pretokenizer, const char *pattern, size_t n)
{
    if (pretokenizer->n_splits == PC_MAX_SPLITS)
        return pc_fail(PC_ERR_UNSUPPORTED, "more than %d splits are not supported", PC_MAX_SPLITS);
    pc_text translated = {0};
    pcre2_code *split = NULL;
    pc_status status = pc_split_pattern_translate(&translated, pattern, n);
    if (status == PC_OK && translated.length == 0)
        status = pc_fail(PC_ERR_UNSUPPORTED, "split pattern: an empty one is not supported");
    if (status == PC_OK) status = compile(&split, translated.data, translated.length);
    pc_text_free(&translated);
    if (status == PC_OK) pretokenizer->splits[pretokenizer->n_splits++] = split;
    else pcre2_code_free(split);
    return status;
}

void pc_pretokenizer_free(pc_pretokenizer *pretokenizer)
{
    for (int i = 0; i < pretokenizer->n_splits; i++)
        pcre2_code_free(pretokenizer->splits[i]);
    *pretokenizer = (pc_pretokenizer){0};
}

/* The work in progress: where words go. */
typedef struct cutting {
    const pc_pretokenizer *pretokenizer;
    pc_take_word *take_word;
    void *receiver;
} cutting;

static pc_status cut(const cutting *work, int split, const char *text, size_t n);

/* What PCRE2 needs to search one text. */
typedef struct search {
    pcre2_match_data *found;
    pcre2_match_context *limits;
} search;

static pc_status begin_search(search *out, const pcre2_code *split, size_t n)
{
    out->found = pcre2_match_data_create_from_pattern(split, NULL);
    out->limits = pcre2_match_context_create(NULL);
    if (!out->found || !out->limits)
        return pc_fail(PC_ERR_NOMEM, "out of memory while splitting a text");
    size_t steps = STEPS_PER_WORD;
    steps += n < UINT32_MAX / (2 * STEPS_PER_BYTE) ? n * STEPS_PER_BYTE : UINT32_MAX / 2;
    pcre2_set_match_limit(out->limits, (uint32_t)steps);
    pcre2_set_heap_limit(out->limits, HEAP_KIB);
    return PC_OK;
}

static void end_search(search *done)
{
    pcre2_match_data_free(done->found);
    pcre2_match_context_free(done->limits);
}

/* The next match at or after `at`; `*start` = n if there is none. */
static pc_status find(size_t *start, size_t *end, const pcre2_code *split, const search *with,
                      const char *text, size_t n, size_t at)
{
    int code =
        pcre2_match(split, (PCRE2_SPTR)text, n, at, PCRE2_NO_UTF_CHECK, with->found, with->limits);
    *start = *end = n;
    if (code == PCRE2_ERROR_NOMATCH) return PC_OK;
    if (code == PCRE2_ERROR_NOMEMORY)
        return pc_fail(PC_ERR_NOMEM, "out of memory while splitting a text");
    if (code < 0) {
        char words[128];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof words);
        return pc_fail(PC_ERR_INPUT,
                       "the tokenizer's split pattern gives up on this text, at byte "
                       "%zu of %zu: %s",
                       at, n, words);
    }
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(with->found);
    if (ends[1] <= ends[0])
        return pc_fail(PC_ERR_INTERNAL, "a split pattern matched nothing at byte %zu", at);
    *start = ends[0];
    *end = ends[1];
    return PC_OK;
}

static pc_status cut_at_matches(const cutting *work, int split, const search *with,
                                const char *text, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t start, end;
        PC_TRY(find(&start, &end, work->pretokenizer->splits[split], with, text, n, at));
        if (start > at) PC_TRY(cut(work, split + 1, text + at, start - at));
        if (end > start) PC_TRY(cut(work, split + 1, text + start, end - start));
        at = end;
    }
    return PC_OK;
}

static pc_status cut_from(const cutting *work, int split, const char *text, size_t n)
{
    if (split == work->pretokenizer->n_splits) return work->take_word(work->receiver, text, n);
    search with;
    pc_status status = begin_search(&with, work->pretokenizer->splits[split], n);
    if (status == PC_OK) status = cut_at_matches(work, split, &with, text, n);
    end_search(&with);
    return status;
}

/* Recursion is at most PC_MAX_SPLITS deep. */
static pc_status cut(const cutting *work, int split, const char *text, size_t n)
{
    const pc_pretokenizer *pretokenizer = work->pretokenizer;
    bool is_prefixed =
        pretokenizer->has_prefix_space && split == pretokenizer->prefix_before && text[0] != ' ';
    if (!is_prefixed) return cut_from(work, split, text, n);
    char *prefixed = pc_alloc(n + 1, 1);
    if (!prefixed) return PC_ERR_NOMEM;
    prefixed[0] = ' ';
    memcpy(prefixed + 1, text, n);
    pc_status status = cut_from(work, split, prefixed, n + 1);
    free(prefixed);
    return status;
}

pc_status pc_pretokenize(const pc_pretokenizer *pretokenizer, const char *text, size_t n,
                         pc_take_word *take_word, void *receiver)
{
    const cutting work = {pretokenizer, take_word, receiver};
    return n ? cut(&work, 0, text, n) : PC_OK;
}
