/* Text to token ids: parts, words, symbols, joins. */
#include "io/tokenizer_parts.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "io/byte_level.h"

#include <stdlib.h>
#include <string.h>

/* A text on its way to ids. */
typedef struct encoder {
    const pc_tokenizer *tokenizer;
    int32_t *ids;
    size_t n_ids, capacity;
    pc_bpe_scratch scratch;
    pc_text spelling;      /* the word at hand in the byte-level alphabet */
    pc_text normalized;    /* the part at hand */
    const char *text;      /* the whole */
    bool is_part_at_start; /* the part at hand begins the whole */
} encoder;

static pc_status reserve_ids(encoder *to, size_t n)
{
    if (n > SIZE_MAX - to->n_ids)
        return pc_fail(PC_ERR_NOMEM, "a text of %zu bytes is too long", n);
    int32_t *ids = pc_grow(to->ids, &to->capacity, to->n_ids + n, sizeof *ids);
    if (!ids) return PC_ERR_NOMEM;
    to->ids = ids;
    return PC_OK;
}

static pc_status put_ids(encoder *to, const int32_t *ids, size_t n)
{
    PC_TRY(reserve_ids(to, n));
    if (n) memcpy(to->ids + to->n_ids, ids, n * sizeof *ids);
    to->n_ids += n;
    return PC_OK;
}

/* `tokenizers` drops such bytes without a word; a prompt that lost a word would be measured as if
 * it had never been there. */
static pc_status fail_word(const char *word, size_t n, const char *what, size_t at)
{
    pc_text shown = {0};
    pc_utf8_put_shown(&shown, word, n < 80 ? n : 80);
    pc_status status = pc_text_status(&shown);
    if (status == PC_OK)
        status =
            pc_fail(PC_ERR_INPUT,
                    "text: the vocabulary has no token for \"%s\"%s nor for its %s %zu, 0x%02x",
                    shown.data, n < 80 ? "" : "...", what, at, (unsigned char)word[at]);
    pc_text_free(&shown);
    return status;
}

/* The token that is the whole word, NULL if there is none. */
static pc_status find_whole_word(const pc_token **out, encoder *to, const char *word, size_t n)
{
    const pc_vocabulary *vocabulary = &to->tokenizer->vocabulary;
    if (to->tokenizer->decoder.alphabet == PC_ALPHABET_CHARACTERS) {
        *out = pc_vocabulary_find_own(vocabulary, word, n);
        return PC_OK;
    }
    to->spelling.length = 0;
    pc_byte_level_put(&to->spelling, word, n);
    PC_TRY(pc_text_status(&to->spelling));
    *out = pc_vocabulary_find_own(vocabulary, to->spelling.data, to->spelling.length);
    return PC_OK;
}

static pc_status spell_in_bytes(int32_t *ids, size_t *n_ids, const pc_tokenizer *tokenizer,
                                const char *word, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ids[i] = tokenizer->vocabulary.byte_ids[(unsigned char)word[i]];
        if (ids[i] < 0) return fail_word(word, n, "byte", i);
    }
    *n_ids = n;
    return PC_OK;
}

/* A character's own token, else those of its bytes. Returns how many; 0: it is unknown. */
static size_t spell_character(int32_t *ids, const pc_tokenizer *tokenizer, const char *character,
                              size_t n)
{
    const pc_vocabulary *vocabulary = &tokenizer->vocabulary;
    const pc_token *token = pc_vocabulary_find_own(vocabulary, character, n);
    if (token) {
        ids[0] = token->id;
        return 1;
    }
    if (!tokenizer->has_byte_fallback) return 0;
    for (size_t i = 0; i < n; i++)
        ids[i] = vocabulary->byte_ids[(unsigned char)character[i]];
    return n;
}

static pc_status spell_in_characters(int32_t *ids, size_t *n_ids, const pc_tokenizer *tokenizer,
                                     const char *word, size_t n)
{
    bool was_unknown = false;
    size_t put = 0;
    for (size_t i = 0, length; i < n; i += length) {
        length = pc_utf8_length(word + i, n - i);
        const size_t n_known = spell_character(ids + put, tokenizer, word + i, length);
        put += n_known;
        if (n_known == 0 && tokenizer->unknown < 0)
            return fail_word(word, n, "character at byte", i);
        if (n_known == 0 && !(was_unknown && tokenizer->fuses_unknown))
            ids[put++] = tokenizer->unknown;
        was_unknown = n_known == 0;
    }
    *n_ids = put;
    return PC_OK;
}

static pc_status take_word(void *receiver, const char *word, size_t n)
{
    encoder *to = receiver;
    const pc_tokenizer *tokenizer = to->tokenizer;
    const pc_token *whole = NULL;
    size_t n_ids;
    if (tokenizer->ignores_merges) PC_TRY(find_whole_word(&whole, to, word, n));
    if (whole) return put_ids(to, &whole->id, 1);
    PC_TRY(reserve_ids(to, n));
    int32_t *ids = to->ids + to->n_ids;
    if (tokenizer->decoder.alphabet == PC_ALPHABET_BYTES)
        PC_TRY(spell_in_bytes(ids, &n_ids, tokenizer, word, n));
    else PC_TRY(spell_in_characters(ids, &n_ids, tokenizer, word, n));
    PC_TRY(pc_bpe_join(ids, &n_ids, &tokenizer->bpe, &to->scratch));
    to->n_ids += n_ids;
    return PC_OK;
}

static pc_status take_normalized(void *receiver, const char *part, size_t n, int32_t id)
{
    encoder *to = receiver;
    const pc_tokenizer *tokenizer = to->tokenizer;
    if (id >= 0) return put_ids(to, &id, 1);
    if (tokenizer->decoder.alphabet == PC_ALPHABET_BYTES)
        return pc_pretokenize(&tokenizer->pretokenizer, part, n, take_word, to);
    const bool is_first = to->is_part_at_start && part == to->normalized.data;
    return pc_cut_pieces(&tokenizer->pieces, part, n, is_first, take_word, to);
}

static pc_status take_raw(void *receiver, const char *part, size_t n, int32_t id)
{
    encoder *to = receiver;
    if (id >= 0) return put_ids(to, &id, 1);
    to->is_part_at_start = part == to->text;
    PC_TRY(pc_normalize(&to->normalized, &to->tokenizer->normalizer, part, n));
    return pc_added_tokens_cut(&to->tokenizer->added, PC_ADDED_NORMALIZED, to->normalized.data,
                               to->normalized.length, take_normalized, to);
}

static pc_status put_prefix(encoder *to, pc_bos_rule rule)
{
    const pc_tokenizer *tokenizer = to->tokenizer;
    if (rule == PC_BOS_NEVER) return PC_OK;
    bool has_bos = tokenizer->n_prefix > 0 && tokenizer->prefix[0] == tokenizer->bos;
    if (rule == PC_BOS_ALWAYS && tokenizer->bos < 0)
        return pc_fail(PC_ERR_INPUT, "the tokenizer has no beginning-of-sequence token");
    if (rule == PC_BOS_ALWAYS && !has_bos) PC_TRY(put_ids(to, &tokenizer->bos, 1));
    return put_ids(to, tokenizer->prefix, tokenizer->n_prefix);
}

static pc_status encode(encoder *to, size_t length, pc_bos_rule rule)
{
    const pc_tokenizer *tokenizer = to->tokenizer;
    size_t good = pc_utf8_first_error(to->text, length);
    if (good < length)
        return pc_fail(PC_ERR_INPUT, "text: byte %zu, 0x%02x, is not UTF-8", good,
                       (unsigned char)to->text[good]);
    PC_TRY(put_prefix(to, rule));
    PC_TRY(pc_added_tokens_cut(&tokenizer->added, PC_ADDED_RAW, to->text, length, take_raw, to));
    return rule == PC_BOS_NEVER ? PC_OK : put_ids(to, tokenizer->suffix, tokenizer->n_suffix);
}

pc_status pc_tokenizer_encode(int32_t **tokens, size_t *n_tokens, const pc_tokenizer *tokenizer,
                              const char *text, size_t length, pc_bos_rule rule)
{
    if (!tokens || !n_tokens || !tokenizer || (!text && length) || rule < PC_BOS_AS_TOKENIZER ||
        rule > PC_BOS_NEVER)
        return pc_fail(PC_ERR_ARG, "pc_tokenizer_encode: an argument is NULL or out of range");
    *tokens = NULL;
    *n_tokens = 0;
    encoder to = {.tokenizer = tokenizer, .text = text};
    pc_status status = reserve_ids(&to, 1); /* an empty result is a valid pointer too */
    if (status == PC_OK) status = encode(&to, length, rule);
    pc_bpe_scratch_free(&to.scratch);
    pc_text_free(&to.spelling);
    pc_text_free(&to.normalized);
    if (status == PC_OK) {
        *tokens = to.ids;
        *n_tokens = to.n_ids;
    } else {
        free(to.ids);
    }
    return status;
}
