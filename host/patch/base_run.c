/* The base run: the plain forward pass in float32 that keeps what it computes. */
#include "patch/base_run.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

/* Hands out pieces of one block; with memory NULL it only counts. */
typedef struct carving {
    float *memory;
    int64_t used;
} carving;

static float *carve(carving *c, int64_t n)
{
    float *piece = c->memory ? c->memory + c->used : NULL;
    c->used += (n + 15) / 16 * 16;
    return piece;
}

static void carve_norm(pc_base_norm *out, carving *c, int64_t rows, int64_t width)
{
    out->x = carve(c, rows * width);
    out->mean = carve(c, rows);
    out->variance = carve(c, rows);
}

static void carve_layer(pc_base_layer *l, carving *c, const pc_shape *s, int64_t seq)
{
    const int64_t q = pc_q_width(s), kv = pc_kv_width(s);
    carve_norm(&l->attention, c, seq, s->d_model);
    if (s->has_qk_norm) {
        carve_norm(&l->query, c, seq * s->n_heads, s->d_head);
        carve_norm(&l->key, c, seq * s->n_kv_heads, s->d_head);
    }
    l->q = carve(c, seq * q);
    l->k = carve(c, seq * kv);
    l->v = carve(c, seq * kv);
    l->log_pattern = carve(c, s->n_heads * seq * seq);
    l->z = carve(c, seq * q);
    if (s->has_post_norms) carve_norm(&l->attention_post, c, seq, s->d_model);
    if (s->d_mlp == 0) return;
    carve_norm(&l->mlp, c, seq, s->d_model);
    l->a = carve(c, seq * s->d_mlp);
    if (s->is_gated) l->u = carve(c, seq * s->d_mlp);
    l->act = carve(c, seq * s->d_mlp);
    if (s->has_post_norms) carve_norm(&l->mlp_post, c, seq, s->d_model);
    l->m = carve(c, seq * s->d_model);
}

static void carve_run(pc_base_run *run, carving *c, const pc_shape *s)
{
    run->input = carve(c, (int64_t)run->seq * s->d_model);
    for (int layer = 0; layer < s->n_layers; layer++)
        carve_layer(&run->layers[layer], c, s, run->seq);
    carve_norm(&run->final, c, run->seq, s->d_model);
}

int64_t pc_base_run_bytes(const pc_model *model, int seq)
{
    const pc_shape *s = &model->shape;
    pc_base_layer layer;
    pc_base_norm final;
    carving one = {0}, rest = {0};
    carve_layer(&layer, &one, s, seq);
    carve_norm(&final, &rest, seq, s->d_model);
    (void)carve(&rest, (int64_t)seq * s->d_model); /* the input */
    return (int64_t)sizeof(float) * (rest.used + s->n_layers * one.used);
}

/* ---- steps ---- */

/* What a step needs, and room for its intermediate results. */
typedef struct pass {
    const pc_engine_weights *w;
    const pc_shape *s;
    int64_t seq;
    float *stream, *normed, *out; /* (seq, d_model) */
    float *qkv;                   /* (seq, qkv width) */
    int32_t *positions;
} pass;

static void apply_norm(float *y, const pc_base_norm *norm, const pass *p, const float *gain,
                       const float *bias, int64_t rows, int64_t width, pc_norm kind)
{
    const pc_norm_base_args args = {.y = y,
                                    .mean = norm->mean,
                                    .variance = norm->variance,
                                    .x = norm->x,
                                    .gain = gain,
                                    .bias = bias,
                                    .gain_offset = (float)p->s->norm_gain_offset,
                                    .eps = p->s->norm_eps,
                                    .rows = rows,
                                    .width = width};
    switch (kind) {
    case PC_NORM_NONE:
        memmove(y, norm->x, (size_t)(rows * width) * sizeof *y);
        break;
    case PC_NORM_LAYER:
        p->w->ops->layernorm_base(&args);
        break;
    case PC_NORM_RMS:
        p->w->ops->rmsnorm_base(&args);
        break;
    }
}

static void norm_stream(float *y, const pc_base_norm *norm, const pass *p, pc_weight gain,
                        int layer)
{
    const pc_model *model = p->w->model;
    apply_norm(y, norm, p, pc_model_vector(model, gain, layer),
               pc_model_vector(model, gain + 1, layer), p->seq, p->s->d_model, p->s->norm);
}

static void multiply(float *c, const float *a, int64_t a_width, const pc_packed *w, const pass *p)
{
    const int64_t n = pc_packed_n_out(w);
    p->w->ops->gemm(&(pc_gemm_args){.c = c,
                                    .a = a,
                                    .c_stride = n,
                                    .a_stride = a_width,
                                    .rows = p->seq,
                                    .w = w,
                                    .k_count = pc_packed_n_in(w),
                                    .n_count = n,
                                    .mode = PC_GEMM_SET});
}

static void add_bias(float *x, const float *bias, int64_t rows, int64_t width)
{
    for (int64_t r = 0; bias && r < rows; r++)
        for (int64_t i = 0; i < width; i++)
            x[r * width + i] += bias[i];
}

static void add(float *to, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void split(float *to, const float *qkv, int64_t first, int64_t width, const pass *p)
{
    for (int64_t r = 0; r < p->seq; r++)
        memcpy(to + r * width, qkv + r * pc_qkv_width(p->s) + first, (size_t)width * sizeof *to);
}

/* q or k as the scores use them. */
static void finish_projection(float *x, const pc_base_norm *norm, int n_heads, pc_weight gain,
                              int layer, const pass *p)
{
    const pc_shape *s = p->s;
    if (s->has_qk_norm) {
        const int64_t rows = p->seq * n_heads;
        memcpy(norm->x, x, (size_t)(rows * s->d_head) * sizeof *x);
        apply_norm(x, norm, p, pc_model_vector(p->w->model, gain, layer), NULL, rows, s->d_head,
                   PC_NORM_RMS);
    }
    pc_rotary_kind kind = p->w->rotary;
    kind.n_heads = n_heads;
    if (kind.n_pairs)
        p->w->ops->rotary(&(pc_rotary_args){.x = x,
                                            .x_stride = (int64_t)n_heads * s->d_head,
                                            .rows = p->seq,
                                            .position = p->positions,
                                            .kind = &kind,
                                            .table = p->w->rotary_table});
}

static void project(pc_base_layer *l, const pass *p, int layer)
{
    const pc_shape *s = p->s;
    const pc_engine_layer *w = &p->w->layers[layer];
    const int64_t q = pc_q_width(s), kv = pc_kv_width(s);
    memcpy(l->attention.x, p->stream, (size_t)(p->seq * s->d_model) * sizeof(float));
    norm_stream(p->normed, &l->attention, p, PC_LN1_W, layer);
    multiply(p->qkv, p->normed, s->d_model, w->qkv, p);
    add_bias(p->qkv, w->b_qkv, p->seq, q + 2 * kv);
    split(l->q, p->qkv, 0, q, p);
    split(l->k, p->qkv, q, kv, p);
    split(l->v, p->qkv, q + kv, kv, p);
    finish_projection(l->q, &l->query, s->n_heads, PC_Q_NORM_W, layer, p);
    finish_projection(l->k, &l->key, s->n_kv_heads, PC_K_NORM_W, layer, p);
}

static void attend(pc_base_layer *l, const pass *p, int layer)
{
    const pc_shape *s = p->s;
    const int64_t q = pc_q_width(s), kv = pc_kv_width(s);
    const pc_attention_kind kind = pc_attention_kind_of(s, layer);
    for (int head = 0; head < s->n_heads; head++) {
        const int64_t slot = head / (s->n_heads / s->n_kv_heads) * s->d_head;
        p->w->ops->attention_base(
            &(pc_attention_base_args){.z = l->z + (int64_t)head * s->d_head,
                                      .log_pattern = l->log_pattern + head * p->seq * p->seq,
                                      .q = l->q + (int64_t)head * s->d_head,
                                      .k = l->k + slot,
                                      .v = l->v + slot,
                                      .z_stride = q,
                                      .pattern_stride = p->seq,
                                      .q_stride = q,
                                      .k_stride = kv,
                                      .v_stride = kv,
                                      .seq = p->seq,
                                      .kind = &kind});
    }
}

/* p->out = what attention adds to the stream, b_O and post-norm included. */
static void attention_output(pc_base_layer *l, const pass *p, int layer)
{
    const pc_shape *s = p->s;
    multiply(p->out, l->z, pc_q_width(s), p->w->layers[layer].o, p);
    add_bias(p->out, pc_model_vector(p->w->model, PC_B_O, layer), p->seq, s->d_model);
    if (!s->has_post_norms) return;
    memcpy(l->attention_post.x, p->out, (size_t)(p->seq * s->d_model) * sizeof(float));
    norm_stream(p->out, &l->attention_post, p, PC_LN1_POST_W, layer);
}

static void run_mlp(pc_base_layer *l, const pass *p, int layer)
{
    const pc_shape *s = p->s;
    const pc_model *model = p->w->model;
    const pc_engine_layer *w = &p->w->layers[layer];
    memcpy(l->mlp.x, p->stream, (size_t)(p->seq * s->d_model) * sizeof(float));
    norm_stream(p->normed, &l->mlp, p, PC_LN2_W, layer);
    float *linear = s->is_gated ? l->u : l->a;
    multiply(linear, p->normed, s->d_model, w->in, p);
    add_bias(linear, pc_model_vector(model, PC_B_IN, layer), p->seq, s->d_mlp);
    if (s->is_gated) {
        multiply(l->a, p->normed, s->d_model, w->gate, p);
        add_bias(l->a, pc_model_vector(model, PC_B_GATE, layer), p->seq, s->d_mlp);
    }
    p->w->ops->activation_base(&(pc_activation_base_args){
        .out = l->act, .a = l->a, .u = l->u, .n = p->seq * s->d_mlp, .kind = s->activation});
    add_bias(l->act, pc_model_vector(model, PC_B_ACT, layer), p->seq, s->d_mlp);
    multiply(l->m, l->act, s->d_mlp, w->out, p);
    add_bias(l->m, pc_model_vector(model, PC_B_OUT, layer), p->seq, s->d_model);
    if (!s->has_post_norms) return;
    memcpy(l->mlp_post.x, l->m, (size_t)(p->seq * s->d_model) * sizeof(float));
    norm_stream(l->m, &l->mlp_post, p, PC_LN2_POST_W, layer);
}

static void run_layer(pc_base_layer *l, const pass *p, int layer)
{
    const pc_shape *s = p->s;
    const int64_t n = p->seq * s->d_model;
    project(l, p, layer);
    attend(l, p, layer);
    attention_output(l, p, layer);
    if (s->d_mlp && s->block == PC_BLOCK_PARALLEL) run_mlp(l, p, layer); /* leaves p->out */
    add(p->stream, p->out, n);
    if (s->d_mlp && s->block == PC_BLOCK_SEQUENTIAL) run_mlp(l, p, layer);
    if (s->d_mlp) add(p->stream, l->m, n);
}

static void embed(float *out, const pass *p, const int32_t *tokens)
{
    const pc_shape *s = p->s;
    const int64_t d = s->d_model;
    for (int64_t t = 0; t < p->seq; t++) {
        const float *token = pc_model_matrix(p->normed, p->w->model, PC_W_E, 0, tokens[t] * d, d);
        for (int64_t i = 0; i < d; i++)
            out[t * d + i] = (float)((double)token[i] * s->embedding_scale);
        if (s->positions != PC_POSITIONS_LEARNED) continue;
        const float *position = pc_model_matrix(p->normed, p->w->model, PC_W_POS, 0, t * d, d);
        add(out + t * d, position, d);
    }
}

static void run_all(pc_base_run *run, const pass *p, const int32_t *tokens)
{
    const size_t bytes = (size_t)(p->seq * p->s->d_model) * sizeof(float);
    embed(run->input, p, tokens);
    memcpy(p->stream, run->input, bytes);
    for (int layer = 0; layer < p->s->n_layers; layer++)
        run_layer(&run->layers[layer], p, layer);
    memcpy(run->final.x, p->stream, bytes);
    norm_stream(p->normed, &run->final, p, PC_LN_FINAL_W, 0); /* for its statistics */
}

static pc_status run_in(pc_base_run *run, const pc_engine_weights *w, const int32_t *tokens)
{
    const pc_shape *s = &w->model->shape;
    const size_t seq = (size_t)run->seq, d = (size_t)s->d_model;
    pass p = {.w = w, .s = s, .seq = run->seq};
    p.stream = pc_alloc(seq * d, sizeof(float));
    p.normed = pc_alloc(seq * d, sizeof(float));
    p.out = pc_alloc(seq * d, sizeof(float));
    p.qkv = pc_alloc(seq, (size_t)pc_qkv_width(s) * sizeof(float));
    p.positions = pc_alloc(seq, sizeof *p.positions);
    const bool has_all = p.stream && p.normed && p.out && p.qkv && p.positions;
    for (int t = 0; has_all && t < run->seq; t++)
        p.positions[t] = t;
    if (has_all) run_all(run, &p, tokens);
    free(p.positions);
    free(p.qkv);
    free(p.out);
    free(p.normed);
    free(p.stream);
    return has_all ? PC_OK : PC_ERR_NOMEM;
}

pc_status pc_base_run_new(pc_base_run *out, const pc_engine_weights *weights, const int32_t *tokens,
                          int seq)
{
    const pc_model *model = weights->model;
    carving c = {0};
    *out = (pc_base_run){.seq = seq, .bytes = pc_base_run_bytes(model, seq)};
    out->layers = pc_alloc((size_t)model->shape.n_layers, sizeof *out->layers);
    out->memory = pc_alloc((size_t)out->bytes, 1);
    pc_status status = out->layers && out->memory ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) {
        c.memory = out->memory;
        carve_run(out, &c, &model->shape);
        status = run_in(out, weights, tokens);
    }
    if (status != PC_OK) pc_base_run_free(out);
    return status;
}

void pc_base_run_free(pc_base_run *run)
{
    free(run->memory);
    free(run->layers);
    *run = (pc_base_run){0};
}
