/* Profiles: signs, units, selection and pruning are the named tool's. */
#include "support/golden.h"

#include "patchclamp/find.h"
#include "search/profile.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const models[] = {"tl-ln",       "tl-lnpre", "tl-modern",
                                     "tl-parallel", "tl-rms",   "tl-rmspre"};
enum { N_MODELS = sizeof models / sizeof *models, TOP = 14 };

static pc_task *task_of(const char *name, const pc_model *model)
{
    json_t *golden = golden_read(name);
    pc_task *task = golden_task(golden, model);
    json_decref(golden);
    return task;
}

static json_t *read_estimates(const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/tests/golden/models/%s/estimates.json", PC_SOURCE_DIR, name);
    json_t *golden = json_load_file(path, 0, &error);
    cr_assert_not_null(golden, "%s: %s", path, error.text);
    return golden;
}

static pc_find_options options_of(const char *profile, pc_model *model)
{
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    pc_kv_granularity kv;
    cr_assert_eq(pc_profile_apply(&options, &kv, profile), PC_OK);
    cr_assert_eq(pc_model_set_kv_granularity(model, kv), PC_OK);
    options.evaluation.n_threads = 1;
    options.selection = PC_SELECT_TOP;
    options.top = TOP;
    return options;
}

static pc_circuit *find(pc_model *model, const pc_task *task, const pc_find_options *options)
{
    pc_circuit *circuit;
    cr_assert_eq(pc_find(&circuit, model, task, options), PC_OK, "%s", pc_last_error());
    return circuit;
}

/* ---- the EAP-IG library's selection (golden/make_estimates.py) ---- */

static void expect_selection(const char *name, const char *profile, const char *theirs)
{
    pc_model *model = golden_open(name);
    pc_task *task = task_of(name, model);
    pc_find_options options = options_of(profile, model);
    json_t *estimates = read_estimates(name);
    const json_t *kept = json_object_get(estimates, theirs);
    options.method = "eap";
    pc_circuit *circuit = find(model, task, &options);
    for (size_t i = 0; i < pc_circuit_n_edges(circuit); i++) {
        const pc_circuit_edge *e = pc_circuit_edge_at(circuit, i);
        char edge[128];
        snprintf(edge, sizeof edge, "%s->%s", e->from, e->to);
        cr_expect_eq(e->in_circuit, json_object_get(kept, edge) != NULL, "%s, %s: %s", name,
                     profile, edge);
    }
    pc_circuit_free(circuit);
    json_decref(estimates);
    pc_task_free(task);
    pc_model_free(model);
}

Test(search_profile, the_top_by_eap_is_the_librarys_signed_and_absolute)
{
    for (int i = 0; i < N_MODELS; i++) {
        expect_selection(models[i], "eap-ig", "top absolute");
        expect_selection(models[i], "mib", "top signed");
    }
}

/* ---- signs and units ---- */

/* Every effect of one is `factor` times the other's; baselines too. */
static void expect_factor(const char *name, const char *profile, const char *method,
                          pc_metric metric, double factor)
{
    pc_model *model = golden_open(name);
    pc_task *task = task_of(name, model);
    pc_find_options as = options_of(profile, model), native = as;
    native.evaluation.sense = PC_SENSE_METRIC;
    native.evaluation.kl = PC_KL_SUM;
    native.profile = "native";
    as.evaluation.metric = native.evaluation.metric = metric;
    as.method = native.method = method;
    as.ranking = native.ranking = PC_RANK_ABSOLUTE;
    pc_circuit *a = find(model, task, &as), *b = find(model, task, &native);
    double of_a, of_b;
    cr_assert(pc_circuit_baseline(&of_a, a, "corrupted"));
    cr_assert(pc_circuit_baseline(&of_b, b, "corrupted"));
    cr_expect(fabs(of_a - factor * of_b) <= 1e-14 * fabs(of_a), "%s: %g and %g", name, of_a, of_b);
    for (size_t i = 0; i < pc_circuit_n_edges(a); i++) {
        const pc_circuit_edge *x = pc_circuit_edge_at(a, i), *y = pc_circuit_edge_at(b, i);
        cr_expect(fabs(x->effect - factor * y->effect) <= 1e-12 * fabs(x->effect),
                  "%s, %s, %s: %s->%s has %g, natively %g", name, profile, method, x->from, x->to,
                  x->effect, y->effect);
        cr_expect_eq(x->in_circuit, y->in_circuit);
    }
    pc_circuit_free(b);
    pc_circuit_free(a);
    pc_task_free(task);
    pc_model_free(model);
}

Test(search_profile, a_loss_is_the_metric_negated_and_kl_a_mean)
{
    static const char *const methods[] = {"exact", "eap-ig"};
    for (int i = 0; i < 2; i++) {
        expect_factor("llama-gqa", "eap-ig", methods[i], PC_METRIC_LOGIT_DIFF, -1);
        expect_factor("llama-gqa", "eap-ig", methods[i], PC_METRIC_LOSS, 1);
        expect_factor("tl-ln", "mib", methods[i], PC_METRIC_KL, 1 / 23.0);
        expect_factor("llama-gqa", "auto-circuit", methods[i], PC_METRIC_KL, 1);
    }
}

/* The twin's numbers are multiplied elsewhere than the delta engine's. */
Test(search_profile, both_engines_have_the_same_sign_and_unit)
{
    pc_model *model = golden_open("tl-ln");
    pc_task *task = task_of("tl-ln", model);
    pc_find_options options = options_of("mib", model);
    options.evaluation.metric = PC_METRIC_KL;
    options.evaluation.engine = PC_ENGINE_TWIN;
    pc_circuit *twin = find(model, task, &options);
    options.evaluation.engine = PC_ENGINE_DELTA;
    pc_circuit *delta = find(model, task, &options);
    for (size_t i = 0; i < pc_circuit_n_edges(twin); i++) {
        const double x = pc_circuit_edge_at(twin, i)->effect;
        const double y = pc_circuit_edge_at(delta, i)->effect;
        cr_expect(fabs(x - y) <= 1e-5 * fabs(x) + 3e-7, "%zu: %g and %g", i, x, y);
    }
    pc_circuit_free(delta);
    pc_circuit_free(twin);
    pc_task_free(task);
    pc_model_free(model);
}

/* ---- pruning, and what is refused ---- */

Test(search_profile, auto_circuit_prunes_nothing)
{
    pc_model *model = golden_open("gpt2-plain");
    pc_task *task = task_of("gpt2-plain", model);
    const pc_find_options options = options_of("auto-circuit", model);
    pc_circuit *circuit = find(model, task, &options);
    int n_kept = 0;
    for (size_t i = 0; i < pc_circuit_n_edges(circuit); i++)
        n_kept += pc_circuit_edge_at(circuit, i)->in_circuit;
    cr_expect_eq(n_kept, TOP);
    cr_expect_str_eq(pc_circuit_option(circuit, "pruning"), "none");
    pc_circuit_free(circuit);
    pc_task_free(task);
    pc_model_free(model);
}

static void expect_refused(const pc_find_options *options, pc_model *model, const pc_task *task,
                           const char *why)
{
    pc_circuit *circuit;
    cr_assert_eq(pc_find(&circuit, model, task, options), PC_ERR_INPUT, "%s", why);
    cr_expect(strstr(pc_last_error(), why), "\"%s\", expected \"%s\"", pc_last_error(), why);
}

Test(search_profile, what_a_tool_does_not_have_is_refused)
{
    pc_model *model = golden_open("gpt2-plain");
    pc_task *task = task_of("gpt2-plain", model);
    pc_find_options options = options_of("mib", model);
    pc_kv_granularity kv;
    options.evaluation.source = PC_SOURCE_ZERO;
    expect_refused(&options, model, task, "the token's embedding without its position's");
    options = options_of("acdc", model);
    options.evaluation.direction = PC_DIRECTION_DENOISE;
    expect_refused(&options, model, task, "direction must be noise");
    options = options_of("mib", model);
    options.method = "racing";
    expect_refused(&options, model, task, "a signed ranking is not there for racing");
    cr_expect_eq(pc_profile_apply(&options, &kv, "mine"), PC_ERR_INPUT);
    pc_task_free(task);
    pc_model_free(model);
}
