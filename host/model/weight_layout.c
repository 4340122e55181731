/* From a file's layout to the canonical one: where each element lies, and moving it. */
#include "model/weight_layout.h"

#include "base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 32 };

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

bool pc_weight_is_matrix(pc_weight weight)
{
    switch (weight) {
    case PC_W_E:
    case PC_W_POS:
    case PC_W_Q:
    case PC_W_K:
    case PC_W_V:
    case PC_W_O:
    case PC_W_GATE:
    case PC_W_IN:
    case PC_W_OUT:
    case PC_W_U:
        return true;
    default:
        return false;
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
    case PC_W_GATE:
    case PC_W_IN:
        return set_axes(axes, 2, s->d_model, s->d_mlp, 1);
    case PC_B_GATE:
    case PC_B_ACT:
    case PC_B_IN:
        return set_axes(axes, 1, s->d_mlp, 1, 1);
    case PC_W_OUT:
        return set_axes(axes, 2, s->d_mlp, s->d_model, 1);
    case PC_Q_NORM_W:
    case PC_K_NORM_W:
        return set_axes(axes, 1, s->d_head, 1, 1);
    case PC_W_U:
        return set_axes(axes, 2, s->vocab_out, s->d_model, 1);
    case PC_B_U:
        return set_axes(axes, 1, s->vocab_out, 1, 1);
    default: /* norms and output biases */
        return set_axes(axes, 1, s->d_model, 1, 1);
    }
}

int64_t pc_weight_count(pc_weight weight, const pc_shape *shape)
{
    int64_t axes[3];
    pc_weight_axes(axes, weight, shape);
    return axes[0] * axes[1] * axes[2];
}

/* The file's tensor, and where canonical element (i, j, k) lies in it: offset + strides . (i, j,
 * k). A contiguous one is a range of it as it stands. */
typedef struct placement {
    int rank;
    int64_t shape[3];
    int64_t offset, strides[3];
    bool is_contiguous;
} placement;

static placement range_of(int rank, int64_t a, int64_t b, int64_t c, int64_t offset)
{
    return (placement){rank, {a, b, c}, offset, {0}, true};
}

/* A part of q, k and v in one tensor (or one bias vector, n_axes = 2). */
static placement place_part(pc_layout layout, const int64_t axes[3], int n_axes)
{
    const int64_t a = axes[0], b = axes[1], c = axes[2];
    if (layout <= PC_LAYOUT_FUSED_V) {
        const int64_t part = layout - PC_LAYOUT_FUSED_Q;
        if (n_axes == 2) return range_of(1, 3 * a * b, 1, 1, part * a * b);
        return (placement){2, {b, 3 * a * c}, part * a * c, {c, 3 * a * c, 1}, false};
    }
    const int64_t part = layout - PC_LAYOUT_INTERLEAVED_Q;
    if (n_axes == 2) return (placement){1, {3 * a * b}, part * b, {3 * b, 1, 1}, false};
    return (placement){2, {3 * a * c, b}, part * c * b, {3 * c * b, 1, b}, false};
}

static placement place(pc_layout layout, const int64_t axes[3], int n_axes)
{
    const int64_t a = axes[0], b = axes[1], c = axes[2];
    switch (layout) {
    case PC_LAYOUT_PLAIN:
        break;
    case PC_LAYOUT_FLAT:
        return range_of(1, a * b * c, 1, 1, 0);
    case PC_LAYOUT_MERGED_HEADS:
        return range_of(2, a * b, c, 1, 0);
    case PC_LAYOUT_TRANSPOSED:
        return (placement){2, {b, a}, 0, {1, a, 1}, false};
    case PC_LAYOUT_OUT_IN_HEADS:
        return (placement){2, {a * c, b}, 0, {c * b, 1, b}, false};
    case PC_LAYOUT_TRANSPOSED_MERGED:
        return (placement){2, {c, a * b}, 0, {b, 1, a * b}, false};
    case PC_LAYOUT_FUSED_Q:
    case PC_LAYOUT_FUSED_K:
    case PC_LAYOUT_FUSED_V:
    case PC_LAYOUT_INTERLEAVED_Q:
    case PC_LAYOUT_INTERLEAVED_K:
    case PC_LAYOUT_INTERLEAVED_V:
        return place_part(layout, axes, n_axes);
    }
    return range_of(n_axes, a, b, c, 0);
}

static placement place_rule(const pc_tensor_rule *rule, int64_t axes[3], const pc_shape *shape)
{
    const int n_axes = pc_weight_axes(axes, rule->weight, shape);
    return place(rule->layout, axes, n_axes);
}

static void put_shape(char *out, size_t bytes, const int64_t *shape, int rank)
{
    size_t at = (size_t)snprintf(out, bytes, "(");
    for (int i = 0; i < rank && at < bytes; i++)
        at += (size_t)snprintf(out + at, bytes - at, "%s%" PRId64, i ? ", " : "", shape[i]);
    if (at < bytes) snprintf(out + at, bytes - at, ")");
}

pc_status pc_weight_check_shape(const pc_checkpoint *checkpoint, const pc_tensor *tensor,
                                const pc_tensor_rule *rule, const pc_shape *shape)
{
    int64_t axes[3];
    const placement p = place_rule(rule, axes, shape);
    bool is_same = tensor->rank == p.rank;
    for (int i = 0; is_same && i < p.rank; i++)
        is_same = tensor->shape[i] == p.shape[i];
    if (is_same) return PC_OK;
    char found[160], expected[80];
    put_shape(found, sizeof found, tensor->shape, tensor->rank);
    put_shape(expected, sizeof expected, p.shape, p.rank);
    return pc_fail(PC_ERR_INPUT, "%s: %s is %s, expected %s from the configuration",
                   pc_checkpoint_file(checkpoint, tensor), tensor->name, found, expected);
}

static pc_status read_range(void *out, bool is_16_bits, const pc_checkpoint *checkpoint,
                            const pc_tensor *tensor, int64_t first, int64_t count)
{
    return is_16_bits ? pc_checkpoint_read_bits16(out, checkpoint, tensor, first, count)
                      : pc_checkpoint_read_f32(out, checkpoint, tensor, first, count);
}

/* A plane of n_rows x n_columns in tiles, so that neither side strides through memory. */
static void move_plane(void *out, const void *from, bool is_16_bits, int64_t offset, int64_t n_rows,
                       int64_t n_columns, int64_t row_stride, int64_t column_stride)
{
    for (int64_t r = 0; r < n_rows; r += TILE)
        for (int64_t c = 0; c < n_columns; c += TILE)
            for (int64_t i = r; i < n_rows && i < r + TILE; i++)
                for (int64_t j = c; j < n_columns && j < c + TILE; j++) {
                    const int64_t at = offset + i * row_stride + j * column_stride;
                    if (is_16_bits)
                        ((uint16_t *)out)[i * n_columns + j] = ((const uint16_t *)from)[at];
                    else ((float *)out)[i * n_columns + j] = ((const float *)from)[at];
                }
}

static void move(void *out, const void *from, bool is_16_bits, const int64_t axes[3],
                 const placement *p)
{
    const size_t bytes = is_16_bits ? sizeof(uint16_t) : sizeof(float);
    const int64_t *s = p->strides;
    if (axes[2] == 1) {
        move_plane(out, from, is_16_bits, p->offset, axes[0], axes[1], s[0], s[1]);
        return;
    }
    for (int64_t i = 0; i < axes[0]; i++)
        move_plane((char *)out + (size_t)(i * axes[1] * axes[2]) * bytes, from, is_16_bits,
                   p->offset + i * s[0], axes[1], axes[2], s[1], s[2]);
}

static pc_status gather(void *out, bool is_16_bits, const pc_checkpoint *checkpoint,
                        const pc_tensor *tensor, const int64_t axes[3], const placement *p)
{
    const int64_t n = pc_tensor_elements(tensor);
    void *whole = pc_alloc((size_t)n, is_16_bits ? sizeof(uint16_t) : sizeof(float));
    if (!whole) return PC_ERR_NOMEM;
    const pc_status status = read_range(whole, is_16_bits, checkpoint, tensor, 0, n);
    if (status == PC_OK) move(out, whole, is_16_bits, axes, p);
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

static bool has_not_finite16(const uint16_t *values, int64_t n, unsigned exponent)
{
    unsigned found = 0;
    for (int64_t i = 0; i < n; i++)
        found |= (values[i] & exponent) == exponent;
    return found != 0;
}

static pc_status fail_not_finite(const void *values, bool is_16_bits,
                                 const pc_checkpoint *checkpoint, const pc_tensor *tensor)
{
    for (int64_t i = 0;; i++) {
        float value;
        if (is_16_bits) pc_widen_bits16(&value, (const uint16_t *)values + i, 1, tensor->dtype);
        else value = ((const float *)values)[i];
        if (!isfinite(value))
            return pc_fail(PC_ERR_INPUT, "%s: %s has %s at element %" PRId64 ", expected numbers",
                           pc_checkpoint_file(checkpoint, tensor), tensor->name,
                           isnan(value) ? "NaN" : "an infinity", i);
    }
}

pc_status pc_weight_read(void *out, bool is_16_bits, const pc_checkpoint *checkpoint,
                         const pc_tensor *tensor, const pc_tensor_rule *rule, const pc_shape *shape)
{
    int64_t axes[3];
    const placement p = place_rule(rule, axes, shape);
    const int64_t n = axes[0] * axes[1] * axes[2];
    const unsigned exponent = tensor->dtype == PC_DTYPE_BF16 ? 0x7f80u : 0x7c00u;
    if (p.is_contiguous) PC_TRY(read_range(out, is_16_bits, checkpoint, tensor, p.offset, n));
    else PC_TRY(gather(out, is_16_bits, checkpoint, tensor, axes, &p));
    if (is_16_bits ? has_not_finite16(out, n, exponent) : has_not_finite(out, n))
        return fail_not_finite(out, is_16_bits, checkpoint, tensor);
    return PC_OK;
}
