/* The slow twin's forward pass. */
#include "patch/twin.h"

#include "backend/cpu_ops.h"
#include "base/memory.h"
#include "kernels/attention.h"
#include "kernels/layernorm.h"
#include "kernels/linear.h"
#include "kernels/rmsnorm.h"
#include "kernels/rotary.h"
#include "model/rotary_frequencies.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOGITS_TOGETHER = 64 }; /* rows of W_U that are widened at a time */

struct pc_twin {
    const pc_model *model;
    pc_linear_fn *linear;  /* the reference's sums, faster */
    float *widened;        /* room for the matrix in use, where the model keeps it in 16 bits */
    double *frequencies;   /* (rotary.dim / 2) */
    pc_rotary_kind rotary; /* of one head */
    int32_t *positions;    /* (longest) 0, 1, 2, ... */
    double *stream;        /* (seq, d_model) the residual stream of this run, without any cut */
    double *input;         /* (seq, d_model) a reader's own input */
    double *normed;        /* (seq, d_model) */
    double *normed_stream; /* (seq, d_model) the norm of the stream at this layer's heads */
    double *q, *k, *v, *z; /* (seq, d_head) */
    double *up;            /* (seq, d_mlp) of gated MLPs */
    double *block;         /* (seq, d_model) an output of attention or MLP before its post-norm */
    double *pattern;       /* (seq, seq) */
    double *final;         /* (seq, d_model) the input of the logits */
    uint8_t *has_cut;      /* (n_readers) */
    /* of the run in progress */
    pc_run *run;
    const pc_wiring *wiring;
    bool is_touched;
};

pc_status pc_run_new(pc_run *out, const pc_model *model, int longest)
{
    const pc_shape *s = &model->shape;
    const size_t seq = (size_t)longest;
    *out = (pc_run){.seq = longest};
    out->writers =
        pc_alloc((size_t)model->components.n_writers * seq, sizeof(double) * (size_t)s->d_model);
    out->acts = pc_alloc((size_t)s->n_layers * seq, sizeof(double) * (size_t)s->d_mlp);
    if (out->writers && out->acts) return PC_OK;
    pc_run_free(out);
    return PC_ERR_NOMEM;
}

void pc_run_free(pc_run *run)
{
    free(run->acts);
    free(run->writers);
    *run = (pc_run){0};
}

/* The largest piece of a matrix that is asked for at once. */
static size_t most_widened(const pc_model *model)
{
    const pc_shape *s = &model->shape;
    int most = LOGITS_TOGETHER;
    if (s->d_mlp > most) most = s->d_mlp;
    if (s->d_head > most) most = s->d_head;
    return model->weights.has_16_bits ? (size_t)s->d_model * (size_t)most : 0;
}

static bool allocate(pc_twin *t, size_t seq)
{
    const pc_shape *s = &t->model->shape;
    const size_t d = (size_t)s->d_model, d_head = (size_t)s->d_head;
    double **wide[] = {&t->stream, &t->input, &t->normed, &t->normed_stream, &t->block, &t->final};
    double **narrow[] = {&t->q, &t->k, &t->v, &t->z};
    bool has_all = true;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        has_all = (*wide[i] = pc_alloc(seq * d, sizeof(double))) && has_all;
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
        has_all = (*narrow[i] = pc_alloc(seq * d_head, sizeof(double))) && has_all;
    t->up = pc_alloc(s->is_gated ? seq * (size_t)s->d_mlp : 0, sizeof(double));
    t->widened = pc_alloc(most_widened(t->model), sizeof(float));
    t->frequencies = pc_alloc((size_t)s->rotary.dim / 2, sizeof(double));
    t->positions = pc_alloc(seq, sizeof *t->positions);
    t->pattern = pc_alloc(seq * seq, sizeof(double));
    t->has_cut = pc_alloc((size_t)t->model->components.n_readers, 1);
    return has_all && t->up && t->widened && t->frequencies && t->positions && t->pattern &&
           t->has_cut;
}

pc_status pc_twin_new(pc_twin **out, const pc_model *model, int longest)
{
    *out = NULL;
    pc_twin *t = pc_alloc(1, sizeof *t);
    if (!t) return PC_ERR_NOMEM;
    t->model = model;
    t->linear = pc_cpu_ops_best()->linear;
    if (!allocate(t, (size_t)longest)) {
        pc_twin_free(t);
        return PC_ERR_NOMEM;
    }
    pc_rotary_frequencies(t->frequencies, &model->shape.rotary);
    t->rotary = (pc_rotary_kind){.n_heads = 1,
                                 .d_head = model->shape.d_head,
                                 .n_pairs = model->shape.rotary.dim / 2,
                                 .pairs = model->shape.rotary.pairs,
                                 .frequency = t->frequencies};
    for (int p = 0; p < longest; p++)
        t->positions[p] = p;
    *out = t;
    return PC_OK;
}

void pc_twin_free(pc_twin *t)
{
    if (!t) return;
    free(t->has_cut);
    free(t->pattern);
    free(t->positions);
    free(t->frequencies);
    free(t->widened);
    free(t->up);
    free(t->z);
    free(t->v);
    free(t->k);
    free(t->q);
    free(t->final);
    free(t->block);
    free(t->normed_stream);
    free(t->normed);
    free(t->input);
    free(t->stream);
    free(t);
}

/* ---- steps of a layer ---- */

static const float *matrix(pc_twin *t, pc_weight weight, int layer, int64_t first, int64_t count)
{
    return pc_model_matrix(t->widened, t->model, weight, layer, first, count);
}

static void apply_norm(double *out, const double *x, const pc_model *model, pc_weight gain,
                       int layer, int64_t rows)
{
    const pc_shape *s = &model->shape;
    const float *w = pc_model_vector(model, gain, layer);
    const float *b = pc_model_vector(model, gain + 1, layer); /* each bias follows its gain */
    switch (s->norm) {
    case PC_NORM_NONE:
        memmove(out, x, (size_t)rows * (size_t)s->d_model * sizeof *out);
        break;
    case PC_NORM_LAYER:
        pc_ref_layernorm(out, x, w, b, rows, s->d_model, s->norm_eps);
        break;
    case PC_NORM_RMS:
        pc_ref_rmsnorm(out, x, w, s->norm_gain_offset, rows, s->d_model, s->norm_eps);
        break;
    }
}

/* out = acts W_out + b_out, before a post-norm */
static void mlp_output(double *out, const double *acts, pc_twin *t, int layer)
{
    const pc_shape *s = &t->model->shape;
    t->linear(out, acts, matrix(t, PC_W_OUT, layer, 0, (int64_t)s->d_mlp * s->d_model),
              pc_model_vector(t->model, PC_B_OUT, layer), t->run->seq, s->d_mlp, s->d_model);
}

static void add_rows(double *to, const double *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

static int64_t stream_size(const pc_twin *t)
{
    return (int64_t)t->run->seq * t->model->shape.d_model;
}

/* ---- what a reader sees ---- */

static void mark_cut_readers(pc_twin *t)
{
    const pc_components *c = &t->model->components;
    const pc_wiring *w = t->wiring;
    memset(t->has_cut, 0, (size_t)c->n_readers);
    for (int r = 0; w->is_cut && r < c->n_readers; r++)
        t->has_cut[r] = memchr(w->is_cut + c->readers[r].first_edge, 1,
                               (size_t)c->readers[r].n_visible) != NULL;
    for (size_t i = 0; i < w->n_neurons; i++)
        for (int r = 0; r < c->n_readers; r++)
            if ((w->neurons[i].reader < 0 || w->neurons[i].reader == r) &&
                w->neurons[i].writer < c->readers[r].n_visible)
                t->has_cut[r] = 1;
}

static bool acts_at(const pc_wiring *w, int position)
{
    return !w->is_cut_at || w->is_cut_at[position];
}

/* input += the writer as this reader sees it */
static void add_writer(double *input, pc_twin *t, int writer, bool is_cut)
{
    const int64_t d = t->model->shape.d_model;
    const double *now = pc_run_writer(t->run, t->model, writer);
    const double *source = is_cut ? pc_run_writer(t->wiring->source, t->model, writer) : now;
    for (int p = 0; p < t->run->seq; p++) {
        const double *seen = is_cut && acts_at(t->wiring, p) ? source : now;
        if (seen != now && memcmp(seen + p * d, now + p * d, (size_t)d * sizeof *now) != 0)
            t->is_touched = true;
        for (int64_t i = 0; i < d; i++)
            input[p * d + i] += seen[p * d + i];
    }
}

/* input += (source_act - act) W_out[neuron], for one cut neuron */
static void add_neuron_change(double *input, pc_twin *t, int layer, int neuron)
{
    const pc_shape *s = &t->model->shape;
    const int64_t d = s->d_model;
    const float *column = matrix(t, PC_W_OUT, layer, neuron * d, d);
    const double *now = pc_run_acts(t->run, t->model, layer);
    const double *source = pc_run_acts(t->wiring->source, t->model, layer);
    for (int p = 0; p < t->run->seq; p++) {
        if (!acts_at(t->wiring, p)) continue;
        const int64_t at = (int64_t)p * s->d_mlp + neuron;
        const double change = source[at] - now[at];
        if (change != 0) t->is_touched = true;
        for (int64_t i = 0; i < d; i++)
            input[p * d + i] += change * (double)column[i];
    }
}

static void add_neuron_changes(double *input, pc_twin *t, int reader, int writer)
{
    const pc_wiring *w = t->wiring;
    for (size_t i = 0; i < w->n_neurons; i++) {
        const pc_place *cut = &w->neurons[i];
        if (cut->writer == writer && (cut->reader < 0 || cut->reader == reader))
            add_neuron_change(input, t, t->model->components.writers[writer].layer, cut->neuron);
    }
}

static void add_bias(double *stream, const pc_model *model, int layer, int seq)
{
    const float *bias = pc_model_vector(model, PC_B_O, layer);
    const int64_t d = model->shape.d_model;
    for (int p = 0; bias && p < seq; p++)
        for (int64_t i = 0; i < d; i++)
            stream[p * d + i] += (double)bias[i];
}

/* input += what a layer's heads and b_O give: is_cut (n_heads) of this reader's edges, or NULL.
 * With post-norms the sum is normed for each reader anew, whatever is cut. */
static void add_heads(double *input, pc_twin *t, int layer, const uint8_t *is_cut)
{
    const pc_shape *s = &t->model->shape;
    double *to = s->has_post_norms ? t->block : input;
    const int first = pc_writer_of_head(&t->model->components, layer, 0);
    if (s->has_post_norms) memset(to, 0, (size_t)stream_size(t) * sizeof *to);
    for (int head = 0; head < s->n_heads; head++)
        add_writer(to, t, first + head, is_cut && is_cut[head]);
    add_bias(to, t->model, layer, t->run->seq);
    if (!s->has_post_norms) return;
    apply_norm(to, to, t->model, PC_LN1_POST_W, layer, t->run->seq);
    add_rows(input, to, stream_size(t));
}

static bool has_cut_neuron(const pc_wiring *w, int reader, int writer)
{
    for (size_t i = 0; i < w->n_neurons; i++)
        if (w->neurons[i].writer == writer &&
            (w->neurons[i].reader < 0 || w->neurons[i].reader == reader))
            return true;
    return false;
}

/* input += the MLP as this reader sees it. With post-norms the neurons are exchanged in the sum
 * that is normed. */
static void add_mlp(double *input, pc_twin *t, int reader, int writer, bool is_cut)
{
    const int layer = t->model->components.writers[writer].layer;
    const bool has_change = !is_cut && has_cut_neuron(t->wiring, reader, writer);
    if (!has_change || !t->model->shape.has_post_norms) {
        add_writer(input, t, writer, is_cut);
        if (has_change) add_neuron_changes(input, t, reader, writer);
        return;
    }
    mlp_output(t->block, pc_run_acts(t->run, t->model, layer), t, layer);
    add_neuron_changes(t->block, t, reader, writer);
    apply_norm(t->block, t->block, t->model, PC_LN2_POST_W, layer, t->run->seq);
    add_rows(input, t->block, stream_size(t));
}

static void sum_input(double *input, pc_twin *t, int reader)
{
    const pc_components *c = &t->model->components;
    const pc_reader *r = &c->readers[reader];
    const uint8_t *is_cut = t->wiring->is_cut ? t->wiring->is_cut + r->first_edge : NULL;
    memset(input, 0, (size_t)stream_size(t) * sizeof *input);
    for (int u = 0; u < r->n_visible;) {
        const pc_writer *writer = &c->writers[u];
        const bool is_whole_cut = is_cut && is_cut[u];
        switch (writer->kind) {
        case PC_WRITER_INPUT:
            add_writer(input, t, u++, is_whole_cut);
            break;
        case PC_WRITER_HEAD: /* a reader sees all of a layer's heads or none */
            add_heads(input, t, writer->layer, is_cut ? is_cut + u : NULL);
            u += c->n_heads;
            break;
        case PC_WRITER_MLP:
            add_mlp(input, t, reader, u++, is_whole_cut);
            break;
        }
    }
}

/* The input of a reader, (seq, d_model): the stream itself where nothing is cut. `stream` is the
 * sum of the writers it sees, in the same order of additions as sum_input. */
static const double *input_of(pc_twin *t, int reader, const double *stream)
{
    const pc_wiring *w = t->wiring;
    const double *input = stream;
    const bool is_given = w->inputs && w->inputs[reader];
    const bool is_recorded = w->record && w->record[reader];
    if (is_given && !is_recorded) return w->inputs[reader];
    if (t->has_cut[reader]) {
        sum_input(t->input, t, reader);
        input = t->input;
    }
    if (is_recorded) memcpy(w->record[reader], input, (size_t)stream_size(t) * sizeof *input);
    return is_given ? w->inputs[reader] : input;
}

/* ---- components ---- */

static void project(double *out, pc_twin *t, int layer, pc_reader_kind kind, int head)
{
    static const pc_weight weights[] = {PC_W_Q, PC_W_K, PC_W_V},
                           biases[] = {PC_B_Q, PC_B_K, PC_B_V};
    const pc_shape *s = &t->model->shape;
    const int slot = kind == PC_READER_Q ? head : head / (s->n_heads / s->n_kv_heads);
    const int64_t size = (int64_t)s->d_model * s->d_head;
    const float *b = pc_model_vector(t->model, biases[kind], layer);
    const double *input =
        input_of(t, pc_reader_of_head(&t->model->components, layer, kind, head), t->stream);
    const double *normed = t->normed_stream; /* the readers without a cut share one norm */
    if (input != t->stream) {
        apply_norm(t->normed, input, t->model, PC_LN1_W, layer, t->run->seq);
        normed = t->normed;
    }
    t->linear(out, normed, matrix(t, weights[kind], layer, slot * size, size),
              b ? b + (int64_t)slot * s->d_head : NULL, t->run->seq, s->d_model, s->d_head);
}

/* The rows of the source's pattern where cuts act, and what the head gathers with them. */
static void take_pattern(pc_twin *t, int64_t head)
{
    const pc_wiring *w = t->wiring;
    const int64_t seq = t->run->seq, d_head = t->model->shape.d_head;
    for (int p = 0; p < seq; p++) {
        const double *row = w->source_patterns + (head * seq + p) * seq;
        const size_t bytes = (size_t)seq * sizeof *row;
        if (!acts_at(w, p) || memcmp(row, t->pattern + p * seq, bytes) == 0) continue;
        t->is_touched = true;
        memcpy(t->pattern + p * seq, row, bytes);
        pc_ref_attention_gather(t->z + p * d_head, row, t->v, 0, p, d_head);
    }
}

/* Queries or keys as the scores use them: normed where the model does that, then turned. */
static void finish_projection(double *x, const pc_twin *t, int layer, pc_weight gain)
{
    const pc_shape *s = &t->model->shape;
    if (s->has_qk_norm)
        pc_ref_rmsnorm(x, x, pc_model_vector(t->model, gain, layer), s->norm_gain_offset,
                       t->run->seq, s->d_head, s->norm_eps);
    if (s->positions == PC_POSITIONS_ROTARY)
        pc_ref_rotary(x, t->positions, t->run->seq, &t->rotary);
}

static void compute_head(double *out, pc_twin *t, int layer, int head)
{
    const pc_shape *s = &t->model->shape;
    const int seq = t->run->seq;
    const int64_t size = (int64_t)s->d_head * s->d_model;
    const pc_attention_options options = {
        .scale = s->attention_scale / (s->is_scale_divided_by_layer ? layer + 1 : 1),
        .softcap = s->attention_softcap,
        .window = s->is_windowed[layer] ? s->window : 0,
    };
    project(t->q, t, layer, PC_READER_Q, head);
    project(t->k, t, layer, PC_READER_K, head);
    project(t->v, t, layer, PC_READER_V, head);
    finish_projection(t->q, t, layer, PC_Q_NORM_W);
    finish_projection(t->k, t, layer, PC_K_NORM_W);
    pc_ref_attention(t->z, t->pattern, t->q, t->k, t->v, seq, s->d_head, &options);
    if (t->wiring->is_pattern_cut && t->wiring->is_pattern_cut[layer * s->n_heads + head])
        take_pattern(t, (int64_t)layer * s->n_heads + head);
    if (t->wiring->patterns)
        memcpy(t->wiring->patterns + ((int64_t)layer * s->n_heads + head) * seq * seq, t->pattern,
               (size_t)seq * (size_t)seq * sizeof *t->pattern);
    t->linear(out, t->z, matrix(t, PC_W_O, layer, head * size, size), NULL, seq, s->d_head,
              s->d_model);
}

/* out (seq, d_mlp) = normed W + bias */
static void mlp_input(double *out, pc_twin *t, pc_weight weight, pc_weight bias, int layer)
{
    const pc_shape *s = &t->model->shape;
    t->linear(out, t->normed, matrix(t, weight, layer, 0, (int64_t)s->d_model * s->d_mlp),
              pc_model_vector(t->model, bias, layer), t->run->seq, s->d_model, s->d_mlp);
}

static void add_act_bias(double *acts, const pc_twin *t, int layer)
{
    const float *bias = pc_model_vector(t->model, PC_B_ACT, layer);
    const int64_t d_mlp = t->model->shape.d_mlp;
    for (int64_t i = 0; bias && i < t->run->seq * d_mlp; i++)
        acts[i] += (double)bias[i % d_mlp];
}

static void compute_mlp(double *out, pc_twin *t, int layer, const double *stream)
{
    const pc_shape *s = &t->model->shape;
    const int seq = t->run->seq;
    const int64_t n = (int64_t)seq * s->d_mlp;
    double *acts = pc_run_acts(t->run, t->model, layer);
    const int reader = pc_reader_of_mlp(&t->model->components, layer);
    apply_norm(t->normed, input_of(t, reader, stream), t->model, PC_LN2_W, layer, seq);
    mlp_input(acts, t, s->is_gated ? PC_W_GATE : PC_W_IN, s->is_gated ? PC_B_GATE : PC_B_IN, layer);
    pc_ref_activation(acts, acts, n, s->activation);
    if (s->is_gated) {
        mlp_input(t->up, t, PC_W_IN, PC_B_IN, layer);
        for (int64_t i = 0; i < n; i++)
            acts[i] *= t->up[i];
        add_act_bias(acts, t, layer);
    }
    mlp_output(out, acts, t, layer);
    if (s->has_post_norms) apply_norm(out, out, t->model, PC_LN2_POST_W, layer, seq);
}

static void embed(double *out, pc_twin *t, const int32_t *tokens)
{
    const pc_shape *s = &t->model->shape;
    const int64_t d = s->d_model;
    for (int p = 0; p < t->run->seq; p++) {
        const float *token = matrix(t, PC_W_E, 0, tokens[p] * d, d);
        for (int64_t i = 0; i < d; i++)
            out[p * d + i] = (double)token[i] * s->embedding_scale;
        if (s->positions != PC_POSITIONS_LEARNED) continue;
        const float *position = matrix(t, PC_W_POS, 0, p * d, d);
        for (int64_t i = 0; i < d; i++)
            out[p * d + i] += (double)position[i];
    }
}

/* A frozen or sending writer's value, and its activations if it is an MLP. */
static void hold(pc_twin *t, int writer, pc_writer_rule rule)
{
    const pc_wiring *w = t->wiring;
    const pc_model *model = t->model;
    const int64_t d = model->shape.d_model, d_mlp = model->shape.d_mlp;
    const pc_writer *u = &model->components.writers[writer];
    double *out = pc_run_writer(t->run, model, writer);
    for (int p = 0; p < t->run->seq; p++) {
        const bool is_sent = rule == PC_WRITER_SENDS && acts_at(w, p);
        const pc_run *from = is_sent ? w->source : w->base;
        const double *value = pc_run_writer(from, model, writer) + p * d;
        if (is_sent && memcmp(value, pc_run_writer(w->base, model, writer) + p * d,
                              (size_t)d * sizeof *value) != 0)
            t->is_touched = true;
        memcpy(out + p * d, value, (size_t)d * sizeof *out);
        if (u->kind == PC_WRITER_MLP)
            memcpy(pc_run_acts(t->run, model, u->layer) + p * d_mlp,
                   pc_run_acts(from, model, u->layer) + p * d_mlp, (size_t)d_mlp * sizeof *out);
    }
}

static bool is_held(pc_twin *t, int writer)
{
    const pc_writer_rule rule = t->wiring->rules ? t->wiring->rules[writer] : PC_WRITER_FREE;
    if (rule == PC_WRITER_FREE) return false;
    hold(t, writer, rule);
    return true;
}

/* A held MLP's or head's readers are still asked for their inputs when these are recorded. */
static void record_only(pc_twin *t, int reader, const double *stream)
{
    if (t->wiring->record && t->wiring->record[reader]) (void)input_of(t, reader, stream);
}

static void run_heads(pc_twin *t, int layer)
{
    const pc_components *c = &t->model->components;
    apply_norm(t->normed_stream, t->stream, t->model, PC_LN1_W, layer, t->run->seq);
    for (int head = 0; head < t->model->shape.n_heads; head++) {
        const int writer = pc_writer_of_head(c, layer, head);
        if (!is_held(t, writer)) {
            compute_head(pc_run_writer(t->run, t->model, writer), t, layer, head);
            continue;
        }
        for (pc_reader_kind kind = PC_READER_Q; kind <= PC_READER_V; kind++)
            record_only(t, pc_reader_of_head(c, layer, kind, head), t->stream);
    }
}

static void run_mlp(pc_twin *t, int layer, const double *stream)
{
    const int writer = pc_writer_of_mlp(&t->model->components, layer);
    if (is_held(t, writer)) record_only(t, pc_reader_of_mlp(&t->model->components, layer), stream);
    else compute_mlp(pc_run_writer(t->run, t->model, writer), t, layer, stream);
}

static void run_layer(pc_twin *t, int layer)
{
    const pc_shape *s = &t->model->shape;
    const pc_components *c = &t->model->components;
    run_heads(t, layer);
    /* in a parallel block the MLP reads the stream before the heads are added */
    if (s->d_mlp && s->block == PC_BLOCK_PARALLEL) run_mlp(t, layer, t->stream);
    add_heads(t->stream, t, layer, NULL);
    if (s->d_mlp && s->block == PC_BLOCK_SEQUENTIAL) run_mlp(t, layer, t->stream);
    if (s->d_mlp) add_writer(t->stream, t, pc_writer_of_mlp(c, layer), false);
}

bool pc_twin_run(pc_run *out, pc_twin *t, const int32_t *tokens, int seq, const pc_wiring *wiring)
{
    static const pc_wiring plain;
    const size_t bytes = (size_t)seq * (size_t)t->model->shape.d_model * sizeof(double);
    out->seq = seq;
    t->run = out;
    t->wiring = wiring ? wiring : &plain;
    t->is_touched = false;
    assert(!t->wiring->source || t->wiring->source->seq == seq);
    mark_cut_readers(t);
    if (!is_held(t, 0)) embed(pc_run_writer(out, t->model, 0), t, tokens);
    memset(t->stream, 0, bytes);
    add_writer(t->stream, t, 0, false);
    for (int layer = 0; layer < t->model->shape.n_layers; layer++)
        run_layer(t, layer);
    const int reader = pc_reader_of_logits(&t->model->components);
    memcpy(t->final, input_of(t, reader, t->stream), bytes);
    return t->is_touched;
}

void pc_twin_logits(double *logits, pc_twin *t, int position)
{
    const pc_shape *s = &t->model->shape;
    const int64_t d = s->d_model;
    const int64_t together = t->model->weights.has_16_bits ? LOGITS_TOGETHER : s->vocab_out;
    const float *bias = pc_model_vector(t->model, PC_B_U, 0);
    apply_norm(t->normed, t->final + (int64_t)position * d, t->model, PC_LN_FINAL_W, 0, 1);
    for (int64_t v = 0; v < s->vocab_out; v += together) {
        const int64_t n = s->vocab_out - v < together ? s->vocab_out - v : together;
        pc_ref_linear_rows(logits + v, t->normed, matrix(t, PC_W_U, 0, v * d, n * d),
                           bias ? bias + v : NULL, 1, d, n);
    }
    for (int64_t v = 0; s->logit_softcap > 0 && v < s->vocab_out; v++)
        logits[v] = s->logit_softcap * tanh(logits[v] / s->logit_softcap);
}
