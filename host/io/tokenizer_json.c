/* Reading tokenizer.json: what is implemented is read, everything else is refused by name. */
#include "io/json_limits.h"
#include "io/tokenizer_build.h"
#include "io/tokenizer_component.h"

#include <stdio.h>
#include <string.h>

enum { MAX_VALUES = 8000000, MAX_NESTING = 32 };

/* A dropout of 0 is none; a prefix or suffix of "" is none. */
static pc_status check_model(const json_t *model)
{
    static const char *const known[] = {"type",
                                        "dropout",
                                        "unk_token",
                                        "continuing_subword_prefix",
                                        "end_of_word_suffix",
                                        "fuse_unk",
                                        "byte_fallback",
                                        "ignore_merges",
                                        "vocab",
                                        "merges",
                                        NULL};
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    char found[96];
    if (!pc_component_has_type(model, "BPE")) return pc_component_refuse("model", model);
    PC_TRY(pc_component_check_keys(model, known, "model"));
    const json_t *dropout = json_object_get(model, "dropout");
    if (!pc_component_is_absent(dropout) &&
        !(json_is_number(dropout) && json_number_value(dropout) == 0))
        return pc_fail(PC_ERR_UNSUPPORTED, "model: dropout %s is not supported",
                       pc_json_describe(found, sizeof found, dropout));
    for (size_t i = 0; i < sizeof affixes / sizeof *affixes; i++) {
        const json_t *affix = json_object_get(model, affixes[i]);
        if (!pc_component_is_absent(affix) &&
            !(json_is_string(affix) && json_string_length(affix) == 0))
            return pc_fail(PC_ERR_UNSUPPORTED, "model: %s %s is not supported", affixes[i],
                           pc_json_describe(found, sizeof found, affix));
    }
    return PC_OK;
}

/* What stands in for bytes without a token never does when every byte has one. */
static pc_status check_byte_fallbacks(const pc_tokenizer *tokenizer, const json_t *unknown,
                                      int has_byte_fallback)
{
    char found[96];
    if (pc_vocabulary_has_every_byte(&tokenizer->vocabulary)) return PC_OK;
    if (has_byte_fallback)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "model: byte_fallback is not supported where a byte has no "
                       "token");
    if (!pc_component_is_absent(unknown))
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "model: unk_token %s is not supported where a byte has no token",
                       pc_json_describe(found, sizeof found, unknown));
    return PC_OK;
}

/* Where all 256 tokens <0xNN> are there, no character is ever unknown; where some are missing,
 * `tokenizers` puts bytes and unknown tokens out of order. */
static pc_status read_fallbacks(pc_tokenizer *tokenizer, const json_t *model)
{
    int has_byte_fallback, fuses_unknown;
    char found[96];
    const json_t *unknown = json_object_get(model, "unk_token");
    PC_TRY(pc_component_bool(&has_byte_fallback, model, "byte_fallback", 0, "model"));
    PC_TRY(pc_component_bool(&fuses_unknown, model, "fuse_unk", 0, "model"));
    if (tokenizer->decoder.alphabet == PC_ALPHABET_BYTES)
        return check_byte_fallbacks(tokenizer, unknown, has_byte_fallback);
    if (has_byte_fallback && !pc_vocabulary_has_every_byte(&tokenizer->vocabulary))
        return pc_fail(PC_ERR_UNSUPPORTED, "model: byte_fallback is not supported where one of the "
                                           "tokens <0x00> to <0xFF> is missing");
    tokenizer->has_byte_fallback = has_byte_fallback;
    tokenizer->fuses_unknown = fuses_unknown;
    if (has_byte_fallback || pc_component_is_absent(unknown)) return PC_OK;
    const char *text = json_string_value(unknown);
    const pc_token *token =
        text ? pc_vocabulary_find_own(&tokenizer->vocabulary, text, strlen(text)) : NULL;
    if (!token)
        return pc_fail(PC_ERR_INPUT, "model: unk_token %s is not in the vocabulary",
                       pc_json_describe(found, sizeof found, unknown));
    tokenizer->unknown = token->id;
    return PC_OK;
}

static pc_status read_merge(pc_tokenizer *tokenizer, const json_t *merge)
{
    char found[96];
    const json_t *left = json_array_get(merge, 0), *right = json_array_get(merge, 1);
    if (json_is_string(merge)) {
        const char *line = json_string_value(merge);
        if (strncmp(line, "#version", 8) == 0) return PC_OK; /* as in merges.txt */
        return pc_build_merge_line(tokenizer, line, json_string_length(merge));
    }
    if (json_array_size(merge) != 2 || !json_is_string(left) || !json_is_string(right))
        return pc_fail(PC_ERR_INPUT, "%s, expected \"LEFT RIGHT\" or [\"LEFT\", \"RIGHT\"]",
                       pc_json_describe(found, sizeof found, merge));
    return pc_build_merge(tokenizer, json_string_value(left), json_string_length(left),
                          json_string_value(right), json_string_length(right));
}

static pc_status read_merges(pc_tokenizer *tokenizer, const json_t *model)
{
    char found[96];
    int ignores_merges;
    const json_t *merges = json_object_get(model, "merges");
    if (!json_is_array(merges))
        return pc_fail(PC_ERR_INPUT, "model: merges is %s, expected an array",
                       pc_json_describe(found, sizeof found, merges));
    for (size_t i = 0; i < json_array_size(merges); i++) {
        pc_status status = read_merge(tokenizer, json_array_get(merges, i));
        if (status != PC_OK) return pc_fail_within(status, "merges[%zu]", i);
    }
    pc_bpe_index(&tokenizer->bpe);
    PC_TRY(pc_component_bool(&ignores_merges, model, "ignore_merges", 0, "model"));
    tokenizer->ignores_merges = ignores_merges;
    return PC_OK;
}

static pc_status read_added_token(pc_tokenizer *tokenizer, const json_t *vocab, const json_t *token,
                                  size_t i, int64_t *n_new)
{
    static const char *const known[] = {"id",     "content",    "single_word", "lstrip",
                                        "rstrip", "normalized", "special",     NULL};
    char what[48], found[96];
    snprintf(what, sizeof what, "added_tokens[%zu]", i);
    pc_added_definition definition = {0};
    if (!json_is_object(token))
        return pc_fail(PC_ERR_INPUT, "%s is %s, expected an object", what,
                       pc_json_describe(found, sizeof found, token));
    PC_TRY(pc_component_check_keys(token, known, what));
    PC_TRY(pc_json_text(&definition.content, token, "content", what));
    PC_TRY(pc_json_int(&definition.id, token, "id", 0, INT32_MAX - 1, what));
    PC_TRY(pc_json_bool(&definition.is_single_word, token, "single_word", what));
    PC_TRY(pc_json_bool(&definition.takes_space_left, token, "lstrip", what));
    PC_TRY(pc_json_bool(&definition.takes_space_right, token, "rstrip", what));
    PC_TRY(pc_json_bool(&definition.is_normalized, token, "normalized", what));
    PC_TRY(pc_json_bool(&definition.is_special, token, "special", what));
    return pc_build_added_token(tokenizer, vocab, &definition, n_new);
}

static pc_status read_tokens(pc_tokenizer *tokenizer, const json_t *top, const json_t *vocab)
{
    char found[96];
    const json_t *added = json_object_get(top, "added_tokens");
    int64_t n_new = 0;
    PC_TRY(pc_build_vocabulary(tokenizer, vocab));
    if (!pc_component_is_absent(added) && !json_is_array(added))
        return pc_fail(PC_ERR_INPUT, "added_tokens is %s, expected an array",
                       pc_json_describe(found, sizeof found, added));
    for (size_t i = 0; i < json_array_size(added); i++)
        PC_TRY(read_added_token(tokenizer, vocab, json_array_get(added, i), i, &n_new));
    return pc_build_index(tokenizer);
}

/* truncation and padding are settings for batches, which transformers switches off per call too. */
static pc_status check_top(const json_t *top)
{
    static const char *const known[] = {
        "version",       "truncation",     "padding", "added_tokens", "normalizer",
        "pre_tokenizer", "post_processor", "decoder", "model",        NULL};
    char found[96];
    const json_t *version = json_object_get(top, "version");
    if (!json_is_object(top))
        return pc_fail(PC_ERR_INPUT, "it holds %s, expected an object",
                       pc_json_describe(found, sizeof found, top));
    PC_TRY(pc_component_check_keys(top, known, "the file"));
    if (version && !(json_is_string(version) && strcmp(json_string_value(version), "1.0") == 0))
        return pc_fail(PC_ERR_UNSUPPORTED, "version %s is not supported",
                       pc_json_describe(found, sizeof found, version));
    return PC_OK;
}

static pc_status build(pc_tokenizer *tokenizer, const json_t *top)
{
    const json_t *model = json_object_get(top, "model");
    PC_TRY(check_top(top));
    PC_TRY(
        pc_component_read_normalizer(&tokenizer->normalizer, json_object_get(top, "normalizer")));
    PC_TRY(pc_component_read_decoder(&tokenizer->decoder, json_object_get(top, "decoder")));
    PC_TRY(check_model(model));
    PC_TRY(read_tokens(tokenizer, top, json_object_get(model, "vocab")));
    PC_TRY(read_fallbacks(tokenizer, model));
    PC_TRY(read_merges(tokenizer, model));
    PC_TRY(pc_component_read_pretokenizer(tokenizer, json_object_get(top, "pre_tokenizer")));
    return pc_component_read_post_processor(tokenizer, json_object_get(top, "post_processor"));
}

pc_status pc_tokenizer_parse(pc_tokenizer *tokenizer, const char *bytes, size_t length,
                             const char *name)
{
    json_t *top;
    PC_TRY(pc_json_check_limits(bytes, length, MAX_VALUES, MAX_NESTING, name));
    PC_TRY(pc_json_parse(&top, bytes, length, name));
    pc_status status = build(tokenizer, top);
    json_decref(top);
    return status == PC_OK ? PC_OK : pc_fail_within(status, "%s", name);
}
