/* The tokenizer: opening, decoding, what it says of its tokens. */
#include "io/tokenizer_parts.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>

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
    char *protobuf = pc_path_join(directory, "tokenizer.model");
    pc_status status = json && vocab && protobuf ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK && pc_file_exists(json)) {
        status = read_json(tokenizer, json);
        if (status == PC_OK) status = pc_tokenizer_read_bos(tokenizer, directory);
    } else if (status == PC_OK && pc_file_exists(vocab)) {
        status = pc_tokenizer_read_pair(tokenizer, directory);
    } else if (status == PC_OK && pc_file_exists(protobuf)) {
        status = pc_fail(PC_ERR_UNSUPPORTED,
                         "%s: tokenizer.model is not read; write a tokenizer.json beside it: in "
                         "Python, transformers.AutoTokenizer.from_pretrained(DIR)"
                         ".save_pretrained(DIR)",
                         directory);
    } else if (status == PC_OK) {
        status = pc_fail(PC_ERR_INPUT,
                         "%s: no tokenizer: neither tokenizer.json nor vocab.json with merges.txt",
                         directory);
    }
    free(json);
    free(vocab);
    free(protobuf);
    return status;
}

pc_tokenizer *pc_tokenizer_new(void)
{
    pc_tokenizer *tokenizer = pc_alloc(1, sizeof *tokenizer);
    if (tokenizer) tokenizer->bos = tokenizer->unknown = -1;
    return tokenizer;
}

pc_status pc_tokenizer_open(pc_tokenizer **out, const char *directory)
{
    if (!out || !directory) return pc_fail(PC_ERR_ARG, "pc_tokenizer_open: an argument is NULL");
    *out = NULL;
    pc_tokenizer *tokenizer = pc_tokenizer_new();
    if (!tokenizer) return PC_ERR_NOMEM;
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

static pc_status take_tokens(pc_detokenizer *to, const pc_tokenizer *tokenizer,
                             const int32_t *tokens, size_t n_tokens)
{
    const pc_vocabulary *vocabulary = &tokenizer->vocabulary;
    for (size_t i = 0; i < n_tokens; i++) {
        const pc_token *token = pc_vocabulary_find_id(vocabulary, tokens[i]);
        if (!token)
            return pc_fail(
                PC_ERR_INPUT, "token %zu: no such id, %d; the vocabulary has %zu up to %lld", i,
                (int)tokens[i], vocabulary->n_tokens, (long long)pc_tokenizer_size(tokenizer) - 1);
        pc_detokenizer_take(to, vocabulary->pool.data + token->source, token->n_source);
    }
    return pc_detokenizer_finish(to);
}

pc_status pc_tokenizer_decode(char **text, size_t *length, const pc_tokenizer *tokenizer,
                              const int32_t *tokens, size_t n_tokens)
{
    if (!text || !length || !tokenizer || (!tokens && n_tokens))
        return pc_fail(PC_ERR_ARG, "pc_tokenizer_decode: an argument is NULL");
    *text = NULL;
    *length = 0;
    pc_detokenizer to = {.decoder = &tokenizer->decoder};
    pc_status status = take_tokens(&to, tokenizer, tokens, n_tokens);
    if (status == PC_OK) {
        *text = to.text.data;
        *length = to.text.length;
    } else {
        pc_text_free(&to.text);
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
