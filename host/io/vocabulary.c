/* The vocabulary: two sorted arrays, searched by halving, whatever the ids and texts are. */
#include "io/vocabulary.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

pc_status pc_vocabulary_add(pc_vocabulary *vocabulary, const char *text, size_t n_text, int64_t id,
                            const pc_token *flags)
{
    if (id < 0 || id >= INT32_MAX)
        return pc_fail(PC_ERR_INPUT, "token \"%.60s\" has id %lld, expected 0 to %d", text,
                       (long long)id, INT32_MAX - 1);
    pc_token *tokens = pc_grow(vocabulary->tokens, &vocabulary->capacity, vocabulary->n_tokens + 1,
                               sizeof *tokens);
    if (!tokens) return PC_ERR_NOMEM;
    vocabulary->tokens = tokens;
    tokens[vocabulary->n_tokens++] = (pc_token){.text = vocabulary->pool.length,
                                                .n_text = n_text,
                                                .id = (int32_t)id,
                                                .is_special = flags && flags->is_special,
                                                .is_added = flags && flags->is_added};
    pc_text_put_bytes(&vocabulary->pool, text, n_text);
    return pc_text_status(&vocabulary->pool);
}

static int compare_ids(const void *left, const void *right)
{
    int32_t a = ((const pc_token *)left)->id, b = ((const pc_token *)right)->id;
    return (a > b) - (a < b);
}

/* Bytewise, a prefix before what continues it. */
static int compare_bytes(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t n = n_a < n_b ? n_a : n_b;
    int order = n ? memcmp(a, b, n) : 0;
    return order ? order : (n_a > n_b) - (n_a < n_b);
}

/* A text to sort, with the token that has it. */
typedef struct named {
    const char *text;
    size_t n_text, index;
} named;

static int compare_texts(const void *left, const void *right)
{
    const named *a = left, *b = right;
    return compare_bytes(a->text, a->n_text, b->text, b->n_text);
}

static pc_status sort_texts(pc_vocabulary *vocabulary)
{
    size_t n = vocabulary->n_tokens;
    named *names = pc_alloc(n, sizeof *names);
    vocabulary->by_text = pc_alloc(n, sizeof *vocabulary->by_text);
    pc_status status = names && vocabulary->by_text ? PC_OK : PC_ERR_NOMEM;
    for (size_t i = 0; i < n && status == PC_OK; i++) {
        const pc_token *token = &vocabulary->tokens[i];
        names[i] = (named){vocabulary->pool.data + token->text, token->n_text, i};
    }
    if (status == PC_OK && n > 1) qsort(names, n, sizeof *names, compare_texts);
    for (size_t i = 0; i < n && status == PC_OK; i++) {
        vocabulary->by_text[i] = names[i].index;
        if (i > 0 && compare_texts(&names[i - 1], &names[i]) == 0)
            status = pc_fail(PC_ERR_INPUT, "token \"%.*s\" is there twice, with ids %d and %d",
                             (int)(names[i].n_text < 60 ? names[i].n_text : 60), names[i].text,
                             (int)vocabulary->tokens[names[i - 1].index].id,
                             (int)vocabulary->tokens[names[i].index].id);
    }
    free(names);
    return status;
}

/* What each token is decoded from and looks like. */
static pc_status show_tokens(pc_vocabulary *vocabulary, const pc_token_decoder *decoder)
{
    pc_text bytes = {0};
    for (size_t i = 0; i < vocabulary->n_tokens; i++) {
        pc_token *token = &vocabulary->tokens[i];
        token->source = token->text;
        token->n_source = token->n_text;
        bytes.length = 0;
        pc_token_decoder_put(&bytes, decoder, vocabulary->pool.data + token->text, token->n_text);
        if (bytes.has_failed) break;
        token->shown = vocabulary->shown_pool.length;
        pc_utf8_put_shown(&vocabulary->shown_pool, bytes.data, bytes.length);
        pc_text_put_bytes(&vocabulary->shown_pool, "", 1);
    }
    pc_status status = pc_text_status(&bytes);
    if (status == PC_OK) status = pc_text_status(&vocabulary->shown_pool);
    pc_text_free(&bytes);
    return status;
}

const pc_token *pc_vocabulary_find_id(const pc_vocabulary *vocabulary, int32_t id)
{
    const pc_token key = {.id = id};
    if (vocabulary->n_tokens == 0) return NULL;
    return bsearch(&key, vocabulary->tokens, vocabulary->n_tokens, sizeof key, compare_ids);
}

const pc_token *pc_vocabulary_find(const pc_vocabulary *vocabulary, const char *text, size_t n_text)
{
    size_t low = 0, high = vocabulary->n_tokens;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const pc_token *token = &vocabulary->tokens[vocabulary->by_text[middle]];
        int order = compare_bytes(text, n_text, vocabulary->pool.data + token->text, token->n_text);
        if (order == 0) return token;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

const pc_token *pc_vocabulary_find_own(const pc_vocabulary *vocabulary, const char *text,
                                       size_t n_text)
{
    const pc_token *token = pc_vocabulary_find(vocabulary, text, n_text);
    return token && !token->is_added ? token : NULL;
}

pc_status pc_vocabulary_mark_cut_out(pc_vocabulary *vocabulary, int32_t id, bool is_special,
                                     const char *source, size_t n_source)
{
    const pc_token *found = pc_vocabulary_find_id(vocabulary, id);
    if (!found) return PC_OK;
    pc_token *token = &vocabulary->tokens[found - vocabulary->tokens];
    token->is_cut_out = true;
    token->is_special |= is_special;
    token->source = vocabulary->pool.length;
    token->n_source = n_source;
    pc_text_put_bytes(&vocabulary->pool, source, n_source);
    return pc_text_status(&vocabulary->pool);
}

static void find_byte_ids(pc_vocabulary *vocabulary, const pc_token_decoder *decoder)
{
    for (int byte = 0; byte < 256; byte++) {
        char name[8];
        size_t length = pc_token_decoder_byte_name(name, decoder, (unsigned char)byte);
        const pc_token *token = pc_vocabulary_find_own(vocabulary, name, length);
        vocabulary->byte_ids[byte] = token ? token->id : -1;
    }
}

pc_status pc_vocabulary_index(pc_vocabulary *vocabulary, const pc_token_decoder *decoder)
{
    pc_token *tokens = vocabulary->tokens;
    size_t n = vocabulary->n_tokens;
    if (n > 1) qsort(tokens, n, sizeof *tokens, compare_ids);
    for (size_t i = 1; i < n; i++) {
        if (tokens[i - 1].id != tokens[i].id) continue;
        const char *pool = vocabulary->pool.data;
        return pc_fail(PC_ERR_INPUT, "tokens \"%.*s\" and \"%.*s\" have the same id %d",
                       (int)(tokens[i - 1].n_text < 60 ? tokens[i - 1].n_text : 60),
                       pool + tokens[i - 1].text,
                       (int)(tokens[i].n_text < 60 ? tokens[i].n_text : 60), pool + tokens[i].text,
                       (int)tokens[i].id);
    }
    PC_TRY(sort_texts(vocabulary));
    PC_TRY(show_tokens(vocabulary, decoder));
    find_byte_ids(vocabulary, decoder);
    return PC_OK;
}

bool pc_vocabulary_has_every_byte(const pc_vocabulary *vocabulary)
{
    for (int byte = 0; byte < 256; byte++)
        if (vocabulary->byte_ids[byte] < 0) return false;
    return true;
}

void pc_vocabulary_free(pc_vocabulary *vocabulary)
{
    free(vocabulary->tokens);
    free(vocabulary->by_text);
    pc_text_free(&vocabulary->pool);
    pc_text_free(&vocabulary->shown_pool);
    *vocabulary = (pc_vocabulary){0};
}
