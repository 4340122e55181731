/* Patched activations: equal to TransformerLens's own patching functions, and among each other. */
#include "support/golden.h"

#include "base/text.h"
#include "model/model_private.h"
#include "patch/intervention.h"
#include "patchclamp/patch.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Double on both sides, sums in another order; metrics of size 1 to 30. */
#define TOLERANCE 1e-9

static json_t *read_patching(const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/tests/golden/models/%s/patching.json", PC_SOURCE_DIR, name);
    json_t *rows = json_load_file(path, 0, &error);
    cr_assert(rows, "%s: %s", path, error.text);
    return rows;
}

/* A task of one pair of the golden's. */
static pc_task *task_of_pair(const char *name, size_t pair, const pc_model *model)
{
    json_t *golden = golden_read(name);
    json_t *one = json_pack("[O]", json_array_get(json_object_get(golden, "task"), pair));
    json_object_set_new(golden, "task", one);
    pc_task *task = golden_task(golden, model);
    json_decref(golden);
    return task;
}

static double effect_of(pc_evaluator *evaluator, const pc_model *model, const char *json)
{
    pc_intervention *x;
    double effect;
    cr_assert_eq(pc_intervention_parse(&x, model, json), PC_OK, "%s: %s", json, pc_last_error());
    const pc_intervention *list[] = {x};
    cr_assert_eq(pc_evaluator_measure(&effect, NULL, evaluator, list, 1), PC_OK, "%s: %s", json,
                 pc_last_error());
    pc_intervention_free(x);
    return effect;
}

/* One number of a grid: at[] are its layer, position and head, -1 where the grid has no such axis.
 */
static void check_cell(const char *name, const json_t *row, double want, const int at[3],
                       pc_evaluator *evaluator, const pc_model *model)
{
    const char *site = json_string_value(json_object_get(row, "site"));
    const bool is_of_heads = strlen(site) == 1 || strcmp(site, "pattern") == 0;
    pc_text json = {0};
    pc_text_printf(&json, "{\"cut\":[\"blocks.%d.%shook_%s", at[0], is_of_heads ? "attn." : "",
                   site);
    if (at[2] >= 0) pc_text_printf(&json, ".%d", at[2]);
    pc_text_put(&json, "\"]");
    if (at[1] >= 0) pc_text_printf(&json, ",\"positions\":[%d]", at[1]);
    pc_text_put(&json, "}");
    const double effect = effect_of(evaluator, model, json.data);
    cr_expect(fabs(effect - want) <= TOLERANCE * fmax(1, fabs(want)),
              "%s: %s is %.17g, expected %.17g", name, json.data, effect, want);
    pc_text_free(&json);
}

static int check_cells(const char *name, const json_t *row, const json_t *effects, int depth,
                       int at[3], pc_evaluator *evaluator, const pc_model *model)
{
    static const char *const axes[] = {"layer", "position", "head"};
    if (json_is_number(effects)) {
        check_cell(name, row, json_number_value(effects), at, evaluator, model);
        return 1;
    }
    const char *by = json_string_value(json_array_get(json_object_get(row, "by"), (size_t)depth));
    int axis = 0, n = 0;
    while (strcmp(axes[axis], by) != 0)
        axis++;
    for (size_t i = 0; i < json_array_size(effects); i++) {
        at[axis] = (int)i;
        n += check_cells(name, row, json_array_get(effects, i), depth + 1, at, evaluator, model);
    }
    at[axis] = -1;
    return n;
}

static int check_model(const char *name)
{
    pc_model *model = golden_open(name);
    json_t *rows = read_patching(name), *row;
    int n = 0;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        pc_task *task =
            task_of_pair(name, (size_t)json_integer_value(json_object_get(row, "pair")), model);
        pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
        pc_evaluator *evaluator;
        int at[3] = {-1, -1, -1};
        pc_direction_parse(&options.direction,
                           json_string_value(json_object_get(row, "direction")));
        cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_OK);
        n += check_cells(name, row, json_object_get(row, "effects"), 0, at, evaluator, model);
        pc_evaluator_free(evaluator);
        pc_task_free(task);
    }
    json_decref(rows);
    pc_model_free(model);
    return n;
}

Test(patch_sites, effects_equal_transformer_lens_patching)
{
    int n = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        if (strncmp(golden_models[i], "tl-", 3) == 0) n += check_model(golden_models[i]);
    cr_expect(n >= 3000, "only %d effects were compared", n);
}

/* ---- names and keys ---- */

static const struct {
    const char *model, *a, *b;
    bool is_same;
} keys[] = {
    {"tl-ln", "[\"blocks.0.hook_resid_pre\"]", "[\"input\"]", true},
    {"tl-ln", "[\"blocks.1.attn.hook_z.2\"]", "[\"a1.h2\"]", true},
    {"tl-ln", "[\"blocks.1.attn.hook_result.2\"]", "[\"1.2\"]", true},
    {"tl-ln", "[\"blocks.1.hook_attn_out\"]", "[\"a1.h2\", \"a1.h0\", \"a1.h1\"]", true},
    {"tl-ln", "[\"blocks.1.attn.hook_z\"]", "[\"blocks.1.hook_attn_out\"]", true},
    {"tl-ln", "[\"blocks.0.hook_mlp_out\"]", "[\"m0\"]", true},
    {"tl-ln", "[\"blocks.0.mlp.hook_post.7\"]", "[\"m0.n7\"]", true},
    {"tl-ln", "[\"blocks.1.attn.hook_q.0\"]", "[\"a1.h0<q>\"]", true},
    {"tl-ln", "[\"blocks.1.hook_q_input.0\"]", "[\"->a1.h0<q>\"]", true},
    {"tl-ln", "[\"blocks.0.attn.hook_q.0\"]", "[\"input->a0.h0<q>\"]", true},
    {"tl-ln", "[\"blocks.1.hook_mlp_in\"]", "[\"->m1\"]", true},
    {"tl-ln", "[\"->m1\"]", "[\"m1\"]", false},
    {"tl-ln", "[\"blocks.1.hook_resid_post\"]", "[\"logits\"]", true},
    {"tl-ln", "[\"blocks.0.hook_resid_post\"]", "[\"blocks.1.hook_resid_pre\"]", true},
    {"tl-ln", "[\"blocks.0.hook_resid_mid\"]", "[\"blocks.1.hook_resid_pre\"]", false},
    {"tl-ln", "[\"blocks.1.attn.hook_pattern.1\"]", "[\"a1.h1<pattern>\"]", true},
    {"tl-ln", "[\"a1.h1<pattern>\"]", "[\"a1.h1\"]", false},
    {"llama-gqa", "[\"blocks.1.attn.hook_k.1\"]", "[\"a1.kv1<k>\"]", true},
    {"llama-gqa", "[\"blocks.1.attn.hook_v\"]", "[\"a1.kv1<v>\", \"a1.kv0<v>\"]", true},
    {"llama-gqa", "[\"blocks.1.attn.hook_q.3\"]", "[\"a1.h3<q>\"]", true},
    /* what is implied by another */
    {"tl-ln", "[\"blocks.1.hook_resid_pre\", \"m0\"]", "[\"blocks.1.hook_resid_pre\"]", true},
    {"tl-ln", "[\"blocks.1.hook_resid_pre\", \"input->logits\"]", "[\"blocks.1.hook_resid_pre\"]",
     true},
    {"tl-ln", "[\"blocks.1.hook_resid_pre\", \"a0.h0\"]", "[\"blocks.1.hook_resid_pre\"]", false},
    {"tl-ln", "[\"m0.n3\", \"blocks.1.hook_resid_pre\", \"a1.h2<v>\"]",
     "[\"blocks.1.hook_resid_pre\"]", true},
    {"tl-ln", "[\"blocks.1.hook_resid_pre\", \"logits\"]", "[\"blocks.1.hook_resid_pre\"]", false},
    {"tl-ln", "[\"a1.h0<k>\", \"m0->a1.h0<k>\"]", "[\"a1.h0<k>\"]", true},
    {"tl-ln", "[\"a1.h0<k>\", \"m0->a1.h0<q>\"]", "[\"a1.h0<k>\"]", false},
    {"tl-ln", "[\"m0\", \"logits\", \"m0->logits\"]", "[\"logits\", \"m0\"]", true},
    {"tl-ln", "[\"a1.h0<pattern>\", \"a1.h0<pattern>\"]", "[\"a1.h0<pattern>\"]", true},
    {"tl-parallel", "[\"blocks.1.hook_resid_pre\", \"a0.h0\"]", "[\"blocks.1.hook_resid_pre\"]",
     true},
    {"tl-parallel", "[\"blocks.1.hook_resid_pre\", \"->m1\"]", "[\"blocks.1.hook_resid_pre\"]",
     true},
};

static pc_text key_of(const char *names, const char *positions, const pc_model *model)
{
    pc_intervention *x;
    pc_text json = {0}, key = {0};
    pc_text_printf(&json, "{\"cut\":%s%s%s}", names, *positions ? ",\"positions\":" : "",
                   positions);
    cr_assert_eq(pc_intervention_parse(&x, model, json.data), PC_OK, "%s: %s", json.data,
                 pc_last_error());
    cr_assert_eq(pc_intervention_key(&key, x, &model->components), PC_OK);
    pc_intervention_free(x);
    pc_text_free(&json);
    return key;
}

static void expect_keys(const char *a, const char *a_at, const char *b, const char *b_at,
                        bool is_same, const pc_model *model)
{
    pc_text x = key_of(a, a_at, model), y = key_of(b, b_at, model);
    cr_expect_eq(strcmp(x.data, y.data) == 0, is_same, "%s | %s", x.data, y.data);
    pc_text_free(&y);
    pc_text_free(&x);
}

Test(patch_sites, sites_and_components_have_one_key)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        pc_model *model = golden_open(keys[i].model);
        expect_keys(keys[i].a, "", keys[i].b, "", keys[i].is_same, model);
        pc_model_free(model);
    }
}

static const struct {
    const char *a, *b;
    bool is_same;
} positions[] = {
    {"[3, 2]", "[[2, 3]]", true},
    {"[[2, 4], [3, 7], 8]", "[[2, 8]]", true},
    {"[[2, 4], 6]", "[2, 3, 4, 6, 6]", true},
    {"[-1, -3, -2]", "[[-3, -1]]", true},
    {"[[1, -1]]", "[[1, -1], [1, -1]]", true},
    {"[[1, -1]]", "[1, -1]", false},
    {"[\"S2\", \"IO\", \"S2\"]", "[\"IO\", \"S2\"]", true},
    {"[\"S2\", 3]", "[3, \"S2\"]", true},
    {"[\"a\", \"b\"]", "[\"a,b\"]", false},
    {"[\"3\"]", "[3]", false},
};

Test(patch_sites, positions_have_one_key)
{
    pc_model *model = golden_open("tl-ln");
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++)
        expect_keys("[\"m0\"]", positions[i].a, "[\"m0\"]", positions[i].b, positions[i].is_same,
                    model);
    pc_model_free(model);
}

/* ---- what is refused ---- */

static const struct {
    const char *model, *json, *message;
} bad[] = {
    {"tl-ln", "{\"cut\":[\"blocks.2.hook_resid_pre\"]}", "layer 2 is not in this model"},
    {"tl-ln", "{\"cut\":[\"blocks.0.attn.hook_q.3\"]}", "head 3 is not in this model"},
    {"llama-gqa", "{\"cut\":[\"blocks.0.attn.hook_k.2\"]}", "KV head 2 is not in this model"},
    {"tl-ln", "{\"cut\":[\"blocks.0.hook_resid_pre.1\"]}", "is no hook that can be patched"},
    {"tl-ln", "{\"cut\":[\"blocks.0.hook_scale\"]}", "is no hook that can be patched"},
    {"tl-ln", "{\"cut\":[\"blocks.0.attn.hook_q.\"]}", "is no hook that can be patched"},
    {"tl-ln", "{\"cut\":[\"blocks.0.mlp.hook_post\"]}", "which neuron is not said"},
    {"tl-ln", "{\"cut\":[\"blocks.0.mlp.hook_post.10\"]}", "m0 has n0 to n9"},
    {"tl-ln", "{\"cut\":[\"m0<pattern>\"]}", "m0 has no attention pattern"},
    {"tl-ln", "{\"cut\":[\"a0.h9<q>\"]}", "the nearest name is"},
    {"tl-ln", "{\"cut\":[\"->a0.h0\"]}", "the nearest name is"},
    {"tl-attn-only", "{\"cut\":[\"blocks.0.hook_mlp_out\"]}", "it has no MLPs"},
    {"tl-attn-only", "{\"cut\":[\"blocks.0.hook_resid_mid\"]}", "it has no MLPs"},
    {"tl-parallel", "{\"cut\":[\"blocks.0.hook_resid_mid\"]}", "it has parallel blocks"},
    {"tl-ln", "{\"circuit\":[\"blocks.0.hook_attn_out\"]}", "is not one component"},
    {"tl-ln", "{\"circuit\":[\"blocks.1.attn.hook_q.0\"]}", "expected a writer"},
    {"tl-ln", "{\"cut\":[\"m0\"],\"freeze\":[\"blocks.1.hook_resid_pre\"]}",
     "is not one component"},
    {"tl-ln", "{\"cut\":[\"m0\"],\"positions\":[[3, 2]]}", "runs backwards"},
    {"tl-ln", "{\"cut\":[\"m0\"],\"positions\":[[3]]}", "expected an integer, a span"},
    {"tl-ln", "{\"cut\":[\"m0\"],\"positions\":[[1, \"S\"]]}", "expected an integer, a span"},
    {"tl-ln", "{\"path\":{\"from\":[\"m0\"],\"to\":[\"blocks.1.hook_mlp_out\"],\"mlps\":\"free\"}}",
     "expected a reader"},
};

Test(patch_sites, bad_names_are_refused)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pc_model *model = golden_open(bad[i].model);
        pc_intervention *x = NULL;
        cr_expect_eq(pc_intervention_parse(&x, model, bad[i].json), PC_ERR_INPUT, "%s",
                     bad[i].json);
        cr_expect(strstr(pc_last_error(), bad[i].message), "%s: %s", bad[i].json, pc_last_error());
        pc_intervention_free(x);
        pc_model_free(model);
    }
}

/* A hook name where a writer or a reader is meant stands for it. */
Test(patch_sites, hook_names_stand_for_components_everywhere)
{
    pc_model *model = golden_open("tl-ln");
    pc_intervention *a, *b;
    pc_text x = {0}, y = {0};
    cr_assert_eq(
        pc_intervention_parse(&a, model,
                              "{\"path\":{\"from\":[\"blocks.0.attn.hook_z.1\"],"
                              "\"to\":[\"blocks.1.attn.hook_k.2\",\"blocks.1.hook_mlp_in\"],"
                              "\"mlps\":\"free\"},\"freeze\":[\"blocks.0.hook_mlp_out\"]}"),
        PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_intervention_parse(&b, model,
                                       "{\"path\":{\"from\":[\"a0.h1\"],\"to\":[\"m1\","
                                       "\"a1.h2<k>\"],\"mlps\":\"free\"},\"freeze\":[\"m0\"]}"),
                 PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_intervention_key(&x, a, &model->components), PC_OK);
    cr_assert_eq(pc_intervention_key(&y, b, &model->components), PC_OK);
    cr_expect_str_eq(x.data, y.data);
    pc_text_free(&y);
    pc_text_free(&x);
    pc_intervention_free(b);
    pc_intervention_free(a);
    pc_model_free(model);
}

static void expect_unmeasured(pc_source source, const char *json, const char *message)
{
    pc_model *model = golden_open("tl-ln");
    pc_task *task = task_of_pair("tl-ln", 0, model);
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.source = source;
    pc_evaluator *evaluator;
    pc_intervention *x;
    double effect;
    cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_OK);
    cr_assert_eq(pc_intervention_parse(&x, model, json), PC_OK, "%s", pc_last_error());
    const pc_intervention *list[] = {x};
    cr_expect_eq(pc_evaluator_measure(&effect, NULL, evaluator, list, 1), PC_ERR_INPUT, "%s", json);
    cr_expect(strstr(pc_last_error(), message), "%s: %s", json, pc_last_error());
    pc_intervention_free(x);
    pc_evaluator_free(evaluator);
    pc_task_free(task);
    pc_model_free(model);
}

Test(patch_sites, what_is_not_linear_needs_the_other_run)
{
    expect_unmeasured(PC_SOURCE_ZERO, "{\"cut\":[\"blocks.1.attn.hook_q.0\"]}",
                      "source must be resample, not zero");
    expect_unmeasured(PC_SOURCE_MEAN, "{\"cut\":[\"a1.h0<pattern>\"]}",
                      "source must be resample, not mean");
}

Test(patch_sites, positions_that_the_prompt_lacks_are_refused)
{
    expect_unmeasured(PC_SOURCE_RESAMPLE, "{\"cut\":[\"m0\"],\"positions\":[[2, 99]]}",
                      "position 99 is outside prompt 0");
    expect_unmeasured(PC_SOURCE_RESAMPLE, "{\"cut\":[\"m0\"],\"positions\":[[9, -9]]}",
                      "run backwards in prompt 0");
    expect_unmeasured(PC_SOURCE_RESAMPLE, "{\"cut\":[\"m0\"],\"positions\":[\"S2\"]}", "S2");
}

/* ---- identities ---- */

/* Measures {"cut": names, "positions": ...} on the whole golden task. */
static double *measure(const char *name, const char *names, const char *at, bool *is_touched)
{
    pc_model *model = golden_open(name);
    json_t *golden = golden_read(name);
    pc_task *task = golden_task(golden, model);
    const pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    pc_intervention *x;
    pc_text json = {0};
    double *effects = malloc(sizeof *effects * (size_t)pc_task_n(task));
    pc_text_printf(&json, "{\"cut\":%s%s%s}", names, *at ? ",\"positions\":" : "", at);
    cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_OK);
    cr_assert_eq(pc_intervention_parse(&x, model, json.data), PC_OK, "%s", pc_last_error());
    const pc_intervention *list[] = {x};
    cr_assert_eq(pc_evaluator_measure(effects, is_touched, evaluator, list, 1), PC_OK, "%s",
                 pc_last_error());
    pc_intervention_free(x);
    pc_text_free(&json);
    pc_evaluator_free(evaluator);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
    return effects;
}

static const struct {
    const char *model, *a, *a_at, *b, *b_at;
} equal[] = {
    /* every edge into every reader of the last layer and the logits = the stream before it */
    {"tl-attn-only",
     "[\"a1.h0<q>\",\"a1.h0<k>\",\"a1.h0<v>\",\"a1.h1<q>\",\"a1.h1<k>\",\"a1.h1<v>\",\"a1.h2<q>\","
     "\"a1.h2<k>\",\"a1.h2<v>\",\"a1.h3<q>\",\"a1.h3<k>\",\"a1.h3<v>\",\"input->logits\","
     "\"a0.h0->logits\",\"a0.h1->logits\",\"a0.h2->logits\",\"a0.h3->logits\"]",
     "", "[\"blocks.1.hook_resid_pre\"]", ""},
    /* the stream before the layer and what the layer's own components add = the stream behind it,
       which nothing but the logits reads */
    {"gpt2-relu", "[\"input->logits\",\"a0.h0->logits\",\"m0->logits\"]", "[-1]",
     "[\"blocks.0.hook_resid_post\"]", "[-1]"},
    {"gpt2-plain", "[\"blocks.1.hook_resid_pre\"]", "[0, 1, 2]", "[\"blocks.1.hook_resid_pre\"]",
     "[[0, 2]]"},
    {"gpt2-plain", "[\"m1\"]", "[\"end\"]", "[\"m1\"]", "[-1]"},
    {"gpt2-odd", "[\"a2.h1<pattern>\"]", "", "[\"a2.h1<pattern>\"]", "[[0, -1]]"},
};

Test(patch_sites, equal_edges_have_equal_effects)
{
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
        bool a_touched, b_touched;
        double *a = measure(equal[i].model, equal[i].a, equal[i].a_at, &a_touched);
        double *b = measure(equal[i].model, equal[i].b, equal[i].b_at, &b_touched);
        cr_expect(a_touched && b_touched, "case %zu touched nothing", i);
        cr_expect_arr_eq(a, b, 5 * sizeof *a, "case %zu", i);
        free(b);
        free(a);
    }
}

/* The heads of layer 0 see the input alone. With q and k of the other run they have its pattern;
 * with v too, its z. */
Test(patch_sites, queries_and_keys_make_the_pattern)
{
    bool is_touched;
    double *pattern = measure("tl-ln", "[\"a0.h1<pattern>\"]", "", &is_touched);
    double *scores = measure("tl-ln", "[\"a0.h1<q>\",\"a0.h1<k>\"]", "", &is_touched);
    double *z = measure("tl-ln", "[\"blocks.0.attn.hook_z.1\"]", "", &is_touched);
    double *all = measure("tl-ln", "[\"a0.h1<q>\",\"a0.h1<k>\",\"a0.h1<v>\"]", "", &is_touched);
    for (int i = 0; i < 5; i++) {
        cr_expect(fabs(pattern[i] - scores[i]) <= TOLERANCE, "pair %d: %.17g, %.17g", i, pattern[i],
                  scores[i]);
        cr_expect(fabs(z[i] - all[i]) <= TOLERANCE, "pair %d: %.17g, %.17g", i, z[i], all[i]);
        cr_expect(pattern[i] != z[i], "pair %d: values do not matter", i);
    }
    free(all);
    free(z);
    free(scores);
    free(pattern);
}

/* Before the first position that differs nothing changes. */
Test(patch_sites, equal_prefixes_are_untouched)
{
    static const char *const names[] = {"[\"blocks.1.hook_resid_pre\"]", "[\"a1.h0<v>\"]",
                                        "[\"a1.h0<pattern>\"]"};
    pc_model *model = golden_open("tl-ln");
    pc_task *task = task_of_pair("tl-ln", 4, model); /* differs from its middle on */
    const pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        pc_text json = {0};
        pc_text_printf(&json, "{\"cut\":%s,\"positions\":[0, 1, 2]}", names[i]);
        cr_expect_eq(effect_of(evaluator, model, json.data), 0, "%s", names[i]);
        pc_text_free(&json);
    }
    pc_evaluator_free(evaluator);
    pc_task_free(task);
    pc_model_free(model);
}
