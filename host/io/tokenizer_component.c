/* The pre_tokenizer and the post_processor of tokenizer.json, and what reading any component needs.
 */
#include "io/tokenizer_component.h"

#include "base/utf8.h"
#include "io/split_pattern.h"

#include <stdlib.h>
#include <string.h>

const char *const pc_byte_level_keys[] = {"type", "add_prefix_space", "trim_offsets", "use_regex",
                                          NULL};

/* "tokenizer.json: normalizer "Lowercase" is not supported", or null, or whatever is there. */
pc_status pc_component_refuse(const char *what, const json_t *component)
{
    char found[96];
    const json_t *type = json_object_get(component, "type");
    pc_json_describe(found, sizeof found, type ? type : component);
    return pc_fail(PC_ERR_UNSUPPORTED, "%s %s is not supported", what, found);
}

bool pc_component_has_type(const json_t *component, const char *type)
{
    const char *found = json_string_value(json_object_get(component, "type"));
    return found && strcmp(found, type) == 0;
}

bool pc_component_is_absent(const json_t *component)
{
    return !component || json_is_null(component);
}

pc_status pc_component_check_keys(const json_t *object, const char *const *known, const char *what)
{
    json_t *iterated = (json_t *)object;
    for (void *i = json_object_iter(iterated); i; i = json_object_iter_next(iterated, i)) {
        const char *key = json_object_iter_key(i);
        const char *const *k = known;
        while (*k && strcmp(*k, key) != 0)
            k++;
        if (!*k)
            return pc_fail(PC_ERR_UNSUPPORTED, "%s: key \"%.60s\" is not supported", what, key);
    }
    return PC_OK;
}

pc_status pc_component_bool(int *out, const json_t *object, const char *key, int fallback,
                            const char *what)
{
    *out = fallback;
    if (pc_component_is_absent(json_object_get(object, key))) return PC_OK;
    return pc_json_bool(out, object, key, what);
}

pc_status pc_component_array(const json_t **out, const json_t *object, const char *key,
                             const char *what)
{
    char found[96];
    *out = json_object_get(object, key);
    if (json_is_array(*out)) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s is %s, expected an array", what, key,
                   pc_json_describe(found, sizeof found, *out));
}

pc_status pc_component_literal(const char **out, const json_t *component, const char *what)
{
    const json_t *pattern = json_object_get(component, "pattern");
    *out = json_string_value(json_object_get(pattern, "String"));
    if (*out && json_object_size(pattern) == 1) return PC_OK;
    return pc_fail(PC_ERR_UNSUPPORTED,
                   "%s: a pattern other than {\"String\": \"...\"} is not supported", what);
}

pc_status pc_component_character(char out[PC_MAX_CHARACTER_BYTES], size_t *n, const char *text,
                                 const char *key, const char *what)
{
    *n = pc_utf8_length(text, 4);
    if (*n == 0 || text[*n] != 0)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "%s: %s \"%.60s\" is not one character, which is not "
                       "supported",
                       what, key, text);
    memcpy(out, text, *n);
    return PC_OK;
}

static pc_status read_byte_level(pc_pretokenizer *pretokenizer, const json_t *component)
{
    int adds_space, trims, uses_regex;
    PC_TRY(pc_component_check_keys(component, pc_byte_level_keys, "pre_tokenizer ByteLevel"));
    PC_TRY(pc_json_bool(&adds_space, component, "add_prefix_space", "pre_tokenizer ByteLevel"));
    PC_TRY(pc_json_bool(&trims, component, "trim_offsets", "pre_tokenizer ByteLevel"));
    PC_TRY(pc_component_bool(&uses_regex, component, "use_regex", 1, "pre_tokenizer ByteLevel"));
    pretokenizer->has_prefix_space = adds_space;
    pretokenizer->prefix_before = pretokenizer->n_splits;
    if (!uses_regex) return PC_OK;
    return pc_pretokenizer_add_split(pretokenizer, pc_gpt2_split_pattern,
                                     strlen(pc_gpt2_split_pattern));
}

static const char *const split_keys[] = {"type", "pattern", "behavior", "invert", NULL};

static pc_status read_split(pc_pretokenizer *pretokenizer, const json_t *component)
{
    const char *behavior, *what = "pre_tokenizer Split";
    int is_inverted;
    PC_TRY(pc_component_check_keys(component, split_keys, what));
    PC_TRY(pc_json_text(&behavior, component, "behavior", what));
    PC_TRY(pc_json_bool(&is_inverted, component, "invert", what));
    const json_t *pattern = json_object_get(component, "pattern");
    const json_t *regex = json_object_get(pattern, "Regex");
    if (strcmp(behavior, "Isolated") != 0)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: behavior \"%.60s\" is not supported", what,
                       behavior);
    if (is_inverted) return pc_fail(PC_ERR_UNSUPPORTED, "%s: invert is not supported", what);
    if (!json_is_string(regex) || json_object_size(pattern) != 1)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "%s: a pattern other than {\"Regex\": \"...\"} is not "
                       "supported",
                       what);
    return pc_pretokenizer_add_split(pretokenizer, json_string_value(regex),
                                     json_string_length(regex));
}

/* ByteLevel comes last: what follows it would see its alphabet instead of the text. */
static pc_status read_pretokenizer_sequence(pc_pretokenizer *pretokenizer, const json_t *sequence)
{
    static const char *const known[] = {"type", "pretokenizers", NULL};
    const json_t *parts = json_object_get(sequence, "pretokenizers");
    size_t n = json_array_size(parts);
    PC_TRY(pc_component_check_keys(sequence, known, "pre_tokenizer Sequence"));
    for (size_t i = 0; i + 1 < n; i++) {
        const json_t *part = json_array_get(parts, i);
        if (!pc_component_has_type(part, "Split"))
            return pc_component_refuse("pre_tokenizer Sequence: before its end,", part);
        PC_TRY(read_split(pretokenizer, part));
    }
    const json_t *last = n ? json_array_get(parts, n - 1) : NULL;
    if (!pc_component_has_type(last, "ByteLevel"))
        return pc_component_refuse("pre_tokenizer Sequence: at its end,", last);
    return read_byte_level(pretokenizer, last);
}

pc_status pc_component_read_metaspace(pc_piece_rule *rule, const json_t *component,
                                      const char *what)
{
    static const char *const known[] = {
        "type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep", NULL};
    const char *scheme = "always", *replacement;
    int adds_space, splits;
    PC_TRY(pc_component_check_keys(component, known, what));
    PC_TRY(pc_json_text(&replacement, component, "replacement", what));
    PC_TRY(pc_component_character(rule->mark, &rule->n_mark, replacement, "replacement", what));
    if (json_object_get(component, "prepend_scheme"))
        PC_TRY(pc_json_text(&scheme, component, "prepend_scheme", what));
    PC_TRY(pc_component_bool(&adds_space, component, "add_prefix_space", 1, what));
    PC_TRY(pc_component_bool(&splits, component, "split", 1, what));
    if (strcmp(scheme, "always") == 0) rule->prepends = PC_PREPEND_ALWAYS;
    else if (strcmp(scheme, "first") == 0) rule->prepends = PC_PREPEND_FIRST;
    else if (strcmp(scheme, "never") != 0)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: prepend_scheme \"%.60s\" is not supported", what,
                       scheme);
    if (!adds_space && rule->prepends != PC_PREPEND_NEVER)
        return pc_fail(PC_ERR_INPUT, "%s: add_prefix_space is false, but prepend_scheme is \"%s\"",
                       what, scheme);
    rule->replaces_spaces = true;
    rule->cut = splits ? PC_CUT_BEFORE : PC_CUT_NOWHERE;
    return PC_OK;
}

/* Gemma's: a cut behind each space, of which the normalizer has left none. */
static pc_status read_literal_split(pc_piece_rule *rule, const json_t *component)
{
    const char *behavior, *pattern, *what = "pre_tokenizer Split";
    int is_inverted;
    PC_TRY(pc_component_check_keys(component, split_keys, what));
    PC_TRY(pc_json_text(&behavior, component, "behavior", what));
    PC_TRY(pc_json_bool(&is_inverted, component, "invert", what));
    PC_TRY(pc_component_literal(&pattern, component, what));
    if (strcmp(behavior, "MergedWithPrevious") != 0)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: behavior \"%.60s\" is not supported here", what,
                       behavior);
    if (is_inverted) return pc_fail(PC_ERR_UNSUPPORTED, "%s: invert is not supported", what);
    rule->cut = PC_CUT_BEHIND;
    return pc_component_character(rule->mark, &rule->n_mark, pattern, "pattern", what);
}

/* Where a part begins decides with the scheme "first"; a normalizer could move that. */
static pc_status read_pieces(pc_tokenizer *tokenizer, const json_t *component)
{
    pc_piece_rule *rule = &tokenizer->pieces;
    if (pc_component_is_absent(component)) return PC_OK;
    if (pc_component_has_type(component, "Split")) return read_literal_split(rule, component);
    if (!pc_component_has_type(component, "Metaspace"))
        return pc_component_refuse("without decoder ByteLevel, pre_tokenizer", component);
    PC_TRY(pc_component_read_metaspace(rule, component, "pre_tokenizer Metaspace"));
    if (rule->prepends == PC_PREPEND_FIRST && tokenizer->normalizer.n_steps > 0)
        return pc_fail(PC_ERR_UNSUPPORTED, "pre_tokenizer Metaspace: prepend_scheme \"first\" is "
                                           "not supported beside a normalizer");
    return PC_OK;
}

pc_status pc_component_read_pretokenizer(pc_tokenizer *tokenizer, const json_t *component)
{
    pc_pretokenizer *pretokenizer = &tokenizer->pretokenizer;
    if (tokenizer->decoder.alphabet == PC_ALPHABET_CHARACTERS)
        return read_pieces(tokenizer, component);
    if (pc_component_has_type(component, "ByteLevel"))
        return read_byte_level(pretokenizer, component);
    if (pc_component_has_type(component, "Sequence"))
        return read_pretokenizer_sequence(pretokenizer, component);
    return pc_component_refuse("pre_tokenizer", component);
}

static pc_status append_special(int32_t **ids, size_t *n_ids, const pc_tokenizer *tokenizer,
                                const json_t *special, const char *name)
{
    const json_t *list = json_object_get(special, "ids");
    size_t n = json_array_size(list);
    char found[96];
    if (n == 0 || n > 64)
        return pc_fail(PC_ERR_INPUT,
                       "post_processor: special token \"%.60s\" has ids %s, expected an "
                       "array of 1 to 64",
                       name, pc_json_describe(found, sizeof found, list));
    int32_t *grown = realloc(*ids, (*n_ids + n) * sizeof *grown);
    if (!grown) return pc_fail(PC_ERR_NOMEM, "out of memory: %zu ids", *n_ids + n);
    *ids = grown;
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_array_get(list, i);
        int64_t value = json_is_integer(id) ? json_integer_value(id) : -1;
        if (value < 0 || value >= INT32_MAX ||
            !pc_vocabulary_find_id(&tokenizer->vocabulary, (int32_t)value))
            return pc_fail(PC_ERR_INPUT,
                           "post_processor: special token \"%.60s\" has the id %s, which "
                           "no token has",
                           name, pc_json_describe(found, sizeof found, id));
        grown[(*n_ids)++] = (int32_t)value;
    }
    return PC_OK;
}

/* One piece of the template: A itself, or a special token before or after it. */
static pc_status read_piece(pc_tokenizer *tokenizer, bool *has_text, const json_t *piece,
                            const json_t *specials)
{
    const json_t *special = json_object_get(piece, "SpecialToken");
    const char *text = json_string_value(json_object_get(json_object_get(piece, "Sequence"), "id"));
    if (text && strcmp(text, "A") == 0 && !*has_text) {
        *has_text = true;
        return PC_OK;
    }
    const char *name = json_string_value(json_object_get(special, "id"));
    if (!name)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "post_processor TemplateProcessing: a piece of single that "
                       "is neither a special token nor A, once, is not supported");
    const json_t *entry = json_object_get(specials, name);
    if (*has_text)
        return append_special(&tokenizer->suffix, &tokenizer->n_suffix, tokenizer, entry, name);
    return append_special(&tokenizer->prefix, &tokenizer->n_prefix, tokenizer, entry, name);
}

static pc_status read_template(pc_tokenizer *tokenizer, const json_t *component)
{
    static const char *const known[] = {"type", "single", "pair", "special_tokens", NULL};
    const json_t *single = json_object_get(component, "single");
    const json_t *specials = json_object_get(component, "special_tokens");
    bool has_text = false;
    PC_TRY(pc_component_check_keys(component, known, "post_processor TemplateProcessing"));
    if (json_array_size(single) > 16)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "post_processor TemplateProcessing: %zu pieces, supported "
                       "are at most 16",
                       json_array_size(single));
    for (size_t i = 0; i < json_array_size(single); i++)
        PC_TRY(read_piece(tokenizer, &has_text, json_array_get(single, i), specials));
    if (!has_text)
        return pc_fail(PC_ERR_UNSUPPORTED, "post_processor TemplateProcessing: single without A is "
                                           "not supported");
    return PC_OK;
}

/* ByteLevel here moves offsets only, which nobody asks for. */
static pc_status read_processor(pc_tokenizer *tokenizer, const json_t *component, int *n_templates)
{
    if (pc_component_has_type(component, "ByteLevel"))
        return pc_component_check_keys(component, pc_byte_level_keys, "post_processor ByteLevel");
    if (!pc_component_has_type(component, "TemplateProcessing"))
        return pc_component_refuse("post_processor", component);
    if (++*n_templates > 1)
        return pc_fail(PC_ERR_UNSUPPORTED, "post_processor Sequence: more than one "
                                           "TemplateProcessing is not supported");
    return read_template(tokenizer, component);
}

pc_status pc_component_read_post_processor(pc_tokenizer *tokenizer, const json_t *component)
{
    static const char *const known[] = {"type", "processors", NULL};
    int n_templates = 0;
    if (pc_component_is_absent(component)) return PC_OK;
    if (!pc_component_has_type(component, "Sequence"))
        return read_processor(tokenizer, component, &n_templates);
    const json_t *parts;
    PC_TRY(pc_component_check_keys(component, known, "post_processor Sequence"));
    PC_TRY(pc_component_array(&parts, component, "processors", "post_processor Sequence"));
    for (size_t i = 0; i < json_array_size(parts); i++)
        PC_TRY(read_processor(tokenizer, json_array_get(parts, i), &n_templates));
    return PC_OK;
}
