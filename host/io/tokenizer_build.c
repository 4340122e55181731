/* Putting vocabulary, added tokens and merges into a tokenizer. */
#include "io/tokenizer_build.h"

#include <string.h>

pc_status pc_build_vocabulary(pc_tokenizer *tokenizer, const json_t *vocab)
{
    char found[96];
    if (!json_is_object(vocab))
        return pc_fail(PC_ERR_INPUT, "vocab is %s, expected an object of tokens and ids",
                       pc_json_describe(found, sizeof found, vocab));
    json_t *object = (json_t *)vocab; /* jansson iterates only what it might change */
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const char *text = json_object_iter_key(i);
        const json_t *id = json_object_iter_value(i);
        if (!json_is_integer(id))
            return pc_fail(PC_ERR_INPUT, "vocab: token \"%.60s\" has id %s, expected an integer",
                           text, pc_json_describe(found, sizeof found, id));
        PC_TRY(pc_vocabulary_add(&tokenizer->vocabulary, text, strlen(text), json_integer_value(id),
                                 NULL));
    }
    return PC_OK;
}

static pc_status find_added_id(int64_t *out, const json_t *vocab,
                               const pc_added_definition *definition, int64_t n_new)
{
    const json_t *own = json_object_get(vocab, definition->content);
    if (!own && definition->id < 0)
        return pc_fail(PC_ERR_INPUT, "special token \"%.60s\" is not in the vocabulary",
                       definition->content);
    int64_t expected = own ? json_integer_value(own) : (int64_t)json_object_size(vocab) + n_new;
    if (definition->id >= 0 && definition->id != expected)
        return pc_fail(PC_ERR_INPUT, "added token \"%.60s\" has id %lld, expected %lld, %s",
                       definition->content, (long long)definition->id, (long long)expected,
                       own ? "its id in the vocabulary" : "the next one after the vocabulary");
    *out = expected;
    return PC_OK;
}

/* A normalized token is looked for as the normalizer leaves it. */
static pc_status add_searched(pc_tokenizer *tokenizer, const pc_added_definition *definition,
                              int32_t id)
{
    static const pc_normalizer none = {0};
    const pc_added_token token = {.id = id,
                                  .is_special = definition->is_special,
                                  .is_normalized = definition->is_normalized,
                                  .takes_space_left = definition->takes_space_left,
                                  .takes_space_right = definition->takes_space_right};
    pc_text text = {0};
    pc_status status = pc_normalize(&text, token.is_normalized ? &tokenizer->normalizer : &none,
                                    definition->content, strlen(definition->content));
    if (status == PC_OK && text.length == 0)
        status = pc_fail(PC_ERR_UNSUPPORTED, "added token \"%.60s\": the normalizer leaves nothing",
                         definition->content);
    if (status == PC_OK)
        status = pc_added_tokens_add(&tokenizer->added, text.data, text.length, &token);
    pc_text_free(&text);
    return status;
}

pc_status pc_build_added_token(pc_tokenizer *tokenizer, const json_t *vocab,
                               const pc_added_definition *definition, int64_t *n_new)
{
    int64_t id = -1;
    size_t n = strlen(definition->content);
    if (n == 0) return PC_OK; /* `tokenizers` skips it too */
    if (definition->is_single_word)
        return pc_fail(PC_ERR_UNSUPPORTED, "added token \"%.60s\": single_word is not supported",
                       definition->content);
    PC_TRY(find_added_id(&id, vocab, definition, *n_new));
    if (!json_object_get(vocab, definition->content)) {
        const pc_token flags = {.is_added = true};
        PC_TRY(pc_vocabulary_add(&tokenizer->vocabulary, definition->content, n, id, &flags));
        ++*n_new;
    }
    return add_searched(tokenizer, definition, (int32_t)id);
}

pc_status pc_build_index(pc_tokenizer *tokenizer)
{
    const pc_added_tokens *added = &tokenizer->added;
    PC_TRY(pc_vocabulary_index(&tokenizer->vocabulary, &tokenizer->decoder));
    PC_TRY(pc_added_tokens_index(&tokenizer->added));
    for (size_t i = 0; i < added->n_tokens; i++) {
        const pc_added_token *token = &added->tokens[i];
        PC_TRY(pc_vocabulary_mark_cut_out(&tokenizer->vocabulary, token->id, token->is_special,
                                          token->text, token->n));
    }
    return PC_OK;
}

static int shown_bytes(size_t n)
{
    return n < 60 ? (int)n : 60;
}

pc_status pc_build_merge(pc_tokenizer *tokenizer, const char *left, size_t n_left,
                         const char *right, size_t n_right)
{
    pc_text both = {0};
    const pc_vocabulary *vocabulary = &tokenizer->vocabulary;
    pc_text_put_bytes(&both, left, n_left);
    pc_text_put_bytes(&both, right, n_right);
    pc_status status = pc_text_status(&both);
    if (status == PC_OK) {
        const pc_token *a = pc_vocabulary_find_own(vocabulary, left, n_left);
        const pc_token *b = pc_vocabulary_find_own(vocabulary, right, n_right);
        const pc_token *ab = pc_vocabulary_find_own(vocabulary, both.data, both.length);
        if (a && b && ab) status = pc_bpe_add(&tokenizer->bpe, a->id, b->id, ab->id);
        else
            status = pc_fail(PC_ERR_INPUT, "\"%.*s\" + \"%.*s\": %s is not in the vocabulary",
                             shown_bytes(n_left), left, shown_bytes(n_right), right,
                             !a   ? "the first"
                             : !b ? "the second"
                                  : "the result");
    }
    pc_text_free(&both);
    return status;
}

pc_status pc_build_merge_line(pc_tokenizer *tokenizer, const char *line, size_t n)
{
    const char *space = n ? memchr(line, ' ', n) : NULL;
    size_t n_left = space ? (size_t)(space - line) : 0;
    if (!space || memchr(space + 1, ' ', n - n_left - 1))
        return pc_fail(PC_ERR_INPUT, "\"%.*s\", expected two tokens and one space", shown_bytes(n),
                       line);
    return pc_build_merge(tokenizer, line, n_left, space + 1, n - n_left - 1);
}
