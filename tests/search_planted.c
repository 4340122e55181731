/* Circuits that were planted by hand are found exactly, in the direction that can see them. */
#include "support/planted.h"
#include "support/test_folder.h"

#include "model/model_private.h"
#include "patchclamp/find.h"
#include "search/candidates.h"
#include "search/faithfulness.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pc_circuit *find_by(const char *method, planted_gate gate, pc_direction direction,
                           pc_level level)
{
    pc_model *model = planted_gate_model(gate);
    pc_task *task = planted_gate_task(model);
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.method = method;
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

static pc_circuit *find_circuit(planted_gate gate, pc_direction direction, pc_level level)
{
    return find_by("exact", gate, direction, level);
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
    double faithfulness;
    cr_assert(pc_circuit_evaluation(&faithfulness, circuit, "faithfulness"));
    cr_expect(fabs(faithfulness - 1) < 1e-9, "faithfulness is %.17g", faithfulness);
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

/* ACDC sees an AND whole. Of an OR, whose inputs can stand in for each other, it lets the first go
 * and holds on to the second. Under denoise it is the other way round. */
Test(search_planted, acdc_finds_one_gate_and_half_of_the_other)
{
    static const char *const one_input[][2] = {
        {"input", "a0.h0<v>"}, {"a0.h0", "m0"}, {"m0", "logits"}};
    for (int direction = 0; direction < 2; direction++)
        for (int gate = 0; gate < 2; gate++) {
            const bool is_seen = (gate == PLANTED_AND) == (direction == PC_DIRECTION_NOISE);
            pc_circuit *circuit =
                find_by("acdc", (planted_gate)gate, (pc_direction)direction, PC_LEVEL_EDGE);
            expect_edges(gate == PLANTED_AND ? "and" : "or", circuit,
                         is_seen ? gate_edges : one_input, is_seen ? 5 : 3);
            pc_circuit_free(circuit);
        }
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

static const char gate_pairs[] =
    "{\"clean\":[1,3,4],\"corrupted\":[0,2,4],\"answers\":[0],\"wrong_answers\":[1]}\n";

static pc_task *read_pairs(const pc_model *model, const char *lines)
{
    const pc_task_limits limits = planted_limits(model);
    return planted_task(lines, &limits);
}

/* Only bit A differs, so that head 1 writes the same in both runs. */
Test(search_planted, a_component_that_nothing_touches_is_marked)
{
    pc_model *model = planted_gate_model(PLANTED_AND);
    pc_task *task = read_pairs(model, "{\"clean\":[1,3,4],\"corrupted\":[0,3,4],\"answers\":[0],"
                                      "\"wrong_answers\":[1]}\n");
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.level = PC_LEVEL_NODE;
    options.selection = PC_SELECT_THRESHOLD;
    options.threshold = 0.5;
    pc_circuit *circuit;
    cr_assert_eq(pc_find(&circuit, model, task, &options), PC_OK, "%s", pc_last_error());
    for (size_t i = 0; i < 4; i++) {
        const pc_circuit_node *node = pc_circuit_node_at(circuit, i);
        const bool is_idle = strcmp(node->name, "a0.h1") == 0;
        cr_expect_eq(node->is_untouched, is_idle, "%s", node->name);
        cr_expect_eq(node->in_circuit, !is_idle, "%s", node->name);
        cr_expect(node->effect == (is_idle ? 0 : -1), "%s has effect %g", node->name, node->effect);
    }
    pc_circuit_free(circuit);
    pc_task_free(task);
    pc_model_free(model);
}

/* Every node of the gate has effect -1. */
Test(search_planted, ties_are_broken_in_component_order)
{
    pc_model *model = planted_gate_model(PLANTED_AND);
    pc_task *task = planted_gate_task(model);
    for (int64_t top = 1; top <= 4; top++) {
        pc_find_options options = PC_FIND_OPTIONS_INIT;
        options.level = PC_LEVEL_NODE;
        options.selection = PC_SELECT_TOP;
        options.top = top;
        pc_circuit *circuit;
        cr_assert_eq(pc_find(&circuit, model, task, &options), PC_OK, "%s", pc_last_error());
        for (int64_t i = 0; i < 4; i++) {
            const pc_circuit_node *node = pc_circuit_node_at(circuit, (size_t)i);
            cr_expect(node->effect == -1, "%s has effect %.17g", node->name, node->effect);
            cr_expect_eq(node->in_circuit, i < top, "top %d: %s", (int)top, node->name);
        }
        pc_circuit_free(circuit);
    }
    pc_task_free(task);
    pc_model_free(model);
}

static void check_fewest(planted_gate gate, pc_direction direction, double expected)
{
    pc_model *model = planted_gate_model(gate);
    pc_task *task = planted_gate_task(model);
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.level = PC_LEVEL_NODE;
    options.evaluation.direction = direction;
    options.faithfulness = 1;
    pc_circuit *circuit;
    double kept;
    cr_assert_eq(pc_find(&circuit, model, task, &options), PC_OK, "%s", pc_last_error());
    cr_assert(pc_circuit_evaluation(&kept, circuit, "kept"));
    cr_expect_eq(kept, expected, "%s: kept %g of 4", pc_direction_name(direction), kept);
    pc_circuit_free(circuit);
    pc_task_free(task);
    pc_model_free(model);
}

/* The clean input alone restores everything; without the gate, last in the ranking, nothing is
 * kept.
 */
Test(search_planted, the_smallest_and_the_whole_circuit_are_tried)
{
    check_fewest(PLANTED_OR, PC_DIRECTION_DENOISE, 1);
    check_fewest(PLANTED_AND, PC_DIRECTION_NOISE, 4);
}

static bool note_measuring(const pc_progress *progress, void *payload)
{
    if (strcmp(progress->phase, "measuring") == 0) *(bool *)payload = true;
    return true;
}

/* A AND B is 0 in both runs: nothing to be faithful to. */
Test(search_planted, faithfulness_without_a_difference_is_refused_before_the_sweep)
{
    pc_model *model = planted_gate_model(PLANTED_AND);
    pc_task *task = read_pairs(model, "{\"clean\":[1,2,4],\"corrupted\":[0,2,4],\"answers\":[0],"
                                      "\"wrong_answers\":[1]}\n");
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    bool has_measured = false;
    options.progress = note_measuring;
    options.payload = &has_measured;
    pc_circuit *circuit = NULL;
    cr_expect_eq(pc_find(&circuit, model, task, &options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "faithfulness means nothing here"), "%s", pc_last_error());
    cr_expect(!has_measured);
    options.selection = PC_SELECT_TOP;
    options.top = 3;
    cr_assert_eq(pc_find(&circuit, model, task, &options), PC_OK, "%s", pc_last_error());
    double number;
    pc_faithfulness f;
    cr_expect(!pc_circuit_evaluation(&number, circuit, "faithfulness"));
    cr_expect_eq(pc_circuit_evaluate(&f, circuit, model, task, &options.evaluation), PC_ERR_INPUT);
    pc_circuit_free(circuit);
    pc_task_free(task);
    pc_model_free(model);
}

static const struct {
    const char *name;
    double zero, one, gap_error;
    pc_status status;
} scales[] = {
    {"just two standard errors", 1, 3, 1, PC_OK},
    {"downwards", 3, 1, 1, PC_OK},
    {"less than two standard errors", 1, 3, 1.01, PC_ERR_INPUT},
    {"no difference", 2, 2, 0, PC_ERR_INPUT},
};

Test(search_planted, a_difference_below_two_standard_errors_is_no_scale)
{
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        const pc_scale scale = {
            .zero = scales[i].zero, .one = scales[i].one, .gap_error = scales[i].gap_error};
        cr_expect_eq(pc_scale_check(&scale), scales[i].status, "%s", scales[i].name);
    }
}

/* A model of components alone: pruning reads nothing else. */
static pc_model bare_model(int n_layers, int n_heads, int n_kv_heads)
{
    const pc_shape shape = {.n_layers = n_layers,
                            .n_heads = n_heads,
                            .n_kv_heads = n_kv_heads,
                            .d_mlp = 4,
                            .block = PC_BLOCK_SEQUENTIAL};
    pc_model model = {.shape = shape};
    cr_assert_eq(pc_components_init(&model.components, &shape, PC_KV_SHARED), PC_OK);
    return model;
}

enum { MOST_NAMED = 4 };

static const struct {
    const char *name;
    int n_layers, n_heads, n_kv_heads;
    const char *kept[MOST_NAMED], *left[MOST_NAMED];
} prunings[] = {
    {"a whole path stays",
     1,
     2,
     2,
     {"input->a0.h0<v>", "a0.h0->logits"},
     {"input->a0.h0<v>", "a0.h0->logits"}},
    {"a dead end falls back to its beginning",
     2,
     2,
     2,
     {"input->a0.h0<v>", "a0.h0->m0", "m0->a1.h1<q>", "input->logits"},
     {"input->logits"}},
    {"what nothing enters falls to its end",
     2,
     2,
     2,
     {"a0.h0->m0", "m0->a1.h1<q>", "a1.h1->logits", "input->logits"},
     {"input->logits"}},
    {"a shared key enters every head of its group",
     1,
     4,
     2,
     {"input->a0.kv1<k>", "a0.h2->logits", "a0.h3->logits", "a0.h1->logits"},
     {"input->a0.kv1<k>", "a0.h2->logits", "a0.h3->logits"}},
    {"a shared key stays for one head of its group",
     1,
     4,
     2,
     {"input->a0.kv0<k>", "a0.h1->logits"},
     {"input->a0.kv0<k>", "a0.h1->logits"}},
};

static void mark(bool *kept, const pc_model *model, const char *const names[MOST_NAMED])
{
    for (int i = 0; i < MOST_NAMED && names[i]; i++) {
        pc_place place;
        cr_assert_eq(pc_place_parse(&place, &model->components, names[i]), PC_OK, "%s", names[i]);
        kept[model->components.readers[place.reader].first_edge + place.writer] = true;
    }
}

Test(search_planted, pruning_leaves_the_edges_between_input_and_logits)
{
    for (size_t i = 0; i < sizeof prunings / sizeof *prunings; i++) {
        pc_model model =
            bare_model(prunings[i].n_layers, prunings[i].n_heads, prunings[i].n_kv_heads);
        pc_candidates candidates;
        cr_assert_eq(pc_candidates_init(&candidates, &model, PC_LEVEL_EDGE), PC_OK);
        bool *kept = calloc((size_t)candidates.n, sizeof *kept);
        bool *left = calloc((size_t)candidates.n, sizeof *left);
        mark(kept, &model, prunings[i].kept);
        mark(left, &model, prunings[i].left);
        cr_assert_eq(pc_candidates_prune(kept, &candidates), PC_OK);
        cr_expect(memcmp(kept, left, (size_t)candidates.n * sizeof *kept) == 0, "%s",
                  prunings[i].name);
        free(left);
        free(kept);
        pc_components_free(&model.components);
    }
}

/* The means leave a first token out if it is the BOS: the same pairs with another are another task.
 */
Test(search_planted, another_task_does_not_resume)
{
    char folder[TEST_FOLDER_BYTES];
    test_folder_make(folder);
    pc_model *model = planted_gate_model(PLANTED_AND);
    pc_task *task = read_pairs(model, gate_pairs);
    pc_task *other = read_pairs(model, "{\"clean\":[1,3,4],\"corrupted\":[0,3,4],\"answers\":[0],"
                                       "\"wrong_answers\":[1]}\n");
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.directory = folder;
    options.selection = PC_SELECT_TOP;
    options.top = 3;
    pc_circuit *circuit = NULL;
    cr_assert_eq(pc_find(&circuit, model, task, &options), PC_OK, "%s", pc_last_error());
    pc_circuit_free(circuit);
    options.resume = PC_RESUME_YES;
    cr_expect_eq(pc_find(&circuit, model, other, &options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "task_sha256 was"), "%s", pc_last_error());
    pc_task_limits limits = planted_limits(model);
    limits.bos = 0;
    pc_task *of_other_bos = planted_task(gate_pairs, &limits);
    cr_expect_str_eq(pc_task_sha256(of_other_bos), pc_task_sha256(task));
    cr_expect_eq(pc_find(&circuit, model, of_other_bos, &options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "task_bos was"), "%s", pc_last_error());
    pc_task_free(of_other_bos);
    pc_task_free(other);
    pc_task_free(task);
    pc_model_free(model);
    test_folder_remove(folder);
}
