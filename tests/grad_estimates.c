/* Estimates are derivatives of exact effects: of the twin's metric, in double, in a factor on what
 * is cut. */
#include "support/golden.h"

#include "grad/estimate.h"
#include "patch/metric.h"
#include "patch/twin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The twin, and how a prompt's metric answers when what is cut has `step` of the way to the source
 * more than in the base. */
typedef struct oracle {
    const pc_model *model;
    const pc_prompt *pair;
    pc_metric metric;
    pc_twin *twin;
    pc_run base, source, scaled, now;
    double at;         /* the base's input lies so far between base and source */
    double *logits;    /* (vocab) */
    double *reference; /* (targets, vocab) */
    uint8_t *is_cut;   /* (n_edges) */
} oracle;

static oracle oracle_open(const pc_model *model, pc_metric metric)
{
    oracle o = {.model = model, .metric = metric};
    const int longest = 64;
    cr_assert_eq(pc_twin_new(&o.twin, model, longest), PC_OK);
    cr_assert_eq(pc_run_new(&o.base, model, longest), PC_OK);
    cr_assert_eq(pc_run_new(&o.source, model, longest), PC_OK);
    cr_assert_eq(pc_run_new(&o.scaled, model, longest), PC_OK);
    cr_assert_eq(pc_run_new(&o.now, model, longest), PC_OK);
    o.logits = calloc((size_t)model->shape.vocab_out, sizeof *o.logits);
    o.reference = calloc(64 * (size_t)model->shape.vocab_out, sizeof *o.reference);
    o.is_cut = calloc((size_t)model->components.n_edges, 1);
    return o;
}

static void oracle_free(oracle *o)
{
    free(o->is_cut);
    free(o->reference);
    free(o->logits);
    pc_run_free(&o->now);
    pc_run_free(&o->scaled);
    pc_run_free(&o->source);
    pc_run_free(&o->base);
    pc_twin_free(o->twin);
}

static void refer(oracle *o)
{
    const int64_t vocab = o->model->shape.vocab_out;
    for (int t = 0; t < o->pair->n_targets; t++) {
        pc_twin_logits(o->logits, o->twin, o->pair->targets[t].position);
        pc_log_softmax(o->reference + t * vocab, o->logits, vocab);
    }
}

static double metric_now(oracle *o)
{
    const int64_t vocab = o->model->shape.vocab_out;
    double sum = 0;
    for (int t = 0; t < o->pair->n_targets; t++) {
        pc_twin_logits(o->logits, o->twin, o->pair->targets[t].position);
        sum += pc_metric_at(o->metric, o->logits, o->reference + t * vocab, vocab,
                            &o->pair->targets[t]);
    }
    return sum / o->pair->n_targets;
}

static size_t n_writer_values(const oracle *o)
{
    return (size_t)o->model->components.n_writers * (size_t)o->pair->n_tokens *
           (size_t)o->model->shape.d_model;
}

static size_t n_acts(const oracle *o)
{
    return (size_t)o->model->shape.n_layers * (size_t)o->pair->n_tokens *
           (size_t)o->model->shape.d_mlp;
}

static void cut_input(oracle *o, uint8_t is_cut)
{
    for (int reader = 0; reader < o->model->components.n_readers; reader++)
        o->is_cut[o->model->components.readers[reader].first_edge] = is_cut;
}

/* What writers change, c_u: source less base, however far the gradients' run is from the base. */
static double *changes, *act_changes;

/* o->now = the run whose input lies `at` between base and source; then it is the base. */
static void move_base(oracle *o)
{
    const int64_t n = o->pair->n_tokens * (int64_t)o->model->shape.d_model;
    const pc_wiring wiring = {.base = &o->base, .source = &o->scaled, .is_cut = o->is_cut};
    if (o->at == 0) return;
    o->scaled.seq = o->pair->n_tokens;
    for (int64_t i = 0; i < n; i++)
        o->scaled.writers[i] = o->base.writers[i] + o->at * changes[i];
    cut_input(o, 1);
    (void)pc_twin_run(&o->now, o->twin, o->pair->clean, o->pair->n_tokens, &wiring);
    memcpy(o->base.writers, o->now.writers, n_writer_values(o) * sizeof *changes);
    memcpy(o->base.writers, o->scaled.writers, (size_t)n * sizeof *changes); /* as it is seen */
    memcpy(o->base.acts, o->now.acts, n_acts(o) * sizeof *changes);
}

static void prepare(oracle *o, const pc_prompt *pair, pc_source source)
{
    o->pair = pair;
    cut_input(o, 0);
    (void)pc_twin_run(&o->source, o->twin, pair->corrupted, pair->n_tokens, NULL);
    (void)pc_twin_run(&o->base, o->twin, pair->clean, pair->n_tokens, NULL);
    refer(o);
    for (size_t i = 0; i < n_writer_values(o); i++)
        changes[i] = (source == PC_SOURCE_ZERO ? 0 : o->source.writers[i]) - o->base.writers[i];
    for (size_t i = 0; i < n_acts(o); i++)
        act_changes[i] = (source == PC_SOURCE_ZERO ? 0 : o->source.acts[i]) - o->base.acts[i];
    move_base(o);
}

static double metric_scaled(oracle *o, const pc_wiring *wiring, double step)
{
    o->scaled.seq = o->pair->n_tokens;
    for (size_t i = 0; i < n_writer_values(o); i++)
        o->scaled.writers[i] = o->base.writers[i] + step * changes[i];
    for (size_t i = 0; i < n_acts(o); i++)
        o->scaled.acts[i] = o->base.acts[i] + step * act_changes[i];
    if (o->at != 0) /* the input's edges are cut, and stay where they are */
        memcpy(o->scaled.writers, o->base.writers,
               (size_t)o->pair->n_tokens * (size_t)o->model->shape.d_model * sizeof *changes);
    (void)pc_twin_run(&o->now, o->twin, o->pair->clean, o->pair->n_tokens, wiring);
    return metric_now(o);
}

/* To the fourth order in the step. */
static double slope(oracle *o, const pc_wiring *wiring)
{
    const double h = 1e-5; /* short of the kinks of ReLU */
    const double near = metric_scaled(o, wiring, h) - metric_scaled(o, wiring, -h);
    const double far = metric_scaled(o, wiring, 2 * h) - metric_scaled(o, wiring, -2 * h);
    return (8 * near - far) / (12 * h);
}

static double slope_of_edge(oracle *o, int64_t edge)
{
    const pc_wiring wiring = {.base = &o->base, .source = &o->scaled, .is_cut = o->is_cut};
    o->is_cut[edge] = 1;
    const double found = slope(o, &wiring);
    o->is_cut[edge] = 0;
    return found;
}

static double slope_of_writer(oracle *o, int writer)
{
    const pc_components *c = &o->model->components;
    const pc_wiring wiring = {.base = &o->base, .source = &o->scaled, .is_cut = o->is_cut};
    for (int r = 0; r < c->n_readers; r++)
        if (writer < c->readers[r].n_visible) o->is_cut[c->readers[r].first_edge + writer] = 1;
    const double found = slope(o, &wiring);
    memset(o->is_cut, 0, (size_t)c->n_edges);
    return found;
}

static double slope_of_neuron(oracle *o, int64_t neuron)
{
    const pc_components *c = &o->model->components;
    const int d_mlp = o->model->shape.d_mlp;
    const pc_place place = {.kind = PC_PLACE_EDGES,
                            .writer = pc_writer_of_mlp(c, (int)(neuron / d_mlp)),
                            .neuron = (int)(neuron % d_mlp),
                            .reader = -1};
    const pc_wiring wiring = {
        .base = &o->base, .source = &o->scaled, .neurons = &place, .n_neurons = 1};
    return slope(o, &wiring);
}

/* ---- comparing ---- */

typedef struct setting {
    pc_grad_scores what;
    pc_metric metric;
    pc_source source;
    double at;
    pc_kv_granularity granularity;
} setting;

static double slope_of(oracle *o, pc_grad_scores what, int64_t i)
{
    return what == PC_GRAD_EDGES     ? slope_of_edge(o, i)
           : what == PC_GRAD_WRITERS ? slope_of_writer(o, (int)i)
                                     : slope_of_neuron(o, i);
}

/* On a run between base and source the input's edges are how the oracle gets there. */
static bool is_asked(const setting *s, const pc_model *model, int64_t edge)
{
    int writer, reader;
    if (s->at == 0 || s->what != PC_GRAD_EDGES) return true;
    pc_edge_ends(&writer, &reader, &model->components, edge);
    return writer != 0;
}

/* Float32's runs and gradients beside differences in double: 2e-5 of the largest. */
static void compare(const char *name, const setting *s, const pc_model *model, const pc_task *task,
                    const pc_estimates *found)
{
    const int64_t stride = found->n > 300 ? found->n / 150 : 1;
    const int n_prompts = pc_task_n(task);
    double *expected = calloc((size_t)found->n, sizeof *expected), most = 0;
    oracle o = oracle_open(model, s->metric);
    o.at = s->at;
    changes = calloc((size_t)model->components.n_writers * 64,
                     sizeof *changes * (size_t)model->shape.d_model);
    act_changes = calloc((size_t)model->shape.n_layers * 64 + 1,
                         sizeof *changes * ((size_t)model->shape.d_mlp + 1));
    for (int p = 0; p < n_prompts; p++) {
        prepare(&o, pc_task_prompt(task, p), s->source);
        for (int64_t i = 0; i < found->n; i += stride)
            if (is_asked(s, model, i)) expected[i] += slope_of(&o, s->what, i) / n_prompts;
    }
    for (int64_t i = 0; i < found->n; i += stride)
        most = fmax(most, fabs(expected[i]));
    cr_expect(most > 0, "%s: nothing has a slope", name);
    for (int64_t i = 0; i < found->n; i += stride) {
        if (!is_asked(s, model, i)) continue;
        cr_expect(
            fabs(found->mean[i] - expected[i]) <= 2e-5 * most,
            "%s, %d, metric %d, source %d, at %g: %lld is %.9g, expected %.9g of at most %.3g",
            name, s->what, s->metric, s->source, s->at, (long long)i, found->mean[i], expected[i],
            most);
    }
    free(act_changes);
    free(changes);
    oracle_free(&o);
    free(expected);
}

static void check(const char *name, const setting *s)
{
    pc_model *model = golden_open(name);
    json_t *golden = golden_read(name);
    if (s->granularity == PC_KV_PER_QUERY)
        cr_assert_eq(pc_model_set_kv_granularity(model, s->granularity), PC_OK);
    pc_task *task = golden_task(golden, model);
    pc_evaluator_options evaluation = PC_EVALUATOR_OPTIONS_INIT;
    evaluation.metric = s->metric;
    evaluation.source = s->source;
    evaluation.n_threads = 2;
    const pc_grad_point point = {PC_HELD_INPUT, -1, s->at, 1, -1};
    const pc_estimate_options options = {
        .evaluation = &evaluation, .what = s->what, .points = &point, .n_points = 1};
    pc_estimates found = {0};
    const bool has_any = s->what != PC_GRAD_NEURONS || model->shape.d_mlp > 0;
    if (has_any) {
        cr_assert_eq(pc_estimate(&found, NULL, model, task, &options), PC_OK, "%s: %s", name,
                     pc_last_error());
        compare(name, s, model, task, &found);
    }
    pc_estimates_free(&found);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
}

static void check_all(const setting *s)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        check(golden_models[i], s);
}

Test(grad_estimates, an_edges_estimate_is_its_effects_slope)
{
    check_all(&(setting){PC_GRAD_EDGES, PC_METRIC_LOGIT_DIFF, PC_SOURCE_RESAMPLE, 0, 0});
}

Test(grad_estimates, so_where_each_query_head_has_keys_of_its_own)
{
    check_all(
        &(setting){PC_GRAD_EDGES, PC_METRIC_LOGIT_DIFF, PC_SOURCE_RESAMPLE, 0, PC_KV_PER_QUERY});
}

Test(grad_estimates, so_on_a_run_between_base_and_source)
{
    check_all(&(setting){PC_GRAD_EDGES, PC_METRIC_LOG_PROB, PC_SOURCE_RESAMPLE, 0.4, 0});
    check_all(&(setting){PC_GRAD_EDGES, PC_METRIC_KL, PC_SOURCE_RESAMPLE, 1, 0});
}

Test(grad_estimates, so_for_the_other_metrics)
{
    check_all(&(setting){PC_GRAD_EDGES, PC_METRIC_PROB_DIFF, PC_SOURCE_RESAMPLE, 0, 0});
    check_all(&(setting){PC_GRAD_WRITERS, PC_METRIC_LOSS, PC_SOURCE_RESAMPLE, 0, 0});
    check_all(&(setting){PC_GRAD_WRITERS, PC_METRIC_LOGIT, PC_SOURCE_RESAMPLE, 0, 0});
}

Test(grad_estimates, so_when_zeros_are_put_in)
{
    check_all(&(setting){PC_GRAD_EDGES, PC_METRIC_LOGIT_DIFF, PC_SOURCE_ZERO, 0, 0});
    check_all(&(setting){PC_GRAD_NEURONS, PC_METRIC_LOGIT_DIFF, PC_SOURCE_ZERO, 0, 0});
}

Test(grad_estimates, a_writers_and_a_neurons_too)
{
    check_all(&(setting){PC_GRAD_WRITERS, PC_METRIC_LOGIT_DIFF, PC_SOURCE_RESAMPLE, 0, 0});
    check_all(&(setting){PC_GRAD_NEURONS, PC_METRIC_LOGIT_DIFF, PC_SOURCE_RESAMPLE, 0, 0});
}
