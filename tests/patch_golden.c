/* Effects of every kind of intervention equal an independent float64 brute force. */
#include "support/golden.h"

#include "patchclamp/patch.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Double on both sides, sums in another order; effects are differences of metrics of size 1 to 30.
 */
#define ABSOLUTE 1e-9
#define RELATIVE 1e-9

typedef struct setting {
    pc_evaluator_options options;
    pc_evaluator *evaluator;
} setting;

enum { MOST_SETTINGS = 128 };

/* One evaluator per combination of source, direction and metric. */
static pc_evaluator *evaluator_for(setting *settings, int *n, const json_t *row,
                                   const pc_model *model, const pc_task *task)
{
    pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
    o.n_threads = 1;
    cr_assert_eq(pc_source_parse(&o.source, json_string_value(json_object_get(row, "source"))),
                 PC_OK);
    cr_assert_eq(
        pc_direction_parse(&o.direction, json_string_value(json_object_get(row, "direction"))),
        PC_OK);
    cr_assert_eq(pc_metric_parse(&o.metric, json_string_value(json_object_get(row, "metric"))),
                 PC_OK);
    for (int i = 0; i < *n; i++)
        if (settings[i].options.source == o.source && settings[i].options.metric == o.metric &&
            settings[i].options.direction == o.direction)
            return settings[i].evaluator;
    cr_assert(*n < MOST_SETTINGS);
    settings[*n].options = o;
    cr_assert_eq(pc_evaluator_open(&settings[*n].evaluator, model, task, &o), PC_OK, "%s",
                 pc_last_error());
    return settings[(*n)++].evaluator;
}

static void check_row(const char *name, const json_t *row, pc_evaluator *evaluator,
                      const pc_model *model, int n_prompts)
{
    pc_intervention *intervention;
    char *json = json_dumps(json_object_get(row, "intervention"), JSON_COMPACT);
    char *whole = json_dumps(row, JSON_COMPACT);
    double *effects = malloc(sizeof *effects * (size_t)n_prompts);
    cr_assert_eq(pc_intervention_parse(&intervention, model, json), PC_OK, "%s", pc_last_error());
    const pc_intervention *list[] = {intervention};
    cr_assert_eq(pc_evaluator_measure(effects, NULL, evaluator, list, 1), PC_OK, "%s",
                 pc_last_error());
    const json_t *expected = json_object_get(row, "effects");
    cr_assert_eq((int)json_array_size(expected), n_prompts, "%s", name);
    for (int i = 0; i < n_prompts; i++) {
        const double want = json_number_value(json_array_get(expected, (size_t)i));
        cr_expect(fabs(effects[i] - want) <= ABSOLUTE + RELATIVE * fabs(want),
                  "%s: pair %d has effect %.17g, expected %.17g: %.200s", name, i, effects[i], want,
                  whole);
    }
    pc_intervention_free(intervention);
    free(effects);
    free(whole);
    free(json);
}

/* The interventions under `key`, with k and v read at the granularity that they are named in. */
static size_t check_model(const char *name, const char *key, pc_kv_granularity granularity)
{
    pc_model *model = golden_open(name);
    cr_assert_eq(pc_model_set_kv_granularity(model, granularity), PC_OK, "%s", pc_last_error());
    json_t *golden = golden_read(name);
    pc_task *task = golden_task(golden, model);
    setting settings[MOST_SETTINGS];
    int n_settings = 0;
    size_t i = 0;
    json_t *row;
    json_array_foreach(json_object_get(golden, key), i, row) check_row(
        name, row, evaluator_for(settings, &n_settings, row, model, task), model, pc_task_n(task));
    for (int s = 0; s < n_settings; s++)
        pc_evaluator_free(settings[s].evaluator);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
    return i;
}

/* paths.json (tests/golden/make_paths.py). */
static json_t *read_paths(const char *name)
{
    char path[256];
    json_error_t error;
    snprintf(path, sizeof path, "%s/tests/golden/models/%s/paths.json", PC_SOURCE_DIR, name);
    json_t *paths = json_load_file(path, 0, &error);
    cr_assert_not_null(paths, "%s: %s", path, error.text);
    return paths;
}

Test(patch_golden, paths_through_components_equal_the_brute_force)
{
    size_t n = 0;
    for (int m = 0; m < N_GOLDEN_MODELS; m++) {
        const char *name = golden_models[m];
        pc_model *model = golden_open(name);
        json_t *golden = golden_read(name), *paths = read_paths(name), *row;
        pc_task *task = golden_task(golden, model);
        setting settings[MOST_SETTINGS];
        int n_settings = 0;
        size_t i;
        json_array_foreach(json_object_get(paths, "multi"), i, row)
            check_row(name, row, evaluator_for(settings, &n_settings, row, model, task), model,
                      pc_task_n(task));
        n += i;
        for (int s = 0; s < n_settings; s++)
            pc_evaluator_free(settings[s].evaluator);
        pc_task_free(task);
        json_decref(paths);
        json_decref(golden);
        pc_model_free(model);
    }
    cr_expect(n >= 250, "only %zu paths were compared", n);
}

/* Its direct_includes_mlps: false is the edge alone, true our path with free MLPs. */
static void check_path_patching(const char *name, const json_t *row, pc_evaluator *evaluator,
                                const pc_model *model, int n_prompts)
{
    const char *from = json_string_value(json_object_get(row, "from"));
    const char *to = json_string_value(json_object_get(row, "to"));
    const bool is_free = json_is_true(json_object_get(row, "includes_mlps"));
    const double want = json_number_value(json_object_get(row, "effect"));
    const char *const forms[] = {
        "{\"path\": {\"from\": [\"%s\"], \"to\": [\"%s\"], \"mlps\": \"free\"}}",
        "{\"path\": {\"from\": [\"%s\"], \"to\": [\"%s\"], \"mlps\": \"frozen\"}}",
        "{\"cut\": [\"%s->%s\"]}"};
    double *effects = malloc(sizeof *effects * (size_t)n_prompts);
    for (int i = is_free ? 0 : 1; i < (is_free ? 1 : 3); i++) {
        char json[256];
        pc_intervention *path;
        snprintf(json, sizeof json, forms[i], from, to);
        cr_assert_eq(pc_intervention_parse(&path, model, json), PC_OK, "%s", pc_last_error());
        const pc_intervention *list[] = {path};
        cr_assert_eq(pc_evaluator_measure(effects, NULL, evaluator, list, 1), PC_OK, "%s",
                     pc_last_error());
        const double found = effects[json_integer_value(json_object_get(row, "pair"))];
        cr_expect(fabs(found - want) <= ABSOLUTE + RELATIVE * fabs(want),
                  "%s: %s is %.17g, path_patching says %.17g", name, json, found, want);
        pc_intervention_free(path);
    }
    free(effects);
}

Test(patch_golden, paths_equal_path_patching_with_and_without_mlps)
{
    size_t n = 0;
    for (int m = 0; m < N_GOLDEN_MODELS; m++) {
        const char *name = golden_models[m];
        json_t *paths = read_paths(name), *row;
        const json_t *rows = json_object_get(paths, "direct");
        if (rows) {
            pc_model *model = golden_open(name);
            json_t *golden = golden_read(name);
            pc_task *task = golden_task(golden, model);
            const pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
            pc_evaluator *evaluator;
            size_t i;
            cr_assert_eq(pc_evaluator_open(&evaluator, model, task, &options), PC_OK, "%s",
                         pc_last_error());
            json_array_foreach(rows, i, row)
                check_path_patching(name, row, evaluator, model, pc_task_n(task));
            n += i;
            pc_evaluator_free(evaluator);
            pc_task_free(task);
            json_decref(golden);
            pc_model_free(model);
        }
        json_decref(paths);
    }
    cr_expect(n >= 300, "only %zu paths were compared", n);
}

Test(patch_golden, effects_equal_the_brute_force)
{
    size_t n = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        n += check_model(golden_models[i], "interventions", PC_KV_SHARED);
    cr_expect(n >= 1000, "only %zu interventions were compared", n);
}

Test(patch_golden, effects_per_query_head_equal_the_brute_force_of_ungrouped_heads)
{
    size_t n = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        n += check_model(golden_models[i], "per_query", PC_KV_PER_QUERY);
    cr_expect(n >= 300, "only %zu interventions were compared", n);
}
