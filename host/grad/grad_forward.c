/* The way there: a plain forward pass in float32, kept on the tapes. */
#include "grad/grad_run_private.h"

/* to (rows, width), rows `stride` apart, = bias in every row. */
static void spread_bias(pc_grad_run *r, float *to, const float *bias, int64_t width)
{
    for (int64_t i = 0; i < r->rows; i++)
        r->copies[i] = (pc_row_copy){i * width, 0, 1};
    pc_grad_copy_rows(r, to, width, bias, width, width, r->rows);
}

/* c (rows, n_out) = a W + bias */
static void apply_linear(pc_grad_run *r, float *c, const float *a, pc_engine_matrix w,
                         const float *bias)
{
    if (bias) spread_bias(r, c, bias, w.n_out);
    pc_grad_multiply(r, c, a, w, r->rows, bias ? PC_GEMM_ADD : PC_GEMM_SET);
}

/* A norm's place: what it is made of. */
typedef struct norm_place {
    pc_weight gain;
    int layer;
    const float *bias;
} norm_place;

/* y = norm(x); x and its statistics go on the tape. y may be x. */
static void apply_norm(pc_grad_run *r, float *y, pc_grad_norm *norm, const float *x, norm_place at)
{
    const pc_shape *s = r->s;
    const pc_norm_base_args args = {.y = y,
                                    .mean = norm->mean,
                                    .variance = norm->variance,
                                    .x = norm->x,
                                    .gain = pc_engine_gain(r->w->forward, at.gain, at.layer),
                                    .bias = at.bias,
                                    .gain_offset = (float)s->norm_gain_offset,
                                    .eps = s->norm_eps,
                                    .rows = r->rows,
                                    .width = s->d_model};
    pc_grad_copy(r, norm->x, x, r->rows, s->d_model);
    if (s->norm == PC_NORM_LAYER) r->ops->layernorm_base(r->queue, &args);
    if (s->norm == PC_NORM_RMS) r->ops->rmsnorm_base(r->queue, &args);
    if (s->norm == PC_NORM_NONE && y != x) pc_grad_copy(r, y, x, r->rows, s->d_model);
}

/* ---- attention ---- */

/* Heads of q or k, from column `first` of qkv on, through their norm. */
static void norm_heads(pc_grad_run *r, pc_grad_norm *norm, float *qkv, int64_t first,
                       int64_t n_heads, pc_weight gain, int layer)
{
    const pc_shape *s = r->s;
    const int64_t width = n_heads * s->d_head, stride = pc_qkv_width(s);
    r->copies[0] = (pc_row_copy){0, first, r->rows};
    pc_grad_copy_rows(r, norm->x, width, qkv, stride, width, 1);
    r->ops->rmsnorm_base(r->queue,
                         &(pc_norm_base_args){.y = r->dq,
                                              .variance = norm->variance,
                                              .x = norm->x,
                                              .gain = pc_engine_gain(r->w->forward, gain, layer),
                                              .gain_offset = (float)s->norm_gain_offset,
                                              .eps = s->norm_eps,
                                              .rows = r->rows * n_heads,
                                              .width = s->d_head});
    r->copies[0] = (pc_row_copy){first, 0, r->rows};
    pc_grad_copy_rows(r, qkv, stride, r->dq, width, width, 1);
}

static void turn(pc_grad_run *r, float *x, int64_t n_heads)
{
    pc_rotary_kind kind = r->w->forward->rotary;
    kind.n_heads = n_heads;
    if (kind.n_pairs == 0) return;
    r->ops->rotary(r->queue, &(pc_rotary_args){.x = x,
                                               .x_stride = pc_qkv_width(r->s),
                                               .rows = r->rows,
                                               .position = r->positions_room,
                                               .kind = &kind,
                                               .table = r->w->forward->rotary_placed});
}

static void find_queries_and_keys(pc_grad_run *r, pc_grad_tape *t, int layer)
{
    const pc_shape *s = r->s;
    const int64_t q = pc_q_width(s);
    apply_linear(r, t->qkv, r->normed, r->w->forward->layers[layer].qkv,
                 r->w->layers[layer].bias[PC_BIAS_QKV]);
    if (s->has_qk_norm) {
        norm_heads(r, &t->query, t->qkv, 0, s->n_heads, PC_Q_NORM_W, layer);
        norm_heads(r, &t->key, t->qkv, q, s->n_kv_heads, PC_K_NORM_W, layer);
    }
    turn(r, t->qkv, s->n_heads);
    turn(r, t->qkv + q, s->n_kv_heads);
}

void pc_grad_patterns(pc_grad_run *r, int layer, float *z)
{
    const pc_shape *s = r->s;
    const int64_t q = pc_q_width(s), qkv = pc_qkv_width(s), d_head = s->d_head;
    const int group = s->n_heads / s->n_kv_heads;
    const float *from = r->tapes[layer].qkv;
    int64_t n = 0;
    for (int i = 0; i < r->n; i++) {
        const pc_grad_place *p = &r->places[i];
        for (int64_t head = 0; head < s->n_heads; head++)
            r->heads[n++] = (pc_attention_base_item){
                .z = z ? p->row * q + head * d_head : -1,
                .log_pattern = p->pattern + head * p->rows * p->rows,
                .q = p->row * qkv + head * d_head,
                .k = p->row * qkv + q + head / group * d_head,
                .v = p->row * qkv + q + pc_kv_width(s) + head / group * d_head,
                .pattern_stride = p->rows,
                .seq = p->rows};
    }
    r->ops->attention_base(r->queue, &(pc_attention_base_batch){
                                         .z = z,
                                         .log_pattern = r->log_pattern,
                                         .q = from,
                                         .k = from,
                                         .v = from,
                                         .z_stride = q,
                                         .q_stride = qkv,
                                         .k_stride = qkv,
                                         .v_stride = qkv,
                                         .items = pc_grad_list(r, r->heads, n, sizeof *r->heads),
                                         .n_items = n,
                                         .most_seq = r->longest,
                                         .kind = pc_attention_kind_of(s, layer)});
}

/* ---- what writers write ---- */

/* Takes an output down as the source's, or takes the base's away from it. */
static void keep_output(pc_grad_run *r, float *change, float *held, const float *x, int64_t width,
                        pc_grad_keep keep)
{
    const int64_t n = r->rows * width;
    if (!change || keep == PC_GRAD_KEEPS_NOTHING) return;
    if (keep == PC_GRAD_KEEPS_SOURCE) pc_grad_copy(r, change, x, r->rows, width);
    if (keep == PC_GRAD_KEEPS_BASE) pc_grad_add(r, change, x, -1, n);
    if (keep == PC_GRAD_KEEPS_BASE && held) pc_grad_copy(r, held, x, r->rows, width);
}

/* Where the base's output is held. */
static float *held_at(const pc_grad_run *r, float *held, int layer, int64_t width)
{
    return r->options.holds_outputs ? held + layer * r->most_rows * width : NULL;
}

static bool is_held(const pc_grad_run *r, pc_grad_held what, int layer)
{
    return r->point && r->point->held == what && r->point->layer == layer && r->point->at != 0;
}

/* x = base + at (source - base), where this output is held between them. */
static void hold(pc_grad_run *r, float *x, const float *held, const float *change, int64_t width)
{
    pc_grad_copy(r, x, held, r->rows, width);
    pc_grad_add(r, x, change, (float)r->point->at, r->rows * width);
}

/* r->out = what attention adds to the stream. */
static void run_attention(pc_grad_run *r, int layer, pc_grad_keep keep)
{
    const int64_t q = pc_q_width(r->s);
    pc_grad_tape *t = &r->tapes[layer];
    const float *const *bias = r->w->layers[layer].bias;
    float *held = held_at(r, r->held_z, layer, q);
    apply_norm(r, r->normed, &t->attention, r->stream,
               (norm_place){PC_LN1_W, layer, bias[PC_BIAS_LN1]});
    find_queries_and_keys(r, t, layer);
    pc_grad_patterns(r, layer, t->z);
    if (is_held(r, PC_HELD_HEADS, layer)) hold(r, t->z, held, r->change.z[layer], q);
    keep_output(r, r->change.z[layer], held, t->z, q, keep);
    apply_linear(r, r->out, t->z, r->w->forward->layers[layer].o, bias[PC_BIAS_O]);
    if (r->s->has_post_norms)
        apply_norm(r, r->out, &t->attention_post, r->out,
                   (norm_place){PC_LN1_POST_W, layer, bias[PC_BIAS_LN1_POST]});
}

/* r->act = behind the activation. */
static void activate(pc_grad_run *r, pc_grad_tape *t, int layer)
{
    const pc_shape *s = r->s;
    const pc_engine_layer *w = &r->w->forward->layers[layer];
    const float *const *bias = r->w->layers[layer].bias;
    if (s->is_gated) {
        apply_linear(r, t->a, r->normed, w->gate, bias[PC_BIAS_GATE]);
        apply_linear(r, t->u, r->normed, w->in, bias[PC_BIAS_IN]);
    } else {
        apply_linear(r, t->a, r->normed, w->in, bias[PC_BIAS_IN]);
    }
    r->ops->activation_base(
        r->queue,
        &(pc_activation_base_args){
            .out = r->act, .a = t->a, .u = t->u, .n = r->rows * s->d_mlp, .kind = s->activation});
    if (!bias[PC_BIAS_ACT]) return;
    spread_bias(r, r->da, bias[PC_BIAS_ACT], s->d_mlp);
    pc_grad_add(r, r->act, r->da, 1, r->rows * s->d_mlp);
}

/* r->other = what the MLP adds to the stream. */
static void run_mlp(pc_grad_run *r, int layer, pc_grad_keep keep)
{
    const pc_shape *s = r->s;
    pc_grad_tape *t = &r->tapes[layer];
    const float *const *bias = r->w->layers[layer].bias;
    float *held = held_at(r, r->held_m, layer, s->d_model);
    apply_norm(r, r->normed, &t->mlp, r->stream, (norm_place){PC_LN2_W, layer, bias[PC_BIAS_LN2]});
    activate(r, t, layer);
    keep_output(r, r->change.act[layer], NULL, r->act, s->d_mlp, keep);
    apply_linear(r, r->other, r->act, r->w->forward->layers[layer].out, bias[PC_BIAS_OUT]);
    if (s->has_post_norms)
        apply_norm(r, r->other, &t->mlp_post, r->other,
                   (norm_place){PC_LN2_POST_W, layer, bias[PC_BIAS_LN2_POST]});
    if (is_held(r, PC_HELD_MLP, layer)) hold(r, r->other, held, r->change.m[layer], s->d_model);
    keep_output(r, r->change.m[layer], held, r->other, s->d_model, keep);
}

static void run_layer(pc_grad_run *r, int layer, pc_grad_keep keep)
{
    const int64_t n = r->rows * r->s->d_model;
    const bool is_parallel = r->s->block == PC_BLOCK_PARALLEL, has_mlp = r->s->d_mlp > 0;
    run_attention(r, layer, keep);
    if (has_mlp && is_parallel) run_mlp(r, layer, keep);
    pc_grad_add(r, r->stream, r->out, 1, n);
    if (has_mlp && !is_parallel) run_mlp(r, layer, keep);
    if (has_mlp) pc_grad_add(r, r->stream, r->other, 1, n);
}

/* Leaves the final norm's output in r->normed. */
void pc_grad_forward(pc_grad_run *r, pc_grad_keep keep)
{
    pc_grad_copy(r, r->stream, r->input, r->rows, r->s->d_model);
    keep_output(r, r->change.input, NULL, r->input, r->s->d_model, keep);
    for (int layer = 0; layer < r->s->n_layers; layer++)
        run_layer(r, layer, keep);
    apply_norm(r, r->normed, &r->final, r->stream,
               (norm_place){PC_LN_FINAL_W, 0, r->w->final_bias});
}
