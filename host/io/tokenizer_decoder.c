/* The decoder of tokenizer.json: ByteLevel, Metaspace, or the Sequence of SentencePiece's files. */
#include "io/tokenizer_component.h"

#include <string.h>

/* Outside ASCII, so that no byte token is ever touched. */
static pc_status read_replace(pc_token_decoder *decoder, const json_t *component)
{
    static const char *const known[] = {"type", "pattern", "content", NULL};
    const char *what = "decoder Replace", *pattern, *content;
    PC_TRY(pc_component_check_keys(component, known, what));
    PC_TRY(pc_component_literal(&pattern, component, what));
    PC_TRY(pc_json_text(&content, component, "content", what));
    if (strcmp(content, " ") != 0)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: a content other than \" \" is not supported", what);
    PC_TRY(pc_component_character(decoder->mark, &decoder->n_mark, pattern, "pattern", what));
    if (decoder->n_mark == 1)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: an ASCII pattern, \"%s\", is not supported", what,
                       pattern);
    return PC_OK;
}

static pc_status read_strip(pc_token_decoder *decoder, const json_t *component)
{
    static const char *const known[] = {"type", "content", "start", "stop", NULL};
    const char *what = "decoder Strip", *content;
    int64_t start, stop;
    PC_TRY(pc_component_check_keys(component, known, what));
    PC_TRY(pc_json_text(&content, component, "content", what));
    PC_TRY(pc_json_int(&start, component, "start", 0, INT32_MAX, what));
    PC_TRY(pc_json_int(&stop, component, "stop", 0, INT32_MAX, what));
    if (stop != 0)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: stop %lld is not supported", what, (long long)stop);
    decoder->n_strip = (size_t)start;
    return pc_component_character(decoder->strip, &decoder->n_strip_bytes, content, "content",
                                  what);
}

static pc_status read_metaspace(pc_token_decoder *decoder, const json_t *component)
{
    pc_piece_rule rule = {0};
    PC_TRY(pc_component_read_metaspace(&rule, component, "decoder Metaspace"));
    decoder->alphabet = PC_ALPHABET_CHARACTERS;
    decoder->drops_first_marks = rule.prepends != PC_PREPEND_NEVER;
    decoder->n_mark = rule.n_mark;
    memcpy(decoder->mark, rule.mark, rule.n_mark);
    return PC_OK;
}

/* Each of these at most once and in this order; without Fuse before it Strip would strip every
 * token. */
static pc_status read_sequence(pc_token_decoder *decoder, const json_t *parts)
{
    static const char *const order[] = {"Replace", "ByteFallback", "Fuse", "Strip"};
    static const char *const type_only[] = {"type", NULL};
    bool is_fused = false;
    size_t next = 0;
    decoder->alphabet = PC_ALPHABET_CHARACTERS;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        while (next < 4 && !pc_component_has_type(part, order[next]))
            next++;
        if (next == 4 || (next == 3 && !is_fused))
            return pc_component_refuse("decoder Sequence: in this place,", part);
        if (next == 0) PC_TRY(read_replace(decoder, part));
        else if (next == 3) PC_TRY(read_strip(decoder, part));
        else PC_TRY(pc_component_check_keys(part, type_only, order[next]));
        decoder->has_byte_tokens |= next == 1;
        is_fused |= next == 2;
        next++;
    }
    return PC_OK;
}

pc_status pc_component_read_decoder(pc_token_decoder *decoder, const json_t *component)
{
    static const char *const known[] = {"type", "decoders", NULL};
    const json_t *parts;
    if (pc_component_has_type(component, "ByteLevel"))
        return pc_component_check_keys(component, pc_byte_level_keys, "decoder ByteLevel");
    if (pc_component_has_type(component, "Metaspace")) return read_metaspace(decoder, component);
    if (!pc_component_has_type(component, "Sequence"))
        return pc_component_refuse("decoder", component);
    PC_TRY(pc_component_check_keys(component, known, "decoder Sequence"));
    PC_TRY(pc_component_array(&parts, component, "decoders", "decoder Sequence"));
    return read_sequence(decoder, parts);
}
