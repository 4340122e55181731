/* Preparing a prompt: base run, source, metrics. */
#include "patch/engine_prompt.h"

#include "base/memory.h"
#include "kernels/layernorm.h"
#include "kernels/rmsnorm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void pc_engine_prompt_free(pc_engine_prompt *p)
{
    for (int t = 0; p->targets && t < p->pair->n_targets; t++)
        pc_target_base_free(&p->targets[t]);
    free(p->targets);
    pc_change_free(&p->change);
    pc_base_run_free(&p->base);
    *p = (pc_engine_prompt){.pair = p->pair};
}

int64_t pc_engine_prompt_bytes(const pc_prompt *pair, const pc_model *model, pc_metric metric)
{
    int64_t targets = 0;
    for (int t = 0; t < pair->n_targets; t++)
        targets += pc_target_base_bytes(&pair->targets[t], metric, model);
    return pc_base_run_bytes(model, pair->n_tokens) + pc_change_bytes(model, pair->n_tokens) +
           targets;
}

static void set_view(pc_engine_prompt *p)
{
    int first = p->pair->targets[0].position, last = first;
    for (int t = 1; t < p->pair->n_targets; t++) {
        const int position = p->pair->targets[t].position;
        if (position < first) first = position;
        if (position > last) last = position;
    }
    p->view = (pc_delta_prompt){
        .base = &p->base, .change = &p->change, .seq = last + 1, .first_target = first};
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

static pc_status fill_targets(pc_engine_prompt *p, pc_metric metric, const pc_model *model)
{
    const int64_t d = model->shape.d_model;
    double *y = pc_alloc((size_t)d, sizeof *y), sum = 0;
    p->targets = pc_alloc((size_t)p->pair->n_targets, sizeof *p->targets);
    pc_status status = y && p->targets ? PC_OK : PC_ERR_NOMEM;
    for (int t = 0; status == PC_OK && t < p->pair->n_targets; t++) {
        const pc_target *target = &p->pair->targets[t];
        status = pc_target_base_new(&p->targets[t], target, metric, model);
        if (status != PC_OK) break;
        norm_in_double(y, p->base.final.x + target->position * d, model);
        pc_target_base_fill(&p->targets[t], y, metric, model);
        sum += pc_metric_of_base(metric, &p->targets[t], model);
    }
    p->base_metric = sum / p->pair->n_targets;
    free(y);
    return status;
}

/* A target that some variant has a row for. */
typedef struct target_row {
    int variant, target;
} target_row;

static void add_effects(double *effects, const pc_engine_prompt *p, const target_row *list, int n,
                        const float *logits, double *d, pc_metric metric, const pc_model *model)
{
    const int64_t vocab = model->shape.vocab_out;
    for (int i = 0; i < n; i++) {
        for (int64_t v = 0; v < vocab; v++)
            d[v] = (double)logits[i * vocab + v];
        effects[list[i].variant] += pc_metric_effect(metric, &p->targets[list[i].target], d, model);
    }
}

/* room->logits = those of the first n of room->rows. */
static void multiply_out(pc_logit_room *room, int64_t n, const pc_engine_weights *w)
{
    const int64_t width = w->model->shape.d_model, vocab = w->model->shape.vocab_out;
    room->flop += 2.0 * (double)n * (double)width * (double)vocab;
    w->ops->gemm(&(pc_gemm_args){.c = room->logits,
                                 .a = room->rows,
                                 .c_stride = vocab,
                                 .a_stride = width,
                                 .rows = n,
                                 .w = w->unembedding,
                                 .k_count = width,
                                 .n_count = vocab,
                                 .mode = PC_GEMM_SET});
}

static void all_logits(double *effects, const pc_engine_prompt *p, const target_row *list, int n,
                       const pc_engine_weights *w, pc_metric metric, pc_logit_room *room)
{
    multiply_out(room, n, w);
    add_effects(effects, p, list, n, room->logits, room->d, metric, w->model);
}

static double answers_alone(const pc_target_base *base, const float *row,
                            const pc_engine_weights *w, const pc_evaluator_options *o,
                            pc_logit_room *room)
{
    if (pc_saves(o->without, PC_SAVING_COLUMNS)) return pc_answer_effect(base, row, w);
    for (int64_t i = 0; i < w->model->shape.d_model; i++)
        room->y[i] = (double)row[i];
    pc_all_changes(room->d, room->y, w->model);
    return pc_metric_effect(o->metric, base, room->d, w->model);
}

void pc_engine_prompt_effects(double *effects, const pc_engine_prompt *p, const pc_delta_run *run,
                              const pc_variant *variants, int n, const pc_engine_weights *w,
                              const pc_evaluator_options *o, pc_logit_room *room)
{
    const pc_metric metric = o->metric;
    const int64_t width = w->model->shape.d_model;
    target_row list[PC_LOGIT_ROWS];
    int n_rows = 0;
    for (int i = 0; i < n; i++) {
        effects[i] = 0;
        for (int t = 0; t < p->pair->n_targets; t++) {
            const int position = p->pair->targets[t].position;
            if (position < variants[i].first) continue; /* nothing changes there */
            const float *row = pc_delta_run_final(run, i, position);
            if (!pc_metric_needs_all_logits(metric)) {
                effects[i] += answers_alone(&p->targets[t], row, w, o, room);
                continue;
            }
            memcpy(room->rows + n_rows * width, row, (size_t)width * sizeof *row);
            list[n_rows++] = (target_row){i, t};
            if (n_rows < PC_LOGIT_ROWS) continue;
            all_logits(effects, p, list, n_rows, w, metric, room);
            n_rows = 0;
        }
    }
    if (n_rows) all_logits(effects, p, list, n_rows, w, metric, room);
    for (int i = 0; i < n; i++)
        effects[i] /= p->pair->n_targets;
}

/* The KL is measured against the clean run: where that is the other one, its logits are the base's
 * and what changes. */
static pc_status refer(pc_engine_prompt *p, const pc_delta_run *run, const pc_engine_weights *w,
                       bool is_changed, pc_logit_room *room)
{
    const int64_t width = w->model->shape.d_model, vocab = w->model->shape.vocab_out;
    for (int t = 0; t < p->pair->n_targets; t++) {
        const int position = p->pair->targets[t].position;
        memset(room->d, 0, (size_t)vocab * sizeof *room->d);
        if (is_changed && position >= p->first_difference) {
            memcpy(room->rows, pc_delta_run_final(run, 0, position),
                   (size_t)width * sizeof *room->rows);
            multiply_out(room, 1, w);
            for (int64_t v = 0; v < vocab; v++)
                room->d[v] = (double)room->logits[v];
        }
        PC_TRY(pc_target_base_refer(&p->targets[t], room->d, w->model));
    }
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
    const bool refers = o->metric == PC_METRIC_KL && o->direction == PC_DIRECTION_DENOISE;
    PC_TRY(pc_routing_new_all(&routing, &w->model->components));
    const pc_variant all = {.routing = &routing, .first = p->first_difference};
    pc_status status = PC_OK;
    if (is_changed) pc_delta_run_batch(run, &p->view, &all, 1);
    if (refers) status = refer(p, run, w, is_changed, room);
    if (status == PC_OK && refers) {
        p->base_metric = 0;
        for (int t = 0; t < p->pair->n_targets; t++)
            p->base_metric += pc_metric_of_base(o->metric, &p->targets[t], w->model);
        p->base_metric /= p->pair->n_targets;
    }
    if (status == PC_OK && is_changed)
        pc_engine_prompt_effects(&effect, p, run, &all, 1, w, o, room);
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

pc_status pc_engine_prompt_prepare(pc_engine_prompt *p, const pc_engine_weights *w,
                                   const pc_evaluator_options *o, const pc_engine_means *means,
                                   pc_delta_run *run, pc_logit_room *room, int index)
{
    const bool is_denoising = o->direction == PC_DIRECTION_DENOISE;
    p->base_tokens = is_denoising ? p->pair->corrupted : p->pair->clean;
    p->other_tokens = is_denoising ? p->pair->clean : p->pair->corrupted;
    set_view(p);
    PC_TRY(run_both(p, w));
    PC_TRY(fill_targets(p, o->metric, w->model));
    PC_TRY(check_finite(p->base_metric, index, o->metric));
    PC_TRY(run_other(p, w, o, run, room));
    PC_TRY(check_finite(p->other_metric, index, o->metric));
    if (o->source == PC_SOURCE_ZERO) replace_change(p, &w->model->shape, NULL);
    else if (o->source != PC_SOURCE_RESAMPLE) replace_change(p, &w->model->shape, means);
    pc_change_mark(&p->change, w->model, p->view.seq);
    p->is_ready = true;
    return PC_OK;
}
