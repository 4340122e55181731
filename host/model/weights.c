/* Reading weights: find each tensor by its rule, check its shape, bring it into canonical order. */
#include "model/weights.h"

#include "base/memory.h"
#include "model/weight_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 128, ALIGNMENT = 64 };

const float *pc_weight_elements(float *buffer, const pc_stored_weight *weight, int64_t first,
                                int64_t count)
{
    if (weight->dtype == PC_DTYPE_F32) return (const float *)weight->data + first;
    pc_widen_bits16(buffer, (const uint16_t *)weight->data + first, count, weight->dtype);
    return buffer;
}

/* NULL if it is not there. Under both names it would be two weights for one place. */
static pc_status find_tensor(const pc_tensor **out, const pc_checkpoint *checkpoint,
                             const pc_architecture *architecture, const char *pattern, int layer)
{
    char name[NAME_BYTES], prefixed[NAME_BYTES];
    snprintf(name, sizeof name, pattern, layer);
    *out = pc_checkpoint_find(checkpoint, name);
    if (!architecture->name_prefix) return PC_OK;
    snprintf(prefixed, sizeof prefixed, "%s%s", architecture->name_prefix, name);
    const pc_tensor *other = pc_checkpoint_find(checkpoint, prefixed);
    if (*out && other)
        return pc_fail(PC_ERR_INPUT, "%s: has both %s and %s, expected one of them",
                       pc_checkpoint_file(checkpoint, other), name, prefixed);
    if (!*out) *out = other;
    return PC_OK;
}

/* Whether this model has a weight of this kind, by its configuration. */
static bool has_weight(pc_weight weight, const pc_shape *s)
{
    const bool has_mlp = s->d_mlp > 0;
    switch (weight) {
    case PC_W_POS:
        return s->positions == PC_POSITIONS_LEARNED;
    case PC_LN1_W:
    case PC_LN1_B:
    case PC_LN_FINAL_W:
    case PC_LN_FINAL_B:
        return s->has_norm_gain;
    case PC_LN2_W:
    case PC_LN2_B:
        return s->has_norm_gain && has_mlp;
    case PC_LN1_POST_W:
    case PC_LN1_POST_B:
        return s->has_norm_gain && s->has_post_norms;
    case PC_LN2_POST_W:
    case PC_LN2_POST_B:
        return s->has_norm_gain && s->has_post_norms && has_mlp;
    case PC_Q_NORM_W:
    case PC_K_NORM_W:
        return s->has_qk_norm;
    case PC_B_Q:
    case PC_B_K:
    case PC_B_V:
        return s->has_qkv_bias;
    case PC_B_O:
        return s->has_o_bias;
    case PC_W_GATE:
        return has_mlp && s->is_gated;
    case PC_B_GATE:
        return has_mlp && s->is_gated && s->has_mlp_bias && !s->has_bias_behind_gate;
    case PC_B_ACT:
        return has_mlp && s->is_gated && s->has_bias_behind_gate;
    case PC_W_IN:
    case PC_W_OUT:
        return has_mlp;
    case PC_B_IN:
        return has_mlp && s->has_mlp_bias && !(s->is_gated && s->has_bias_behind_gate);
    case PC_B_OUT:
        return has_mlp && s->has_mlp_bias;
    case PC_W_U:
        return !s->is_unembedding_tied;
    default:
        return true;
    }
}

static int copies(pc_weight weight, const pc_shape *shape)
{
    return pc_weight_is_per_layer(weight) ? shape->n_layers : 1;
}

static pc_status fail_missing(const pc_checkpoint *checkpoint, const pc_tensor_rule *rule,
                              int layer)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, rule->name, layer);
    const pc_tensor *any = pc_checkpoint_count(checkpoint) ? pc_checkpoint_at(checkpoint, 0) : NULL;
    return pc_fail(PC_ERR_INPUT, "%s: tensor %s is missing",
                   any ? pc_checkpoint_file(checkpoint, any) : "the checkpoint", name);
}

/* How a tensor is kept: matrices of 16 bits as they are, everything else as float32. */
static pc_dtype stored_dtype(const pc_tensor *tensor, pc_weight weight)
{
    const bool is_16_bits = tensor->dtype == PC_DTYPE_BF16 || tensor->dtype == PC_DTYPE_F16;
    return is_16_bits && pc_weight_is_matrix(weight) ? tensor->dtype : PC_DTYPE_F32;
}

static int64_t stored_bytes(int64_t n, pc_dtype dtype)
{
    const int64_t bytes = n * (dtype == PC_DTYPE_F32 ? 4 : 2);
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

typedef pc_status (*visit_fn)(pc_weights *weights, const pc_checkpoint *checkpoint,
                              const pc_tensor *tensor, const pc_tensor_rule *rule, int layer,
                              const pc_shape *shape);

static pc_status add_size(pc_weights *weights, const pc_checkpoint *checkpoint,
                          const pc_tensor *tensor, const pc_tensor_rule *rule, int layer,
                          const pc_shape *shape)
{
    (void)layer;
    /* the file bounds the size: a lying configuration cannot make us allocate */
    PC_TRY(pc_weight_check_shape(checkpoint, tensor, rule, shape));
    const int64_t n = pc_weight_count(rule->weight, shape);
    weights->n_parameters += n;
    weights->n_bytes += stored_bytes(n, stored_dtype(tensor, rule->weight));
    return PC_OK;
}

static pc_status read_one(pc_weights *weights, const pc_checkpoint *checkpoint,
                          const pc_tensor *tensor, const pc_tensor_rule *rule, int layer,
                          const pc_shape *shape)
{
    const pc_dtype dtype = stored_dtype(tensor, rule->weight);
    if (weights->at[rule->weight][layer].data)
        return pc_fail(PC_ERR_INPUT, "%s: %s is there under a second name too",
                       pc_checkpoint_file(checkpoint, tensor), tensor->name);
    const int64_t n = pc_weight_count(rule->weight, shape);
    void *to = weights->arena + weights->n_bytes;
    PC_TRY(pc_weight_read(to, dtype != PC_DTYPE_F32, checkpoint, tensor, rule, shape));
    weights->at[rule->weight][layer] = (pc_stored_weight){to, dtype};
    weights->has_16_bits |= dtype != PC_DTYPE_F32;
    weights->n_parameters += n;
    weights->n_bytes += stored_bytes(n, dtype);
    return PC_OK;
}

static pc_status visit_tensors(pc_weights *weights, const pc_checkpoint *checkpoint,
                               const pc_architecture *architecture, const pc_shape *shape,
                               visit_fn visit)
{
    weights->n_parameters = weights->n_bytes = 0;
    for (const pc_tensor_rule *rule = architecture->tensors; rule->name; rule++) {
        if (!has_weight(rule->weight, shape)) continue;
        for (int layer = 0; layer < copies(rule->weight, shape); layer++) {
            const pc_tensor *tensor;
            PC_TRY(find_tensor(&tensor, checkpoint, architecture, rule->name, layer));
            if (tensor) PC_TRY(visit(weights, checkpoint, tensor, rule, layer, shape));
            else if (rule->presence == PC_REQUIRED) return fail_missing(checkpoint, rule, layer);
        }
    }
    return PC_OK;
}

static bool matches(const char *name, const pc_architecture *architecture, const char *pattern,
                    const pc_shape *shape)
{
    char expected[NAME_BYTES];
    const char *prefix = architecture->name_prefix;
    if (prefix && strncmp(name, prefix, strlen(prefix)) == 0) name += strlen(prefix);
    const char *number = strstr(pattern, "%d");
    if (!number) return strcmp(pattern, name) == 0;
    const size_t before = (size_t)(number - pattern);
    if (strncmp(pattern, name, before) != 0) return false;
    const long layer = strtol(name + before, NULL, 10);
    if (layer < 0 || layer >= shape->n_layers) return false;
    snprintf(expected, sizeof expected, pattern, (int)layer); /* "01" and "+1" are other names */
    return strcmp(expected, name) == 0;
}

typedef enum knowledge { IS_UNKNOWN, IS_UNWANTED, IS_KNOWN } knowledge;

/* A stored copy of a tied unembedding is passed over, as the libraries do. */
static knowledge know(const char *name, const pc_architecture *architecture, const pc_shape *shape)
{
    knowledge known = IS_UNKNOWN; /* a name may stand for one weight here, for another there */
    for (const pc_tensor_rule *rule = architecture->tensors; rule->name; rule++) {
        if (!matches(name, architecture, rule->name, shape)) continue;
        if (rule->weight == PC_W_U || has_weight(rule->weight, shape)) return IS_KNOWN;
        known = IS_UNWANTED;
    }
    for (const char *const *ignored = architecture->ignored_tensors; *ignored; ignored++)
        if (matches(name, architecture, *ignored, shape)) return IS_KNOWN;
    return known;
}

/* A tensor that the architecture does not have may be a part of the computation that we would leave
 * out: a second norm, an adapter, a layer more than the configuration says. */
static pc_status check_all_known(const pc_checkpoint *checkpoint,
                                 const pc_architecture *architecture, const pc_shape *shape)
{
    for (size_t i = 0; i < pc_checkpoint_count(checkpoint); i++) {
        const pc_tensor *tensor = pc_checkpoint_at(checkpoint, i);
        const knowledge known = know(tensor->name, architecture, shape);
        if (known == IS_UNWANTED)
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "%s: tensor %.80s is there, but by its configuration the model has none",
                           pc_checkpoint_file(checkpoint, tensor), tensor->name);
        if (known == IS_UNKNOWN)
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "%s: tensor %.80s is not part of a %s model of %d layers",
                           pc_checkpoint_file(checkpoint, tensor), tensor->name, architecture->name,
                           shape->n_layers);
    }
    return PC_OK;
}

/* What several rules name must have been found by one. */
static pc_status check_found(const pc_weights *weights, const pc_checkpoint *checkpoint,
                             const pc_architecture *architecture, const pc_shape *shape)
{
    for (const pc_tensor_rule *rule = architecture->tensors; rule->name; rule++)
        for (int layer = 0; layer < copies(rule->weight, shape); layer++)
            if (rule->presence == PC_REQUIRED_IN_ONE && has_weight(rule->weight, shape) &&
                !weights->at[rule->weight][layer].data)
                return fail_missing(checkpoint, rule, layer);
    return PC_OK;
}

static pc_status allocate_table(pc_weights *weights, const pc_shape *shape)
{
    size_t n = 0;
    for (pc_weight w = 0; w < PC_N_WEIGHTS; w++)
        n += (size_t)copies(w, shape);
    weights->table = pc_alloc(n, sizeof *weights->table);
    if (!weights->table) return PC_ERR_NOMEM;
    pc_stored_weight *next = weights->table;
    for (pc_weight w = 0; w < PC_N_WEIGHTS; w++) {
        weights->at[w] = next;
        next += copies(w, shape);
    }
    return PC_OK;
}

static pc_status read_all(pc_weights *weights, const pc_checkpoint *checkpoint,
                          const pc_architecture *architecture, const pc_shape *shape)
{
    /* each layer has tensors, so a lying layer count ends in the check of the first pass */
    if ((size_t)shape->n_layers > pc_checkpoint_count(checkpoint))
        return pc_fail(PC_ERR_INPUT, "the configuration has %d layers, the checkpoint %zu tensors",
                       shape->n_layers, pc_checkpoint_count(checkpoint));
    PC_TRY(allocate_table(weights, shape));
    PC_TRY(visit_tensors(weights, checkpoint, architecture, shape, add_size));
    PC_TRY(check_all_known(checkpoint, architecture, shape));
    weights->arena = pc_alloc((size_t)weights->n_bytes, 1);
    if (!weights->arena) return PC_ERR_NOMEM;
    PC_TRY(visit_tensors(weights, checkpoint, architecture, shape, read_one));
    PC_TRY(check_found(weights, checkpoint, architecture, shape));
    if (shape->is_unembedding_tied) weights->at[PC_W_U][0] = weights->at[PC_W_E][0];
    return PC_OK;
}

pc_status pc_weights_read(pc_weights *out, const pc_checkpoint *checkpoint,
                          const pc_architecture *architecture, const pc_shape *shape)
{
    *out = (pc_weights){0};
    pc_status status = read_all(out, checkpoint, architecture, shape);
    if (status != PC_OK) pc_weights_free(out);
    return status;
}

void pc_weights_free(pc_weights *weights)
{
    free(weights->arena);
    free(weights->table);
    *weights = (pc_weights){0};
}
