/* The normalizer of tokenizer.json: NFC, Prepend, Replace, and Sequence of these. */
#include "io/tokenizer_component.h"

#include <string.h>

static pc_status copy_text(char *out, size_t *n_out, const json_t *object, const char *key,
                           const char *what)
{
    const char *text;
    PC_TRY(pc_json_text(&text, object, key, what));
    *n_out = strlen(text);
    if (*n_out > PC_MAX_NORMAL_BYTES)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: %s of %zu bytes, supported are at most %d", what,
                       key, *n_out, PC_MAX_NORMAL_BYTES);
    memcpy(out, text, *n_out);
    return PC_OK;
}

static pc_status read_prepend(pc_normal_step *step, const json_t *component)
{
    static const char *const known[] = {"type", "prepend", NULL};
    const char *what = "normalizer Prepend";
    step->kind = PC_NORMAL_PREPEND;
    PC_TRY(pc_component_check_keys(component, known, what));
    PC_TRY(copy_text(step->text, &step->n_text, component, "prepend", what));
    if (step->n_text == 0)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: an empty prepend is not supported", what);
    return PC_OK;
}

static pc_status read_replace(pc_normal_step *step, const json_t *component)
{
    static const char *const known[] = {"type", "pattern", "content", NULL};
    const char *what = "normalizer Replace", *pattern;
    step->kind = PC_NORMAL_REPLACE;
    PC_TRY(pc_component_check_keys(component, known, what));
    PC_TRY(pc_component_literal(&pattern, component, what));
    step->n_pattern = strlen(pattern);
    if (step->n_pattern == 0 || step->n_pattern > PC_MAX_NORMAL_BYTES)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: a pattern of %zu bytes, supported are 1 to %d",
                       what, step->n_pattern, PC_MAX_NORMAL_BYTES);
    memcpy(step->pattern, pattern, step->n_pattern);
    return copy_text(step->text, &step->n_text, component, "content", what);
}

static pc_status read_step(pc_normalizer *normalizer, const json_t *component)
{
    static const char *const known[] = {"type", NULL};
    pc_normal_step step = {.kind = PC_NORMAL_NFC};
    if (pc_component_has_type(component, "NFC"))
        PC_TRY(pc_component_check_keys(component, known, "normalizer NFC"));
    else if (pc_component_has_type(component, "Prepend")) PC_TRY(read_prepend(&step, component));
    else if (pc_component_has_type(component, "Replace")) PC_TRY(read_replace(&step, component));
    else return pc_component_refuse("normalizer", component);
    pc_status status = pc_normalizer_add(normalizer, &step);
    return status == PC_OK ? PC_OK : pc_fail_within(status, "normalizer Sequence");
}

pc_status pc_component_read_normalizer(pc_normalizer *normalizer, const json_t *component)
{
    static const char *const known[] = {"type", "normalizers", NULL};
    const json_t *parts;
    if (pc_component_is_absent(component)) return PC_OK;
    if (!pc_component_has_type(component, "Sequence")) return read_step(normalizer, component);
    PC_TRY(pc_component_check_keys(component, known, "normalizer Sequence"));
    PC_TRY(pc_component_array(&parts, component, "normalizers", "normalizer Sequence"));
    for (size_t i = 0; i < json_array_size(parts); i++)
        PC_TRY(read_step(normalizer, json_array_get(parts, i)));
    return PC_OK;
}
