/* Evaluating a circuit that was written down, on any task. */
#include "base/memory.h"
#include "patchclamp/find.h"
#include "search/evaluation.h"
#include "search/evidence.h"
#include "search/faithfulness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *blocks_of(bool is_parallel)
{
    return is_parallel ? "parallel" : "sequential";
}

static pc_status check_same_model(const pc_circuit *circuit, const pc_model *model)
{
    const pc_circuit_model *c = pc_circuit_describe_model(circuit);
    const pc_model_info *m = &model->info;
    if (c->n_layers == m->n_layers && c->n_heads == m->n_heads && c->d_model == m->d_model &&
        c->d_mlp == m->d_mlp && c->has_parallel_blocks == m->has_parallel_blocks)
        return PC_OK;
    return pc_fail(
        PC_ERR_INPUT,
        "the circuit is of %s (%d layers, %d heads, d_model %d, d_mlp %d, %s blocks), not "
        "of %s (%d layers, %d heads, d_model %d, d_mlp %d, %s blocks)",
        c->name, c->n_layers, c->n_heads, c->d_model, c->d_mlp, blocks_of(c->has_parallel_blocks),
        m->name, m->n_layers, m->n_heads, m->d_model, m->d_mlp, blocks_of(m->has_parallel_blocks));
}

/* The candidate that a name stands for, found by place: edges by index, nodes and neurons likewise.
 */
static pc_status index_of(int64_t *out, const pc_candidates *candidates, const char *name)
{
    const pc_components *c = &candidates->model->components;
    pc_place place;
    PC_TRY(pc_place_parse(&place, c, name));
    const bool is_edge = place.reader >= 0, is_neuron = place.neuron >= 0;
    if (is_edge != (candidates->level == PC_LEVEL_EDGE) ||
        is_neuron != (candidates->level == PC_LEVEL_NEURON))
        return pc_fail(PC_ERR_INPUT, "the circuit's level is %s, but it has \"%.60s\"",
                       pc_level_name(candidates->level), name);
    *out = place.writer;
    if (candidates->level == PC_LEVEL_EDGE)
        *out = c->readers[place.reader].first_edge + place.writer;
    if (candidates->level == PC_LEVEL_NEURON)
        *out = (int64_t)c->writers[place.writer].layer * c->d_mlp + place.neuron;
    return PC_OK;
}

static void take(pc_evaluation *e, int64_t at, double effect, bool is_measured, bool is_kept)
{
    e->kept[at] = is_kept;
    if (!is_measured) return;
    e->effects[at] = effect;
    e->has_effects = true;
}

static pc_status mark_edges(pc_evaluation *e, const pc_circuit *circuit)
{
    char name[2 * PC_NAME_BYTES + 2];
    for (size_t i = 0; i < pc_circuit_n_edges(circuit); i++) {
        const pc_circuit_edge *edge = pc_circuit_edge_at(circuit, i);
        if (!edge->in_circuit && !edge->is_measured) continue;
        int64_t at;
        if (strlen(edge->from) + strlen(edge->to) + 3 > sizeof name)
            return pc_fail(PC_ERR_INPUT, "edge name %.60s is too long", edge->from);
        strcpy(name, edge->from);
        strcat(strcat(name, "->"), edge->to);
        PC_TRY(index_of(&at, &e->candidates, name));
        take(e, at, edge->effect, edge->is_measured, edge->in_circuit);
    }
    return PC_OK;
}

static pc_status mark_nodes(pc_evaluation *e, const pc_circuit *circuit)
{
    for (size_t i = 0; i < pc_circuit_n_nodes(circuit); i++) {
        const pc_circuit_node *node = pc_circuit_node_at(circuit, i);
        int64_t at;
        if ((!node->in_circuit && !node->is_measured) || strcmp(node->name, "logits") == 0)
            continue;
        PC_TRY(index_of(&at, &e->candidates, node->name));
        take(e, at, node->effect, node->is_measured, node->in_circuit);
    }
    return PC_OK;
}

static pc_status level_of(pc_level *out, const pc_circuit *circuit)
{
    const char *level = pc_circuit_option(circuit, "level");
    *out = pc_circuit_n_edges(circuit) ? PC_LEVEL_EDGE : PC_LEVEL_NODE;
    return level ? pc_level_parse(out, level) : PC_OK;
}

static pc_status measure(pc_faithfulness *out, const bool *kept, const pc_candidates *candidates,
                         pc_journal *journal, pc_direction direction)
{
    pc_scale scale;
    pc_circuit_metric metric;
    PC_TRY(pc_scale_measure(&scale, candidates, journal, direction));
    PC_TRY(pc_scale_check(&scale));
    PC_TRY(pc_measure_circuits(&metric, &scale, candidates, journal, kept, 1));
    const bool is_noise = direction == PC_DIRECTION_NOISE;
    *out = (pc_faithfulness){.faithfulness = pc_scale_faithfulness(&scale, metric.mean),
                             .clean = scale.clean,
                             .corrupted = scale.corrupted,
                             .circuit = metric.mean,
                             .circuit_stderr = metric.standard_error,
                             .empty = is_noise ? scale.zero : scale.one,
                             .n = scale.n_prompts,
                             .n_all = candidates->n};
    for (int64_t i = 0; i < candidates->n; i++)
        out->n_kept += kept[i];
    return pc_evidence_measure(out, kept, candidates, journal, direction);
}

void pc_evaluation_close(pc_evaluation *e)
{
    pc_evaluator_free(e->journal.evaluator);
    free(e->effects);
    free(e->kept);
    *e = (pc_evaluation){0};
}

pc_status pc_evaluation_open(pc_evaluation *e, const pc_circuit *circuit, const pc_model *model,
                             const pc_task *task, const pc_evaluator_options *options)
{
    pc_level level;
    PC_TRY(check_same_model(circuit, model));
    PC_TRY(level_of(&level, circuit));
    PC_TRY(pc_candidates_init(&e->candidates, model, level));
    const size_t n = (size_t)e->candidates.n;
    e->journal = (pc_journal){.model = model, .n_prompts = pc_task_n(task)};
    e->kept = pc_alloc(n, sizeof *e->kept);
    e->effects = pc_alloc(n, sizeof *e->effects);
    if (!e->kept || !e->effects) return PC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        e->effects[i] = NAN;
    if (level == PC_LEVEL_EDGE) PC_TRY(mark_edges(e, circuit));
    else PC_TRY(mark_nodes(e, circuit));
    return pc_evaluator_open(&e->journal.evaluator, model, task, options);
}

pc_status pc_circuit_evaluate(pc_faithfulness *out, const pc_circuit *circuit,
                              const pc_model *model, const pc_task *task,
                              const pc_evaluator_options *options)
{
    pc_evaluation e = {0};
    *out = (pc_faithfulness){0};
    pc_status status = pc_evaluation_open(&e, circuit, model, task, options);
    if (status == PC_OK)
        status = measure(out, e.kept, &e.candidates, &e.journal, options->direction);
    pc_evaluation_close(&e);
    return status;
}

static pc_status measure_minimality(pc_minimality **rows, int64_t *n, pc_evaluation *e,
                                    pc_direction direction)
{
    pc_scale scale;
    PC_TRY(pc_scale_measure(&scale, &e->candidates, &e->journal, direction));
    PC_TRY(pc_scale_check(&scale));
    return pc_evidence_minimality(rows, n, e->kept, &e->candidates, &e->journal, direction);
}

pc_status pc_circuit_minimality(pc_minimality **rows, int64_t *n, const pc_circuit *circuit,
                                const pc_model *model, const pc_task *task,
                                const pc_evaluator_options *options)
{
    pc_evaluation e = {0};
    *rows = NULL;
    *n = 0;
    pc_status status = pc_evaluation_open(&e, circuit, model, task, options);
    if (status == PC_OK) status = measure_minimality(rows, n, &e, options->direction);
    pc_evaluation_close(&e);
    return status;
}
