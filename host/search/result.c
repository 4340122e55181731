/* Building the circuit of a finished search. */
#include "search/result.h"

#include "base/memory.h"
#include "patchclamp/heads.h"
#include "patchclamp/version.h"
#include "search/estimating.h"
#include "search/profile.h"
#include "search/provenance.h"
#include "search/stability.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A head bears a role's name if at least this share of its attention fits; rows of repeated random
 * tokens that decide it. */
#define LEAST_ROLE_SCORE 0.4
enum { ROLE_ROWS = 8 };

static pc_status set_selection(pc_circuit *circuit, const pc_find_options *o)
{
    switch (o->selection) {
    case PC_SELECT_FAITHFULNESS:
        PC_TRY(pc_circuit_set_option(circuit, "selection", "faithfulness"));
        return pc_circuit_set_option_number(circuit, "faithfulness", o->faithfulness);
    case PC_SELECT_TOP:
        PC_TRY(pc_circuit_set_option(circuit, "selection", "top"));
        return pc_circuit_set_option_number(circuit, "top", (double)o->top);
    case PC_SELECT_THRESHOLD:
        PC_TRY(pc_circuit_set_option(circuit, "selection", "threshold"));
        return pc_circuit_set_option_number(circuit, "threshold", o->threshold);
    }
    return PC_OK;
}

/* Which selection was repeated, if one was. */
static pc_status set_reselection(pc_circuit *circuit, const pc_result *r)
{
    if (!r->effects[0].has_frequency) return PC_OK;
    PC_TRY(pc_circuit_set_option_number(circuit, "bootstraps", PC_BOOTSTRAPS));
    if (r->options->selection == PC_SELECT_THRESHOLD)
        return pc_circuit_set_option_number(circuit, "bootstrap_threshold", r->options->threshold);
    return pc_circuit_set_option_number(circuit, "bootstrap_top", (double)r->choice->n_taken);
}

/* The p-values are corrected for each other: how. */
static pc_status set_correction(pc_circuit *circuit, const pc_result *r)
{
    if (!(r->effects[0].p > 0)) return PC_OK;
    return pc_circuit_set_option(circuit, "p_values",
                                 "familywise over all components: max-T, flips of signs");
}

static pc_status set_acdc(pc_circuit *circuit, const pc_acdc_told *a)
{
    PC_TRY(pc_circuit_set_option_number(circuit, "decided_by_measuring", (double)a->n_measured));
    PC_TRY(pc_circuit_set_option_number(circuit, "unreached", (double)a->n_unreached));
    PC_TRY(pc_circuit_set_option_number(circuit, "measured_in_vain", (double)a->n_in_vain));
    return pc_circuit_set_option_number(circuit, "decided_in_double", (double)a->n_in_double);
}

static pc_status set_ig(pc_circuit *circuit, const char *method, const pc_find_options *o)
{
    const pc_ig_rule rule = pc_estimating_ig_rule(method, o);
    if (rule == PC_IG_DEFAULT) return PC_OK;
    PC_TRY(pc_circuit_set_option_number(circuit, "ig_steps", o->ig_steps));
    return pc_circuit_set_option(circuit, "ig_rule", pc_ig_rule_name(rule));
}

static pc_status set_greedy(pc_circuit *circuit, const pc_greedy_told *g, int64_t batch)
{
    PC_TRY(pc_circuit_set_option_number(circuit, "candidates", (double)batch));
    PC_TRY(pc_circuit_set_option_number(circuit, "removed_by_measuring", (double)g->n_removed));
    return pc_circuit_set_option_number(circuit, "unreached", (double)g->n_unreached);
}

/* How estimates came about. */
static pc_status set_estimate(pc_circuit *circuit, const pc_result *r)
{
    const pc_find_options *o = r->options;
    const bool is_hybrid = strcmp(o->method, "hybrid") == 0;
    const char *method = is_hybrid ? o->estimate : o->method;
    if (!pc_is_estimate(method)) return PC_OK;
    if (!is_hybrid) PC_TRY(pc_circuit_set_option(circuit, "effects", "estimate"));
    if (is_hybrid) {
        PC_TRY(pc_circuit_set_option(circuit, "estimate", o->estimate));
        PC_TRY(pc_circuit_set_option_number(circuit, "candidates",
                                            (double)pc_hybrid_candidates(o, r->candidates->n)));
    }
    return set_ig(circuit, method, o);
}

/* The choices in which tools differ (DESIGN.md, section 8) are written down with every result. */
static pc_status set_options(pc_circuit *circuit, const pc_result *r)
{
    const pc_evaluator_options *e = &r->options->evaluation;
    const struct {
        const char *key, *value;
    } pairs[] = {
        {"level", pc_level_name(r->options->level)},
        {"method", r->options->method},
        {"source", pc_source_name(e->source)},
        {"direction", pc_direction_name(e->direction)},
        {"metric", pc_metric_name(e->metric)},
        {"profile", r->options->profile},
        {"engine", pc_engine_name(e->engine)},
        {"precision", pc_provenance_precision(e)},
        {"embedding_node", pc_embedding_node(r->options)},
        {"kv_granularity", pc_kv_granularity_name(r->model->info.kv_granularity)},
        {"kl_reduction",
         e->kl == PC_KL_MEAN ? "mean over the vocabulary" : "sum over the vocabulary"},
        {"metric_sense", e->sense == PC_SENSE_LOSS ? "as a loss" : "as it is"},
        {"ranking", r->options->ranking == PC_RANK_SIGNED ? "signed" : "absolute"},
        {"pruning", r->options->pruning == PC_PRUNE_NOTHING ? "none" : "dangling edges"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        PC_TRY(pc_circuit_set_option(circuit, pairs[i].key, pairs[i].value));
    PC_TRY(pc_provenance_set_device(circuit, e));
    if (r->refinement) {
        PC_TRY(pc_circuit_set_option_number(circuit, "measured_again", (double)r->refinement->n));
        PC_TRY(pc_circuit_set_option_number(circuit, "margin", r->refinement->margin));
    }
    if (r->acdc) PC_TRY(set_acdc(circuit, r->acdc));
    if (r->greedy) PC_TRY(set_greedy(circuit, r->greedy, pc_greedy_batch(r->options)));
    PC_TRY(set_estimate(circuit, r));
    if (strcmp(r->options->method, "racing") == 0)
        PC_TRY(pc_circuit_set_option_number(circuit, "confidence", r->options->confidence));
    PC_TRY(set_selection(circuit, r->options));
    PC_TRY(set_correction(circuit, r));
    return set_reselection(circuit, r);
}

/* What is not a number is not known. */
static pc_status set_number(pc_circuit *circuit, const char *split, const char *name, double value)
{
    char key[64];
    if (isnan(value)) return PC_OK;
    snprintf(key, sizeof key, "%.40s%s%s", split, *split ? "_" : "", name);
    return pc_circuit_set_evaluation(circuit, key, value);
}

/* Names begin with the split, which may be "". */
static pc_status set_faithfulness(pc_circuit *circuit, const char *split, const pc_held_out *h)
{
    if (!h->is_defined) return PC_OK;
    PC_TRY(set_number(circuit, split, "faithfulness", h->faithfulness));
    PC_TRY(set_number(circuit, split, "low", h->low));
    return set_number(circuit, split, "high", h->high);
}

static pc_status set_held_out(pc_circuit *circuit, const pc_held_out *h)
{
    const bool is_noise = h->scale.direction == PC_DIRECTION_NOISE;
    PC_TRY(set_faithfulness(circuit, h->split, h));
    PC_TRY(set_number(circuit, h->split, "circuit", h->metric.mean));
    PC_TRY(set_number(circuit, h->split, "clean", h->scale.clean));
    PC_TRY(set_number(circuit, h->split, "corrupted", h->scale.corrupted));
    PC_TRY(set_number(circuit, h->split, "empty", is_noise ? h->scale.zero : h->scale.one));
    return set_number(circuit, h->split, "n", h->scale.n_prompts);
}

static pc_status set_evaluation(pc_circuit *circuit, const pc_result *r)
{
    int64_t n_kept = 0;
    for (int64_t i = 0; i < r->candidates->n; i++)
        n_kept += r->choice->kept[i];
    PC_TRY(set_faithfulness(circuit, "", r->own));
    PC_TRY(pc_circuit_set_evaluation(circuit, "clean", r->scale->clean));
    PC_TRY(pc_circuit_set_evaluation(circuit, "corrupted", r->scale->corrupted));
    PC_TRY(pc_circuit_set_evaluation(circuit, "circuit", r->choice->metric.mean));
    PC_TRY(pc_circuit_set_evaluation(circuit, "circuit_stderr", r->choice->metric.standard_error));
    PC_TRY(pc_circuit_set_evaluation(circuit, "n", r->scale->n_prompts));
    PC_TRY(pc_circuit_set_evaluation(circuit, "kept", (double)n_kept));
    PC_TRY(pc_circuit_set_evaluation(circuit, "evaluations", (double)r->n_evaluations));
    PC_TRY(pc_circuit_set_evaluation(circuit, "components", (double)r->candidates->n));
    for (int i = 0; i < r->options->n_held_out; i++)
        PC_TRY(set_held_out(circuit, &r->held_out[i]));
    return PC_OK;
}

static pc_status set_check(pc_circuit *circuit, const pc_result *r)
{
    char(*names)[2 * PC_NAME_BYTES + 2];
    const pc_estimate_check *c = r->check;
    if (!c) return PC_OK;
    names = pc_alloc((size_t)c->n, sizeof *names);
    pc_checked_estimate *rows = pc_alloc((size_t)c->n, sizeof *rows);
    pc_status status = names && rows ? PC_OK : PC_ERR_NOMEM;
    for (int64_t i = 0; i < c->n && status == PC_OK; i++) {
        const pc_check_row *from = &c->rows[i];
        pc_candidate_name(names[i], r->candidates, from->index);
        rows[i] = (pc_checked_estimate){names[i], from->estimate, from->effect.mean,
                                        from->effect.standard_error};
    }
    if (status == PC_OK) status = pc_circuit_set_checked(circuit, rows, (size_t)c->n);
    if (status == PC_OK) status = set_number(circuit, "", "check_n", (double)c->n);
    if (status == PC_OK) status = set_number(circuit, "", "check_pearson", c->pearson);
    if (status == PC_OK) status = set_number(circuit, "", "check_spearman", c->spearman);
    if (status == PC_OK) status = set_number(circuit, "", "check_same_sign", c->same_sign);
    free(rows);
    free(names);
    return status;
}

/* ---- nodes and edges ---- */

/* What nodes and edges say of their effect. */
typedef struct said {
    double *effect, *standard_error, *p, *frequency;
    int64_t *n;
    bool *is_measured, *is_untouched, *has_frequency;
} said;

static void set_effect(said to, const pc_effect *from, const pc_result *r)
{
    *to.effect = from->mean;
    *to.standard_error = from->standard_error;
    *to.p = from->p;
    *to.frequency = from->frequency;
    *to.has_frequency = from->has_frequency;
    *to.n = from->n < pc_task_n(r->task) ? from->n : 0;
    *to.is_measured = from->n > 0;
    *to.is_untouched = *to.is_measured && !from->is_touched;
}

static void set_node(pc_circuit_node *node, const pc_effect *from, const pc_result *r)
{
    set_effect((said){&node->effect, &node->stderr_, &node->p, &node->frequency, &node->n,
                      &node->is_measured, &node->is_untouched, &node->has_frequency},
               from, r);
}

/* Which writers a circuit of edges contains: the ends of its edges. */
static void mark_nodes(bool *in_circuit, const pc_result *r)
{
    const pc_components *c = &r->model->components;
    for (int64_t e = 0; e < c->n_edges; e++) {
        if (!r->choice->kept[e]) continue;
        int writer, reader;
        pc_edge_ends(&writer, &reader, c, e);
        in_circuit[writer] = true; /* pruned: what an edge enters, another leaves */
    }
}

static const char *role_of(const pc_head_scores *scores, const pc_components *c, int writer)
{
    const pc_writer *w = &c->writers[writer];
    if (!scores || w->kind != PC_WRITER_HEAD) return NULL;
    return pc_head_role(&scores[w->layer * c->n_heads + w->head], LEAST_ROLE_SCORE);
}

static pc_status add_writers(pc_circuit *circuit, const pc_result *r, const bool *in_circuit,
                             const pc_effect *effects, const pc_head_scores *scores)
{
    const pc_components *c = &r->model->components;
    for (int u = 0; u < c->n_writers; u++) {
        pc_circuit_node node = {
            .name = c->writers[u].name, .role = role_of(scores, c, u), .in_circuit = in_circuit[u]};
        if (effects) set_node(&node, &effects[u], r);
        PC_TRY(pc_circuit_add_node(circuit, &node));
    }
    return pc_circuit_add_node(circuit, &(pc_circuit_node){.name = "logits", .in_circuit = true});
}

static pc_status add_neurons(pc_circuit *circuit, const pc_result *r)
{
    char name[2 * PC_NAME_BYTES + 2];
    for (int64_t i = 0; i < r->candidates->n; i++) {
        pc_candidate_name(name, r->candidates, i);
        pc_circuit_node node = {.name = name, .in_circuit = r->choice->kept[i]};
        set_node(&node, &r->effects[i], r);
        PC_TRY(pc_circuit_add_node(circuit, &node));
    }
    return PC_OK;
}

static pc_status add_edges(pc_circuit *circuit, const pc_result *r)
{
    const pc_components *c = &r->model->components;
    for (int64_t e = 0; e < c->n_edges; e++) {
        int writer, reader;
        pc_edge_ends(&writer, &reader, c, e);
        pc_circuit_edge edge = {.from = c->writers[writer].name,
                                .to = c->readers[reader].name,
                                .in_circuit = r->choice->kept[e]};
        set_effect((said){&edge.effect, &edge.stderr_, &edge.p, &edge.frequency, &edge.n,
                          &edge.is_measured, &edge.is_untouched, &edge.has_frequency},
                   &r->effects[e], r);
        PC_TRY(pc_circuit_add_edge(circuit, &edge));
    }
    return PC_OK;
}

static pc_status add_components(pc_circuit *circuit, const pc_result *r, bool *in_circuit,
                                pc_head_scores *scores)
{
    const pc_status status =
        pc_heads_detect_on_repeats(scores, r->model, pc_task_bos(r->task), ROLE_ROWS, 0);
    if (status != PC_OK && status != PC_ERR_INPUT) return status;
    const pc_head_scores *roles = status == PC_OK ? scores : NULL; /* a model too small has none */
    switch (r->options->level) {
    case PC_LEVEL_NODE:
        return add_writers(circuit, r, r->choice->kept, r->effects, roles);
    case PC_LEVEL_NEURON:
        return add_neurons(circuit, r);
    case PC_LEVEL_EDGE:
        mark_nodes(in_circuit, r);
        PC_TRY(add_writers(circuit, r, in_circuit, r->node_effects, roles));
        return add_edges(circuit, r);
    }
    return PC_OK;
}

static pc_status fill(pc_circuit *circuit, const pc_result *r)
{
    const pc_components *c = &r->model->components;
    bool *in_circuit = pc_alloc((size_t)c->n_writers, sizeof *in_circuit);
    pc_head_scores *scores = pc_alloc((size_t)(c->n_layers * c->n_heads), sizeof *scores);
    pc_status status = in_circuit && scores ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_provenance_set_model(circuit, r->model);
    if (status == PC_OK) status = pc_provenance_set_task(circuit, r->task);
    if (status == PC_OK) status = set_options(circuit, r);
    if (status == PC_OK) status = pc_provenance_set_baseline(circuit, r->scale);
    if (status == PC_OK) status = add_components(circuit, r, in_circuit, scores);
    if (status == PC_OK) status = set_evaluation(circuit, r);
    if (status == PC_OK) status = set_check(circuit, r);
    free(scores);
    free(in_circuit);
    return status;
}

pc_status pc_result_build(pc_circuit **out, const pc_result *result)
{
    pc_circuit *circuit;
    *out = NULL;
    PC_TRY(pc_circuit_new(&circuit, pc_version()));
    pc_status status = fill(circuit, result);
    if (status == PC_OK) *out = circuit;
    else pc_circuit_free(circuit);
    return status;
}
