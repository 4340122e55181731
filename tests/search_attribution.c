/* Direct logit attribution and the lens equal TransformerLens's, and add up to the metric. */
#include "support/golden.h"

#include "patchclamp/attribute.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Double on both sides, sums in another order; logits of size 1 to 30. */
#define NEAR 1e-9

static json_t *read_golden(const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/tests/golden/models/%s/attribution.json", PC_SOURCE_DIR, name);
    json_t *golden = json_load_file(path, 0, &error);
    cr_assert_not_null(golden, "%s: %s", path, error.text);
    return golden;
}

static void check_row(const char *model, const pc_attribution_row *row, const json_t *expected,
                      int n)
{
    cr_assert_eq((int)json_array_size(expected), n, "%s: %s", model, row->name);
    for (int p = 0; p < n; p++) {
        const double want = json_number_value(json_array_get(expected, (size_t)p));
        cr_expect(fabs(row->values[p] - want) <= NEAR + NEAR * fabs(want),
                  "%s: %s of pair %d is %.17g, expected %.17g", model, row->name, p, row->values[p],
                  want);
    }
}

static void check_model(const char *name)
{
    pc_model *model = golden_open(name);
    json_t *golden = golden_read(name), *expected = read_golden(name);
    pc_task *task = golden_task(golden, model);
    const json_t *components = json_object_get(expected, "components");
    const json_t *lens = json_object_get(expected, "lens");
    pc_attribution *a;
    cr_assert_eq(pc_attribute(&a, model, task, PC_METRIC_LOGIT_DIFF), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_attribution_n(a), (int)json_object_size(components), "%s", name);
    cr_assert_eq(pc_attribution_n_lens(a), (int)json_array_size(lens), "%s", name);
    for (int i = 0; i < pc_attribution_n(a); i++) {
        const pc_attribution_row row = pc_attribution_at(a, i);
        check_row(name, &row, json_object_get(components, row.name), pc_task_n(task));
    }
    for (int i = 0; i < pc_attribution_n_lens(a); i++) {
        const pc_attribution_row row = pc_attribution_lens(a, i);
        check_row(name, &row, json_array_get(lens, (size_t)i), pc_task_n(task));
    }
    cr_expect(pc_attribution_gap(a) < 1e-12, "%s: the sum misses by %g", name,
              pc_attribution_gap(a));
    pc_attribution_free(a);
    pc_task_free(task);
    json_decref(expected);
    json_decref(golden);
    pc_model_free(model);
}

Test(search_attribution, every_component_and_the_lens_equal_the_golden_numbers)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        check_model(golden_models[i]);
}

/* Without a softcap the components add up to what the evaluator calls the metric. */
Test(search_attribution, the_total_is_the_metric_of_the_clean_run)
{
    pc_model *model = golden_open("gpt2-plain");
    json_t *golden = golden_read("gpt2-plain");
    pc_task *task = golden_task(golden, model);
    const pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    pc_attribution *a;
    cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_OK);
    cr_assert_eq(pc_attribute(&a, model, task, options.metric), PC_OK);
    for (int p = 0; p < pc_task_n(task); p++)
        cr_expect_float_eq(pc_attribution_total(a).values[p], pc_evaluator_clean(evaluator)[p],
                           1e-11);
    pc_attribution_free(a);
    pc_evaluator_free(evaluator);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
}

Test(search_attribution, a_metric_that_is_not_linear_is_refused)
{
    pc_model *model = golden_open("gpt2-plain");
    json_t *golden = golden_read("gpt2-plain");
    pc_task *task = golden_task(golden, model);
    pc_attribution *a;
    cr_expect_eq(pc_attribute(&a, model, task, PC_METRIC_KL), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "kl is not linear"), "%s", pc_last_error());
    cr_expect_null(a);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
}
