/* The planted models do what they say, and searches find exactly their circuits, in the direction
 * that can see them. */
#include "patchclamp/patchclamp.h"
#include "support/test_folder.h"

#include "graph/circuit_private.h"
#include "patch/evaluator.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

TestSuite(plant_circuits, .init = test_folder_set_up, .fini = test_folder_clean_up);

/* Where each planted circuit can be seen. */
static const struct {
    const char *name;
    bool noise, denoise, zero;
} plants[] = {
    {"induction", true, true, true},    {"previous-token", true, true, true},
    {"and", true, false, true},         {"or", false, true, false},
    {"sorted-count", true, true, true},
};
enum { N_PLANTS = sizeof plants / sizeof *plants, N_EDGES = 75 };

/* A planted model as it was written. */
typedef struct written {
    const char *name;
    pc_model *model;
    pc_task *train, *test;
} written;

static pc_task *read_task(const pc_model *model, const char *name, const char *file)
{
    const pc_model_info *info = pc_model_describe(model);
    const pc_task_limits limits = {info->vocab, info->vocab_out, info->n_ctx, info->bos, 0, NULL};
    pc_task *task;
    cr_assert_eq(pc_task_read(&task, test_folder_path(name, file), NULL, &limits), PC_OK, "%s",
                 pc_last_error());
    return task;
}

static written plant(const char *name)
{
    written w = {.name = name};
    cr_assert_eq(pc_plant_write(name, test_folder_path(name, "")), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_model_open(&w.model, test_folder_path(name, "")), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_model_describe(w.model)->n_edges, N_EDGES);
    w.train = read_task(w.model, name, "train.jsonl");
    w.test = read_task(w.model, name, "test.jsonl");
    return w;
}

static void uproot(written *w)
{
    pc_task_free(w->test);
    pc_task_free(w->train);
    pc_model_free(w->model);
}

typedef struct setting {
    const char *method;
    pc_engine_kind engine;
    pc_metric metric;
    pc_source source;
    pc_direction direction;
} setting;

static pc_circuit *find(const written *w, const pc_task *task, const setting *s)
{
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    pc_circuit *circuit;
    o.method = s->method;
    o.evaluation.engine = s->engine;
    o.evaluation.metric = s->metric;
    o.evaluation.source = s->source;
    o.evaluation.direction = s->direction;
    o.evaluation.n_threads = 1;
    o.selection = PC_SELECT_THRESHOLD;
    o.threshold = 1e-3; /* the weakest true effect is above 0.01 under any metric, others are 0 */
    cr_assert_eq(pc_find(&circuit, w->model, task, &o), PC_OK, "%s: %s", w->name, pc_last_error());
    return circuit;
}

static pc_judgement judge(const written *w, const pc_circuit *circuit, const char *file)
{
    pc_judgement j;
    pc_circuit *truth;
    cr_assert_eq(pc_circuit_import(&truth, test_folder_path(w->name, file), w->model), PC_OK, "%s",
                 pc_last_error());
    cr_assert_eq(pc_circuit_judge(&j, circuit, truth), PC_OK, "%s", pc_last_error());
    pc_circuit_free(truth);
    return j;
}

/* The truth, all of it, and nothing else. */
static void expect_found(const written *w, const pc_task *task, const setting *s)
{
    pc_circuit *circuit = find(w, task, s);
    const pc_judgement j =
        judge(w, circuit, s->source == PC_SOURCE_ZERO ? "truth-zero.edges" : "truth.edges");
    double faithfulness;
    const char *how = pc_direction_name(s->direction);
    cr_expect(j.auroc == 1, "%s, %s, %s: AUROC %g", w->name, s->method, how, j.auroc);
    cr_expect(j.n_kept == j.n_true && j.n_both == j.n_true, "%s, %s, %s: %d kept, %d true, %d both",
              w->name, s->method, how, (int)j.n_kept, (int)j.n_true, (int)j.n_both);
    cr_assert(pc_circuit_evaluation(&faithfulness, circuit, "faithfulness"));
    cr_expect(fabs(faithfulness - 1) < 1e-5, "%s, %s, %s: faithfulness %.17g", w->name, s->method,
              how, faithfulness);
    pc_circuit_free(circuit);
}

static const struct {
    const char *method;
    pc_metric metric;
} ways[] = {{"exact", PC_METRIC_LOGIT_DIFF}, {"exact", PC_METRIC_LOSS},
            {"exact", PC_METRIC_KL},         {"acdc", PC_METRIC_LOGIT_DIFF},
            {"acdc", PC_METRIC_KL},          {"hybrid", PC_METRIC_LOGIT_DIFF}};

static void find_in_all_ways(const written *w, pc_direction direction)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const setting s = {ways[i].method, PC_ENGINE_DELTA, ways[i].metric, PC_SOURCE_RESAMPLE,
                           direction};
        expect_found(w, w->train, &s);
        expect_found(w, w->test, &s);
    }
}

Test(plant_circuits, every_circuit_is_found_exactly_where_it_can_be_seen)
{
    for (int i = 0; i < N_PLANTS; i++) {
        written w = plant(plants[i].name);
        if (plants[i].noise) find_in_all_ways(&w, PC_DIRECTION_NOISE);
        if (plants[i].denoise) find_in_all_ways(&w, PC_DIRECTION_DENOISE);
        uproot(&w);
    }
}

Test(plant_circuits, the_definition_finds_them_too)
{
    for (int i = 0; i < N_PLANTS; i++) {
        const setting s = {"exact", PC_ENGINE_TWIN, PC_METRIC_LOGIT_DIFF, PC_SOURCE_RESAMPLE,
                           plants[i].noise ? PC_DIRECTION_NOISE : PC_DIRECTION_DENOISE};
        written w = plant(plants[i].name);
        expect_found(&w, w.train, &s);
        uproot(&w);
    }
}

Test(plant_circuits, cuts_to_zero_see_also_what_never_changes)
{
    for (int i = 0; i < N_PLANTS; i++) {
        const setting s = {"exact", PC_ENGINE_DELTA, PC_METRIC_LOGIT_DIFF, PC_SOURCE_ZERO,
                           PC_DIRECTION_NOISE};
        if (!plants[i].zero) continue;
        written w = plant(plants[i].name);
        expect_found(&w, w.train, &s);
        uproot(&w);
    }
}

/* One input of the gate alone changes nothing, to float32's error, only its output does. ACDC keeps
 * the one input that it asks last. */
static void expect_blind(const char *name, pc_direction direction)
{
    written w = plant(name);
    setting s = {"exact", PC_ENGINE_DELTA, PC_METRIC_LOGIT_DIFF, PC_SOURCE_RESAMPLE, direction};
    pc_circuit *circuit = find(&w, w.train, &s);
    pc_judgement j = judge(&w, circuit, "truth.edges");
    for (size_t i = 0; i < circuit->n_edges; i++) {
        const pc_circuit_edge *e = &circuit->edges[i];
        const bool is_output = strcmp(e->from, "m1") == 0 && strcmp(e->to, "logits") == 0;
        cr_expect(is_output ? fabs(e->effect) > 0.5 : fabs(e->effect) < 1e-5,
                  "%s: %s->%s has effect %g", name, e->from, e->to, e->effect);
    }
    cr_expect(j.auroc < 0.9 && j.n_kept == 0, "%s: AUROC %g, %d kept", name, j.auroc,
              (int)j.n_kept);
    pc_circuit_free(circuit);
    s.method = "acdc";
    circuit = find(&w, w.train, &s);
    j = judge(&w, circuit, "truth.edges");
    cr_expect(j.auroc < 0.9 && j.n_kept == 3 && j.n_both == 3, "%s: AUROC %g, %d kept, %d true",
              name, j.auroc, (int)j.n_kept, (int)j.n_both);
    pc_circuit_free(circuit);
    uproot(&w);
}

Test(plant_circuits, each_gate_hides_in_the_other_direction)
{
    expect_blind("and", PC_DIRECTION_DENOISE);
    expect_blind("or", PC_DIRECTION_NOISE);
}

/* ---- what the truth stands beside ---- */

/* Every head and MLP writes something else in the corrupted prompts. */
Test(plant_circuits, the_others_are_busy)
{
    for (int i = 0; i < N_PLANTS; i++) {
        written w = plant(plants[i].name);
        const setting s = {"exact", PC_ENGINE_DELTA, PC_METRIC_LOGIT_DIFF, PC_SOURCE_RESAMPLE,
                           PC_DIRECTION_NOISE};
        pc_circuit *circuit = find(&w, w.train, &s);
        for (size_t k = 0; k < circuit->n_edges; k++) {
            const pc_circuit_edge *e = &circuit->edges[k];
            cr_expect(strcmp(e->to, "logits") != 0 || !e->is_untouched,
                      "%s: %s is the same in both prompts", w.name, e->from);
        }
        pc_circuit_free(circuit);
        uproot(&w);
    }
}

/* The idle MLPs move all logits alike: a metric of one logit alone sees it. */
Test(plant_circuits, one_logit_alone_sees_the_shift)
{
    const setting s = {"exact", PC_ENGINE_DELTA, PC_METRIC_LOGIT, PC_SOURCE_RESAMPLE,
                       PC_DIRECTION_NOISE};
    for (int i = 0; i < 2; i++) { /* of the others m1 is part of the circuit */
        written w = plant(plants[i].name);
        pc_circuit *circuit = find(&w, w.train, &s);
        for (size_t k = 0; k < circuit->n_edges; k++) {
            const pc_circuit_edge *e = &circuit->edges[k];
            if (e->from[0] == 'm' && strcmp(e->to, "logits") == 0)
                cr_expect(fabs(e->effect) > 0.01, "%s: %s->logits has effect %g", w.name, e->from,
                          e->effect);
        }
        pc_circuit_free(circuit);
        uproot(&w);
    }
}

static double accuracy(const written *w, const pc_task *task)
{
    pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    double sum = 0;
    o.metric = PC_METRIC_ACCURACY;
    cr_assert_eq(pc_evaluator_open(&evaluator, w->model, task, &o), PC_OK, "%s", pc_last_error());
    for (int i = 0; i < pc_task_n(task); i++)
        sum += pc_evaluator_base(evaluator)[i];
    pc_evaluator_free(evaluator);
    return sum / pc_task_n(task);
}

static bool is_same_prompt(const pc_prompt *a, const pc_prompt *b)
{
    return a->n_tokens == b->n_tokens &&
           memcmp(a->clean, b->clean, (size_t)a->n_tokens * sizeof *a->clean) == 0;
}

Test(plant_circuits, every_prompt_is_answered_and_none_stands_in_both_splits)
{
    for (int i = 0; i < N_PLANTS; i++) {
        written w = plant(plants[i].name);
        cr_expect_eq(pc_task_n(w.train), 32);
        cr_expect_eq(pc_task_n(w.test), 32);
        cr_expect(accuracy(&w, w.train) == 1, "%s: %g", w.name, accuracy(&w, w.train));
        cr_expect(accuracy(&w, w.test) == 1, "%s: %g", w.name, accuracy(&w, w.test));
        for (int a = 0; a < 32; a++)
            for (int b = 0; b < 32; b++)
                cr_expect(!is_same_prompt(pc_task_prompt(w.train, a), pc_task_prompt(w.test, b)),
                          "%s: pairs %d and %d", w.name, a, b);
        uproot(&w);
    }
}

/* ---- writing ---- */

Test(plant_circuits, the_same_bytes_every_time)
{
    static const char *const files[] = {"cfg.json",   "model.safetensors", "train.jsonl",
                                        "test.jsonl", "truth.edges",       "truth-zero.edges"};
    for (int i = 0; i < N_PLANTS; i++) {
        char again[64];
        snprintf(again, sizeof again, "%s-again", plants[i].name);
        cr_expect_str_eq(pc_plant_name(i), plants[i].name);
        cr_expect(pc_plant_summary(i));
        cr_assert_eq(pc_plant_write(plants[i].name, test_folder_path(plants[i].name, "")), PC_OK);
        cr_assert_eq(pc_plant_write(plants[i].name, test_folder_path(again, "")), PC_OK);
        for (size_t k = 0; k < sizeof files / sizeof *files; k++)
            test_folder_expect_same(plants[i].name, again, files[k]);
    }
    cr_expect(!pc_plant_name(N_PLANTS) && !pc_plant_name(-1));
}

Test(plant_circuits, another_name_and_a_folder_with_a_model_are_refused)
{
    cr_expect_eq(pc_plant_write("nand", test_folder_path("nand", "")), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "\"nand\", expected one of: induction, previous-token, and"),
              "%s", pc_last_error());
    cr_assert_eq(pc_plant_write("and", test_folder_path("and", "")), PC_OK);
    cr_expect_eq(pc_plant_write("or", test_folder_path("and", "")), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "there is a model already (cfg.json)"), "%s",
              pc_last_error());
    cr_expect_eq(pc_plant_write("or", test_folder_path("and", "cfg.json")), PC_ERR_IO);
}
