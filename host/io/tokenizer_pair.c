/* Reading vocab.json + merges.txt, GPT-2's own form, and the files that say what is special. */
#include "io/tokenizer_build.h"
#include "io/tokenizer_component.h"

#include "base/file.h"
#include "base/memory.h"
#include "io/json_limits.h"
#include "io/split_pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 256 << 20, MAX_CONFIG_BYTES = 16 << 20, MAX_VALUES = 8000000 };

/* The small files beside a tokenizer; a file that is not there is NULL. */
typedef struct side_files {
    json_t *config, *special_map, *added;
} side_files;

typedef pc_status json_parser(json_t **out, const char *bytes, size_t length, const char *name);

/* A whole JSON file, which must hold an object. */
static pc_status read_object(json_t **out, const char *path, size_t max_bytes, json_parser *parse)
{
    char *bytes, found[96];
    size_t length;
    PC_TRY(pc_file_read(&bytes, &length, path, max_bytes));
    pc_status status = pc_json_check_limits(bytes, length, MAX_VALUES, 64, path);
    if (status == PC_OK) status = parse(out, bytes, length, path);
    free(bytes);
    if (status == PC_OK && !json_is_object(*out)) {
        status = pc_fail(PC_ERR_INPUT, "%s: it holds %s, expected an object", path,
                         pc_json_describe(found, sizeof found, *out));
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

static pc_status read_if_there(json_t **out, const char *directory, const char *name,
                               json_parser *parse)
{
    char *path = pc_path_join(directory, name);
    if (!path) return PC_ERR_NOMEM;
    pc_status status =
        pc_file_exists(path) ? read_object(out, path, MAX_CONFIG_BYTES, parse) : PC_OK;
    free(path);
    return status;
}

static pc_status read_side_files(side_files *out, const char *directory)
{
    *out = (side_files){0};
    PC_TRY(read_if_there(&out->config, directory, "tokenizer_config.json", pc_json_parse_reals));
    PC_TRY(read_if_there(&out->special_map, directory, "special_tokens_map.json",
                         pc_json_parse_reals));
    return read_if_there(&out->added, directory, "added_tokens.json", pc_json_parse);
}

static void free_side_files(side_files *files)
{
    json_decref(files->config);
    json_decref(files->special_map);
    json_decref(files->added);
}

/* What tokenizer_config.json says of a key or, failing that, special_tokens_map.json; NULL:
 * neither. */
static const json_t *find_setting(const side_files *files, const char *key)
{
    const json_t *value = json_object_get(files->config, key);
    return value ? value : json_object_get(files->special_map, key);
}

/* A token is a string, or an object with its content. NULL: there is none. */
static pc_status token_content(const char **out, const json_t *value, const char *key)
{
    char found[96];
    *out = NULL;
    if (pc_component_is_absent(value)) return PC_OK;
    const json_t *content = json_is_object(value) ? json_object_get(value, "content") : value;
    if (!json_is_string(content))
        return pc_fail(PC_ERR_INPUT, "%s is %s, expected a token", key,
                       pc_json_describe(found, sizeof found, value));
    *out = json_string_value(content);
    return PC_OK;
}

static pc_status find_token(const pc_token **out, const pc_tokenizer *tokenizer,
                            const side_files *files, const char *key)
{
    const char *content;
    *out = NULL;
    PC_TRY(token_content(&content, find_setting(files, key), key));
    if (!content) return PC_OK;
    *out = pc_vocabulary_find(&tokenizer->vocabulary, content, strlen(content));
    if (*out) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s \"%.60s\" is not in the vocabulary", key, content);
}

/* transformers adds what tokenizer_config.json lists to what tokenizer.json has. We do not, so
 * nothing may be left to add. */
static pc_status check_added_decoder(const pc_tokenizer *tokenizer, const side_files *files)
{
    json_t *decoder = json_object_get(files->config, "added_tokens_decoder");
    for (void *i = json_object_iter(decoder); i; i = json_object_iter_next(decoder, i)) {
        const char *content;
        char id[24] = "";
        PC_TRY(token_content(&content, json_object_iter_value(i), "added_tokens_decoder"));
        const pc_token *token =
            content ? pc_vocabulary_find(&tokenizer->vocabulary, content, strlen(content)) : NULL;
        if (token && token->is_cut_out) snprintf(id, sizeof id, "%d", (int)token->id);
        if (strcmp(id, json_object_iter_key(i)) != 0)
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "added_tokens_decoder: token \"%.60s\", id %.20s, is not "
                           "an added token of tokenizer.json; this is not supported",
                           content ? content : "", json_object_iter_key(i));
    }
    return PC_OK;
}

pc_status pc_tokenizer_read_bos(pc_tokenizer *tokenizer, const char *directory)
{
    side_files files;
    const pc_token *bos = NULL;
    pc_status status = read_side_files(&files, directory);
    if (status == PC_OK) {
        status = find_token(&bos, tokenizer, &files, "bos_token");
        if (status == PC_OK) status = check_added_decoder(tokenizer, &files);
        if (status != PC_OK)
            pc_fail_within(status, "%s: tokenizer_config.json or special_tokens_map.json",
                           directory);
    }
    if (bos) tokenizer->bos = bos->id;
    else if (tokenizer->n_prefix > 0) tokenizer->bos = tokenizer->prefix[0];
    free_side_files(&files);
    return status;
}

/* Added tokens as they are found, and `seen`, their contents. */
typedef struct definitions {
    pc_added_definition *items;
    size_t n, capacity;
    json_t *seen;
} definitions;

/* The first definition of a content counts. */
static pc_status define(definitions *all, const pc_added_definition *definition)
{
    if (json_object_get(all->seen, definition->content)) return PC_OK;
    pc_added_definition *items = pc_grow(all->items, &all->capacity, all->n + 1, sizeof *items);
    if (!items) return PC_ERR_NOMEM;
    all->items = items;
    items[all->n++] = *definition;
    if (json_object_set_new(all->seen, definition->content, json_true()) == 0) return PC_OK;
    return pc_fail(PC_ERR_NOMEM, "out of memory while reading added tokens");
}

/* The flags of an AddedToken object, absent ones as transformers has them. */
static pc_status read_flags(pc_added_definition *definition, const json_t *token, int is_special)
{
    const char *what = definition->content;
    PC_TRY(pc_component_bool(&definition->is_special, token, "special", is_special, what));
    PC_TRY(pc_component_bool(&definition->is_normalized, token, "normalized",
                             !definition->is_special, what));
    PC_TRY(pc_component_bool(&definition->takes_space_left, token, "lstrip", 0, what));
    PC_TRY(pc_component_bool(&definition->takes_space_right, token, "rstrip", 0, what));
    return pc_component_bool(&definition->is_single_word, token, "single_word", 0, what);
}

/* tokenizer_config.json: "added_tokens_decoder": {"50256": {"content": "<|endoftext|>", ...}}. */
static pc_status define_decoder(definitions *all, const side_files *files)
{
    json_t *decoder = json_object_get(files->config, "added_tokens_decoder");
    for (void *i = json_object_iter(decoder); i; i = json_object_iter_next(decoder, i)) {
        const char *key = json_object_iter_key(i);
        char *end;
        pc_added_definition definition = {.id = strtol(key, &end, 10)};
        PC_TRY(
            token_content(&definition.content, json_object_iter_value(i), "added_tokens_decoder"));
        if (!definition.content || *end || end == key || definition.id < 0)
            return pc_fail(PC_ERR_INPUT,
                           "added_tokens_decoder: \"%.60s\", expected an id and a token", key);
        PC_TRY(read_flags(&definition, json_object_iter_value(i), 0));
        PC_TRY(define(all, &definition));
    }
    return PC_OK;
}

/* added_tokens.json: {"<|pad|>": 50257}. */
static pc_status define_added(definitions *all, const side_files *files)
{
    char found[96];
    for (void *i = json_object_iter(files->added); i; i = json_object_iter_next(files->added, i)) {
        const json_t *id = json_object_iter_value(i);
        pc_added_definition definition = {.content = json_object_iter_key(i), .is_normalized = 1};
        definition.id = json_is_integer(id) ? json_integer_value(id) : -1;
        if (definition.id < 0)
            return pc_fail(PC_ERR_INPUT, "added_tokens.json: token \"%.60s\" has id %s",
                           definition.content, pc_json_describe(found, sizeof found, id));
        PC_TRY(define(all, &definition));
    }
    return PC_OK;
}

static pc_status define_special(definitions *all, const json_t *value, const char *key)
{
    pc_added_definition definition = {.id = -1, .is_special = 1};
    PC_TRY(token_content(&definition.content, value, key));
    if (!definition.content) return PC_OK;
    if (json_is_object(value)) PC_TRY(read_flags(&definition, value, 1));
    definition.is_special = 1;
    return define(all, &definition);
}

/* Tokens with a role. Without a word in the files bos, eos and unk are <|endoftext|>, as in GPT-2.
 */
static pc_status define_specials(definitions *all, const json_t *vocab, const side_files *files)
{
    static const char *const roles[] = {"bos_token", "eos_token", "unk_token", "pad_token",
                                        "sep_token", "cls_token", "mask_token"};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        const json_t *value = find_setting(files, roles[i]);
        PC_TRY(define_special(all, value, roles[i]));
        const pc_added_definition end_of_text = {
            .content = "<|endoftext|>", .id = -1, .is_special = 1};
        if (!value && i < 3 && json_object_get(vocab, end_of_text.content))
            PC_TRY(define(all, &end_of_text));
    }
    const json_t *more = find_setting(files, "additional_special_tokens");
    for (size_t i = 0; i < json_array_size(more); i++)
        PC_TRY(define_special(all, json_array_get(more, i), "additional_special_tokens"));
    return PC_OK;
}

/* Those with an id first, ascending; the others by content, so that the order is one. */
static int compare_definitions(const void *left, const void *right)
{
    const pc_added_definition *a = left, *b = right;
    if ((a->id < 0) != (b->id < 0)) return a->id < 0 ? 1 : -1;
    if (a->id != b->id) return a->id < b->id ? -1 : 1;
    return strcmp(a->content, b->content);
}

static pc_status add_definitions(pc_tokenizer *tokenizer, definitions *all, const json_t *vocab)
{
    int64_t n_new = 0;
    if (all->n > 1) qsort(all->items, all->n, sizeof *all->items, compare_definitions);
    for (size_t i = 0; i < all->n; i++)
        PC_TRY(pc_build_added_token(tokenizer, vocab, &all->items[i], &n_new));
    return pc_build_index(tokenizer);
}

static pc_status read_tokens(pc_tokenizer *tokenizer, const json_t *vocab, const side_files *files)
{
    definitions all = {.seen = json_object()};
    pc_status status = pc_build_vocabulary(tokenizer, vocab);
    if (status == PC_OK && !all.seen) status = pc_fail(PC_ERR_NOMEM, "out of memory");
    if (status == PC_OK) status = define_decoder(&all, files);
    if (status == PC_OK) status = define_added(&all, files);
    if (status == PC_OK) status = define_specials(&all, vocab, files);
    if (status == PC_OK) status = add_definitions(tokenizer, &all, vocab);
    free(all.items);
    json_decref(all.seen);
    return status;
}

/* Lines end with LF or CRLF; those that begin with #version do not count. */
static pc_status read_merges(pc_tokenizer *tokenizer, const char *bytes, size_t length)
{
    size_t number = 1;
    for (size_t at = 0; at < length; number++) {
        const char *line = bytes + at, *end = memchr(line, '\n', length - at);
        size_t n = end ? (size_t)(end - line) : length - at;
        at += n + (end ? 1 : 0);
        if (n > 0 && line[n - 1] == '\r') n--;
        if (n >= 8 && memcmp(line, "#version", 8) == 0) continue;
        pc_status status = pc_build_merge_line(tokenizer, line, n);
        if (status != PC_OK) return pc_fail_within(status, "line %zu", number);
    }
    pc_bpe_index(&tokenizer->bpe);
    return PC_OK;
}

static pc_status read_merges_file(pc_tokenizer *tokenizer, const char *directory)
{
    char *bytes = NULL, *path = pc_path_join(directory, "merges.txt");
    size_t length;
    if (!path) return PC_ERR_NOMEM;
    pc_status status = pc_file_read(&bytes, &length, path, MAX_FILE_BYTES);
    if (status == PC_OK) {
        status = read_merges(tokenizer, bytes, length);
        if (status != PC_OK) pc_fail_within(status, "%s", path);
    }
    free(bytes);
    free(path);
    return status;
}

static pc_status set_edge(int32_t **ids, size_t *n, const pc_token *token, const char *key)
{
    if (!token) return pc_fail(PC_ERR_INPUT, "%s is true, but there is no such token", key);
    *ids = pc_alloc(1, sizeof **ids);
    if (!*ids) return PC_ERR_NOMEM;
    (*ids)[0] = token->id;
    *n = 1;
    return PC_OK;
}

/* Other classes cut words by other patterns, which their vocab.json and merges.txt do not say. */
static pc_status check_class(const side_files *files)
{
    char found[96];
    const json_t *class = json_object_get(files->config, "tokenizer_class");
    const char *name = json_string_value(class);
    if (pc_component_is_absent(class)) return PC_OK;
    if (name && (strcmp(name, "GPT2Tokenizer") == 0 || strcmp(name, "GPT2TokenizerFast") == 0))
        return PC_OK;
    return pc_fail(PC_ERR_UNSUPPORTED,
                   "tokenizer_class %s is not supported without a tokenizer.json, only "
                   "GPT2Tokenizer",
                   pc_json_describe(found, sizeof found, class));
}

/* tokenizer_config.json: add_prefix_space, add_bos_token, add_eos_token; false if absent. */
static pc_status apply_config(pc_tokenizer *tokenizer, const side_files *files)
{
    int has_prefix_space, has_bos, has_eos;
    const pc_token *bos, *eos;
    const char *end_of_text = "<|endoftext|>", *what = "settings";
    const pc_token *fallback =
        pc_vocabulary_find_own(&tokenizer->vocabulary, end_of_text, strlen(end_of_text));
    PC_TRY(find_token(&bos, tokenizer, files, "bos_token"));
    PC_TRY(find_token(&eos, tokenizer, files, "eos_token"));
    if (!find_setting(files, "bos_token")) bos = fallback;
    if (!find_setting(files, "eos_token")) eos = fallback;
    tokenizer->bos = bos ? bos->id : -1;
    PC_TRY(pc_component_bool(&has_prefix_space, files->config, "add_prefix_space", 0, what));
    PC_TRY(pc_component_bool(&has_bos, files->config, "add_bos_token", 0, what));
    PC_TRY(pc_component_bool(&has_eos, files->config, "add_eos_token", 0, what));
    tokenizer->pretokenizer.has_prefix_space = has_prefix_space;
    if (has_bos) PC_TRY(set_edge(&tokenizer->prefix, &tokenizer->n_prefix, bos, "add_bos_token"));
    if (has_eos) PC_TRY(set_edge(&tokenizer->suffix, &tokenizer->n_suffix, eos, "add_eos_token"));
    return pc_pretokenizer_add_split(&tokenizer->pretokenizer, pc_gpt2_split_pattern,
                                     strlen(pc_gpt2_split_pattern));
}

static pc_status build(pc_tokenizer *tokenizer, const json_t *vocab, const side_files *files,
                       const char *directory)
{
    pc_status status = check_class(files);
    if (status == PC_OK) status = read_tokens(tokenizer, vocab, files);
    if (status == PC_OK) status = apply_config(tokenizer, files);
    if (status != PC_OK)
        return pc_fail_within(status, "%s: vocab.json and the files beside it", directory);
    return read_merges_file(tokenizer, directory);
}

pc_status pc_tokenizer_read_pair(pc_tokenizer *tokenizer, const char *directory)
{
    side_files files = {0};
    json_t *vocab = NULL;
    char *path = pc_path_join(directory, "vocab.json");
    if (!path) return PC_ERR_NOMEM;
    pc_status status = read_object(&vocab, path, MAX_FILE_BYTES, pc_json_parse);
    if (status == PC_OK) status = read_side_files(&files, directory);
    if (status == PC_OK) status = build(tokenizer, vocab, &files, directory);
    free_side_files(&files);
    json_decref(vocab);
    free(path);
    return status;
}
