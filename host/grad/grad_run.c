/* Batches of gradient runs: room, places, the order of their passes. */
#include "grad/grad_run_private.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t pc_grad_channel_of_heads(const pc_shape *s, int layer)
{
    const int64_t d = s->d_model, mlp = s->d_mlp ? d : 0;
    return d + layer * (pc_q_width(s) + mlp);
}

int64_t pc_grad_channel_of_mlp(const pc_shape *s, int layer)
{
    return pc_grad_channel_of_heads(s, layer) + pc_q_width(s);
}

int64_t pc_grad_channels(const pc_model *model)
{
    return pc_grad_channel_of_heads(&model->shape, model->shape.n_layers);
}

int64_t pc_grad_n_scores(const pc_model *model, pc_grad_scores what)
{
    switch (what) {
    case PC_GRAD_EDGES:
        return model->components.n_edges;
    case PC_GRAD_WRITERS:
        return pc_grad_channels(model);
    case PC_GRAD_NEURONS:
        return (int64_t)model->shape.n_layers * model->shape.d_mlp;
    case PC_GRAD_NOTHING:
        break;
    }
    return 0;
}

int pc_grad_rows(const pc_prompt *pair)
{
    int last = 0;
    for (int t = 0; t < pair->n_targets; t++)
        if (pair->targets[t].position > last) last = pair->targets[t].position;
    return last + 1;
}

int pc_grad_key_readers(const pc_grad_run *r)
{
    return r->options.what == PC_GRAD_EDGES ? r->c->n_kv_heads : r->s->n_kv_heads;
}

int pc_grad_group(const pc_grad_run *r)
{
    return r->s->n_heads / pc_grad_key_readers(r);
}

/* ---- room ---- */

/* Scores of a batch's prompts: so many at most. */
int pc_grad_most_prompts(const pc_model *model, pc_grad_scores what, const pc_grad_sizes *sizes)
{
    const int64_t bytes = (int64_t)32 << 20;
    if (what == PC_GRAD_NOTHING) return 1;
    int64_t n = bytes / (8 * pc_grad_n_scores(model, what));
    if (n > sizes->rows) n = sizes->rows;
    return n < 1 ? 1 : (int)n;
}

static float *take(pc_arena *a, int64_t rows, int64_t width)
{
    return pc_arena_take(a, rows * width, sizeof(float));
}

static void lay_out_norm(pc_grad_norm *out, pc_arena *a, int64_t rows, int64_t width)
{
    out->x = take(a, rows, width);
    out->mean = take(a, rows, 1);
    out->variance = take(a, rows, 1);
}

static void lay_out_tape(pc_grad_tape *t, pc_arena *a, const pc_shape *s, int64_t rows)
{
    lay_out_norm(&t->attention, a, rows, s->d_model);
    if (s->has_qk_norm) {
        lay_out_norm(&t->query, a, rows * s->n_heads, s->d_head);
        lay_out_norm(&t->key, a, rows * s->n_kv_heads, s->d_head);
    }
    t->qkv = take(a, rows, pc_qkv_width(s));
    t->z = take(a, rows, pc_q_width(s));
    if (s->has_post_norms) lay_out_norm(&t->attention_post, a, rows, s->d_model);
    if (s->d_mlp == 0) return;
    lay_out_norm(&t->mlp, a, rows, s->d_model);
    t->a = take(a, rows, s->d_mlp);
    if (s->is_gated) t->u = take(a, rows, s->d_mlp);
    if (s->has_post_norms) lay_out_norm(&t->mlp_post, a, rows, s->d_model);
}

static void lay_out_changes(pc_grad_run *r, pc_arena *a)
{
    const pc_shape *s = r->s;
    const int64_t rows = r->most_rows, held = r->options.holds_outputs ? s->n_layers : 0;
    r->change.input = take(a, rows, s->d_model);
    for (int layer = 0; layer < s->n_layers; layer++) {
        float *z = take(a, rows, pc_q_width(s));
        float *m = s->d_mlp ? take(a, rows, s->d_model) : NULL;
        float *act = r->options.what == PC_GRAD_NEURONS ? take(a, rows, s->d_mlp) : NULL;
        if (!r->change.z) continue; /* it only counts */
        r->change.z[layer] = z;
        r->change.m[layer] = m;
        r->change.act[layer] = act;
    }
    r->held_z = take(a, held * rows, pc_q_width(s));
    r->held_m = take(a, s->d_mlp ? held * rows : 0, s->d_model);
}

/* Readers of a layer whose gradients stand side by side, the MLP last. */
static int64_t n_slots(const pc_grad_run *r)
{
    if (r->options.what != PC_GRAD_EDGES) return 2;
    return r->s->n_heads + 2 * (int64_t)r->c->n_kv_heads + 1;
}

/* Of the way there. */
static void lay_out_there(pc_grad_run *r, pc_arena *a)
{
    const pc_shape *s = r->s;
    const int64_t rows = r->most_rows, d = s->d_model;
    pc_grad_tape counted;
    for (int layer = 0; layer < s->n_layers; layer++)
        lay_out_tape(r->tapes ? &r->tapes[layer] : &counted, a, s, rows);
    lay_out_norm(&r->final, a, rows, d);
    float **wide[] = {&r->input, &r->stream, &r->normed, &r->out, &r->other};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        *wide[i] = take(a, rows, d);
    r->target_rows = take(a, r->most_targets, d);
    r->act = take(a, rows, s->d_mlp);
    r->da = take(a, rows, s->d_mlp);
    r->dq = take(a, rows, pc_q_width(s));
    r->log_pattern = take(a, rows * r->longest, s->n_heads);
    r->logits = take(a, r->needs_all ? r->logit_rows : 0, s->vocab_out);
    r->positions_room = pc_arena_take(a, rows, sizeof *r->positions_room);
}

/* ... and back. */
static void lay_out_back(pc_grad_run *r, pc_arena *a)
{
    const pc_shape *s = r->s;
    const int64_t rows = r->most_rows, d = s->d_model;
    const int64_t keys = (int64_t)pc_grad_key_readers(r) * s->d_head;
    const bool is_edges = r->options.what == PC_GRAD_EDGES;
    lay_out_changes(r, a);
    r->scratch = take(a, r->longest, 1);
    r->g = take(a, rows, d);
    r->dz = take(a, rows, pc_q_width(s));
    r->dk = take(a, rows, keys);
    r->dv = take(a, rows, keys);
    r->du = take(a, rows, s->is_gated ? s->d_mlp : 0);
    r->readers = take(a, n_slots(r) * rows, d);
    r->normed_readers = take(a, is_edges && s->has_post_norms ? n_slots(r) * rows : 0, d);
    r->writers = take(a, is_edges ? s->n_heads * rows : 0, d);
    r->spread_x = take(a, s->has_qk_norm ? rows : 0, keys);
    r->spread_variance = take(a, s->has_qk_norm ? rows : 0, pc_grad_key_readers(r));
    r->scores = pc_arena_take(a, r->most_prompts * pc_grad_n_scores(r->model, r->options.what),
                              sizeof *r->scores);
}

static void lay_out_device(pc_grad_run *r, pc_arena *a)
{
    lay_out_there(r, a);
    if (r->options.what != PC_GRAD_NOTHING) lay_out_back(r, a);
}

static void lay_out_host(pc_grad_run *r, pc_arena *a)
{
    const pc_shape *s = r->s;
    const int64_t rows = r->most_rows, d = s->d_model, prompts = r->most_prompts;
    const int64_t logits = r->needs_all ? r->logit_rows * s->vocab_out : 0;
    const int64_t most = rows > r->most_targets ? rows : r->most_targets;
    const bool has_references = r->options.metric == PC_METRIC_KL;
    r->places = pc_arena_take(a, prompts, sizeof *r->places);
    r->positions = pc_arena_take(a, rows, sizeof *r->positions);
    r->copies = pc_arena_take(a, most, sizeof *r->copies);
    r->tapes = pc_arena_take(a, s->n_layers, sizeof *r->tapes);
    r->change.z = pc_arena_take(a, s->n_layers, sizeof *r->change.z);
    r->change.m = pc_arena_take(a, s->n_layers, sizeof *r->change.m);
    r->change.act = pc_arena_take(a, s->n_layers, sizeof *r->change.act);
    r->embedded = take(a, rows, d);
    r->embedded_source = take(a, rows, d);
    r->rows_here = take(a, logits > most * d ? logits : most * d, 1);
    r->logits_here = pc_arena_take(a, s->vocab_out, sizeof *r->logits_here);
    r->slope = pc_arena_take(a, s->vocab_out, sizeof *r->slope);
    r->references = pc_arena_take(a, has_references ? r->most_targets * s->vocab_out : 0,
                                  sizeof *r->references);
    r->dy_here = pc_arena_take(a, d, sizeof *r->dy_here);
    r->widened = take(a, d, 1);
    r->wide_here = take(a, pc_qkv_width(s) > s->d_mlp ? pc_qkv_width(s) : s->d_mlp, 1);
    r->heads = pc_arena_take(a, prompts * s->n_heads, sizeof *r->heads);
    r->groups = pc_arena_take(a, prompts * s->n_heads, sizeof *r->groups);
    r->dots = pc_arena_take(a, prompts, sizeof *r->dots);
    r->columns = pc_arena_take(a, prompts, sizeof *r->columns);
}

static pc_queue_needs needs_of(const pc_grad_run *r)
{
    const pc_shape *s = r->s;
    const int64_t qkv = pc_qkv_width(s), d = s->d_model;
    int64_t widest = qkv > s->d_mlp ? qkv : s->d_mlp;
    if (d > widest) widest = d;
    if (r->needs_all && s->vocab_out > widest) widest = s->vocab_out;
    const int64_t heads = r->most_prompts * s->n_heads * (int64_t)sizeof *r->groups;
    return (pc_queue_needs){
        .widest = widest,
        .longest = r->longest,
        .list_bytes = heads + (r->most_rows + r->most_targets) * (int64_t)sizeof *r->copies + 4096,
    };
}

static pc_status open_room(pc_grad_run *r)
{
    const pc_device *device = r->w->forward->device;
    const pc_queue_needs needs = needs_of(r);
    void *memory;
    lay_out_host(r, &r->host);
    PC_TRY(pc_arena_open(&r->host));
    lay_out_host(r, &r->host);
    lay_out_device(r, &r->device);
    PC_TRY(pc_arena_size(&r->device));
    PC_TRY(pc_device_allocate(&memory, device, r->device.size));
    pc_arena_use(&r->device, memory);
    lay_out_device(r, &r->device);
    return pc_device_queue(&r->queue, device, &needs);
}

static void begin(pc_grad_run *r, const pc_model *model, const pc_device *device,
                  const pc_grad_run_options *options, const pc_grad_sizes *sizes)
{
    *r = (pc_grad_run){.model = model,
                       .s = &model->shape,
                       .c = &model->components,
                       .ops = device->ops,
                       .options = *options,
                       .longest = sizes->longest,
                       .most_rows = sizes->rows,
                       .most_targets = sizes->targets,
                       .needs_all = pc_metric_needs_all_logits(options->metric),
                       .logit_rows = device->facts.logit_rows};
    r->most_prompts = pc_grad_most_prompts(model, options->what, sizes);
    if (r->logit_rows > sizes->targets) r->logit_rows = sizes->targets;
}

pc_status pc_grad_run_new(pc_grad_run **out, const pc_grad_weights *weights,
                          const pc_grad_run_options *options, const pc_grad_sizes *sizes)
{
    *out = NULL;
    pc_grad_run *r = pc_alloc(1, sizeof *r);
    if (!r) return PC_ERR_NOMEM;
    begin(r, weights->forward->model, weights->forward->device, options, sizes);
    r->w = weights;
    const pc_status status = open_room(r);
    if (status == PC_OK) *out = r;
    else pc_grad_run_free(r);
    return status;
}

void pc_grad_run_free(pc_grad_run *r)
{
    if (!r) return;
    if (r->queue) r->ops->queue_free(r->queue);
    pc_device_release(r->w->forward->device, r->device.memory);
    pc_arena_free(&r->host);
    free(r);
}

int64_t pc_grad_run_bytes(const pc_model *model, const pc_device *device,
                          const pc_grad_run_options *options, const pc_grad_sizes *sizes)
{
    pc_grad_run r;
    begin(&r, model, device, options, sizes);
    lay_out_host(&r, &r.host);
    lay_out_device(&r, &r.device);
    return (int64_t)(r.host.used + r.device.used);
}

/* ---- shared steps ---- */

const void *pc_grad_list(pc_grad_run *r, const void *items, int64_t n, size_t size)
{
    return r->ops->list(r->queue, items, (size_t)n * size);
}

void pc_grad_multiply(pc_grad_run *r, float *c, const float *a, pc_engine_matrix w, int64_t rows,
                      pc_gemm_mode mode)
{
    r->ops->product(r->queue, &(pc_product){.c = c,
                                            .a = a,
                                            .c_stride = w.n_out,
                                            .a_stride = w.n_in,
                                            .rows = rows,
                                            .w = w.w,
                                            .k_count = w.n_in,
                                            .n_count = w.n_out,
                                            .mode = mode,
                                            .kind = PC_ROWS_OF_BATCH});
}

void pc_grad_multiply_slice(pc_grad_run *r, const pc_grad_slice *slice, pc_engine_matrix w,
                            int64_t rows, pc_gemm_mode mode)
{
    r->ops->product(r->queue, &(pc_product){.c = slice->c,
                                            .a = slice->a,
                                            .c_stride = slice->c_stride,
                                            .a_stride = slice->a_stride,
                                            .rows = rows,
                                            .w = w.w,
                                            .k_first = slice->k_first,
                                            .k_count = slice->k_count,
                                            .n_count = w.n_out,
                                            .mode = mode,
                                            .kind = PC_ROWS_OF_BATCH});
}

void pc_grad_copy_rows(pc_grad_run *r, float *to, int64_t to_stride, const float *from,
                       int64_t from_stride, int64_t width, int64_t n)
{
    int64_t most = 0;
    for (int64_t i = 0; i < n; i++)
        if (r->copies[i].rows > most) most = r->copies[i].rows;
    r->ops->copy_rows(
        r->queue, &(pc_copy_rows_args){.to = to,
                                       .from = from,
                                       .to_stride = to_stride,
                                       .from_stride = from_stride,
                                       .width = width,
                                       .items = pc_grad_list(r, r->copies, n, sizeof *r->copies),
                                       .n_items = n,
                                       .most_rows = most});
}

void pc_grad_copy(pc_grad_run *r, float *to, const float *from, int64_t rows, int64_t width)
{
    r->copies[0] = (pc_row_copy){0, 0, rows};
    pc_grad_copy_rows(r, to, width, from, width, width, 1);
}

void pc_grad_add(pc_grad_run *r, float *x, const float *y, float sign, int64_t n)
{
    r->ops->add_change(r->queue, &(pc_add_change_args){.x = x, .y = y, .sign = sign, .n = n});
}

void pc_grad_norm_back(pc_grad_run *r, float *dx, const float *dy, const pc_grad_norm *norm,
                       pc_weight gain, int layer, int64_t rows, int64_t n_base)
{
    const pc_shape *s = r->s;
    const pc_norm_backward_args args = {.dx = dx,
                                        .dy = dy,
                                        .x = norm->x,
                                        .mean = s->norm == PC_NORM_LAYER ? norm->mean : NULL,
                                        .variance = norm->variance,
                                        .gain = pc_engine_gain(r->w->forward, gain, layer),
                                        .gain_offset = (float)s->norm_gain_offset,
                                        .eps = s->norm_eps,
                                        .rows = rows,
                                        .width = s->d_model,
                                        .n_base = n_base,
                                        .rule = r->options.rule};
    if (s->norm == PC_NORM_LAYER) r->ops->layernorm_backward(r->queue, &args);
    if (s->norm == PC_NORM_RMS) r->ops->rmsnorm_backward(r->queue, &args);
    if (s->norm == PC_NORM_NONE && dx != dy) pc_grad_copy(r, dx, dy, rows, s->d_model);
}

/* ---- a batch ---- */

static int first_difference(const pc_grad_prompt *p, int rows)
{
    int t = 0;
    while (p->source && t < rows && p->base[t] == p->source[t])
        t++;
    return t;
}

static void place_prompts(pc_grad_run *r, const pc_grad_prompt *prompts, int n)
{
    int64_t pattern = 0;
    r->prompts = prompts;
    r->n = n;
    r->rows = r->n_targets = 0;
    for (int i = 0; i < n; i++) {
        const int rows = pc_grad_rows(prompts[i].pair);
        r->places[i] = (pc_grad_place){.row = r->rows,
                                       .rows = rows,
                                       .first = first_difference(&prompts[i], rows),
                                       .target = r->n_targets,
                                       .pattern = pattern};
        for (int t = 0; t < rows; t++)
            r->positions[r->rows + t] = t;
        r->rows += rows;
        r->n_targets += prompts[i].pair->n_targets;
        pattern += (int64_t)r->s->n_heads * rows * rows;
    }
    r->ops->upload(r->queue, r->positions_room, r->positions,
                   (size_t)r->rows * sizeof *r->positions);
}

/* A token's embedding, with its position's. */
static void embed(float *out, pc_grad_run *r, int32_t token, int64_t position)
{
    const pc_shape *s = r->s;
    const int64_t d = s->d_model;
    const float *row = pc_model_matrix(r->widened, r->model, PC_W_E, 0, token * d, d);
    double sum[64];
    for (int64_t from = 0; from < d; from += 64) {
        const int64_t n = d - from < 64 ? d - from : 64;
        for (int64_t i = 0; i < n; i++)
            sum[i] = (double)row[from + i] * s->embedding_scale;
        for (int64_t i = 0; i < n; i++)
            out[from + i] = (float)sum[i];
    }
    if (s->positions != PC_POSITIONS_LEARNED) return;
    row = pc_model_matrix(r->widened, r->model, PC_W_POS, 0, position * d, d);
    for (int64_t i = 0; i < d; i++)
        out[i] += row[i];
}

static void embed_source(float *out, pc_grad_run *r, const pc_grad_prompt *p, int t)
{
    const int64_t d = r->s->d_model;
    if (p->source) {
        embed(out, r, p->source[t], t);
        return;
    }
    const int64_t at = r->means && r->means->n_positions > 1 ? t : 0;
    for (int64_t i = 0; i < d; i++)
        out[i] = r->means ? (float)r->means->input[at * d + i] : 0;
}

static void embed_all(pc_grad_run *r)
{
    const int64_t d = r->s->d_model;
    for (int i = 0; i < r->n; i++)
        for (int t = 0; t < r->places[i].rows; t++) {
            const int64_t at = (r->places[i].row + t) * d;
            embed(r->embedded + at, r, r->prompts[i].base[t], t);
            embed_source(r->embedded_source + at, r, &r->prompts[i], t);
        }
}

/* r->input = base + at (source - base). */
static void put_input(pc_grad_run *r, double at)
{
    const int64_t n = r->rows * r->s->d_model;
    for (int64_t i = 0; i < n; i++) {
        const double base = (double)r->embedded[i];
        r->rows_here[i] = (float)(base + at * ((double)r->embedded_source[i] - base));
    }
    r->ops->upload(r->queue, r->input, r->rows_here, (size_t)n * sizeof *r->input);
}

/* ---- sources without tokens ---- */

/* Rows of means at the rows' positions, or zeros. */
static void put_mean(pc_grad_run *r, float *to, const double *means, int64_t width)
{
    const int64_t n_positions = means ? r->means->n_positions : 1;
    if (!means) {
        r->ops->clear(r->queue, to, (size_t)(r->rows * width) * sizeof *to);
        return;
    }
    for (int64_t row = 0; row < r->rows; row++) {
        const int64_t at = n_positions > 1 ? r->positions[row] : 0;
        for (int64_t i = 0; i < width; i++)
            r->wide_here[i] = (float)means[at * width + i];
        r->ops->upload(r->queue, to + row * width, r->wide_here, (size_t)width * sizeof *to);
    }
}

static void put_means(pc_grad_run *r)
{
    const pc_shape *s = r->s;
    const pc_engine_means *m = r->means;
    const int64_t n = m ? m->n_positions : 0, q = pc_q_width(s);
    put_mean(r, r->change.input, m ? m->input : NULL, s->d_model);
    for (int layer = 0; layer < s->n_layers; layer++) {
        put_mean(r, r->change.z[layer], m ? m->z + layer * n * q : NULL, q);
        if (r->change.m[layer])
            put_mean(r, r->change.m[layer], m ? m->m + layer * n * s->d_model : NULL, s->d_model);
        if (r->change.act[layer])
            put_mean(r, r->change.act[layer], m ? m->act + layer * n * s->d_mlp : NULL, s->d_mlp);
    }
}

/* ---- passes ---- */

void pc_grad_run_base(pc_grad_run *r, const pc_grad_prompt *prompts, int n)
{
    r->means = NULL;
    r->point = NULL;
    place_prompts(r, prompts, n);
    embed_all(r);
    put_input(r, 0);
    pc_grad_forward(r, PC_GRAD_KEEPS_NOTHING);
}

/* What all writers change. The base's run stays on the tapes. */
static pc_status find_changes(pc_grad_run *r)
{
    const bool is_referred = r->options.metric == PC_METRIC_KL;
    r->point = NULL;
    if (r->prompts[0].source) {
        put_input(r, 1);
        pc_grad_forward(r, PC_GRAD_KEEPS_SOURCE);
        if (is_referred && r->options.is_referred_to_source) PC_TRY(pc_grad_refer(r));
    } else {
        put_means(r);
    }
    put_input(r, 0);
    pc_grad_forward(r, PC_GRAD_KEEPS_BASE);
    return is_referred && !r->options.is_referred_to_source ? pc_grad_refer(r) : PC_OK;
}

static pc_status pass(pc_grad_run *r, const pc_grad_point *point, bool is_base)
{
    r->point = point;
    if (!is_base) {
        put_input(r, point->held == PC_HELD_INPUT ? point->at : 0);
        pc_grad_forward(r, PC_GRAD_KEEPS_NOTHING);
    }
    PC_TRY(pc_grad_seed(r));
    pc_grad_backward(r);
    return PC_OK;
}

/* First those on the base's run, which is on the tapes. */
static pc_status pass_all(pc_grad_run *r, const pc_grad_point *points, int n_points)
{
    for (int is_base = 1; is_base >= 0; is_base--)
        for (int i = 0; i < n_points; i++) {
            const bool is_on_base = points[i].at == 0;
            if (is_on_base == (bool)is_base) PC_TRY(pass(r, &points[i], is_on_base));
        }
    return PC_OK;
}

static pc_status check_finite(const double *scores, const pc_grad_run *r, int first)
{
    const int64_t n = pc_grad_n_scores(r->model, r->options.what);
    for (int64_t i = 0; i < r->n * n; i++)
        if (!isfinite(scores[i]))
            return pc_fail(PC_ERR_INPUT, "prompt %d: an estimate is not a finite number",
                           first + (int)(i / n));
    return PC_OK;
}

pc_status pc_grad_run_batch(double *scores, pc_grad_run *r, const pc_grad_prompt *prompts, int n,
                            const pc_engine_means *means, const pc_grad_point *points, int n_points,
                            int first)
{
    const size_t bytes = (size_t)(n * pc_grad_n_scores(r->model, r->options.what)) * sizeof *scores;
    r->means = means;
    place_prompts(r, prompts, n);
    r->ops->clear(r->queue, r->scores, bytes);
    embed_all(r);
    PC_TRY(find_changes(r));
    PC_TRY(pass_all(r, points, n_points));
    r->ops->download(r->queue, scores, r->scores, bytes);
    PC_TRY(pc_device_wait(r->w->forward->device, r->queue));
    return check_finite(scores, r, first);
}
