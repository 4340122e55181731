/* Putting a model's weights on the delta engine's device. */
#include "patch/engine_weights.h"

#include "base/memory.h"
#include "model/rotary_frequencies.h"

#include <stdlib.h>
#include <string.h>

/* Rows of a matrix that are widened and put in at a time. */
enum { ROWS_TOGETHER = 64 };

/* Whose weights are packed, and room for rows that are widened. */
typedef struct packing {
    const pc_device *device;
    const pc_model *model;
    float *buffer;
} packing;

static pc_status new_matrix(pc_engine_matrix *out, const packing *p, int64_t n_in, int64_t n_out)
{
    pc_fault fault = {0};
    const pc_device *d = p->device;
    *out = (pc_engine_matrix){NULL, n_in, n_out};
    const pc_status status = d->ops->matrix_new(&out->w, d->state, n_in, n_out, &fault);
    return status == PC_OK ? PC_OK : pc_fail_fault(&fault);
}

static pc_status put(const packing *p, const pc_engine_matrix *to, const pc_packed_part *part)
{
    pc_fault fault = {0};
    const pc_status status = p->device->ops->matrix_put(to->w, part, &fault);
    return status == PC_OK ? PC_OK : pc_fail_fault(&fault);
}

/* A canonical (n_k, n_n) matrix, elements [first, ...) of the weight, at column n_first. */
static pc_status put_matrix(const packing *p, const pc_engine_matrix *to, pc_weight weight,
                            int layer, int64_t first, int64_t n_k, int64_t n_n, int64_t n_first)
{
    for (int64_t k = 0; k < n_k; k += ROWS_TOGETHER) {
        const int64_t n = n_k - k < ROWS_TOGETHER ? n_k - k : ROWS_TOGETHER;
        const float *rows =
            pc_model_matrix(p->buffer, p->model, weight, layer, first + k * n_n, n * n_n);
        PC_TRY(put(p, to,
                   &(pc_packed_part){.k_first = k,
                                     .n_first = n_first,
                                     .n_k = n,
                                     .n_n = n_n,
                                     .source = rows,
                                     .k_stride = n_n,
                                     .n_stride = 1}));
    }
    return PC_OK;
}

/* The heads of q, k or v side by side. */
static pc_status put_heads(const packing *p, const pc_engine_matrix *to, pc_weight weight,
                           int layer, int n_heads, int64_t n_first)
{
    const int64_t d = p->model->shape.d_model, d_head = p->model->shape.d_head;
    for (int64_t head = 0; head < n_heads; head++)
        PC_TRY(put_matrix(p, to, weight, layer, head * d * d_head, d, d_head,
                          n_first + head * d_head));
    return PC_OK;
}

static void put_bias(float *to, const pc_model *model, pc_weight weight, int layer, int64_t n)
{
    const float *bias = pc_model_vector(model, weight, layer);
    if (bias) memcpy(to, bias, (size_t)n * sizeof *to);
}

static pc_status pack_attention(pc_engine_layer *to, const packing *p, int layer)
{
    const pc_model *model = p->model;
    const pc_shape *s = &model->shape;
    const int64_t q = pc_q_width(s), kv = pc_kv_width(s);
    PC_TRY(new_matrix(&to->qkv, p, s->d_model, q + 2 * kv));
    PC_TRY(new_matrix(&to->o, p, q, s->d_model));
    PC_TRY(put_heads(p, &to->qkv, PC_W_Q, layer, s->n_heads, 0));
    PC_TRY(put_heads(p, &to->qkv, PC_W_K, layer, s->n_kv_heads, q));
    PC_TRY(put_heads(p, &to->qkv, PC_W_V, layer, s->n_kv_heads, q + kv));
    PC_TRY(put_matrix(p, &to->o, PC_W_O, layer, 0, q, s->d_model, 0));
    const bool has_bias = pc_model_has(model, PC_B_Q, layer) ||
                          pc_model_has(model, PC_B_K, layer) || pc_model_has(model, PC_B_V, layer);
    if (!has_bias) return PC_OK;
    to->b_qkv = pc_alloc((size_t)(q + 2 * kv), sizeof *to->b_qkv);
    if (!to->b_qkv) return PC_ERR_NOMEM;
    put_bias(to->b_qkv, model, PC_B_Q, layer, q);
    put_bias(to->b_qkv + q, model, PC_B_K, layer, kv);
    put_bias(to->b_qkv + q + kv, model, PC_B_V, layer, kv);
    return PC_OK;
}

static pc_status pack_mlp(pc_engine_layer *to, const packing *p, int layer)
{
    const pc_shape *s = &p->model->shape;
    if (s->d_mlp == 0) return PC_OK;
    PC_TRY(new_matrix(&to->in, p, s->d_model, s->d_mlp));
    PC_TRY(new_matrix(&to->out, p, s->d_mlp, s->d_model));
    PC_TRY(put_matrix(p, &to->in, PC_W_IN, layer, 0, s->d_model, s->d_mlp, 0));
    PC_TRY(put_matrix(p, &to->out, PC_W_OUT, layer, 0, s->d_mlp, s->d_model, 0));
    if (!s->is_gated) return PC_OK;
    PC_TRY(new_matrix(&to->gate, p, s->d_model, s->d_mlp));
    return put_matrix(p, &to->gate, PC_W_GATE, layer, 0, s->d_model, s->d_mlp, 0);
}

/* W_U lies (vocab_out, d_model): its rows become columns. */
static pc_status pack_unembedding(pc_engine_weights *w, const packing *p)
{
    const int64_t d = w->model->shape.d_model, n = w->model->shape.vocab_out;
    PC_TRY(new_matrix(&w->unembedding, p, d, n));
    for (int64_t v = 0; v < n; v += ROWS_TOGETHER) {
        const int64_t n_rows = n - v < ROWS_TOGETHER ? n - v : ROWS_TOGETHER;
        const float *rows = pc_model_matrix(p->buffer, w->model, PC_W_U, 0, v * d, n_rows * d);
        PC_TRY(put(p, &w->unembedding,
                   &(pc_packed_part){.n_first = v,
                                     .n_k = d,
                                     .n_n = n_rows,
                                     .source = rows,
                                     .k_stride = 1,
                                     .n_stride = d}));
    }
    return PC_OK;
}

/* ---- gains ---- */

static const pc_weight gain_weights[PC_N_GAINS] = {
    [PC_GAIN_LN1] = PC_LN1_W,       [PC_GAIN_LN1_POST] = PC_LN1_POST_W,
    [PC_GAIN_LN2] = PC_LN2_W,       [PC_GAIN_LN2_POST] = PC_LN2_POST_W,
    [PC_GAIN_Q_NORM] = PC_Q_NORM_W, [PC_GAIN_K_NORM] = PC_K_NORM_W,
    [PC_GAIN_FINAL] = PC_LN_FINAL_W};

static int64_t gain_width(int which, const pc_shape *s)
{
    return which == PC_GAIN_Q_NORM || which == PC_GAIN_K_NORM ? s->d_head : s->d_model;
}

static pc_status place_gains(pc_engine_weights *w)
{
    const pc_shape *s = &w->model->shape;
    w->gains = pc_alloc(PC_N_GAINS * (size_t)s->n_layers, sizeof *w->gains);
    if (!w->gains) return PC_ERR_NOMEM;
    for (int which = 0; which < PC_N_GAINS; which++) {
        const int n_layers = which == PC_GAIN_FINAL ? 1 : s->n_layers;
        const size_t bytes = (size_t)gain_width(which, s) * sizeof(float);
        for (int layer = 0; layer < n_layers; layer++) {
            const float *gain = pc_model_vector(w->model, gain_weights[which], layer);
            const void *placed;
            PC_TRY(pc_device_place(&placed, w->device, gain, bytes));
            w->gains[which * s->n_layers + layer] = placed;
        }
    }
    return PC_OK;
}

const float *pc_engine_gain(const pc_engine_weights *w, pc_weight gain, int layer)
{
    int which = 0;
    while (gain_weights[which] != gain)
        which++;
    return w->gains[which * w->model->shape.n_layers + layer];
}

static pc_status make_rotary(pc_engine_weights *w, int longest)
{
    const pc_shape *s = &w->model->shape;
    const int n_pairs = s->positions == PC_POSITIONS_ROTARY ? s->rotary.dim / 2 : 0;
    w->frequencies = pc_alloc((size_t)n_pairs, sizeof *w->frequencies);
    w->rotary_table = pc_alloc((size_t)longest * (size_t)n_pairs, 2 * sizeof *w->rotary_table);
    if (!w->frequencies || !w->rotary_table) return PC_ERR_NOMEM;
    w->rotary = (pc_rotary_kind){.n_heads = s->n_heads,
                                 .d_head = s->d_head,
                                 .n_pairs = n_pairs,
                                 .pairs = s->rotary.pairs,
                                 .frequency = w->frequencies};
    if (n_pairs == 0) return PC_OK;
    pc_rotary_frequencies(w->frequencies, &s->rotary);
    pc_rotary_table(w->rotary_table, &w->rotary, longest);
    const void *placed;
    PC_TRY(pc_device_place(&placed, w->device, w->rotary_table,
                           (size_t)longest * (size_t)n_pairs * 2 * sizeof *w->rotary_table));
    w->rotary_placed = placed;
    return PC_OK;
}

static pc_status fill(pc_engine_weights *w, float *buffer, int longest, pc_unembedding unembedding)
{
    const pc_model *model = w->model;
    const packing p = {w->device, model, buffer};
    w->layers = pc_alloc((size_t)model->shape.n_layers, sizeof *w->layers);
    if (!w->layers) return PC_ERR_NOMEM;
    for (int layer = 0; layer < model->shape.n_layers; layer++) {
        PC_TRY(pack_attention(&w->layers[layer], &p, layer));
        PC_TRY(pack_mlp(&w->layers[layer], &p, layer));
    }
    if (unembedding == PC_UNEMBED_ALL) PC_TRY(pack_unembedding(w, &p));
    PC_TRY(place_gains(w));
    return make_rotary(w, longest);
}

pc_status pc_engine_weights_new(pc_engine_weights **out, const pc_model *model,
                                const pc_device *device, int longest, pc_unembedding unembedding)
{
    const pc_shape *s = &model->shape;
    const int widest = s->d_mlp > s->d_model ? s->d_mlp : s->d_model;
    *out = NULL;
    pc_engine_weights *w = pc_alloc(1, sizeof *w);
    float *buffer = pc_alloc(ROWS_TOGETHER, sizeof *buffer * (size_t)widest);
    if (w) {
        w->model = model;
        w->device = device;
        w->ops = pc_cpu_ops_best();
    }
    pc_status status = w && buffer ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = fill(w, buffer, longest, unembedding);
    free(buffer);
    if (status == PC_OK) *out = w;
    else pc_engine_weights_free(w);
    return status;
}

int64_t pc_engine_weights_bytes(const pc_model *model, const pc_device *device,
                                pc_unembedding unembedding)
{
    const pc_shape *s = &model->shape;
    const int64_t d = s->d_model, q = pc_q_width(s), d_mlp = s->d_mlp;
    const struct {
        int64_t n_in, n_out, n;
    } matrices[] = {{d, pc_qkv_width(s), s->n_layers},
                    {q, d, s->n_layers},
                    {d_mlp, d, d_mlp ? s->n_layers : 0},
                    {d, d_mlp, d_mlp ? s->n_layers * (s->is_gated ? 2 : 1) : 0},
                    {d, s->vocab_out, unembedding == PC_UNEMBED_ALL ? 1 : 0}};
    int64_t bytes = 0;
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        if (matrices[i].n)
            bytes += matrices[i].n * device->ops->matrix_bytes(matrices[i].n_in, matrices[i].n_out,
                                                               device->precision);
    return bytes;
}

static void free_layer(pc_engine_layer *l, const pc_device *device)
{
    pc_matrix *matrices[] = {l->qkv.w, l->o.w, l->gate.w, l->in.w, l->out.w};
    free(l->b_qkv);
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        if (matrices[i]) device->ops->matrix_free(matrices[i]);
}

void pc_engine_weights_free(pc_engine_weights *w)
{
    if (!w) return;
    const int n_layers = w->model->shape.n_layers;
    for (int layer = 0; w->layers && layer < n_layers; layer++)
        free_layer(&w->layers[layer], w->device);
    if (w->unembedding.w) w->device->ops->matrix_free(w->unembedding.w);
    for (int i = 0; w->gains && i < PC_N_GAINS * n_layers; i++)
        pc_device_unplace(w->device, w->gains[i]);
    pc_device_unplace(w->device, w->rotary_placed);
    free(w->gains);
    free(w->rotary_table);
    free(w->frequencies);
    free(w->layers);
    free(w);
}
