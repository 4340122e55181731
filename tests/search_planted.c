/* Circuits that were planted by hand are found exactly, in the direction that can see them. */
#include "support/planted.h"

#include "patchclamp/find.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static pc_circuit *find_circuit(planted_gate gate, pc_direction direction, pc_level level)
{
    pc_model *model = planted_gate_model(gate);
    pc_task *task = planted_gate_task(model);
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.level = level;
    options.evaluation.direction = direction;
    options.selection = PC_SELECT_THRESHOLD;
    options.threshold = 0.5;
    pc_circuit *circuit;
    cr_assert_eq(pc_find(&circuit, model, task, &options), PC_OK, "%s", pc_last_error());
    pc_task_free(task);
    pc_model_free(model);
    return circuit;
}

static bool is_listed(const char *from, const char *to, const char *const (*edges)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(edges[i][0], from) == 0 && strcmp(edges[i][1], to) == 0) return true;
    return false;
}

static void expect_edges(const char *name, const pc_circuit *circuit, const char *const (*edges)[2],
                         size_t n)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < pc_circuit_n_edges(circuit); i++) {
        const pc_circuit_edge *edge = pc_circuit_edge_at(circuit, i);
        n_kept += edge->in_circuit;
        cr_expect_eq(edge->in_circuit, is_listed(edge->from, edge->to, edges, n),
                     "%s: %s->%s is %s the circuit", name, edge->from, edge->to,
                     edge->in_circuit ? "in" : "not in");
    }
    cr_expect_eq(n_kept, n, "%s: %zu edges", name, n_kept);
}

static const char *const gate_edges[][2] = {{"input", "a0.h0<v>"},
                                            {"input", "a0.h1<v>"},
                                            {"a0.h0", "m0"},
                                            {"a0.h1", "m0"},
                                            {"m0", "logits"}};
static const char *const end_edge[][2] = {{"m0", "logits"}};

Test(search_planted, and_gate_is_found_under_noise)
{
    pc_circuit *circuit = find_circuit(PLANTED_AND, PC_DIRECTION_NOISE, PC_LEVEL_EDGE);
    expect_edges("and, noise", circuit, gate_edges, 5);
    double faithfulness;
    cr_assert(pc_circuit_evaluation(&faithfulness, circuit, "faithfulness"));
    cr_expect(fabs(faithfulness - 1) < 1e-9, "faithfulness is %.17g", faithfulness);
    pc_circuit_free(circuit);
}

Test(search_planted, or_gate_is_found_under_denoise)
{
    pc_circuit *circuit = find_circuit(PLANTED_OR, PC_DIRECTION_DENOISE, PC_LEVEL_EDGE);
    expect_edges("or, denoise", circuit, gate_edges, 5);
    pc_circuit_free(circuit);
}

/* One input alone changes nothing, so only the gate's output has an effect of its own; and an edge
 * that nothing enters is pruned. */
static void expect_hidden(const char *name, pc_circuit *circuit)
{
    for (size_t i = 0; i < pc_circuit_n_edges(circuit); i++) {
        const pc_circuit_edge *edge = pc_circuit_edge_at(circuit, i);
        const bool is_end = is_listed(edge->from, edge->to, end_edge, 1);
        cr_expect_eq(fabs(edge->effect) > 0.5, is_end, "%s: %s->%s has effect %g", name, edge->from,
                     edge->to, edge->effect);
    }
    expect_edges(name, circuit, NULL, 0);
    pc_circuit_free(circuit);
}

Test(search_planted, or_gate_hides_under_noise)
{
    expect_hidden("or, noise", find_circuit(PLANTED_OR, PC_DIRECTION_NOISE, PC_LEVEL_EDGE));
}

Test(search_planted, and_gate_hides_under_denoise)
{
    expect_hidden("and, denoise", find_circuit(PLANTED_AND, PC_DIRECTION_DENOISE, PC_LEVEL_EDGE));
}

Test(search_planted, and_neuron_is_found)
{
    pc_circuit *circuit = find_circuit(PLANTED_AND, PC_DIRECTION_NOISE, PC_LEVEL_NEURON);
    cr_assert_eq(pc_circuit_n_nodes(circuit), 2);
    for (size_t i = 0; i < 2; i++) {
        const pc_circuit_node *node = pc_circuit_node_at(circuit, i);
        cr_expect_eq(node->in_circuit, strcmp(node->name, "m0.n1") == 0, "%s", node->name);
        cr_expect(fabs(node->effect - (i ? -1 : 0)) < 1e-9, "%s has effect %g", node->name,
                  node->effect);
    }
    pc_circuit_free(circuit);
}
