/* Interventions and settings that make no sense are refused with a line that helps; numbers that
 * are not finite are located. */
#include "support/golden.h"
#include "support/planted.h"

#include "model/model_private.h"
#include "patch/intervention.h"
#include "patchclamp/patch.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const struct {
    const char *json, *message;
} bad[] = {
    {"", "not valid JSON"},
    {"[]", "expected a JSON object"},
    {"{}", "expected exactly one of cut, circuit and path"},
    {"{\"cut\":[],\"circuit\":[]}", "expected exactly one of"},
    {"{\"cut\":[],\"cuts\":[]}", "unknown key \"cuts\""},
    {"{\"cut\":\"a0.h0\"}", "cut is \"a0.h0\", expected a list"},
    {"{\"cut\":[3]}", "cut[0] is 3, expected a component's name"},
    {"{\"cut\":[\"a9.h9\"]}", "the nearest name is"},
    {"{\"cut\":[\"m0->a0.h0<q>\"]}", "cannot exist"},
    {"{\"cut\":[\"m0\"],\"positions\":[]}", "positions is empty"},
    {"{\"cut\":[\"m0\"],\"positions\":[0.5]}", "positions[0] is 0.5, expected an integer"},
    {"{\"cut\":[\"m0\"],\"freeze\":[\"m0.n1\"]}", "freeze[0] is a neuron or an edge"},
    {"{\"circuit\":[\"m0\"]}", "circuit[0] is not an edge"},
    {"{\"path\":{\"from\":[\"m0\"],\"to\":[\"logits\"]}}", "mlps is missing, expected a string"},
    {"{\"path\":{\"from\":[\"m0\"],\"to\":[\"logits\"],\"mlps\":\"some\"}}", "mlps is \"some\""},
    {"{\"path\":{\"from\":[],\"to\":[\"logits\"],\"mlps\":\"free\"}}", "at least one name"},
    {"{\"path\":{\"from\":[\"m1\"],\"to\":[\"m0\"],\"mlps\":\"free\"}}", "runs backwards"},
};

Test(patch_errors, bad_interventions_are_named)
{
    pc_model *model = golden_open("gpt2-plain");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pc_intervention *x = NULL;
        cr_expect_eq(pc_intervention_parse(&x, model, bad[i].json), PC_ERR_INPUT, "%s",
                     bad[i].json);
        cr_expect(strstr(pc_last_error(), bad[i].message), "%s: %s", bad[i].json, pc_last_error());
        pc_intervention_free(x);
    }
    pc_model_free(model);
}

static const struct {
    const char *a, *b;
    bool is_same;
} keys[] = {
    {"{\"cut\":[\"m0\",\"a0.h1\"]}", "{\"cut\":[\"a0.h1\",\"m0\",\"m0\"]}", true},
    {"{\"cut\":[\"0.1\"]}", "{\"cut\":[\"a0.h1\"]}", true},
    {"{\"cut\":[\"m0\"],\"positions\":[2,-1]}", "{\"cut\":[\"m0\"],\"positions\":[-1,2]}", true},
    {"{\"cut\":[\"m0\"],\"positions\":[2]}", "{\"cut\":[\"m0\"]}", false},
    {"{\"cut\":[\"m0\"],\"freeze\":[\"m1\"]}", "{\"cut\":[\"m0\"]}", false},
    {"{\"cut\":[\"m0.n1\"]}", "{\"cut\":[\"m0.n1->m1\"]}", false},
    {"{\"cut\":[\"m0.n1->m1\",\"m0.n1\"]}", "{\"cut\":[\"m0.n1\"]}", true},
    {"{\"cut\":[\"m0.n1->m1\",\"m0\",\"m1\"]}", "{\"cut\":[\"m0\",\"m1\"]}", true},
    {"{\"cut\":[\"m0.n1\",\"m1.n2\",\"m1\"]}", "{\"cut\":[\"m0.n1\",\"m1\"]}", true},
    {"{\"circuit\":[\"m0->m1\"]}", "{\"circuit\":[]}", false},
    {"{\"path\":{\"from\":[\"m0\"],\"to\":[\"m1\"],\"mlps\":\"free\"}}",
     "{\"path\":{\"from\":[\"m0\"],\"to\":[\"m1\"],\"mlps\":\"frozen\"}}", false},
};

static pc_text key_of(const char *json, const pc_model *model)
{
    pc_intervention *x;
    pc_text key = {0};
    cr_assert_eq(pc_intervention_parse(&x, model, json), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_intervention_key(&key, x, &model->components), PC_OK);
    pc_intervention_free(x);
    return key;
}

Test(patch_errors, keys_are_equal_for_equal_interventions_only)
{
    pc_model *model = golden_open("gpt2-plain");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        pc_text a = key_of(keys[i].a, model), b = key_of(keys[i].b, model);
        cr_expect_eq(strcmp(a.data, b.data) == 0, keys[i].is_same, "%s | %s", a.data, b.data);
        pc_text_free(&b);
        pc_text_free(&a);
    }
    pc_model_free(model);
}

static void expect_refused(const char *name, pc_evaluator_options options, const char *message)
{
    pc_model *model = golden_open(name);
    json_t *golden = golden_read(name);
    pc_task *task = golden_task(golden, model);
    pc_evaluator *evaluator = NULL;
    cr_expect_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_ERR_INPUT, "%s", name);
    cr_expect(strstr(pc_last_error(), message), "%s", pc_last_error());
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
}

Test(patch_errors, settings_that_cannot_be_are_refused)
{
    pc_evaluator_options denoise = PC_EVALUATOR_OPTIONS_INIT, ragged = PC_EVALUATOR_OPTIONS_INIT;
    denoise.direction = PC_DIRECTION_DENOISE;
    denoise.source = PC_SOURCE_ZERO;
    ragged.source = PC_SOURCE_MEAN_POSITIONAL;
    expect_refused("gpt2-plain", denoise, "source must be resample, not zero");
    expect_refused("gpt2-relu", ragged, "needs prompts of one length");
}

/* Measures one intervention; the message of the failure that must come stays. */
static void expect_unmeasured(pc_evaluator *evaluator, const pc_model *model, const char *json,
                              const char *message)
{
    pc_intervention *x;
    double effects[16];
    cr_assert_eq(pc_intervention_parse(&x, model, json), PC_OK, "%s", pc_last_error());
    const pc_intervention *list[] = {x};
    cr_expect_eq(pc_evaluator_measure(effects, NULL, evaluator, list, 1), PC_ERR_INPUT, "%s", json);
    cr_expect(strstr(pc_last_error(), message), "%s: %s", json, pc_last_error());
    pc_intervention_free(x);
}

Test(patch_errors, positions_outside_the_prompt_are_refused)
{
    pc_model *model = planted_gate_model(PLANTED_AND);
    pc_task *task = planted_gate_task(model);
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_OK);
    expect_unmeasured(evaluator, model, "{\"cut\":[\"m0\"],\"positions\":[3]}",
                      "position 3 is outside prompt 0 of 3 tokens");
    expect_unmeasured(evaluator, model, "{\"cut\":[\"m0\"],\"positions\":[-4]}",
                      "position -4 is outside prompt 0 of 3 tokens");
    pc_evaluator_free(evaluator);
    pc_task_free(task);
    pc_model_free(model);
}

/* Position 8 is outside the second prompt and the third: whoever fails first, the second is told.
 */
Test(patch_errors, the_first_prompt_that_fails_is_named_whatever_the_threads)
{
    pc_model *model = golden_open("gpt2-relu");
    json_t *golden = golden_read("gpt2-relu");
    pc_task *task = golden_task(golden, model);
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.n_threads = 4;
    pc_evaluator *evaluator;
    cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_OK);
    for (int i = 0; i < 50; i++)
        expect_unmeasured(evaluator, model, "{\"cut\":[\"m0\"],\"positions\":[8]}",
                          "position 8 is outside prompt 1 of 8 tokens");
    pc_evaluator_free(evaluator);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
}

/* Tasks that were read for a larger model, or without what the metric needs. */
static const struct {
    const char *lines;
    pc_metric metric;
    const char *message;
} unfit[] = {
    {"{\"clean\":[1,3,4],\"corrupted\":[0,2,4],\"answers\":[2],\"wrong_answers\":[1]}",
     PC_METRIC_LOGIT_DIFF, "pair 0: answer 2 is not a logit"},
    {"{\"clean\":[1,3,4],\"corrupted\":[0,2,4],\"answers\":[0],\"wrong_answers\":[1,7]}",
     PC_METRIC_LOGIT_DIFF, "pair 0: answer 7 is not a logit"},
    {"{\"clean\":[1,5,4],\"corrupted\":[0,2,4],\"answers\":[0],\"wrong_answers\":[1]}",
     PC_METRIC_LOGIT, "pair 0: token 1 of the prompt is 5, expected 0 to 4"},
    {"{\"clean\":[1,3,4],\"corrupted\":[0,6,4],\"answers\":[0],\"wrong_answers\":[1]}",
     PC_METRIC_LOGIT, "pair 0: token 1 of the prompt is 6"},
    {"{\"clean\":[1,3,4,4],\"corrupted\":[0,2,4,4],\"answers\":[0],\"wrong_answers\":[1]}",
     PC_METRIC_LOGIT, "pair 0: the prompt has 4 tokens"},
    {"{\"clean\":[1,3,4],\"corrupted\":[0,2,4],\"answers\":[0]}", PC_METRIC_LOGIT_DIFF,
     "metric logit-diff needs wrong_answers"},
    {"{\"clean\":[1,3,4],\"corrupted\":[0,2,4],\"answers\":[0]}", PC_METRIC_PROB_DIFF,
     "metric prob-diff needs wrong_answers"},
};

Test(patch_errors, tasks_that_do_not_fit_the_model_are_refused)
{
    pc_model *model = planted_gate_model(PLANTED_AND);
    const pc_task_limits larger = {.vocab = 9, .vocab_out = 9, .n_ctx = 9, .bos = -1};
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++) {
        pc_task *task = planted_task(unfit[i].lines, &larger);
        pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
        options.metric = unfit[i].metric;
        pc_evaluator *evaluator = NULL;
        cr_expect_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_ERR_INPUT, "%s",
                     unfit[i].message);
        cr_expect(strstr(pc_last_error(), unfit[i].message), "%s: %s", unfit[i].message,
                  pc_last_error());
        pc_evaluator_free(evaluator);
        pc_task_free(task);
    }
    pc_model_free(model);
}

/* Finite weights whose products overflow: the message says where it began. */
Test(patch_errors, an_infinity_is_located)
{
    pc_model *model = planted_gate_model(PLANTED_AND);
    pc_task *task = planted_gate_task(model);
    float *out = (float *)pc_model_vector(model, PC_W_OUT, 0);
    for (int i = 0; i < 16; i++)
        out[i] = INFINITY;
    for (pc_engine_kind engine = PC_ENGINE_TWIN; engine <= PC_ENGINE_DELTA; engine++) {
        pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
        pc_evaluator *evaluator = NULL;
        options.engine = engine;
        cr_expect_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_ERR_INPUT);
        cr_expect(strstr(pc_last_error(), "prompt 0: m0 (layer 0) wrote"), "%s: %s",
                  pc_engine_name(engine), pc_last_error());
    }
    pc_task_free(task);
    pc_model_free(model);
}

Test(patch_errors, a_pattern_is_refused_by_the_delta_engine_by_name)
{
    pc_model *model = planted_gate_model(PLANTED_AND);
    pc_task *task = planted_gate_task(model);
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    pc_intervention *x;
    double effects[64];
    options.engine = PC_ENGINE_DELTA;
    cr_assert(pc_task_n(task) <= 64);
    cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_OK, "%s",
                 pc_last_error());
    cr_assert_eq(pc_intervention_parse(&x, model, "{\"cut\": [\"a0.h0<pattern>\"]}"), PC_OK);
    const pc_intervention *list[] = {x};
    cr_expect_eq(pc_evaluator_measure(effects, NULL, evaluator, list, 1), PC_ERR_UNSUPPORTED);
    cr_expect(strstr(pc_last_error(), "attention patterns, the twin does"), "%s", pc_last_error());
    pc_intervention_free(x);
    pc_evaluator_free(evaluator);
    pc_task_free(task);
    pc_model_free(model);
}
