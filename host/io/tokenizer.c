/* The tokenizer at work: opening, encoding, decoding. */
#include "io/tokenizer_parts.h"

#include "base/file.h"
#include "base/memory.h"
#include "io/byte_level.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 256 << 20 };

static pc_status read_json(pc_tokenizer *tokenizer, const char *path)
{
    char *bytes;
    size_t length;
    PC_TRY(pc_file_read(&bytes, &length, path, MAX_FILE_BYTES));
    pc_status status = pc_tokenizer_parse(tokenizer, bytes, length, path);
    free(bytes);
    return status;
}

static pc_status read_directory(pc_tokenizer *tokenizer, const char *directory)
{
    char *json = pc_path_join(directory, "tokenizer.json");
    char *vocab = pc_path_join(directory, "vocab.json");
    pc_status status = json && vocab ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK && pc_file_exists(json)) {
        status = read_json(tokenizer, json);
        if (status == PC_OK) status = pc_tokenizer_read_bos(tokenizer, directory);
    } else if (status == PC_OK && pc_file_exists(vocab)) {
        status = pc_tokenizer_read_pair(tokenizer, directory);
    } else if (status == PC_OK) {
        status = pc_fail(PC_ERR_INPUT,
                         "%s: no tokenizer: neither tokenizer.json nor vocab.json with merges.txt",
                         directory);
    }
    free(json);
    free(vocab);
    return status;
}

pc_status pc_tokenizer_open(pc_tokenizer **out, const char *directory)
{
    if (!out || !directory) return pc_fail(PC_ERR_ARG, "pc_tokenizer_open: an argument is NULL");
    *out = NULL;
    pc_tokenizer *tokenizer = pc_alloc(1, sizeof *tokenizer);
    if (!tokenizer) return PC_ERR_NOMEM;
    tokenizer->bos = -1;
    pc_status status = read_directory(tokenizer, directory);
    if (status == PC_OK) *out = tokenizer;
    else pc_tokenizer_free(tokenizer);
    return status;
}

void pc_tokenizer_free(pc_tokenizer *tokenizer)
{
    if (!tokenizer) return;
    pc_vocabulary_free(&tokenizer->vocabulary);
    pc_bpe_free(&tokenizer->bpe);
    pc_pretokenizer_free(&tokenizer->pretokenizer);
    pc_added_tokens_free(&tokenizer->added);
    free(tokenizer->prefix);
    free(tokenizer->suffix);
    free(tokenizer);
}

/* A text on its way to ids. */
typedef struct encoder {
    const pc_tokenizer *tokenizer;
    int32_t *ids;
    size_t n_ids, capacity;
    pc_bpe_scratch scratch;
    pc_text spelling; /* the word at hand in the byte-level alphabet */
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
static pc_status fail_word(const char *word, size_t n, size_t at)
{
    pc_text shown = {0};
    pc_utf8_put_shown(&shown, word, n < 80 ? n : 80);
    pc_status status = pc_text_status(&shown);
    if (status == PC_OK)
        status =
            pc_fail(PC_ERR_INPUT,
                    "text: the vocabulary has no token for \"%s\"%s nor for its byte %zu, 0x%02x",
                    shown.data, n < 80 ? "" : "...", at, (unsigned char)word[at]);
    pc_text_free(&shown);
    return status;
}

static pc_status put_whole_word(bool *is_put, encoder *to, const char *word, size_t n)
{
    to->spelling.length = 0;
    pc_byte_level_put(&to->spelling, word, n);
    PC_TRY(pc_text_status(&to->spelling));
    const pc_token *token =
        pc_vocabulary_find_own(&to->tokenizer->vocabulary, to->spelling.data, to->spelling.length);
    *is_put = token != NULL;
    return token ? put_ids(to, &token->id, 1) : PC_OK;
}

static pc_status take_word(void *receiver, const char *word, size_t n)
{
    encoder *to = receiver;
    const pc_tokenizer *tokenizer = to->tokenizer;
    bool is_put = false;
    if (tokenizer->ignores_merges) PC_TRY(put_whole_word(&is_put, to, word, n));
    if (is_put) return PC_OK;
    PC_TRY(reserve_ids(to, n));
    int32_t *ids = to->ids + to->n_ids;
    for (size_t i = 0; i < n; i++) {
        ids[i] = tokenizer->vocabulary.byte_ids[(unsigned char)word[i]];
        if (ids[i] < 0) return fail_word(word, n, i);
    }
    PC_TRY(pc_bpe_join(ids, &n, &tokenizer->bpe, &to->scratch));
    to->n_ids += n;
    return PC_OK;
}

static pc_status take_part(void *receiver, const char *part, size_t n, int32_t id)
{
    encoder *to = receiver;
    if (id >= 0) return put_ids(to, &id, 1);
    return pc_pretokenize(&to->tokenizer->pretokenizer, part, n, take_word, to);
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

static pc_status encode(encoder *to, const char *text, size_t length, pc_bos_rule rule)
{
    const pc_tokenizer *tokenizer = to->tokenizer;
    size_t good = pc_utf8_first_error(text, length);
    if (good < length)
        return pc_fail(PC_ERR_INPUT, "text: byte %zu, 0x%02x, is not UTF-8", good,
                       (unsigned char)text[good]);
    PC_TRY(put_prefix(to, rule));
    PC_TRY(pc_added_tokens_cut(&tokenizer->added, text, length, take_part, to));
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
    encoder to = {.tokenizer = tokenizer};
    pc_status status = reserve_ids(&to, 1); /* an empty result is a valid pointer too */
    if (status == PC_OK) status = encode(&to, text, length, rule);
    pc_bpe_scratch_free(&to.scratch);
    pc_text_free(&to.spelling);
    if (status == PC_OK) {
        *tokens = to.ids;
        *n_tokens = to.n_ids;
    } else {
        free(to.ids);
    }
    return status;
}

static pc_status collect_bytes(pc_text *bytes, const pc_tokenizer *tokenizer, const int32_t *tokens,
                               size_t n_tokens)
{
    const pc_vocabulary *vocabulary = &tokenizer->vocabulary;
    for (size_t i = 0; i < n_tokens; i++) {
        const pc_token *token = pc_vocabulary_find_id(vocabulary, tokens[i]);
        if (!token)
            return pc_fail(
                PC_ERR_INPUT, "token %zu: no such id, %d; the vocabulary has %zu up to %lld", i,
                (int)tokens[i], vocabulary->n_tokens, (long long)pc_tokenizer_size(tokenizer) - 1);
        pc_text_put_bytes(bytes, vocabulary->pool.data + token->bytes, token->n_bytes);
    }
    return pc_text_status(bytes);
}

pc_status pc_tokenizer_decode(char **text, size_t *length, const pc_tokenizer *tokenizer,
                              const int32_t *tokens, size_t n_tokens)
{
    if (!text || !length || !tokenizer || (!tokens && n_tokens))
        return pc_fail(PC_ERR_ARG, "pc_tokenizer_decode: an argument is NULL");
    *text = NULL;
    *length = 0;
    pc_text bytes = {0}, result = {0};
    pc_status status = collect_bytes(&bytes, tokenizer, tokens, n_tokens);
    if (status == PC_OK) {
        pc_text_put(&result, "");
        pc_utf8_put_replaced(&result, bytes.data, bytes.length);
        status = pc_text_status(&result);
    }
    pc_text_free(&bytes);
    if (status == PC_OK) {
        *text = result.data;
        *length = result.length;
    } else {
        pc_text_free(&result);
    }
    return status;
}

int32_t pc_tokenizer_bos(const pc_tokenizer *tokenizer)
{
    return tokenizer->bos;
}

int64_t pc_tokenizer_size(const pc_tokenizer *tokenizer)
{
    const pc_vocabulary *vocabulary = &tokenizer->vocabulary;
    return vocabulary->n_tokens ? 1 + (int64_t)vocabulary->tokens[vocabulary->n_tokens - 1].id : 0;
}

const char *pc_tokenizer_token(const pc_tokenizer *tokenizer, int32_t id)
{
    const pc_token *token = pc_vocabulary_find_id(&tokenizer->vocabulary, id);
    return token ? tokenizer->vocabulary.shown_pool.data + token->shown : NULL;
}

bool pc_tokenizer_is_special(const pc_tokenizer *tokenizer, int32_t id)
{
    const pc_token *token = pc_vocabulary_find_id(&tokenizer->vocabulary, id);
    return token && token->is_special;
}
