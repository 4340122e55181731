/* And back: from the metric's gradient at the final norm's output to every reader's input. */
#include "grad/grad_run_private.h"

/* Where a layer's MLP stands among its readers' gradients: behind those of attention. */
static int attention_slots(const pc_grad_run *r)
{
    if (r->options.what != PC_GRAD_EDGES) return 1;
    return r->s->n_heads + 2 * r->c->n_kv_heads;
}

static float *slot(const pc_grad_run *r, int i)
{
    return r->readers + i * r->rows * r->s->d_model;
}

/* Whether gradients go through a component, or past it: what it writes was given. */
static bool goes_through(const pc_grad_run *r, pc_grad_held what, int layer)
{
    const pc_grad_point *p = r->point;
    if (p->dropped == layer) return false;
    return !(p->held == what && p->layer == layer);
}

/* ---- the MLP ---- */

/* r->da = the gradient behind the activation, from g at what the MLP writes. */
static void back_to_activations(pc_grad_run *r, int layer, const float *g)
{
    const float *sum = g;
    if (r->s->has_post_norms) {
        pc_grad_norm_back(r, r->out, g, &r->tapes[layer].mlp_post, PC_LN2_POST_W, layer, r->rows,
                          r->rows);
        sum = r->out;
    }
    pc_grad_multiply(r, r->da, sum, r->w->layers[layer].out, r->rows, PC_GEMM_SET);
}

/* dx = the gradient at the MLP's input, from r->da. */
static void back_through_mlp(pc_grad_run *r, float *dx, int layer)
{
    const pc_grad_layer *w = &r->w->layers[layer];
    const pc_grad_tape *t = &r->tapes[layer];
    const bool is_gated = r->s->is_gated;
    r->ops->activation_backward(r->queue,
                                &(pc_activation_backward_args){.da = r->da,
                                                               .du = is_gated ? r->du : NULL,
                                                               .dout = r->da,
                                                               .a = t->a,
                                                               .u = t->u,
                                                               .n = r->rows * r->s->d_mlp,
                                                               .kind = r->s->activation,
                                                               .rule = r->options.rule});
    pc_grad_multiply(r, dx, r->da, is_gated ? w->gate : w->in, r->rows, PC_GEMM_SET);
    if (is_gated) pc_grad_multiply(r, dx, r->du, w->in, r->rows, PC_GEMM_ADD);
    pc_grad_norm_back(r, dx, dx, &t->mlp, PC_LN2_W, layer, r->rows, r->rows);
}

/* The gradient at the MLP's input into its slot. False: it goes past. */
static bool mlp(pc_grad_run *r, int layer)
{
    const pc_grad_scores what = r->options.what;
    const bool goes = goes_through(r, PC_HELD_MLP, layer);
    const int64_t d_mlp = r->s->d_mlp;
    if (d_mlp == 0) return false;
    if (what == PC_GRAD_WRITERS)
        pc_grad_contract_channels(r, pc_grad_channel_of_mlp(r->s, layer), r->change.m[layer], r->g,
                                  r->s->d_model);
    if (!goes && what != PC_GRAD_NEURONS) return false;
    back_to_activations(r, layer, r->g);
    if (what == PC_GRAD_NEURONS)
        pc_grad_contract_channels(r, layer * d_mlp, r->change.act[layer], r->da, d_mlp);
    if (goes) back_through_mlp(r, slot(r, attention_slots(r)), layer);
    return goes;
}

/* ---- attention ---- */

/* r->dz from g at what attention adds. */
static void back_to_heads(pc_grad_run *r, int layer, const float *g)
{
    const float *sum = g;
    if (r->s->has_post_norms) {
        pc_grad_norm_back(r, r->out, g, &r->tapes[layer].attention_post, PC_LN1_POST_W, layer,
                          r->rows, r->rows);
        sum = r->out;
    }
    pc_grad_multiply(r, r->dz, sum, r->w->layers[layer].o, r->rows, PC_GEMM_SET);
}

/* r->dq, dk, dv as the scores use them. */
static void back_through_scores(pc_grad_run *r, int layer)
{
    const pc_shape *s = r->s;
    const int64_t q = pc_q_width(s), qkv = pc_qkv_width(s), d_head = s->d_head;
    const int64_t keys = pc_grad_key_readers(r) * d_head;
    const int group = pc_grad_group(r), per_slot = pc_grad_key_readers(r) / s->n_kv_heads;
    const float *from = r->tapes[layer].qkv;
    int64_t n = 0;
    for (int i = 0; i < r->n; i++) {
        const pc_grad_place *p = &r->places[i];
        for (int64_t k = 0; k < pc_grad_key_readers(r); k++)
            r->groups[n++] = (pc_attention_backward_item){
                .dz = p->row * q + k * group * d_head,
                .dq = p->row * q + k * group * d_head,
                .dk = p->row * keys + k * d_head,
                .dv = p->row * keys + k * d_head,
                .q = p->row * qkv + k * group * d_head,
                .k = p->row * qkv + q + k / per_slot * d_head,
                .v = p->row * qkv + q + pc_kv_width(s) + k / per_slot * d_head,
                .log_pattern = p->pattern + k * group * p->rows * p->rows,
                .seq = p->rows,
                .n_heads = group};
    }
    r->ops->attention_backward(
        r->queue,
        &(pc_attention_backward_batch){.dq = r->dq,
                                       .dk = r->dk,
                                       .dv = r->dv,
                                       .dz = r->dz,
                                       .q = from,
                                       .k = from,
                                       .v = from,
                                       .log_pattern = r->log_pattern,
                                       .dq_stride = q,
                                       .dk_stride = keys,
                                       .dv_stride = keys,
                                       .dz_stride = q,
                                       .q_stride = qkv,
                                       .k_stride = qkv,
                                       .v_stride = qkv,
                                       .items = pc_grad_list(r, r->groups, n, sizeof *r->groups),
                                       .n_items = n,
                                       .most_seq = r->longest,
                                       .kind = pc_attention_kind_of(s, layer),
                                       .rule = r->options.rule,
                                       .scratch = r->scratch});
}

static void turn_back(pc_grad_run *r, float *x, int64_t n_heads)
{
    pc_rotary_kind kind = r->w->forward->rotary;
    kind.n_heads = n_heads;
    if (kind.n_pairs == 0) return;
    r->ops->rotary(r->queue, &(pc_rotary_args){.x = x,
                                               .x_stride = n_heads * r->s->d_head,
                                               .rows = r->rows,
                                               .position = r->positions_room,
                                               .kind = &kind,
                                               .table = r->w->turned_back_placed});
}

/* Of queries or keys, each head through its own norm, in place. */
static void norm_heads_back(pc_grad_run *r, float *x, int64_t n_heads, const pc_grad_norm *norm,
                            pc_weight gain, int layer)
{
    const int64_t rows = r->rows * n_heads;
    r->ops->rmsnorm_backward(
        r->queue, &(pc_norm_backward_args){.dx = x,
                                           .dy = x,
                                           .x = norm->x,
                                           .variance = norm->variance,
                                           .gain = pc_engine_gain(r->w->forward, gain, layer),
                                           .gain_offset = (float)r->s->norm_gain_offset,
                                           .eps = r->s->norm_eps,
                                           .rows = rows,
                                           .width = r->s->d_head,
                                           .n_base = rows > 0 ? rows : 1,
                                           .rule = r->options.rule});
}

/* The norm of each reader's keys: where several read one KV head, it stands there as often. */
static pc_grad_norm key_norm(pc_grad_run *r, const pc_grad_norm *norm)
{
    const pc_shape *s = r->s;
    const int64_t n = pc_grad_key_readers(r), slots = s->n_kv_heads, d_head = s->d_head;
    if (n == slots) return *norm;
    for (int64_t i = 0; i < n; i++) {
        const int64_t from = i / (n / slots);
        r->copies[0] = (pc_row_copy){i * d_head, from * d_head, r->rows};
        pc_grad_copy_rows(r, r->spread_x, n * d_head, norm->x, slots * d_head, d_head, 1);
        r->copies[0] = (pc_row_copy){i, from, r->rows};
        pc_grad_copy_rows(r, r->spread_variance, n, norm->variance, slots, 1, 1);
    }
    return (pc_grad_norm){.x = r->spread_x, .variance = r->spread_variance};
}

static void back_to_projections(pc_grad_run *r, int layer)
{
    const pc_grad_tape *t = &r->tapes[layer];
    turn_back(r, r->dq, r->s->n_heads);
    turn_back(r, r->dk, pc_grad_key_readers(r));
    if (!r->s->has_qk_norm) return;
    const pc_grad_norm key = key_norm(r, &t->key);
    norm_heads_back(r, r->dq, r->s->n_heads, &t->query, PC_Q_NORM_W, layer);
    norm_heads_back(r, r->dk, pc_grad_key_readers(r), &key, PC_K_NORM_W, layer);
}

/* A reader's slice of the projections. */
static pc_grad_slice slice_of(const pc_grad_run *r, const pc_reader *reader)
{
    const pc_shape *s = r->s;
    const int64_t d_head = s->d_head, q = pc_q_width(s), kv = pc_kv_width(s);
    const int64_t keys = pc_grad_key_readers(r) * d_head, column = reader->head * d_head;
    const int64_t in_w = reader->head / (pc_grad_key_readers(r) / s->n_kv_heads) * d_head;
    pc_grad_slice slice = {.c_stride = s->d_model, .k_count = d_head};
    slice.a = (reader->kind == PC_READER_Q   ? r->dq
               : reader->kind == PC_READER_K ? r->dk
                                             : r->dv) +
              column;
    slice.a_stride = reader->kind == PC_READER_Q ? q : keys;
    slice.k_first = reader->kind == PC_READER_Q   ? column
                    : reader->kind == PC_READER_K ? q + in_w
                                                  : q + kv + in_w;
    return slice;
}

/* Each reader of attention by itself, or all as one. */
static void back_to_readers(pc_grad_run *r, int layer)
{
    const pc_engine_matrix w = r->w->layers[layer].qkv;
    const int64_t d = r->s->d_model, q = pc_q_width(r->s), kv = pc_kv_width(r->s);
    const int n = attention_slots(r);
    if (r->options.what == PC_GRAD_EDGES) {
        const int first = pc_reader_of_head(r->c, layer, PC_READER_Q, 0);
        for (int i = 0; i < n; i++) {
            pc_grad_slice slice = slice_of(r, &r->c->readers[first + i]);
            slice.c = slot(r, i);
            pc_grad_multiply_slice(r, &slice, w, r->rows, PC_GEMM_SET);
        }
    } else {
        const pc_grad_slice queries = {slot(r, 0), r->dq, d, q, 0, q},
                            keys = {slot(r, 0), r->dk, d, kv, q, kv},
                            values = {slot(r, 0), r->dv, d, kv, q + kv, kv};
        pc_grad_multiply_slice(r, &queries, w, r->rows, PC_GEMM_SET);
        pc_grad_multiply_slice(r, &keys, w, r->rows, PC_GEMM_ADD);
        pc_grad_multiply_slice(r, &values, w, r->rows, PC_GEMM_ADD);
    }
    pc_grad_norm_back(r, r->readers, r->readers, &r->tapes[layer].attention, PC_LN1_W, layer,
                      n * r->rows, r->rows);
}

/* Gradients at attention's inputs into their slots, from r->g. False: they go past. */
static bool attention(pc_grad_run *r, int layer)
{
    const bool goes = goes_through(r, PC_HELD_HEADS, layer);
    if (!goes && r->options.what != PC_GRAD_WRITERS) return false;
    back_to_heads(r, layer, r->g);
    if (r->options.what == PC_GRAD_WRITERS)
        pc_grad_contract_channels(r, pc_grad_channel_of_heads(r->s, layer), r->change.z[layer],
                                  r->dz, pc_q_width(r->s));
    if (!goes) return false;
    pc_grad_patterns(r, layer, NULL);
    back_through_scores(r, layer);
    back_to_projections(r, layer);
    back_to_readers(r, layer);
    return true;
}

/* ---- */

static void score_readers(pc_grad_run *r, int layer, bool has_attention, bool has_mlp)
{
    const int n = attention_slots(r);
    pc_grad_readers sets[2];
    int n_sets = 0;
    if (r->options.what != PC_GRAD_EDGES) return;
    if (has_attention)
        sets[n_sets++] =
            (pc_grad_readers){r->readers, pc_reader_of_head(r->c, layer, PC_READER_Q, 0), n};
    if (has_mlp) sets[n_sets++] = (pc_grad_readers){slot(r, n), pc_reader_of_mlp(r->c, layer), 1};
    pc_grad_contract(r, sets, n_sets);
}

static void back_through_layer(pc_grad_run *r, int layer)
{
    const int64_t n = r->rows * r->s->d_model;
    const bool is_parallel = r->s->block == PC_BLOCK_PARALLEL;
    const int n_attention = attention_slots(r);
    const bool has_mlp = mlp(r, layer);
    if (has_mlp && !is_parallel) pc_grad_add(r, r->g, slot(r, n_attention), 1, n);
    const bool has_attention = attention(r, layer);
    if (has_mlp && is_parallel) pc_grad_add(r, r->g, slot(r, n_attention), 1, n);
    for (int i = 0; has_attention && i < n_attention; i++)
        pc_grad_add(r, r->g, slot(r, i), 1, n);
    score_readers(r, layer, has_attention, has_mlp);
}

void pc_grad_backward(pc_grad_run *r)
{
    pc_grad_norm_back(r, r->g, r->g, &r->final, PC_LN_FINAL_W, 0, r->rows, r->rows);
    if (r->options.what == PC_GRAD_EDGES)
        pc_grad_contract(r, &(pc_grad_readers){r->g, pc_reader_of_logits(r->c), 1}, 1);
    for (int layer = r->s->n_layers - 1; layer >= 0; layer--)
        back_through_layer(r, layer);
    if (r->options.what == PC_GRAD_WRITERS)
        pc_grad_contract_channels(r, 0, r->change.input, r->g, r->s->d_model);
}
