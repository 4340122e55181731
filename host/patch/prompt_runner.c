/* One worker's measurements: from an intervention to the twin's wiring to a metric. */
#include "patch/prompt_runner.h"

#include "base/memory.h"
#include "patch/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pc_prompt_runner {
    const pc_model *model;
    const pc_task *task;
    const pc_evaluator_options *options;
    const pc_means *means;
    pc_twin *twin;
    pc_run base, source, now;
    double *logits;    /* (vocab_out) */
    double *reference; /* (n_targets of the longest list, vocab_out) clean log-probabilities */
    int most_targets;
    /* wiring */
    uint8_t *is_cut;    /* (n_edges) */
    uint8_t *is_cut_at; /* (longest) */
    pc_place *neurons;  /* grown as needed */
    size_t neuron_capacity;
    pc_writer_rule *rules;    /* (n_writers) */
    double **inputs;          /* (n_readers) */
    uint8_t *is_pattern_cut;  /* (n_layers, n_heads) */
    double *source_patterns;  /* (n_layers, n_heads, longest, longest), made when first asked for */
    bool has_source_patterns; /* of this prompt */
    int prompt;
};

static pc_status allocate(pc_prompt_runner *r)
{
    const pc_components *c = &r->model->components;
    const int longest = pc_task_longest(r->task);
    const size_t vocab = (size_t)r->model->shape.vocab_out;
    r->most_targets = 1;
    for (int i = 0; i < pc_task_n(r->task); i++)
        if (pc_task_prompt(r->task, i)->n_targets > r->most_targets)
            r->most_targets = pc_task_prompt(r->task, i)->n_targets;
    PC_TRY(pc_twin_new(&r->twin, r->model, longest));
    PC_TRY(pc_run_new(&r->base, r->model, longest));
    PC_TRY(pc_run_new(&r->source, r->model, longest));
    PC_TRY(pc_run_new(&r->now, r->model, longest));
    if (!(r->logits = pc_alloc(vocab, sizeof *r->logits))) return PC_ERR_NOMEM;
    if (r->options->metric == PC_METRIC_KL &&
        !(r->reference = pc_alloc((size_t)r->most_targets * vocab, sizeof *r->reference)))
        return PC_ERR_NOMEM;
    r->is_cut = pc_alloc((size_t)c->n_edges, 1);
    r->is_cut_at = pc_alloc((size_t)longest, 1);
    r->rules = pc_alloc((size_t)c->n_writers, sizeof *r->rules);
    r->inputs = pc_alloc((size_t)c->n_readers, sizeof *r->inputs);
    r->is_pattern_cut = pc_alloc((size_t)(c->n_layers * c->n_heads), 1);
    return r->is_cut && r->is_cut_at && r->rules && r->inputs && r->is_pattern_cut ? PC_OK
                                                                                   : PC_ERR_NOMEM;
}

int64_t pc_prompt_runner_bytes(const pc_model *model, int longest)
{
    const pc_shape *s = &model->shape;
    const pc_components *c = &model->components;
    const int64_t token = (int64_t)c->n_writers * s->d_model + (int64_t)s->n_layers * s->d_mlp;
    return 3 * (int64_t)sizeof(double) * longest * token + (int64_t)c->n_edges +
           (int64_t)sizeof(double) * s->vocab_out;
}

pc_status pc_prompt_runner_new(pc_prompt_runner **out, const pc_model *model, const pc_task *task,
                               const pc_evaluator_options *options, const pc_means *means)
{
    *out = NULL;
    pc_prompt_runner *r = pc_alloc(1, sizeof *r);
    if (!r) return PC_ERR_NOMEM;
    r->model = model;
    r->task = task;
    r->options = options;
    r->means = means;
    pc_status status = allocate(r);
    if (status == PC_OK) *out = r;
    else pc_prompt_runner_free(r);
    return status;
}

void pc_prompt_runner_free(pc_prompt_runner *r)
{
    if (!r) return;
    free(r->source_patterns);
    free(r->is_pattern_cut);
    free(r->inputs);
    free(r->rules);
    free(r->neurons);
    free(r->is_cut_at);
    free(r->is_cut);
    free(r->reference);
    free(r->logits);
    pc_run_free(&r->now);
    pc_run_free(&r->source);
    pc_run_free(&r->base);
    pc_twin_free(r->twin);
    free(r);
}

/* ---- metrics of the last run ---- */

/* P6: a number that is not finite is located, never ranked. */
static pc_status fail_not_finite(const pc_prompt_runner *r, const pc_run *run)
{
    const pc_components *c = &r->model->components;
    const int64_t d = r->model->shape.d_model;
    for (int u = 0; u < c->n_writers; u++) {
        const double *values = pc_run_writer(run, r->model, u);
        char layer[32] = ""; /* the input has none */
        if (c->writers[u].layer >= 0)
            snprintf(layer, sizeof layer, " (layer %d)", c->writers[u].layer);
        for (int64_t i = 0; i < run->seq * d; i++)
            if (!isfinite(values[i]))
                return pc_fail(PC_ERR_INPUT,
                               "prompt %d: %s%s wrote %g at position %lld, expected finite numbers",
                               r->prompt, c->writers[u].name, layer, values[i], (long long)(i / d));
    }
    return pc_fail(PC_ERR_INPUT, "prompt %d: the %s is not a finite number", r->prompt,
                   pc_metric_name(r->options->metric));
}

static pc_status metric_of_run(double *out, pc_prompt_runner *r, const pc_run *run)
{
    const pc_prompt *prompt = pc_task_prompt(r->task, r->prompt);
    const int64_t vocab = r->model->shape.vocab_out;
    double sum = 0;
    for (int i = 0; i < prompt->n_targets; i++) {
        const double *reference = r->reference ? r->reference + i * vocab : NULL;
        pc_twin_logits(r->logits, r->twin, prompt->targets[i].position);
        sum += pc_metric_at(r->options->metric, r->logits, reference, vocab, &prompt->targets[i]);
    }
    *out = sum / prompt->n_targets;
    return isfinite(*out) ? PC_OK : fail_not_finite(r, run);
}

/* The clean run's log-probabilities at every target: what the KL is measured against. */
static void keep_reference(pc_prompt_runner *r)
{
    const pc_prompt *prompt = pc_task_prompt(r->task, r->prompt);
    const int64_t vocab = r->model->shape.vocab_out;
    for (int i = 0; r->reference && i < prompt->n_targets; i++) {
        pc_twin_logits(r->logits, r->twin, prompt->targets[i].position);
        pc_log_softmax(r->reference + i * vocab, r->logits, vocab);
    }
}

static void run_plain(pc_prompt_runner *r, pc_run *out, const int32_t *tokens)
{
    (void)pc_twin_run(out, r->twin, tokens, pc_task_prompt(r->task, r->prompt)->n_tokens, NULL);
}

pc_status pc_prompt_runner_baseline(double *clean, double *corrupted, pc_prompt_runner *r,
                                    int prompt)
{
    const pc_prompt *pair = pc_task_prompt(r->task, prompt);
    r->prompt = prompt;
    run_plain(r, &r->now, pair->clean);
    keep_reference(r);
    PC_TRY(metric_of_run(clean, r, &r->now));
    run_plain(r, &r->now, pair->corrupted);
    return metric_of_run(corrupted, r, &r->now);
}

/* ---- base and source ---- */

static void fill_from_means(pc_run *out, const pc_prompt_runner *r)
{
    const pc_means *m = r->means;
    const int64_t d = r->model->shape.d_model, d_mlp = r->model->shape.d_mlp;
    for (int u = 0; u < r->model->components.n_writers; u++)
        for (int p = 0; p < out->seq; p++) {
            const int at = m->n_positions == 1 ? 0 : p;
            memcpy(pc_run_writer(out, r->model, u) + p * d,
                   m->writers + ((int64_t)u * m->n_positions + at) * d, (size_t)d * sizeof(double));
        }
    for (int layer = 0; d_mlp && layer < r->model->shape.n_layers; layer++)
        for (int p = 0; p < out->seq; p++) {
            const int at = m->n_positions == 1 ? 0 : p;
            memcpy(pc_run_acts(out, r->model, layer) + p * d_mlp,
                   m->acts + ((int64_t)layer * m->n_positions + at) * d_mlp,
                   (size_t)d_mlp * sizeof(double));
        }
}

static void fill_zero(pc_run *out, const pc_model *model)
{
    const size_t seq = (size_t)out->seq;
    memset(out->writers, 0,
           (size_t)model->components.n_writers * seq * (size_t)model->shape.d_model *
               sizeof(double));
    memset(out->acts, 0,
           (size_t)model->shape.n_layers * seq * (size_t)model->shape.d_mlp * sizeof(double));
}

pc_status pc_prompt_runner_prepare(pc_prompt_runner *r, int prompt)
{
    const pc_prompt *pair = pc_task_prompt(r->task, prompt);
    const bool is_denoising = r->options->direction == PC_DIRECTION_DENOISE;
    r->prompt = prompt;
    r->has_source_patterns = false;
    r->source.seq = pair->n_tokens;
    run_plain(r, is_denoising ? &r->source : &r->base, pair->clean);
    keep_reference(r);
    switch (r->options->source) {
    case PC_SOURCE_RESAMPLE:
        run_plain(r, is_denoising ? &r->base : &r->source, pair->corrupted);
        break;
    case PC_SOURCE_ZERO:
        fill_zero(&r->source, r->model);
        break;
    case PC_SOURCE_MEAN:
    case PC_SOURCE_MEAN_POSITIONAL:
        fill_from_means(&r->source, r);
        break;
    }
    return PC_OK;
}

static void add_rows(double *to, const double *from, int64_t width)
{
    for (int64_t i = 0; i < width; i++)
        to[i] += from[i];
}

static void add_position(pc_means *m, const pc_prompt_runner *r, int p, int at)
{
    const int64_t d = r->model->shape.d_model, d_mlp = r->model->shape.d_mlp;
    for (int u = 0; u < r->model->components.n_writers; u++)
        add_rows(m->writers + ((int64_t)u * m->n_positions + at) * d,
                 pc_run_writer(&r->now, r->model, u) + p * d, d);
    for (int layer = 0; d_mlp && layer < r->model->shape.n_layers; layer++)
        add_rows(m->acts + ((int64_t)layer * m->n_positions + at) * d_mlp,
                 pc_run_acts(&r->now, r->model, layer) + p * d_mlp, d_mlp);
}

pc_status pc_prompt_runner_add_to_means(pc_means *means, int64_t *counts, pc_prompt_runner *r,
                                        int prompt)
{
    const pc_prompt *pair = pc_task_prompt(r->task, prompt);
    const bool is_positional = means->n_positions > 1;
    r->prompt = prompt;
    run_plain(r, &r->now, pair->clean);
    for (int p = 0; p < pair->n_tokens; p++) {
        const int at = is_positional ? p : 0;
        if (!is_positional && p == 0 && pair->clean[0] == pc_task_bos(r->task)) continue;
        add_position(means, r, p, at);
        counts[at]++;
    }
    return PC_OK;
}

/* ---- interventions ---- */

static pc_status mark_positions(pc_prompt_runner *r, const pc_intervention *x, int seq)
{
    memset(r->is_cut_at, 0, (size_t)seq);
    for (int i = 0; i < x->n_positions; i++) {
        pc_span span;
        PC_TRY(pc_position_find(&span, &x->positions[i], r->task, r->prompt));
        memset(r->is_cut_at + span.first, 1, (size_t)(span.last - span.first + 1));
    }
    return PC_OK;
}

static pc_status mark_cuts(pc_wiring *w, pc_prompt_runner *r, const pc_intervention *x)
{
    pc_place *neurons = pc_grow(r->neurons, &r->neuron_capacity, x->n_cuts + 1, sizeof *neurons);
    if (!neurons) return PC_ERR_NOMEM;
    r->neurons = neurons;
    w->n_neurons = 0;
    for (size_t i = 0; i < x->n_cuts; i++)
        if (x->cuts[i].neuron >= 0) r->neurons[w->n_neurons++] = x->cuts[i];
    pc_intervention_mark_edges(r->is_cut, x, &r->model->components);
    w->is_cut = r->is_cut;
    w->neurons = r->neurons;
    return PC_OK;
}

static const int32_t *source_tokens(const pc_prompt_runner *r)
{
    const pc_prompt *pair = pc_task_prompt(r->task, r->prompt);
    return r->options->direction == PC_DIRECTION_DENOISE ? pair->clean : pair->corrupted;
}

/* The source run once more, for its patterns: few interventions need them, and they are large. */
static pc_status find_source_patterns(pc_prompt_runner *r)
{
    const pc_components *c = &r->model->components;
    const size_t longest = (size_t)pc_task_longest(r->task);
    if (r->has_source_patterns) return PC_OK;
    if (!r->source_patterns)
        r->source_patterns = pc_alloc((size_t)(c->n_layers * c->n_heads) * longest,
                                      longest * sizeof *r->source_patterns);
    if (!r->source_patterns) return PC_ERR_NOMEM;
    const pc_wiring recording = {.patterns = r->source_patterns};
    (void)pc_twin_run(&r->now, r->twin, source_tokens(r), r->base.seq, &recording);
    r->has_source_patterns = true;
    return PC_OK;
}

static pc_status mark_patterns(pc_wiring *w, pc_prompt_runner *r, const pc_intervention *x)
{
    const pc_components *c = &r->model->components;
    memset(r->is_pattern_cut, 0, (size_t)(c->n_layers * c->n_heads));
    for (size_t i = 0; i < x->n_cuts; i++) {
        if (x->cuts[i].kind != PC_PLACE_PATTERN) continue;
        const pc_writer *head = &c->writers[x->cuts[i].writer];
        r->is_pattern_cut[head->layer * c->n_heads + head->head] = 1;
        w->is_pattern_cut = r->is_pattern_cut;
    }
    if (!w->is_pattern_cut) return PC_OK;
    PC_TRY(find_source_patterns(r));
    w->source_patterns = r->source_patterns;
    return PC_OK;
}

static const int32_t *base_tokens(const pc_prompt_runner *r)
{
    const pc_prompt *pair = pc_task_prompt(r->task, r->prompt);
    return r->options->direction == PC_DIRECTION_DENOISE ? pair->corrupted : pair->clean;
}

static bool run_wired(pc_prompt_runner *r, const pc_wiring *wiring)
{
    return pc_twin_run(&r->now, r->twin, base_tokens(r), r->base.seq, wiring);
}

static void set_rules(pc_prompt_runner *r, const int *writers, int n, pc_writer_rule rule)
{
    for (int i = 0; i < n; i++)
        r->rules[writers[i]] = rule;
}

/* Inputs of readers that are kept from one phase to the next, each (seq, d_model). */
typedef struct kept_inputs {
    double *given, *taken; /* (n_readers, seq, d_model), of this phase and of the next */
    double **record;       /* (n_readers) */
} kept_inputs;

/* Who has which value in phase 1: the input and the heads are held, MLPs as asked. */
static void set_first_rules(pc_prompt_runner *r, const pc_intervention *x)
{
    const pc_components *c = &r->model->components;
    for (int u = 0; u < c->n_writers; u++) {
        const bool is_free = x->path.has_free_mlps && c->writers[u].kind == PC_WRITER_MLP;
        r->rules[u] = is_free ? PC_WRITER_FREE : PC_WRITER_FROZEN;
    }
}

/* Writers that a stop's readers belong to. */
static void set_stop_rule(pc_prompt_runner *r, const pc_stop *stop, pc_writer_rule rule)
{
    for (int i = 0; i < stop->n; i++) {
        int first, end;
        pc_reader_owners(&first, &end, &r->model->components, stop->readers[i]);
        for (int u = first; u < end; u++)
            r->rules[u] = rule;
    }
}

static void keep_inputs_of(kept_inputs *kept, const pc_prompt_runner *r, const int *readers, int n)
{
    const int64_t size = (int64_t)r->base.seq * r->model->shape.d_model;
    memset(kept->record, 0, (size_t)r->model->components.n_readers * sizeof *kept->record);
    for (int i = 0; i < n; i++)
        kept->record[readers[i]] = kept->taken + readers[i] * size;
}

/* The readers of step i's end: the next stop, or the receivers. */
static void keep_next(kept_inputs *kept, const pc_prompt_runner *r, const pc_path *path, int i)
{
    if (i < path->n_via) keep_inputs_of(kept, r, path->via[i].readers, path->via[i].n);
    else keep_inputs_of(kept, r, path->receivers, path->n_receivers);
}

/* What was kept becomes what is seen by those readers. */
static void give(kept_inputs *kept, pc_prompt_runner *r, const int *readers, int n)
{
    const int64_t size = (int64_t)r->base.seq * r->model->shape.d_model;
    double *given = kept->taken;
    kept->taken = kept->given;
    kept->given = given;
    for (int i = 0; i < n; i++)
        r->inputs[readers[i]] = given + readers[i] * size;
}

/* The readers of a stop's components see what the base run's do. */
static void give_base(kept_inputs *kept, pc_prompt_runner *r, pc_wiring wiring, const pc_stop *stop)
{
    const pc_components *c = &r->model->components;
    const int64_t size = (int64_t)r->base.seq * r->model->shape.d_model;
    memset(r->inputs, 0, (size_t)c->n_readers * sizeof *r->inputs);
    for (int u = 0; u < c->n_writers; u++)
        r->rules[u] = PC_WRITER_FROZEN;
    set_stop_rule(r, stop, PC_WRITER_FREE);
    for (int reader = 0; reader < c->n_readers; reader++) {
        int first, end;
        pc_reader_owners(&first, &end, c, reader);
        for (int u = first; u < end; u++)
            if (r->rules[u] == PC_WRITER_FREE) r->inputs[reader] = kept->given + reader * size;
    }
    for (int u = 0; u < c->n_writers; u++)
        r->rules[u] = PC_WRITER_FROZEN;
    wiring.record = r->inputs;
    (void)run_wired(r, &wiring);
}

/* Phase 1 from the senders: what the first stop, or the receivers, see is kept. */
static bool run_first_phase(kept_inputs *kept, pc_prompt_runner *r, pc_wiring wiring,
                            const pc_intervention *x)
{
    set_first_rules(r, x);
    set_rules(r, x->path.senders, x->path.n_senders, PC_WRITER_SENDS);
    set_rules(r, x->frozen, x->n_frozen, PC_WRITER_FROZEN);
    keep_next(kept, r, &x->path, 0);
    wiring.record = kept->record;
    return run_wired(r, &wiring);
}

/* Phase 1 again, from the components of a stop. */
static void run_next_phase(kept_inputs *kept, pc_prompt_runner *r, pc_wiring wiring,
                           const pc_intervention *x, int i)
{
    const pc_stop *stop = &x->path.via[i];
    double *seen = kept->taken; /* by the stop's readers; the rest see what the base run's do */
    const int64_t size = (int64_t)r->base.seq * r->model->shape.d_model;
    give_base(kept, r, wiring, stop);
    for (int k = 0; k < stop->n; k++)
        memcpy(kept->given + stop->readers[k] * size, seen + stop->readers[k] * size,
               (size_t)size * sizeof *seen);
    set_first_rules(r, x);
    set_rules(r, x->path.senders, x->path.n_senders, PC_WRITER_FROZEN);
    set_stop_rule(r, stop, PC_WRITER_FREE);
    set_rules(r, x->frozen, x->n_frozen, PC_WRITER_FROZEN);
    keep_next(kept, r, &x->path, i + 1);
    wiring.inputs = (const double *const *)r->inputs;
    wiring.record = kept->record;
    (void)run_wired(r, &wiring);
}

/* Phase 2: the receivers see what was kept, everything else flows, the path's own components stay
 * at their base value. */
static void run_last_phase(kept_inputs *kept, pc_prompt_runner *r, pc_wiring wiring,
                           const pc_intervention *x)
{
    const pc_components *c = &r->model->components;
    memset(r->rules, 0, (size_t)c->n_writers * sizeof *r->rules);
    set_rules(r, x->path.senders, x->path.n_senders, PC_WRITER_FROZEN);
    for (int i = 0; i < x->path.n_via; i++)
        set_stop_rule(r, &x->path.via[i], PC_WRITER_FROZEN);
    set_rules(r, x->frozen, x->n_frozen, PC_WRITER_FROZEN);
    memset(r->inputs, 0, (size_t)c->n_readers * sizeof *r->inputs);
    give(kept, r, x->path.receivers, x->path.n_receivers);
    wiring.inputs = (const double *const *)r->inputs;
    (void)run_wired(r, &wiring);
}

static pc_status run_path(bool *is_touched, pc_prompt_runner *r, pc_wiring wiring,
                          const pc_intervention *x)
{
    const pc_components *c = &r->model->components;
    const size_t n = (size_t)c->n_readers * (size_t)r->base.seq;
    const size_t row = (size_t)r->model->shape.d_model * sizeof(double);
    kept_inputs kept = {pc_alloc(n, row), pc_alloc(n, row),
                        pc_alloc((size_t)c->n_readers, sizeof(double *))};
    double *const blocks[] = {kept.given, kept.taken};
    const pc_status status = kept.given && kept.taken && kept.record ? PC_OK : PC_ERR_NOMEM;
    wiring.rules = r->rules;
    if (status == PC_OK) {
        *is_touched = run_first_phase(&kept, r, wiring, x);
        for (int i = 0; i < x->path.n_via; i++)
            run_next_phase(&kept, r, wiring, x, i);
        run_last_phase(&kept, r, wiring, x);
    }
    free(kept.record);
    free(blocks[1]);
    free(blocks[0]);
    return status;
}

pc_status pc_prompt_runner_measure(double *metric, bool *is_touched, pc_prompt_runner *r,
                                   const pc_intervention *x)
{
    pc_wiring wiring = {.base = &r->base, .source = &r->source};
    if (x->needs_resample && r->options->source != PC_SOURCE_RESAMPLE)
        return pc_fail(PC_ERR_INPUT,
                       "q, k, v and patterns are taken from the other run: source must be "
                       "resample, not %s",
                       pc_source_name(r->options->source));
    if (x->n_positions) {
        PC_TRY(mark_positions(r, x, r->base.seq));
        wiring.is_cut_at = r->is_cut_at;
    }
    if (x->path.n_receivers > 0) {
        PC_TRY(run_path(is_touched, r, wiring, x));
    } else {
        PC_TRY(mark_cuts(&wiring, r, x));
        PC_TRY(mark_patterns(&wiring, r, x));
        if (x->n_frozen) {
            memset(r->rules, 0, (size_t)r->model->components.n_writers * sizeof *r->rules);
            set_rules(r, x->frozen, x->n_frozen, PC_WRITER_FROZEN);
            wiring.rules = r->rules;
        }
        *is_touched = run_wired(r, &wiring);
    }
    return metric_of_run(metric, r, &r->now);
}
