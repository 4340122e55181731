/* The circuits that the tests draw and write. */
#include "support/graph_samples.h"

#include "base/rng.h"
#include "graph/names.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void must(pc_status status)
{
    cr_assert_eq(status, PC_OK, "building a sample: %s", pc_last_error());
}

static pc_circuit *begin(const char *model, const char *level, int n_layers, int n_heads,
                         int n_kv_heads, int d_mlp)
{
    pc_circuit *c;
    must(pc_circuit_new(&c, "0.1.0"));
    must(pc_circuit_set_model(c, &(pc_circuit_model){.name = model,
                                                     .sha256 = "abcd",
                                                     .architecture = "gpt2",
                                                     .n_layers = n_layers,
                                                     .n_heads = n_heads,
                                                     .n_kv_heads = n_kv_heads,
                                                     .d_model = 64,
                                                     .d_head = 16,
                                                     .d_mlp = d_mlp,
                                                     .vocab = 65}));
    must(pc_circuit_set_task(c, &(pc_circuit_task){"induction", "ef01", 64, 1, "test"}));
    must(pc_circuit_set_option(c, "level", level));
    must(pc_circuit_set_option(c, "metric", "logit-diff"));
    must(pc_circuit_set_option(c, "direction", "noise"));
    must(pc_circuit_set_option_number(c, "top", 15));
    must(pc_circuit_set_option_number(c, "threshold", 0.1));
    must(pc_circuit_set_option_bool(c, "signed", false));
    must(pc_circuit_set_baseline(c, "clean", 5.213));
    must(pc_circuit_set_baseline(c, "corrupted", -0.4412));
    must(pc_circuit_set_evaluation(c, "faithfulness", 0.917));
    return c;
}

static void add_node(pc_circuit *c, const char *name, double effect, bool in_circuit,
                     const char *role)
{
    must(pc_circuit_add_node(c, &(pc_circuit_node){.name = name,
                                                   .role = role,
                                                   .effect = effect,
                                                   .stderr_ = 0.03,
                                                   .is_measured = true,
                                                   .in_circuit = in_circuit}));
}

static void add_edge(pc_circuit *c, const char *from, const char *to, double effect,
                     bool in_circuit)
{
    must(pc_circuit_add_edge(c, &(pc_circuit_edge){.from = from,
                                                   .to = to,
                                                   .effect = effect,
                                                   .stderr_ = 0.031,
                                                   .is_measured = true,
                                                   .in_circuit = in_circuit}));
}

pc_circuit *sample_induction(void)
{
    static const struct {
        const char *name;
        double effect;
        const char *role;
    } nodes[] = {{"input", -5.1, NULL},
                 {"a0.h0", -0.1, NULL},
                 {"a0.h1", 0.21, "duplicate-token"},
                 {"a0.h2", -4.1, "previous-token"},
                 {"a0.h3", 0.01, NULL},
                 {"m0", -0.7, NULL},
                 {"a1.h0", -1.9, "induction"},
                 {"a1.h1", 0, NULL},
                 {"a1.h2", -0.3, "current-token"},
                 {"a1.h3", -3.2, "induction"},
                 {"m1", -0.35, NULL}};
    static const struct {
        const char *from, *to;
        double effect;
    } edges[] = {
        {"input", "a0.h1<v>", 0.11},  {"input", "a0.h2<q>", -0.41}, {"input", "a0.h2<k>", -0.22},
        {"input", "a0.h2<v>", -4.02}, {"input", "m0", -0.62},       {"a0.h1", "a1.h2<q>", 0.25},
        {"a0.h2", "a1.h0<k>", -1.72}, {"input", "a1.h0<v>", -1.2},  {"m0", "a1.h3<q>", -0.31},
        {"a0.h2", "a1.h3<k>", -3.15}, {"input", "a1.h3<v>", -2.33}, {"a1.h2", "m1", 0.19},
        {"a1.h0", "logits", -1.8},    {"a1.h3", "logits", -3.02},   {"m1", "logits", -0.33},
        {"a0.h0", "logits", -0.02}};
    pc_circuit *c = begin("demo", "edge", 2, 4, 4, 64);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        add_node(c, nodes[i].name, nodes[i].effect, nodes[i].effect < -0.2, nodes[i].role);
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        add_edge(c, edges[i].from, edges[i].to, edges[i].effect, edges[i].effect != -0.02);
    return c;
}

/* A random component among the first `n_used` heads of each layer's share, MLPs, input and logits.
 */
static pc_part draw_part(pc_rng *rng, const sample_shape *shape, bool is_reader)
{
    const uint64_t kind = pc_rng_below(rng, 8);
    const int per_layer = shape->n_used / shape->n_layers + 1;
    const int layer = (int)pc_rng_below(rng, (uint64_t)shape->n_layers);
    const int head = (int)pc_rng_below(rng, (uint64_t)per_layer) * 5 % shape->n_heads;
    const int group = shape->n_heads / shape->n_kv_heads;
    if (kind == 0)
        return (pc_part){is_reader ? PC_PART_LOGITS : PC_PART_INPUT, -1, -1, PC_PORT_NONE};
    if (kind < 3) return (pc_part){PC_PART_MLP, layer, -1, PC_PORT_NONE};
    if (!is_reader) return (pc_part){PC_PART_HEAD, layer, head, PC_PORT_NONE};
    const pc_port port = (pc_port)(1 + pc_rng_below(rng, 3));
    if (port != PC_PORT_Q && group > 1) return (pc_part){PC_PART_KV, layer, head / group, port};
    return (pc_part){PC_PART_HEAD, layer, head, port};
}

static bool has_edge(const pc_circuit *c, const char *from, const char *to)
{
    for (size_t i = 0; i < c->n_edges; i++)
        if (strcmp(c->edges[i].from, from) == 0 && strcmp(c->edges[i].to, to) == 0) return true;
    return false;
}

static void add_random_edges(pc_circuit *c, const sample_shape *shape, pc_rng *rng)
{
    char from_name[PC_PART_NAME_BYTES], to_name[PC_PART_NAME_BYTES];
    for (int tries = 0; tries < 400 * shape->n_edges && (int)c->n_edges < 2 * shape->n_edges;
         tries++) {
        const pc_part from = draw_part(rng, shape, false), to = draw_part(rng, shape, true);
        const double size = pc_rng_unit(rng);
        const double sign = pc_rng_unit(rng) < 0.7 ? -3 : 3;
        pc_part_name(from_name, &from);
        pc_part_name(to_name, &to);
        if (!pc_part_precedes(&from, &to, false) || has_edge(c, from_name, to_name)) continue;
        add_edge(c, from_name, to_name, sign * size * size * size,
                 (int)c->n_edges < shape->n_edges);
    }
}

pc_circuit *sample_random(const sample_shape *shape)
{
    static const char *const roles[] = {NULL, "previous-token", "induction",
                                        "name mover and negative name mover"};
    pc_circuit *c = begin("a <model> & its \"name\"", shape->n_edges ? "edge" : "node",
                          shape->n_layers, shape->n_heads, shape->n_kv_heads, 64);
    pc_rng rng = {(uint64_t)shape->n_edges, 0, 0};
    char name[PC_PART_NAME_BYTES];
    for (int i = 0; i < shape->n_layers * (shape->n_heads + 1); i++) {
        const int layer = i / (shape->n_heads + 1), head = i % (shape->n_heads + 1);
        const bool is_mlp = head == shape->n_heads;
        const pc_part part = {is_mlp ? PC_PART_MLP : PC_PART_HEAD, layer, is_mlp ? -1 : head,
                              PC_PORT_NONE};
        const double effect = (pc_rng_unit(&rng) - 0.6) * 3;
        add_node(c, pc_part_name(name, &part), effect, effect < -1,
                 is_mlp ? NULL : roles[pc_rng_below(&rng, 4)]);
    }
    add_random_edges(c, shape, &rng);
    return c;
}

pc_circuit *sample_neurons(int n_layers, int n_neurons)
{
    pc_circuit *c = begin("demo", "neuron", n_layers, 4, 4, n_neurons);
    pc_rng rng = {7, 0, 0};
    char name[PC_PART_NAME_BYTES];
    for (int i = 0; i < n_layers * n_neurons; i++) {
        const pc_part part = {PC_PART_NEURON, i / n_neurons, i % n_neurons, PC_PORT_NONE};
        add_node(c, pc_part_name(name, &part), pc_rng_unit(&rng) - 0.5, i % 4 == 0, NULL);
    }
    return c;
}
