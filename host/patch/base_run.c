/* The base run: the plain forward pass in double, kept in float32. Computed so, what is kept is
 * right to its last bit; float32 sums would make large scores wrong in the fifth digit. */
#include "patch/base_run.h"

#include "base/memory.h"
#include "kernels/attention.h"
#include "kernels/layernorm.h"
#include "kernels/linear.h"
#include "kernels/rmsnorm.h"

#include <math.h>
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
    const pc_model *model;
    const pc_shape *s;
    int64_t seq;
    double *stream, *normed, *out; /* (seq, d_model) */
    double *q, *k, *v, *z;         /* (seq, d_head) of a head */
    double *all_z;                 /* (seq, n_heads d_head) */
    double *pattern;               /* (seq, seq) */
    double *a, *u;                 /* (seq, d_mlp) */
    float *widened;
    int32_t *positions;
    pc_outputs *outputs; /* NULL: nobody asks for them */
} pass;

static void keep(float *to, const double *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (float)from[i];
}

/* Rows of a head's width into their columns of all heads'. */
static void keep_head(float *to, const double *from, int64_t column, int64_t stride, const pass *p)
{
    for (int64_t t = 0; t < p->seq; t++)
        keep(to + t * stride + column, from + t * p->s->d_head, p->s->d_head);
}

static void keep_statistics(pc_base_norm *norm, int64_t row, const double *x, int64_t width,
                            bool is_centred)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < width; i++)
        sum += x[i];
    const double mean = is_centred ? sum / (double)width : 0;
    for (int64_t i = 0; i < width; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    norm->mean[row] = (float)mean;
    norm->variance[row] = (float)(squares / (double)width);
}

/* y = norm(x) of the stream or of a component's output; keeps x and its statistics. y may be x. */
static void apply_norm(double *y, pc_base_norm *norm, const double *x, const pass *p,
                       pc_weight gain, int layer)
{
    const pc_shape *s = p->s;
    const int64_t d = s->d_model;
    const float *w = pc_model_vector(p->model, gain, layer);
    const float *b = pc_model_vector(p->model, gain + 1, layer);
    keep(norm->x, x, p->seq * d);
    for (int64_t t = 0; t < p->seq; t++)
        keep_statistics(norm, t, x + t * d, d, s->norm == PC_NORM_LAYER);
    if (s->norm == PC_NORM_NONE) memmove(y, x, (size_t)(p->seq * d) * sizeof *y);
    if (s->norm == PC_NORM_LAYER) pc_ref_layernorm(y, x, w, b, p->seq, d, s->norm_eps);
    if (s->norm == PC_NORM_RMS)
        pc_ref_rmsnorm(y, x, w, s->norm_gain_offset, p->seq, d, s->norm_eps);
}

static const float *matrix(const pass *p, pc_weight weight, int layer, int64_t first, int64_t n)
{
    return pc_model_matrix(p->widened, p->model, weight, layer, first, n);
}

static void project(double *out, const pass *p, pc_weight weight, pc_weight bias, int layer,
                    int64_t slot)
{
    const pc_shape *s = p->s;
    const int64_t size = (int64_t)s->d_model * s->d_head;
    const float *b = pc_model_vector(p->model, bias, layer);
    p->w->ops->linear(out, p->normed, matrix(p, weight, layer, slot * size, size),
                      b ? b + slot * s->d_head : NULL, p->seq, s->d_model, s->d_head);
}

/* A head's q or k as the scores use it. */
static void finish(double *x, pc_base_norm *norm, const pass *p, pc_weight gain, int layer,
                   int64_t slot, int64_t n_heads)
{
    const pc_shape *s = p->s;
    pc_rotary_kind kind = p->w->rotary;
    kind.n_heads = 1;
    for (int64_t t = 0; s->has_qk_norm && t < p->seq; t++) {
        const int64_t row = t * n_heads + slot;
        double *at = x + t * s->d_head;
        keep(norm->x + row * s->d_head, at, s->d_head);
        keep_statistics(norm, row, at, s->d_head, false);
        pc_ref_rmsnorm(at, at, pc_model_vector(p->model, gain, layer), s->norm_gain_offset, 1,
                       s->d_head, s->norm_eps);
    }
    if (kind.n_pairs) pc_ref_rotary(x, p->positions, p->seq, &kind);
}

/* log of the pattern, from the scores themselves: the pattern may have underflowed. */
static void keep_log_pattern(float *out, const pass *p, const pc_attention_options *o)
{
    const int64_t d_head = p->s->d_head;
    double *scores = p->pattern;
    for (int64_t i = 0; i < p->seq; i++) {
        const int64_t first = o->window > 0 && i >= o->window ? i - o->window + 1 : 0;
        double most = -INFINITY, sum = 0;
        for (int64_t j = first; j <= i; j++) {
            double score = 0;
            for (int64_t c = 0; c < d_head; c++)
                score += p->q[i * d_head + c] * p->k[j * d_head + c];
            score *= o->scale;
            if (o->softcap > 0) score = o->softcap * tanh(score / o->softcap);
            scores[j] = score;
            if (score > most) most = score;
        }
        for (int64_t j = first; j <= i; j++)
            sum += exp(scores[j] - most);
        for (int64_t j = 0; j < p->seq; j++)
            out[i * p->seq + j] =
                j < first || j > i ? -INFINITY : (float)(scores[j] - most - log(sum));
    }
}

static void run_head(pc_base_layer *l, const pass *p, int layer, int64_t head)
{
    const pc_shape *s = p->s;
    const int64_t slot = head / (s->n_heads / s->n_kv_heads), d_head = s->d_head;
    const pc_attention_kind kind = pc_attention_kind_of(s, layer);
    const pc_attention_options options = {kind.scale, kind.softcap, kind.window};
    project(p->q, p, PC_W_Q, PC_B_Q, layer, head);
    project(p->k, p, PC_W_K, PC_B_K, layer, slot);
    project(p->v, p, PC_W_V, PC_B_V, layer, slot);
    finish(p->q, &l->query, p, PC_Q_NORM_W, layer, head, s->n_heads);
    finish(p->k, &l->key, p, PC_K_NORM_W, layer, slot, s->n_kv_heads);
    keep_head(l->q, p->q, head * d_head, pc_q_width(s), p);
    keep_head(l->k, p->k, slot * d_head, pc_kv_width(s), p);
    keep_head(l->v, p->v, slot * d_head, pc_kv_width(s), p);
    pc_ref_attention(p->z, p->pattern, p->q, p->k, p->v, p->seq, d_head, &options);
    keep_head(l->z, p->z, head * d_head, pc_q_width(s), p);
    for (int64_t t = 0; t < p->seq; t++)
        memcpy(p->all_z + t * pc_q_width(s) + head * d_head, p->z + t * d_head,
               (size_t)d_head * sizeof *p->z);
    keep_log_pattern(l->log_pattern + head * p->seq * p->seq, p, &options);
}

/* A layer's part (seq, width) of an array of the outputs. */
static void put_out(double *to, const double *from, const pass *p, int layer, int64_t width)
{
    memcpy(to + layer * p->seq * width, from, (size_t)(p->seq * width) * sizeof *to);
}

/* p->out = what attention adds to the stream, b_O and post-norm included. */
static void run_attention(pc_base_layer *l, const pass *p, int layer)
{
    const pc_shape *s = p->s;
    const int64_t q = pc_q_width(s), rows = p->seq, d = s->d_model;
    apply_norm(p->normed, &l->attention, p->stream, p, PC_LN1_W, layer);
    for (int64_t head = 0; head < s->n_heads; head++)
        run_head(l, p, layer, head);
    if (p->outputs) put_out(p->outputs->z, p->all_z, p, layer, q);
    p->w->ops->linear(p->out, p->all_z, matrix(p, PC_W_O, layer, 0, q * d),
                      pc_model_vector(p->model, PC_B_O, layer), rows, q, d);
    if (s->has_post_norms) apply_norm(p->out, &l->attention_post, p->out, p, PC_LN1_POST_W, layer);
}

static void mlp_input(double *out, const pass *p, pc_weight weight, pc_weight bias, int layer)
{
    const pc_shape *s = p->s;
    p->w->ops->linear(out, p->normed, matrix(p, weight, layer, 0, (int64_t)s->d_model * s->d_mlp),
                      pc_model_vector(p->model, bias, layer), p->seq, s->d_model, s->d_mlp);
}

/* p->normed = what the MLP adds. */
static void run_mlp(pc_base_layer *l, const pass *p, int layer)
{
    const pc_shape *s = p->s;
    const int64_t n = p->seq * s->d_mlp;
    const float *bias = pc_model_vector(p->model, PC_B_ACT, layer);
    apply_norm(p->normed, &l->mlp, p->stream, p, PC_LN2_W, layer);
    mlp_input(p->a, p, s->is_gated ? PC_W_GATE : PC_W_IN, s->is_gated ? PC_B_GATE : PC_B_IN, layer);
    keep(l->a, p->a, n);
    pc_ref_activation(p->a, p->a, n, s->activation);
    if (s->is_gated) {
        mlp_input(p->u, p, PC_W_IN, PC_B_IN, layer);
        keep(l->u, p->u, n);
        for (int64_t i = 0; i < n; i++)
            p->a[i] = p->a[i] * p->u[i] + (bias ? (double)bias[i % s->d_mlp] : 0);
    }
    keep(l->act, p->a, n);
    if (p->outputs) put_out(p->outputs->act, p->a, p, layer, s->d_mlp);
    p->w->ops->linear(p->normed, p->a,
                      matrix(p, PC_W_OUT, layer, 0, (int64_t)s->d_mlp * s->d_model),
                      pc_model_vector(p->model, PC_B_OUT, layer), p->seq, s->d_mlp, s->d_model);
    if (s->has_post_norms) apply_norm(p->normed, &l->mlp_post, p->normed, p, PC_LN2_POST_W, layer);
    keep(l->m, p->normed, p->seq * s->d_model);
    if (p->outputs) put_out(p->outputs->m, p->normed, p, layer, s->d_model);
}

static void add(double *to, const double *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void run_layer(pc_base_layer *l, const pass *p, int layer)
{
    const pc_shape *s = p->s;
    const int64_t n = p->seq * s->d_model;
    run_attention(l, p, layer);
    if (s->d_mlp && s->block == PC_BLOCK_PARALLEL) run_mlp(l, p, layer);
    add(p->stream, p->out, n);
    if (s->d_mlp && s->block == PC_BLOCK_SEQUENTIAL) run_mlp(l, p, layer);
    if (s->d_mlp) add(p->stream, p->normed, n);
}

static void embed(const pass *p, const int32_t *tokens)
{
    const pc_shape *s = p->s;
    const int64_t d = s->d_model;
    for (int64_t t = 0; t < p->seq; t++) {
        const float *token = matrix(p, PC_W_E, 0, tokens[t] * d, d);
        for (int64_t i = 0; i < d; i++)
            p->stream[t * d + i] = (double)token[i] * s->embedding_scale;
        if (s->positions != PC_POSITIONS_LEARNED) continue;
        const float *position = matrix(p, PC_W_POS, 0, t * d, d);
        for (int64_t i = 0; i < d; i++)
            p->stream[t * d + i] += (double)position[i];
    }
}

static void run_all(pc_base_run *run, const pass *p, const int32_t *tokens)
{
    embed(p, tokens);
    keep(run->input, p->stream, p->seq * p->s->d_model);
    if (p->outputs) put_out(p->outputs->input, p->stream, p, 0, p->s->d_model);
    for (int layer = 0; layer < p->s->n_layers; layer++)
        run_layer(&run->layers[layer], p, layer);
    apply_norm(p->normed, &run->final, p->stream, p, PC_LN_FINAL_W, 0);
}

static double *doubles(size_t rows, int64_t width)
{
    return pc_alloc(rows, (size_t)width * sizeof(double));
}

/* The largest matrix that is asked for at once, where matrices are kept in 16 bits. */
static size_t most_widened(const pc_model *model)
{
    const pc_shape *s = &model->shape;
    const int64_t q = pc_q_width(s), most = q > s->d_mlp ? q : s->d_mlp;
    return model->weights.has_16_bits ? (size_t)(most * s->d_model) : 0;
}

static bool allocate(pass *p)
{
    const pc_shape *s = p->s;
    const size_t seq = (size_t)p->seq;
    p->stream = doubles(seq, s->d_model);
    p->normed = doubles(seq, s->d_model);
    p->out = doubles(seq, s->d_model);
    p->q = doubles(seq, s->d_head);
    p->k = doubles(seq, s->d_head);
    p->v = doubles(seq, s->d_head);
    p->z = doubles(seq, s->d_head);
    p->all_z = doubles(seq, pc_q_width(s));
    p->pattern = doubles(seq, p->seq);
    p->a = doubles(seq, s->d_mlp);
    p->u = doubles(seq, s->is_gated ? s->d_mlp : 0);
    p->widened = pc_alloc(most_widened(p->model), sizeof *p->widened);
    p->positions = pc_alloc(seq, sizeof *p->positions);
    return p->stream && p->normed && p->out && p->q && p->k && p->v && p->z && p->all_z &&
           p->pattern && p->a && p->u && p->widened && p->positions;
}

static void free_pass(pass *p)
{
    free(p->positions);
    free(p->widened);
    free(p->u);
    free(p->a);
    free(p->pattern);
    free(p->all_z);
    free(p->z);
    free(p->v);
    free(p->k);
    free(p->q);
    free(p->out);
    free(p->normed);
    free(p->stream);
}

static pc_status run_in(pc_base_run *run, pc_outputs *outputs, const pc_engine_weights *w,
                        const int32_t *tokens)
{
    pass p = {
        .w = w, .model = w->model, .s = &w->model->shape, .seq = run->seq, .outputs = outputs};
    const bool has_all = allocate(&p);
    for (int t = 0; has_all && t < run->seq; t++)
        p.positions[t] = t;
    if (has_all) run_all(run, &p, tokens);
    free_pass(&p);
    return has_all ? PC_OK : PC_ERR_NOMEM;
}

int64_t pc_outputs_bytes(const pc_model *model, int seq)
{
    const pc_shape *s = &model->shape;
    const int64_t token =
        s->d_model + s->n_layers * (pc_q_width(s) + (int64_t)s->d_model + s->d_mlp);
    return seq * token * (int64_t)sizeof(double);
}

pc_status pc_outputs_new(pc_outputs *out, const pc_model *model, int seq)
{
    const pc_shape *s = &model->shape;
    const int64_t input = seq * (int64_t)s->d_model;
    out->memory = pc_alloc((size_t)pc_outputs_bytes(model, seq), 1);
    if (!out->memory) return PC_ERR_NOMEM;
    out->input = out->memory;
    out->z = out->input + input;
    out->m = out->z + s->n_layers * seq * pc_q_width(s);
    out->act = out->m + s->n_layers * input;
    return PC_OK;
}

void pc_outputs_free(pc_outputs *outputs)
{
    free(outputs->memory);
    *outputs = (pc_outputs){0};
}

pc_status pc_base_run_at(pc_base_run *out, const pc_model *model, int seq, const float *memory)
{
    carving c = {.memory = (float *)memory};
    *out = (pc_base_run){
        .seq = seq, .bytes = pc_base_run_bytes(model, seq), .memory = (float *)memory};
    out->layers = pc_alloc((size_t)model->shape.n_layers, sizeof *out->layers);
    if (!out->layers) return PC_ERR_NOMEM;
    carve_run(out, &c, &model->shape);
    return PC_OK;
}

void pc_base_run_forget(pc_base_run *run)
{
    free(run->layers);
    *run = (pc_base_run){0};
}

pc_status pc_base_run_new(pc_base_run *out, pc_outputs *outputs, const pc_engine_weights *weights,
                          const int32_t *tokens, int seq)
{
    *out = (pc_base_run){0};
    float *memory = pc_alloc((size_t)pc_base_run_bytes(weights->model, seq), 1);
    if (!memory) return PC_ERR_NOMEM;
    pc_status status = pc_base_run_at(out, weights->model, seq, memory);
    out->memory = memory;
    if (status == PC_OK) status = run_in(out, outputs, weights, tokens);
    if (status != PC_OK) pc_base_run_free(out);
    return status;
}

void pc_base_run_free(pc_base_run *run)
{
    free(run->memory);
    free(run->layers);
    *run = (pc_base_run){0};
}
