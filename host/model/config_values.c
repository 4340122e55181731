/* Reading what several architectures' configurations share. */
#include "model/config_values.h"

#include <string.h>

enum { MOST = 1 << 24 };

bool pc_config_is_given(const json_t *config, const char *key)
{
    const json_t *value = json_object_get(config, key);
    return value && !json_is_null(value);
}

pc_status pc_config_flag(bool *out, const json_t *config, const char *key, const char *path)
{
    int value = *out;
    if (pc_config_is_given(config, key)) PC_TRY(pc_json_bool(&value, config, key, path));
    *out = value;
    return PC_OK;
}

pc_status pc_config_count(int *out, const json_t *config, const char *key, const char *path)
{
    int64_t value = *out;
    if (pc_config_is_given(config, key)) PC_TRY(pc_json_int(&value, config, key, 1, MOST, path));
    *out = (int)value;
    return PC_OK;
}

pc_status pc_config_real(double *out, const json_t *config, const char *key, const char *path)
{
    return pc_config_is_given(config, key) ? pc_json_real(out, config, key, path) : PC_OK;
}

static const struct {
    const char *name;
    pc_activation kind;
} activation_names[] = {
    {"relu", PC_ACTIVATION_RELU},           {"gelu", PC_ACTIVATION_GELU},
    {"gelu_new", PC_ACTIVATION_GELU_TANH},  {"gelu_pytorch_tanh", PC_ACTIVATION_GELU_TANH},
    {"gelu_fast", PC_ACTIVATION_GELU_TANH}, {"silu", PC_ACTIVATION_SILU},
    {"swish", PC_ACTIVATION_SILU},
};

pc_status pc_config_activation(pc_activation *out, const json_t *config, const char *key,
                               const char *path)
{
    const char *name;
    PC_TRY(pc_json_text(&name, config, key, path));
    for (size_t i = 0; i < sizeof activation_names / sizeof *activation_names; i++) {
        if (strcmp(activation_names[i].name, name) != 0) continue;
        *out = activation_names[i].kind;
        return PC_OK;
    }
    return pc_fail(PC_ERR_UNSUPPORTED,
                   "%s: %s is \"%.40s\", expected relu, gelu, gelu_new, gelu_pytorch_tanh, "
                   "gelu_fast, silu or swish",
                   path, key, name);
}

pc_status pc_config_head_dim(pc_shape *shape, const json_t *config, const char *path)
{
    PC_TRY(pc_config_count(&shape->d_head, config, "head_dim", path));
    if (shape->d_head > 0) return PC_OK;
    if (shape->d_model % shape->n_heads != 0)
        return pc_fail(PC_ERR_INPUT,
                       "%s: d_model is %d, expected a multiple of the number of heads (%d)", path,
                       shape->d_model, shape->n_heads);
    shape->d_head = shape->d_model / shape->n_heads;
    return PC_OK;
}

pc_status pc_config_kv_heads(pc_shape *shape, const json_t *config, const char *key,
                             const char *path)
{
    shape->n_kv_heads = shape->n_heads;
    PC_TRY(pc_config_count(&shape->n_kv_heads, config, key, path));
    if (shape->n_heads % shape->n_kv_heads == 0) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s is %d, expected a divisor of the %d heads", path, key,
                   shape->n_kv_heads, shape->n_heads);
}

pc_status pc_config_softcap(double *out, const json_t *config, const char *key, const char *path)
{
    const json_t *value = json_object_get(config, key);
    if (!value) return PC_OK;
    *out = 0;
    if (json_is_null(value)) return PC_OK;
    PC_TRY(pc_json_real(out, config, key, path));
    if (*out > 0) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s is %g, expected a positive number or null", path, key,
                   *out);
}

/* ---- rotary positions ---- */

/* One number that may stand under several names; what stands twice must be the same. */
typedef struct spelling {
    const json_t *object;
    const char *key, *words; /* words for messages */
} spelling;

static pc_status read_once(double *out, const spelling *places, size_t n, const char *path)
{
    const char *first = NULL;
    for (size_t i = 0; i < n; i++) {
        double value = 0;
        if (!pc_config_is_given(places[i].object, places[i].key)) continue;
        PC_TRY(pc_json_real(&value, places[i].object, places[i].key, path));
        if (first && value != *out)
            return pc_fail(PC_ERR_INPUT, "%s: %s is %g, but %s is %g", path, first, *out,
                           places[i].words, value);
        first = places[i].words;
        *out = value;
    }
    return PC_OK;
}

static pc_status check_rope_keys(const json_t *rope, const char *path)
{
    static const char *const known[] = {"rope_type",        "type",
                                        "rope_theta",       "partial_rotary_factor",
                                        "factor",           "low_freq_factor",
                                        "high_freq_factor", "original_max_position_embeddings"};
    json_t *object = (json_t *)rope; /* jansson iterates only what it might change */
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        bool is_known = json_is_null(json_object_iter_value(i));
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            is_known |= strcmp(known[k], json_object_iter_key(i)) == 0;
        if (!is_known)
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "%s: rotary positions: key \"%.60s\" is unknown and might change the "
                           "computation",
                           path, json_object_iter_key(i));
    }
    return PC_OK;
}

static pc_status read_rope_type(pc_rotary_scaling *out, const json_t *rope, const char *path)
{
    const char *key = json_object_get(rope, "rope_type") ? "rope_type" : "type";
    const char *name = "default";
    if (pc_config_is_given(rope, key)) PC_TRY(pc_json_text(&name, rope, key, path));
    if (strcmp(name, "default") == 0) *out = PC_ROTARY_PLAIN;
    else if (strcmp(name, "linear") == 0) *out = PC_ROTARY_LINEAR;
    else if (strcmp(name, "llama3") == 0) *out = PC_ROTARY_LLAMA3;
    else
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "%s: %s is \"%.40s\", expected default, linear or llama3", path, key, name);
    return PC_OK;
}

static pc_status positive(double *out, const json_t *rope, const char *key, const char *path)
{
    PC_TRY(pc_json_real(out, rope, key, path));
    if (*out > 0) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s is %g, expected a positive number", path, key, *out);
}

static pc_status read_scaling(pc_shape *shape, const json_t *rope, const char *path)
{
    pc_rotary *r = &shape->rotary;
    r->scaling = PC_ROTARY_PLAIN;
    if (!rope) return PC_OK;
    if (!json_is_object(rope))
        return pc_fail(PC_ERR_INPUT, "%s: rope_parameters or rope_scaling is not an object", path);
    PC_TRY(check_rope_keys(rope, path));
    PC_TRY(read_rope_type(&r->scaling, rope, path));
    if (r->scaling == PC_ROTARY_PLAIN) return PC_OK;
    PC_TRY(positive(&r->factor, rope, "factor", path));
    if (r->scaling == PC_ROTARY_LINEAR) return PC_OK;
    PC_TRY(positive(&r->low_freq_factor, rope, "low_freq_factor", path));
    PC_TRY(positive(&r->high_freq_factor, rope, "high_freq_factor", path));
    if (r->high_freq_factor <= r->low_freq_factor)
        return pc_fail(PC_ERR_INPUT, "%s: high_freq_factor is %g, expected more than %g", path,
                       r->high_freq_factor, r->low_freq_factor);
    r->original_n_ctx = shape->n_ctx;
    if (!pc_config_is_given(rope, "original_max_position_embeddings")) return PC_OK;
    return positive(&r->original_n_ctx, rope, "original_max_position_embeddings", path);
}

pc_status pc_config_rotary(pc_shape *shape, const json_t *config, double fraction, const char *path)
{
    const json_t *parameters = pc_config_is_given(config, "rope_parameters")
                                   ? json_object_get(config, "rope_parameters")
                                   : NULL;
    const json_t *scaling =
        pc_config_is_given(config, "rope_scaling") ? json_object_get(config, "rope_scaling") : NULL;
    const spelling bases[] = {{parameters, "rope_theta", "rope_parameters.rope_theta"},
                              {config, "rope_theta", "rope_theta"},
                              {config, "rotary_emb_base", "rotary_emb_base"}};
    const spelling fractions[] = {
        {parameters, "partial_rotary_factor", "rope_parameters.partial_rotary_factor"},
        {config, "partial_rotary_factor", "partial_rotary_factor"},
        {config, "rotary_pct", "rotary_pct"}};
    if (parameters && scaling && !json_equal(parameters, scaling))
        return pc_fail(PC_ERR_INPUT, "%s: both rope_parameters and rope_scaling are given", path);
    shape->positions = PC_POSITIONS_ROTARY;
    shape->rotary.base = 10000;
    PC_TRY(read_once(&shape->rotary.base, bases, sizeof bases / sizeof *bases, path));
    PC_TRY(read_once(&fraction, fractions, sizeof fractions / sizeof *fractions, path));
    if (!(shape->rotary.base > 0))
        return pc_fail(PC_ERR_INPUT, "%s: the base of rotary positions is %g, expected more than 0",
                       path, shape->rotary.base);
    if (!(fraction > 0 && fraction <= 1))
        return pc_fail(PC_ERR_INPUT, "%s: rotary positions turn %g of a head, expected 0 to 1",
                       path, fraction);
    shape->rotary.dim = (int)(shape->d_head * fraction);
    if (shape->rotary.dim < 2 || shape->rotary.dim % 2 != 0)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "%s: rotary positions turn %d of a head's %d channels, expected an even "
                       "number",
                       path, shape->rotary.dim, shape->d_head);
    return read_scaling(shape, parameters ? parameters : scaling, path);
}

/* ---- windows ---- */

static pc_status read_layer_types(pc_shape *shape, const json_t *list, const char *path)
{
    if (!json_is_array(list) || json_array_size(list) != (size_t)shape->n_layers)
        return pc_fail(PC_ERR_INPUT, "%s: layer_types has %zu entries, expected %d, one a layer",
                       path, json_array_size(list), shape->n_layers);
    for (int layer = 0; layer < shape->n_layers; layer++) {
        const char *type = json_string_value(json_array_get(list, (size_t)layer));
        if (!type ||
            (strcmp(type, "sliding_attention") != 0 && strcmp(type, "full_attention") != 0))
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "%s: layer_types[%d] is \"%.40s\", expected full_attention or "
                           "sliding_attention",
                           path, layer, type ? type : "not a string");
        shape->is_windowed[layer] = type[0] == 's';
    }
    return PC_OK;
}

static bool has_windows(const pc_shape *shape)
{
    for (int layer = 0; layer < shape->n_layers; layer++)
        if (shape->is_windowed[layer]) return true;
    return false;
}

pc_status pc_config_window(pc_shape *shape, const json_t *config, const char *path)
{
    if (!json_object_get(config, "sliding_window")) return PC_OK;
    shape->window = 0;
    return pc_config_count(&shape->window, config, "sliding_window", path);
}

pc_status pc_config_layer_types(pc_shape *shape, const json_t *config, const char *path)
{
    if (pc_config_is_given(config, "layer_types"))
        PC_TRY(read_layer_types(shape, json_object_get(config, "layer_types"), path));
    if (!has_windows(shape)) shape->window = 0;
    else if (shape->window == 0)
        return pc_fail(PC_ERR_INPUT,
                       "%s: layers have sliding_attention, but there is no "
                       "sliding_window",
                       path);
    return PC_OK;
}
