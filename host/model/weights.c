/* Reading weights: find each tensor by its rule, check its shape, bring it into canonical order. */
#include "model/weights.h"

#include "base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 128 };

bool pc_weight_is_per_layer(pc_weight weight)
{
    switch (weight) {
    case PC_W_E:
    case PC_W_POS:
    case PC_LN_FINAL_W:
    case PC_LN_FINAL_B:
    case PC_W_U:
    case PC_B_U:
        return false;
    default:
        return true;
    }
}

static int set_axes(int64_t axes[3], int n, int64_t a, int64_t b, int64_t c)
{
    axes[0] = a, axes[1] = b, axes[2] = c;
    return n;
}

int pc_weight_axes(int64_t axes[3], pc_weight weight, const pc_shape *s)
{
    switch (weight) {
    case PC_W_E:
        return set_axes(axes, 2, s->vocab, s->d_model, 1);
    case PC_W_POS:
        return set_axes(axes, 2, s->n_ctx, s->d_model, 1);
    case PC_W_Q:
        return set_axes(axes, 3, s->n_heads, s->d_model, s->d_head);
    case PC_W_K:
    case PC_W_V:
        return set_axes(axes, 3, s->n_kv_heads, s->d_model, s->d_head);
    case PC_B_Q:
        return set_axes(axes, 2, s->n_heads, s->d_head, 1);
    case PC_B_K:
    case PC_B_V:
        return set_axes(axes, 2, s->n_kv_heads, s->d_head, 1);
    case PC_W_O:
        return set_axes(axes, 3, s->n_heads, s->d_head, s->d_model);
    case PC_W_IN:
        return set_axes(axes, 2, s->d_model, s->d_mlp, 1);
    case PC_B_IN:
        return set_axes(axes, 1, s->d_mlp, 1, 1);
    case PC_W_OUT:
        return set_axes(axes, 2, s->d_mlp, s->d_model, 1);
    case PC_W_U:
        return set_axes(axes, 2, s->vocab_out, s->d_model, 1);
    case PC_B_U:
        return set_axes(axes, 1, s->vocab_out, 1, 1);
    default: /* norms and output biases */
        return set_axes(axes, 1, s->d_model, 1, 1);
    }
}

/* Where canonical element (i, j, k) lies in the file's tensor: offset + strides . (i, j, k). */
typedef struct placement {
    int rank;
    int64_t shape[3];
    int64_t offset, strides[3];
    bool is_contiguous;
} placement;

static placement place(pc_layout layout, const int64_t axes[3], int n_axes)
{
    const int64_t a = axes[0], b = axes[1], c = axes[2];
    switch (layout) {
    case PC_LAYOUT_MERGED_HEADS:
        return (placement){2, {a * b, c}, 0, {0}, true};
    case PC_LAYOUT_TRANSPOSED:
        return (placement){2, {b, a}, 0, {1, a, 1}, false};
    case PC_LAYOUT_FUSED_Q:
    case PC_LAYOUT_FUSED_K:
    case PC_LAYOUT_FUSED_V: {
        const int64_t part = layout - PC_LAYOUT_FUSED_Q;
        if (n_axes == 2) return (placement){1, {3 * a * b}, part * a * b, {0}, true};
        return (placement){2, {b, 3 * a * c}, part * a * c, {c, 3 * a * c, 1}, false};
    }
    case PC_LAYOUT_PLAIN:
        break;
    }
    return (placement){n_axes, {a, b, c}, 0, {0}, true};
}

static void put_shape(char *out, size_t bytes, const int64_t *shape, int rank)
{
    size_t at = (size_t)snprintf(out, bytes, "(");
    for (int i = 0; i < rank && at < bytes; i++)
        at += (size_t)snprintf(out + at, bytes - at, "%s%" PRId64, i ? ", " : "", shape[i]);
    if (at < bytes) snprintf(out + at, bytes - at, ")");
}

static pc_status check_shape(const pc_checkpoint *checkpoint, const pc_tensor *tensor,
                             const placement *p)
{
    bool is_same = tensor->rank == p->rank;
    for (int i = 0; is_same && i < p->rank; i++)
        is_same = tensor->shape[i] == p->shape[i];
    if (is_same) return PC_OK;
    char found[160], expected[80];
    put_shape(found, sizeof found, tensor->shape, tensor->rank);
    put_shape(expected, sizeof expected, p->shape, p->rank);
    return pc_fail(PC_ERR_INPUT, "%s: %s is %s, expected %s from the configuration",
                   pc_checkpoint_file(checkpoint, tensor), tensor->name, found, expected);
}

static pc_status gather(float *out, const pc_checkpoint *checkpoint, const pc_tensor *tensor,
                        const int64_t axes[3], const placement *p)
{
    const int64_t n = p->shape[0] * p->shape[1];
    float *whole = pc_alloc((size_t)n, sizeof *whole);
    if (!whole) return PC_ERR_NOMEM;
    pc_status status = pc_checkpoint_read_f32(whole, checkpoint, tensor, 0, n);
    for (int64_t i = 0; status == PC_OK && i < axes[0]; i++)
        for (int64_t j = 0; j < axes[1]; j++)
            for (int64_t k = 0; k < axes[2]; k++)
                *out++ =
                    whole[p->offset + i * p->strides[0] + j * p->strides[1] + k * p->strides[2]];
    free(whole);
    return status;
}

/* Whether any exponent is all ones; without a branch, since every weight passes here. */
static bool has_not_finite(const float *values, int64_t n)
{
    uint32_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        found |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return found != 0;
}

static pc_status check_finite(const float *values, int64_t n, const pc_checkpoint *checkpoint,
                              const pc_tensor *tensor)
{
    if (!has_not_finite(values, n)) return PC_OK;
    int64_t i = 0;
    while (isfinite(values[i]))
        i++;
    return pc_fail(PC_ERR_INPUT, "%s: %s has %s at element %" PRId64 ", expected numbers",
                   pc_checkpoint_file(checkpoint, tensor), tensor->name,
                   isnan(values[i]) ? "NaN" : "an infinity", i);
}

static int64_t count_elements(const int64_t axes[3])
{
    return axes[0] * axes[1] * axes[2];
}

static pc_status read_tensor(float *out, const pc_checkpoint *checkpoint, const pc_tensor *tensor,
                             pc_layout layout, pc_weight weight, const pc_shape *shape)
{
    int64_t axes[3];
    const int n_axes = pc_weight_axes(axes, weight, shape);
    const placement p = place(layout, axes, n_axes);
    const int64_t n = count_elements(axes);
    PC_TRY(check_shape(checkpoint, tensor, &p));
    if (p.is_contiguous) PC_TRY(pc_checkpoint_read_f32(out, checkpoint, tensor, p.offset, n));
    else PC_TRY(gather(out, checkpoint, tensor, axes, &p));
    return check_finite(out, n, checkpoint, tensor);
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

/* Whether a rule's weight is part of this model at all. */
static bool is_wanted(const pc_tensor_rule *rule, const pc_shape *shape)
{
    const bool is_norm = rule->weight == PC_LN1_W || rule->weight == PC_LN1_B ||
                         rule->weight == PC_LN2_W || rule->weight == PC_LN2_B ||
                         rule->weight == PC_LN_FINAL_W || rule->weight == PC_LN_FINAL_B;
    if (is_norm && !shape->has_norm_gain) return false;
    if (rule->weight >= PC_LN2_W && rule->weight <= PC_B_OUT) return shape->d_mlp > 0;
    if (rule->presence == PC_REQUIRED_IF_UNTIED) return !shape->is_unembedding_tied;
    return true;
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

typedef pc_status (*visit_fn)(pc_weights *weights, const pc_checkpoint *checkpoint,
                              const pc_tensor *tensor, const pc_tensor_rule *rule, int layer,
                              const pc_shape *shape);

static pc_status add_size(pc_weights *weights, const pc_checkpoint *checkpoint,
                          const pc_tensor *tensor, const pc_tensor_rule *rule, int layer,
                          const pc_shape *shape)
{
    int64_t axes[3];
    const int n_axes = pc_weight_axes(axes, rule->weight, shape);
    const placement p = place(rule->layout, axes, n_axes);
    (void)layer;
    /* the file bounds the size: a lying configuration cannot make us allocate */
    PC_TRY(check_shape(checkpoint, tensor, &p));
    weights->n_parameters += count_elements(axes);
    return PC_OK;
}

static pc_status read_one(pc_weights *weights, const pc_checkpoint *checkpoint,
                          const pc_tensor *tensor, const pc_tensor_rule *rule, int layer,
                          const pc_shape *shape)
{
    int64_t axes[3];
    pc_weight_axes(axes, rule->weight, shape);
    float *to = weights->arena + weights->n_parameters;
    PC_TRY(read_tensor(to, checkpoint, tensor, rule->layout, rule->weight, shape));
    weights->at[rule->weight][layer] = to;
    weights->n_parameters += count_elements(axes);
    return PC_OK;
}

static pc_status visit_tensors(pc_weights *weights, const pc_checkpoint *checkpoint,
                               const pc_architecture *architecture, const pc_shape *shape,
                               visit_fn visit)
{
    weights->n_parameters = 0;
    for (const pc_tensor_rule *rule = architecture->tensors; rule->name; rule++) {
        if (!is_wanted(rule, shape)) continue;
        for (int layer = 0; layer < copies(rule->weight, shape); layer++) {
            const pc_tensor *tensor;
            PC_TRY(find_tensor(&tensor, checkpoint, architecture, rule->name, layer));
            if (tensor) PC_TRY(visit(weights, checkpoint, tensor, rule, layer, shape));
            else if (rule->presence != PC_OPTIONAL) return fail_missing(checkpoint, rule, layer);
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

static bool is_known(const char *name, const pc_architecture *architecture, const pc_shape *shape)
{
    for (const pc_tensor_rule *rule = architecture->tensors; rule->name; rule++)
        if (matches(name, architecture, rule->name, shape)) return true;
    for (const char *const *ignored = architecture->ignored_tensors; *ignored; ignored++)
        if (matches(name, architecture, *ignored, shape)) return true;
    return false;
}

/* A tensor that the architecture does not have may be a part of the computation that we would leave
 * out: a second norm, an adapter, a layer more than the configuration says. */
static pc_status check_all_known(const pc_checkpoint *checkpoint,
                                 const pc_architecture *architecture, const pc_shape *shape)
{
    for (size_t i = 0; i < pc_checkpoint_count(checkpoint); i++) {
        const pc_tensor *tensor = pc_checkpoint_at(checkpoint, i);
        if (!is_known(tensor->name, architecture, shape))
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "%s: tensor %.80s is not part of a %s model of %d layers",
                           pc_checkpoint_file(checkpoint, tensor), tensor->name, architecture->name,
                           shape->n_layers);
    }
    return PC_OK;
}

static pc_status allocate_pointers(pc_weights *weights, const pc_shape *shape)
{
    size_t n = 0;
    for (pc_weight w = 0; w < PC_N_WEIGHTS; w++)
        n += (size_t)copies(w, shape);
    weights->pointers = pc_alloc(n, sizeof *weights->pointers);
    if (!weights->pointers) return PC_ERR_NOMEM;
    const float **next = weights->pointers;
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
    PC_TRY(allocate_pointers(weights, shape));
    PC_TRY(visit_tensors(weights, checkpoint, architecture, shape, add_size));
    PC_TRY(check_all_known(checkpoint, architecture, shape));
    weights->arena = pc_alloc((size_t)weights->n_parameters, sizeof *weights->arena);
    if (!weights->arena) return PC_ERR_NOMEM;
    PC_TRY(visit_tensors(weights, checkpoint, architecture, shape, read_one));
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
    free(weights->pointers);
    *weights = (pc_weights){0};
}
