/* Preparing a prompt: base run, source, metrics. */
#include "patch/engine_prompt.h"

#include "base/memory.h"
#include "kernels/layernorm.h"
#include "kernels/rmsnorm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- on the device ---- */

static void take_back(pc_engine_prompt *p, const pc_device *device)
{
    pc_device_unplace(device, p->change_placed.memory);
    pc_device_unplace(device, p->base_placed.memory);
    pc_base_run_forget(&p->base_placed);
    p->change_placed = (pc_change){0};
}

static pc_status place_base(pc_engine_prompt *p, const pc_engine_weights *w)
{
    const void *placed;
    const size_t bytes = (size_t)pc_base_run_bytes(w->model, p->base.seq);
    PC_TRY(pc_device_place(&placed, w->device, p->base.memory, bytes));
    const pc_status status = pc_base_run_at(&p->base_placed, w->model, p->base.seq, placed);
    p->base_placed.memory = (float *)placed; /* even without the rest, to be taken back */
    return status;
}

static pc_status place_change(pc_engine_prompt *p, const pc_engine_weights *w)
{
    const void *placed;
    pc_device_unplace(w->device, p->change_placed.memory);
    p->change_placed = (pc_change){0};
    PC_TRY(pc_device_place(&placed, w->device, p->change.memory,
                           pc_change_float_bytes(w->model, p->view.seq)));
    p->change_placed = pc_change_at(w->model, p->view.seq, placed);
    return PC_OK;
}

/* Of a base run that is on the device in another memory, the original is of no more use, nor are
 * the targets' logits. Of the changes it is: where they begin is found here. */
static void drop_original(pc_engine_prompt *p)
{
    if (p->base.memory != p->base_placed.memory) pc_base_run_free(&p->base);
    if (p->answers.bases_placed && p->answers.bases_placed != p->targets.memory)
        pc_target_bases_free(&p->targets);
}

void pc_engine_prompt_free(pc_engine_prompt *p, const pc_device *device)
{
    pc_answers_free(&p->answers);
    pc_target_bases_free(&p->targets);
    take_back(p, device);
    pc_change_free(&p->change);
    pc_base_run_free(&p->base);
    *p = (pc_engine_prompt){.pair = p->pair};
}

int64_t pc_engine_prompt_bytes(const pc_prompt *pair, const pc_model *model, pc_metric metric)
{
    return pc_base_run_bytes(model, pair->n_tokens) + pc_change_bytes(model, pair->n_tokens) +
           pair->n_targets * pc_target_base_bytes(metric, model) +
           pc_answers_bytes(pair, metric, model);
}

static void set_view(pc_engine_prompt *p)
{
    int first = p->pair->targets[0].position, last = first;
    for (int t = 1; t < p->pair->n_targets; t++) {
        const int position = p->pair->targets[t].position;
        if (position < first) first = position;
        if (position > last) last = position;
    }
    p->view = (pc_delta_prompt){.base = &p->base_placed,
                                .change = &p->change_placed,
                                .seq = last + 1,
                                .first_target = first};
}

/* ---- the other run ---- */

static void subtract_outputs(float *change, const double *is, const double *was, int n_layers,
                             int seq, int from_seq, int64_t width)
{
    for (int layer = 0; layer < n_layers; layer++)
        for (int64_t i = 0; i < seq * width; i++) {
            const int64_t at = (int64_t)layer * from_seq * width + i;
            change[layer * seq * width + i] = (float)(is[at] - was[at]);
        }
}

/* The difference of the two runs in double: rows before the first token that differs are equal to
 * the last bit, and their difference is 0. */
static pc_status compare_runs(pc_engine_prompt *p, const pc_outputs *base,
                              const pc_engine_weights *w)
{
    const pc_shape *s = &w->model->shape;
    const int seq = p->view.seq, n_tokens = p->pair->n_tokens;
    pc_outputs other;
    pc_base_run run;
    PC_TRY(pc_outputs_new(&other, w->model, n_tokens));
    pc_status status = pc_base_run_new(&run, &other, w, p->other_tokens, n_tokens);
    if (status == PC_OK) {
        pc_change *c = &p->change;
        subtract_outputs(c->input, other.input, base->input, 1, seq, n_tokens, s->d_model);
        subtract_outputs(c->z, other.z, base->z, s->n_layers, seq, n_tokens, pc_q_width(s));
        subtract_outputs(c->m, other.m, base->m, s->d_mlp ? s->n_layers : 0, seq, n_tokens,
                         s->d_model);
        subtract_outputs(c->act, other.act, base->act, s->n_layers, seq, n_tokens, s->d_mlp);
        pc_base_run_free(&run);
    }
    pc_outputs_free(&other);
    return status;
}

static int first_difference(const pc_engine_prompt *p)
{
    int t = 0;
    while (t < p->view.seq && p->base_tokens[t] == p->other_tokens[t])
        t++;
    return t;
}

/* ---- metrics ---- */

static void norm_in_double(double *y, const float *x, const pc_model *model)
{
    const pc_shape *s = &model->shape;
    const float *gain = pc_model_vector(model, PC_LN_FINAL_W, 0);
    const float *bias = pc_model_vector(model, PC_LN_FINAL_B, 0);
    for (int64_t i = 0; i < s->d_model; i++)
        y[i] = (double)x[i];
    if (s->norm == PC_NORM_LAYER) pc_ref_layernorm(y, y, gain, bias, 1, s->d_model, s->norm_eps);
    if (s->norm == PC_NORM_RMS)
        pc_ref_rmsnorm(y, y, gain, s->norm_gain_offset, 1, s->d_model, s->norm_eps);
}

/* The KL is measured against the clean run, which may be the other one. */
static bool is_referred(const pc_evaluator_options *o)
{
    return o->metric == PC_METRIC_KL && o->direction == PC_DIRECTION_DENOISE;
}

static double mean_metric(const pc_target_bases *targets, pc_metric metric, const pc_model *model)
{
    double sum = 0;
    for (int t = 0; t < targets->n; t++)
        sum += pc_metric_of_base(metric, &targets->of[t], model);
    return sum / targets->n;
}

static pc_status fill_targets(pc_engine_prompt *p, const pc_evaluator_options *o,
                              const pc_model *model)
{
    const int64_t d = model->shape.d_model;
    const pc_prompt *pair = p->pair;
    double *y = pc_alloc((size_t)d, sizeof *y);
    pc_status status = y ? pc_target_bases_new(&p->targets, pair->targets, pair->n_targets,
                                               o->metric, is_referred(o), model)
                         : PC_ERR_NOMEM;
    for (int t = 0; status == PC_OK && t < pair->n_targets; t++) {
        norm_in_double(y, p->base.final.x + pair->targets[t].position * d, model);
        pc_target_base_fill(&p->targets.of[t], y, o->metric, model);
    }
    if (status == PC_OK) p->base_metric = mean_metric(&p->targets, o->metric, model);
    free(y);
    return status;
}

/* ---- rows of targets ---- */

enum { ANSWER_ROWS = 128 };

/* No more than those of a batch. */
static int rows_at_a_time(const pc_device *device, pc_metric metric, int64_t batch_rows)
{
    const int64_t most =
        pc_metric_needs_all_logits(metric) ? device->facts.logit_rows : ANSWER_ROWS;
    return (int)(most < batch_rows ? most : batch_rows);
}

static void lay_out_on_device(pc_logit_room *room, pc_arena *a, const pc_shape *s, bool needs_all)
{
    room->rows = pc_arena_take(a, room->most * (int64_t)s->d_model, sizeof *room->rows);
    room->logits =
        pc_arena_take(a, needs_all ? room->most * s->vocab_out : 0, sizeof *room->logits);
    room->effects_placed = pc_arena_take(a, room->most, sizeof *room->effects_placed);
}

static void lay_out_here(pc_logit_room *room, pc_arena *a, const pc_shape *s, bool needs_all)
{
    const int64_t n_read = needs_all ? s->vocab_out : room->most * (int64_t)s->d_model;
    room->read = pc_arena_take(a, n_read, sizeof *room->read);
    room->effects = pc_arena_take(a, room->most, sizeof *room->effects);
    room->picks = pc_arena_take(a, room->most, sizeof *room->picks);
    room->variants = pc_arena_take(a, room->most, sizeof *room->variants);
    room->targets = pc_arena_take(a, room->most, sizeof *room->targets);
    room->d = pc_arena_take(a, s->vocab_out, sizeof *room->d);
    room->y = pc_arena_take(a, s->d_model, sizeof *room->y);
}

int64_t pc_logit_room_bytes(const pc_model *model, const pc_device *device, pc_metric metric,
                            int64_t batch_rows)
{
    const bool needs_all = pc_metric_needs_all_logits(metric);
    pc_logit_room room = {.most = rows_at_a_time(device, metric, batch_rows)};
    lay_out_on_device(&room, &room.device, &model->shape, needs_all);
    lay_out_here(&room, &room.host, &model->shape, needs_all);
    return (int64_t)(room.device.used + room.host.used);
}

pc_status pc_logit_room_new(pc_logit_room *out, const pc_engine_weights *w, pc_metric metric,
                            pc_queue *queue, int64_t batch_rows)
{
    const pc_shape *s = &w->model->shape;
    const bool needs_all = pc_metric_needs_all_logits(metric);
    void *memory;
    *out = (pc_logit_room){.queue = queue, .most = rows_at_a_time(w->device, metric, batch_rows)};
    lay_out_on_device(out, &out->device, s, needs_all);
    lay_out_here(out, &out->host, s, needs_all);
    PC_TRY(pc_arena_open(&out->host));
    lay_out_here(out, &out->host, s, needs_all);
    PC_TRY(pc_arena_size(&out->device));
    PC_TRY(pc_device_allocate(&memory, w->device, out->device.size));
    pc_arena_use(&out->device, memory);
    lay_out_on_device(out, &out->device, s, needs_all);
    return PC_OK;
}

void pc_logit_room_free(pc_logit_room *room, const pc_engine_weights *w)
{
    if (w) pc_device_release(w->device, room->device.memory);
    pc_arena_free(&room->host);
    *room = (pc_logit_room){0};
}

/* room->rows = the first n of room->picks. */
static void fetch_rows(pc_logit_room *room, pc_delta_run *run, int n)
{
    pc_delta_run_final(room->rows, run, room->picks, n);
}

/* room->read = n rows of an array on the device. */
static pc_status read_rows(pc_logit_room *room, const float *from, int64_t n, int64_t width,
                           const pc_engine_weights *w)
{
    w->device->ops->download(room->queue, room->read, from, (size_t)(n * width) * sizeof *from);
    return pc_device_wait(w->device, room->queue);
}

/* room->logits = those of the first n of room->rows. */
static void multiply_out(pc_logit_room *room, int64_t n, const pc_engine_weights *w)
{
    const pc_engine_matrix u = w->unembedding;
    room->flop += 2.0 * (double)n * (double)u.n_in * (double)u.n_out;
    w->device->ops->product(room->queue, &(pc_product){.c = room->logits,
                                                       .a = room->rows,
                                                       .c_stride = u.n_out,
                                                       .a_stride = u.n_in,
                                                       .rows = n,
                                                       .w = u.w,
                                                       .k_count = u.n_in,
                                                       .n_count = u.n_out,
                                                       .mode = PC_GEMM_SET,
                                                       .kind = PC_ROWS_OF_TARGETS});
}

static void widen(double *to, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (double)from[i];
}

/* room->effects of n rows, on the device. */
static pc_status find_effects(pc_logit_room *room, const pc_engine_prompt *p, const float *rows,
                              int n, const pc_engine_weights *w)
{
    const pc_ops *ops = w->device->ops;
    const int32_t *targets = ops->list(room->queue, room->targets, (size_t)n * sizeof *targets);
    pc_answers_effects(room->effects_placed, &p->answers, room->queue, rows, targets, n, room->d);
    ops->download(room->queue, room->effects, room->effects_placed,
                  (size_t)n * sizeof *room->effects);
    return pc_device_wait(w->device, room->queue);
}

/* ... by all logits' changes. */
static pc_status all_logits(pc_logit_room *room, const pc_engine_prompt *p, int n,
                            const pc_engine_weights *w)
{
    multiply_out(room, n, w);
    return find_effects(room, p, room->logits, n, w);
}

/* ... of a metric that needs none but the answers', by all the same. */
static pc_status all_columns(pc_logit_room *room, const pc_engine_prompt *p, int n,
                             const pc_engine_weights *w, pc_metric metric)
{
    const int64_t width = w->model->shape.d_model;
    PC_TRY(read_rows(room, room->rows, n, width, w));
    for (int i = 0; i < n; i++) {
        widen(room->y, room->read + i * width, width);
        pc_all_changes(room->d, room->y, w->model);
        room->effects[i] =
            pc_metric_effect(metric, &p->targets.of[room->targets[i]], room->d, w->model);
    }
    return PC_OK;
}

/* Adds the effects at the n targets that stand in the room. */
static pc_status add_effects(double *effects, const pc_engine_prompt *p, pc_delta_run *run, int n,
                             const pc_engine_weights *w, const pc_evaluator_options *o,
                             pc_logit_room *room)
{
    pc_status status;
    if (n == 0) return PC_OK;
    fetch_rows(room, run, n);
    if (pc_metric_needs_all_logits(o->metric)) status = all_logits(room, p, n, w);
    else if (pc_saves(o->without, PC_SAVING_COLUMNS))
        status = find_effects(room, p, room->rows, n, w); /* by the answers' alone */
    else status = all_columns(room, p, n, w, o->metric);
    for (int i = 0; i < n && status == PC_OK; i++)
        effects[room->variants[i]] += room->effects[i];
    return status;
}

pc_status pc_engine_prompt_effects(double *effects, const pc_engine_prompt *p, pc_delta_run *run,
                                   const pc_variant *variants, int n, const pc_engine_weights *w,
                                   const pc_evaluator_options *o, pc_logit_room *room)
{
    int n_rows = 0;
    for (int i = 0; i < n; i++) {
        effects[i] = 0;
        for (int t = 0; t < p->pair->n_targets; t++) {
            const int position = p->pair->targets[t].position;
            if (position < variants[i].first) continue; /* nothing changes there */
            room->picks[n_rows] = (pc_final_row){i, position};
            room->variants[n_rows] = i;
            room->targets[n_rows++] = t;
            if (n_rows < room->most) continue;
            PC_TRY(add_effects(effects, p, run, n_rows, w, o, room));
            n_rows = 0;
        }
    }
    PC_TRY(add_effects(effects, p, run, n_rows, w, o, room));
    for (int i = 0; i < n; i++)
        effects[i] /= p->pair->n_targets;
    return PC_OK;
}

/* The clean run's logits, where it is the other one, are the base's and what changes. */
static pc_status refer(pc_engine_prompt *p, pc_delta_run *run, const pc_engine_weights *w,
                       bool is_changed, pc_logit_room *room)
{
    const int64_t vocab = w->model->shape.vocab_out;
    for (int t = 0; t < p->pair->n_targets; t++) {
        const int position = p->pair->targets[t].position;
        memset(room->d, 0, (size_t)vocab * sizeof *room->d);
        if (is_changed && position >= p->first_difference) {
            room->picks[0] = (pc_final_row){0, position};
            fetch_rows(room, run, 1);
            multiply_out(room, 1, w);
            PC_TRY(read_rows(room, room->logits, 1, vocab, w));
            widen(room->d, room->read, vocab);
        }
        pc_target_bases_refer(&p->targets, t, room->d, w->model);
    }
    p->base_metric = mean_metric(&p->targets, PC_METRIC_KL, w->model);
    return PC_OK;
}

/* The other run's metric, as that of every writer replaced: what an empty circuit comes to, to the
 * last bit. */
static pc_status run_other(pc_engine_prompt *p, const pc_engine_weights *w,
                           const pc_evaluator_options *o, pc_delta_run *run, pc_logit_room *room)
{
    pc_routing routing;
    double effect = 0;
    p->first_difference = first_difference(p);
    const bool is_changed = p->first_difference < p->view.seq;
    PC_TRY(pc_routing_new_all(&routing, &w->model->components));
    const pc_variant all = {.routing = &routing, .first = p->first_difference};
    pc_status status = PC_OK;
    if (is_changed) status = pc_delta_run_batch(run, &p->view, &all, 1);
    if (status == PC_OK && is_referred(o)) status = refer(p, run, w, is_changed, room);
    if (status == PC_OK)
        status = pc_answers_new(&p->answers, p->pair, &p->targets, o->metric, w->model, w->device);
    if (status == PC_OK && is_changed)
        status = pc_engine_prompt_effects(&effect, p, run, &all, 1, w, o, room);
    p->other_metric = p->base_metric + effect;
    pc_routing_free(&routing);
    return status;
}

/* ---- other sources ---- */

static void subtract(float *change, const double *mean, const float *base, int seq, int n_positions,
                     int64_t width)
{
    for (int t = 0; t < seq; t++) {
        const double *from = mean ? mean + (n_positions > 1 ? t : 0) * width : NULL;
        for (int64_t i = 0; i < width; i++)
            change[t * width + i] = (float)((from ? from[i] : 0) - (double)base[t * width + i]);
    }
}

/* source - base, where the source is a mean, or 0 without means. */
static void replace_change(pc_engine_prompt *p, const pc_shape *s, const pc_engine_means *m)
{
    const int seq = p->view.seq, n = m ? m->n_positions : 1;
    const int64_t d = s->d_model, q = pc_q_width(s), d_mlp = s->d_mlp;
    subtract(p->change.input, m ? m->input : NULL, p->base.input, seq, n, d);
    for (int64_t layer = 0; layer < s->n_layers; layer++) {
        const pc_base_layer *l = &p->base.layers[layer];
        subtract(p->change.z + layer * seq * q, m ? m->z + layer * n * q : NULL, l->z, seq, n, q);
        if (d_mlp == 0) continue;
        subtract(p->change.m + layer * seq * d, m ? m->m + layer * n * d : NULL, l->m, seq, n, d);
        subtract(p->change.act + layer * seq * d_mlp, m ? m->act + layer * n * d_mlp : NULL, l->act,
                 seq, n, d_mlp);
    }
}

static pc_status check_finite(double metric, int index, pc_metric kind)
{
    if (isfinite(metric)) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "prompt %d: the %s is not a finite number", index,
                   pc_metric_name(kind));
}

static pc_status run_both(pc_engine_prompt *p, const pc_engine_weights *w)
{
    pc_outputs outputs;
    PC_TRY(pc_outputs_new(&outputs, w->model, p->pair->n_tokens));
    pc_status status = pc_base_run_new(&p->base, &outputs, w, p->base_tokens, p->pair->n_tokens);
    if (status == PC_OK) status = pc_change_new(&p->change, w->model, p->view.seq);
    if (status == PC_OK) status = compare_runs(p, &outputs, w);
    pc_outputs_free(&outputs);
    return status;
}

pc_status pc_engine_prompt_run(pc_engine_prompt *p, const pc_engine_weights *w,
                               const pc_evaluator_options *o, int index)
{
    const bool is_denoising = o->direction == PC_DIRECTION_DENOISE;
    p->base_tokens = is_denoising ? p->pair->corrupted : p->pair->clean;
    p->other_tokens = is_denoising ? p->pair->clean : p->pair->corrupted;
    set_view(p);
    PC_TRY(run_both(p, w));
    PC_TRY(fill_targets(p, o, w->model));
    return check_finite(p->base_metric, index, o->metric);
}

pc_status pc_engine_prompt_finish(pc_engine_prompt *p, const pc_engine_weights *w,
                                  const pc_evaluator_options *o, const pc_engine_means *means,
                                  pc_delta_run *run, pc_logit_room *room, int index)
{
    PC_TRY(place_base(p, w));
    PC_TRY(place_change(p, w));
    PC_TRY(run_other(p, w, o, run, room));
    PC_TRY(check_finite(p->other_metric, index, o->metric));
    if (o->source != PC_SOURCE_RESAMPLE) {
        replace_change(p, &w->model->shape, o->source == PC_SOURCE_ZERO ? NULL : means);
        PC_TRY(place_change(p, w));
    }
    pc_change_mark(&p->change, w->model, p->view.seq);
    drop_original(p);
    p->is_ready = true;
    return PC_OK;
}
