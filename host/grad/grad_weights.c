/* Putting transposed weights and biases on the device. */
#include "grad/grad_weights.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_TOGETHER = 64 };

typedef struct packing {
    pc_grad_weights *w;
    const pc_model *model;
    const pc_device *device;
    pc_grad_ways ways;
    float *buffer;
} packing;

static pc_status new_transposed(pc_engine_matrix *out, const packing *p, int64_t n_in,
                                int64_t n_out)
{
    pc_fault fault = {0};
    *out = (pc_engine_matrix){NULL, n_out, n_in};
    const pc_status status =
        p->device->ops->matrix_new(&out->w, p->device->state, n_out, n_in, &fault);
    return status == PC_OK ? PC_OK : pc_fail_fault(&fault);
}

/* A canonical (n_k, n_n) matrix, elements [first, ...) of the weight: its columns become rows from
 * row `to_row` on. */
static pc_status put(const packing *p, const pc_engine_matrix *to, pc_weight weight, int layer,
                     int64_t first, int64_t n_k, int64_t n_n, int64_t to_row)
{
    for (int64_t k = 0; k < n_k; k += ROWS_TOGETHER) {
        const int64_t n = n_k - k < ROWS_TOGETHER ? n_k - k : ROWS_TOGETHER;
        const pc_packed_part part = {
            .k_first = to_row,
            .n_first = k,
            .n_k = n_n,
            .n_n = n,
            .source = pc_model_matrix(p->buffer, p->model, weight, layer, first + k * n_n, n * n_n),
            .k_stride = 1,
            .n_stride = n_n};
        pc_fault fault = {0};
        if (p->device->ops->matrix_put(to->w, &part, &fault) != PC_OK) return pc_fail_fault(&fault);
    }
    return PC_OK;
}

static pc_status put_heads(const packing *p, const pc_engine_matrix *to, pc_weight weight,
                           int layer, int n_heads, int64_t to_row)
{
    const int64_t d = p->model->shape.d_model, d_head = p->model->shape.d_head;
    for (int64_t head = 0; head < n_heads; head++)
        PC_TRY(put(p, to, weight, layer, head * d * d_head, d, d_head, to_row + head * d_head));
    return PC_OK;
}

static pc_status pack_attention(pc_grad_layer *to, const packing *p, int layer)
{
    const pc_shape *s = &p->model->shape;
    const int64_t q = pc_q_width(s), kv = pc_kv_width(s);
    PC_TRY(new_transposed(&to->qkv, p, s->d_model, q + 2 * kv));
    PC_TRY(new_transposed(&to->o, p, q, s->d_model));
    PC_TRY(put_heads(p, &to->qkv, PC_W_Q, layer, s->n_heads, 0));
    PC_TRY(put_heads(p, &to->qkv, PC_W_K, layer, s->n_kv_heads, q));
    PC_TRY(put_heads(p, &to->qkv, PC_W_V, layer, s->n_kv_heads, q + kv));
    return put(p, &to->o, PC_W_O, layer, 0, q, s->d_model, 0);
}

static pc_status pack_mlp(pc_grad_layer *to, const packing *p, int layer)
{
    const pc_shape *s = &p->model->shape;
    if (s->d_mlp == 0) return PC_OK;
    PC_TRY(new_transposed(&to->in, p, s->d_model, s->d_mlp));
    PC_TRY(new_transposed(&to->out, p, s->d_mlp, s->d_model));
    PC_TRY(put(p, &to->in, PC_W_IN, layer, 0, s->d_model, s->d_mlp, 0));
    PC_TRY(put(p, &to->out, PC_W_OUT, layer, 0, s->d_mlp, s->d_model, 0));
    if (!s->is_gated) return PC_OK;
    PC_TRY(new_transposed(&to->gate, p, s->d_model, s->d_mlp));
    return put(p, &to->gate, PC_W_GATE, layer, 0, s->d_model, s->d_mlp, 0);
}

/* W_U lies as it is wanted. */
static pc_status pack_unembedding(const packing *p)
{
    const int64_t d = p->model->shape.d_model, vocab = p->model->shape.vocab_out;
    pc_engine_matrix *to = &p->w->unembedding;
    PC_TRY(new_transposed(to, p, d, vocab));
    for (int64_t v = 0; v < vocab; v += ROWS_TOGETHER) {
        const int64_t n = vocab - v < ROWS_TOGETHER ? vocab - v : ROWS_TOGETHER;
        const pc_packed_part part = {
            .k_first = v,
            .n_k = n,
            .n_n = d,
            .source = pc_model_matrix(p->buffer, p->model, PC_W_U, 0, v * d, n * d),
            .k_stride = d,
            .n_stride = 1};
        pc_fault fault = {0};
        if (p->device->ops->matrix_put(to->w, &part, &fault) != PC_OK) return pc_fail_fault(&fault);
    }
    return PC_OK;
}

/* ---- vectors ---- */

static pc_status place(const float **out, const packing *p, const float *bias, int64_t n)
{
    const void *placed = NULL;
    if (bias) PC_TRY(pc_device_place(&placed, p->device, bias, (size_t)n * sizeof *bias));
    *out = placed;
    return PC_OK;
}

static pc_status place_biases(pc_grad_layer *to, const packing *p, int layer)
{
    static const pc_weight weights[PC_N_BIASES] = {
        [PC_BIAS_LN1] = PC_LN1_B, [PC_BIAS_O] = PC_B_O,       [PC_BIAS_LN1_POST] = PC_LN1_POST_B,
        [PC_BIAS_LN2] = PC_LN2_B, [PC_BIAS_GATE] = PC_B_GATE, [PC_BIAS_IN] = PC_B_IN,
        [PC_BIAS_ACT] = PC_B_ACT, [PC_BIAS_OUT] = PC_B_OUT,   [PC_BIAS_LN2_POST] = PC_LN2_POST_B};
    const pc_shape *s = &p->model->shape;
    for (int i = 0; i < PC_N_BIASES; i++) {
        const bool is_wide = i == PC_BIAS_GATE || i == PC_BIAS_IN || i == PC_BIAS_ACT;
        const float *bias = i == PC_BIAS_QKV ? p->w->forward->layers[layer].b_qkv
                                             : pc_model_vector(p->model, weights[i], layer);
        const int64_t n = i == PC_BIAS_QKV ? pc_qkv_width(s) : is_wide ? s->d_mlp : s->d_model;
        PC_TRY(place(&to->bias[i], p, bias, n));
    }
    return PC_OK;
}

/* Cosines as they are, sines turned around. */
static pc_status turn_back(pc_grad_weights *w, const packing *p, int longest)
{
    const int64_t n = 2 * longest * w->forward->rotary.n_pairs;
    if (n == 0) return PC_OK;
    w->turned_back = pc_alloc((size_t)n, sizeof *w->turned_back);
    if (!w->turned_back) return PC_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++)
        w->turned_back[i] = i % 2 ? -w->forward->rotary_table[i] : w->forward->rotary_table[i];
    return place(&w->turned_back_placed, p, w->turned_back, n);
}

static pc_status fill(const packing *p, int longest, pc_unembedding unembedding)
{
    pc_grad_weights *w = p->w;
    const int n_layers = p->model->shape.n_layers;
    PC_TRY(pc_engine_weights_new(&w->forward, p->model, p->device, longest, unembedding));
    w->layers = pc_alloc((size_t)n_layers, sizeof *w->layers);
    if (!w->layers) return PC_ERR_NOMEM;
    for (int layer = 0; layer < n_layers; layer++) {
        if (p->ways == PC_GRAD_AND_BACK) PC_TRY(pack_attention(&w->layers[layer], p, layer));
        if (p->ways == PC_GRAD_AND_BACK) PC_TRY(pack_mlp(&w->layers[layer], p, layer));
        PC_TRY(place_biases(&w->layers[layer], p, layer));
    }
    if (unembedding == PC_UNEMBED_ALL && p->ways == PC_GRAD_AND_BACK) PC_TRY(pack_unembedding(p));
    PC_TRY(place(&w->final_bias, p, pc_model_vector(p->model, PC_LN_FINAL_B, 0),
                 p->model->shape.d_model));
    return p->ways == PC_GRAD_AND_BACK ? turn_back(w, p, longest) : PC_OK;
}

pc_status pc_grad_weights_new(pc_grad_weights **out, pc_grad_ways ways, const pc_model *model,
                              const pc_device *device, int longest, pc_unembedding unembedding)
{
    const pc_shape *s = &model->shape;
    const int widest = s->d_mlp > s->d_model ? s->d_mlp : s->d_model;
    packing p = {.w = pc_alloc(1, sizeof *p.w), .model = model, .device = device, .ways = ways};
    p.buffer = pc_alloc(ROWS_TOGETHER, sizeof *p.buffer * (size_t)widest);
    *out = NULL;
    pc_status status = p.w && p.buffer ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = fill(&p, longest, unembedding);
    free(p.buffer);
    if (status == PC_OK) *out = p.w;
    else pc_grad_weights_free(p.w);
    return status;
}

int64_t pc_grad_weights_bytes(const pc_model *model, const pc_device *device,
                              pc_unembedding unembedding)
{
    const pc_shape *s = &model->shape;
    int64_t vectors = s->d_model;
    vectors += s->n_layers * (pc_qkv_width(s) + 6 * (int64_t)s->d_model + 3 * (int64_t)s->d_mlp);
    return 2 * pc_engine_weights_bytes(model, device, unembedding) +
           vectors * (int64_t)sizeof(float);
}

static void free_layer(pc_grad_layer *l, const pc_device *device)
{
    pc_matrix *matrices[] = {l->qkv.w, l->o.w, l->gate.w, l->in.w, l->out.w};
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        if (matrices[i]) device->ops->matrix_free(matrices[i]);
    for (int i = 0; i < PC_N_BIASES; i++)
        pc_device_unplace(device, l->bias[i]);
}

void pc_grad_weights_free(pc_grad_weights *w)
{
    if (!w) return;
    if (w->forward) {
        const pc_device *device = w->forward->device;
        const int n_layers = w->forward->model->shape.n_layers;
        for (int layer = 0; w->layers && layer < n_layers; layer++)
            free_layer(&w->layers[layer], device);
        if (w->unembedding.w) device->ops->matrix_free(w->unembedding.w);
        pc_device_unplace(device, w->turned_back_placed);
        pc_device_unplace(device, w->final_bias);
    }
    free(w->turned_back);
    free(w->layers);
    pc_engine_weights_free(w->forward);
    free(w);
}
