/* Packing a model's weights for the delta engine. */
#include "patch/engine_weights.h"

#include "base/memory.h"
#include "model/rotary_frequencies.h"

#include <stdlib.h>
#include <string.h>

/* Rows of a matrix that are widened and put in at a time. */
enum { ROWS_TOGETHER = 64 };

/* A canonical (n_k, n_n) matrix, elements [first, ...) of the weight, at column n_first. */
static void put_matrix(pc_packed *to, float *buffer, const pc_model *model, pc_weight weight,
                       int layer, int64_t first, int64_t n_k, int64_t n_n, int64_t n_first)
{
    for (int64_t k = 0; k < n_k; k += ROWS_TOGETHER) {
        const int64_t n = n_k - k < ROWS_TOGETHER ? n_k - k : ROWS_TOGETHER;
        const float *rows = pc_model_matrix(buffer, model, weight, layer, first + k * n_n, n * n_n);
        pc_packed_put(to, &(pc_packed_part){.k_first = k,
                                            .n_first = n_first,
                                            .n_k = n,
                                            .n_n = n_n,
                                            .source = rows,
                                            .k_stride = n_n,
                                            .n_stride = 1});
    }
}

/* The heads of q, k or v side by side. */
static void put_heads(pc_packed *to, float *buffer, const pc_model *model, pc_weight weight,
                      int layer, int n_heads, int64_t n_first)
{
    const int64_t d = model->shape.d_model, d_head = model->shape.d_head;
    for (int64_t head = 0; head < n_heads; head++)
        put_matrix(to, buffer, model, weight, layer, head * d * d_head, d, d_head,
                   n_first + head * d_head);
}

static void put_bias(float *to, const pc_model *model, pc_weight weight, int layer, int64_t n)
{
    const float *bias = pc_model_vector(model, weight, layer);
    if (bias) memcpy(to, bias, (size_t)n * sizeof *to);
}

static pc_status pack_attention(pc_engine_layer *to, float *buffer, const pc_model *model,
                                int layer)
{
    const pc_shape *s = &model->shape;
    const int64_t q = pc_q_width(s), kv = pc_kv_width(s);
    PC_TRY(pc_packed_new(&to->qkv, s->d_model, q + 2 * kv));
    PC_TRY(pc_packed_new(&to->o, q, s->d_model));
    put_heads(to->qkv, buffer, model, PC_W_Q, layer, s->n_heads, 0);
    put_heads(to->qkv, buffer, model, PC_W_K, layer, s->n_kv_heads, q);
    put_heads(to->qkv, buffer, model, PC_W_V, layer, s->n_kv_heads, q + kv);
    put_matrix(to->o, buffer, model, PC_W_O, layer, 0, q, s->d_model, 0);
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

static pc_status pack_mlp(pc_engine_layer *to, float *buffer, const pc_model *model, int layer)
{
    const pc_shape *s = &model->shape;
    if (s->d_mlp == 0) return PC_OK;
    PC_TRY(pc_packed_new(&to->in, s->d_model, s->d_mlp));
    PC_TRY(pc_packed_new(&to->out, s->d_mlp, s->d_model));
    put_matrix(to->in, buffer, model, PC_W_IN, layer, 0, s->d_model, s->d_mlp, 0);
    put_matrix(to->out, buffer, model, PC_W_OUT, layer, 0, s->d_mlp, s->d_model, 0);
    if (!s->is_gated) return PC_OK;
    PC_TRY(pc_packed_new(&to->gate, s->d_model, s->d_mlp));
    put_matrix(to->gate, buffer, model, PC_W_GATE, layer, 0, s->d_model, s->d_mlp, 0);
    return PC_OK;
}

/* W_U lies (vocab_out, d_model): its rows become columns. */
static pc_status pack_unembedding(pc_engine_weights *w, float *buffer)
{
    const int64_t d = w->model->shape.d_model, n = w->model->shape.vocab_out;
    PC_TRY(pc_packed_new(&w->unembedding, d, n));
    for (int64_t v = 0; v < n; v += ROWS_TOGETHER) {
        const int64_t n_rows = n - v < ROWS_TOGETHER ? n - v : ROWS_TOGETHER;
        const float *rows = pc_model_matrix(buffer, w->model, PC_W_U, 0, v * d, n_rows * d);
        pc_packed_put(w->unembedding, &(pc_packed_part){.n_first = v,
                                                        .n_k = d,
                                                        .n_n = n_rows,
                                                        .source = rows,
                                                        .k_stride = 1,
                                                        .n_stride = d});
    }
    return PC_OK;
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
    return PC_OK;
}

static pc_status fill(pc_engine_weights *w, float *buffer, int longest, pc_unembedding unembedding)
{
    const pc_model *model = w->model;
    w->layers = pc_alloc((size_t)model->shape.n_layers, sizeof *w->layers);
    if (!w->layers) return PC_ERR_NOMEM;
    for (int layer = 0; layer < model->shape.n_layers; layer++) {
        PC_TRY(pack_attention(&w->layers[layer], buffer, model, layer));
        PC_TRY(pack_mlp(&w->layers[layer], buffer, model, layer));
    }
    if (unembedding == PC_UNEMBED_ALL) PC_TRY(pack_unembedding(w, buffer));
    return make_rotary(w, longest);
}

pc_status pc_engine_weights_new(pc_engine_weights **out, const pc_model *model, int longest,
                                pc_unembedding unembedding)
{
    const pc_shape *s = &model->shape;
    const int widest = s->d_mlp > s->d_model ? s->d_mlp : s->d_model;
    *out = NULL;
    pc_engine_weights *w = pc_alloc(1, sizeof *w);
    float *buffer = pc_alloc(ROWS_TOGETHER, sizeof *buffer * (size_t)widest);
    pc_status status = w && buffer ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) {
        w->model = model;
        w->ops = pc_cpu_ops_best();
        status = fill(w, buffer, longest, unembedding);
    }
    free(buffer);
    if (status == PC_OK) *out = w;
    else pc_engine_weights_free(w);
    return status;
}

int64_t pc_engine_weights_bytes(const pc_model *model, pc_unembedding unembedding)
{
    const pc_shape *s = &model->shape;
    const int64_t d = s->d_model, q = pc_q_width(s), d_mlp = s->d_mlp;
    const int64_t layer = pc_packed_bytes(d, pc_qkv_width(s)) + pc_packed_bytes(q, d) +
                          (d_mlp ? pc_packed_bytes(d_mlp, d) : 0) +
                          (d_mlp ? pc_packed_bytes(d, d_mlp) * (s->is_gated ? 2 : 1) : 0);
    return s->n_layers * layer +
           (unembedding == PC_UNEMBED_ALL ? pc_packed_bytes(d, s->vocab_out) : 0);
}

void pc_engine_weights_free(pc_engine_weights *w)
{
    if (!w) return;
    for (int layer = 0; w->layers && layer < w->model->shape.n_layers; layer++) {
        pc_engine_layer *l = &w->layers[layer];
        free(l->b_qkv);
        pc_packed_free(l->out);
        pc_packed_free(l->in);
        pc_packed_free(l->gate);
        pc_packed_free(l->o);
        pc_packed_free(l->qkv);
    }
    pc_packed_free(w->unembedding);
    free(w->rotary_table);
    free(w->frequencies);
    free(w->layers);
    free(w);
}
