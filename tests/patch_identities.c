/* Identities that need no recorded value: they hold for every model, bit for bit. */
#include "support/golden.h"
#include "support/planted.h"

#include "base/text.h"
#include "patch/metric.h"
#include "patchclamp/patch.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A golden model with its task and an evaluator. */
typedef struct bench {
    const char *name;
    pc_model *model;
    pc_task *task;
    pc_evaluator *evaluator;
    int n;
} bench;

static bench open_bench(const char *name, pc_evaluator_options options)
{
    json_t *golden = golden_read(name);
    bench b = {.name = name, .model = golden_open(name)};
    b.task = golden_task(golden, b.model);
    b.n = pc_task_n(b.task);
    cr_assert_eq(pc_evaluator_open(&b.evaluator, b.model, b.task, &options), PC_OK, "%s",
                 pc_last_error());
    json_decref(golden);
    return b;
}

static void close_bench(bench *b)
{
    pc_evaluator_free(b->evaluator);
    pc_task_free(b->task);
    pc_model_free(b->model);
}

/* Measures the interventions of n JSON texts into effects (n, b->n). */
static double *measure(const bench *b, bool *is_touched, const pc_text *json, int n)
{
    pc_intervention **list = malloc(sizeof(pc_intervention *) * (size_t)n);
    double *effects = malloc(sizeof *effects * (size_t)(n * b->n));
    for (int i = 0; i < n; i++)
        cr_assert_eq(pc_intervention_parse(&list[i], b->model, json[i].data), PC_OK, "%s: %s: %s",
                     b->name, json[i].data, pc_last_error());
    cr_assert_eq(pc_evaluator_measure(effects, is_touched, b->evaluator,
                                      (const pc_intervention *const *)list, n),
                 PC_OK, "%s", pc_last_error());
    for (int i = 0; i < n; i++)
        pc_intervention_free(list[i]);
    free(list);
    return effects;
}

static double *measure_one(const bench *b, bool *is_touched, const char *json)
{
    pc_text text = {0};
    pc_text_put(&text, json);
    double *effects = measure(b, is_touched, &text, 1);
    pc_text_free(&text);
    return effects;
}

/* Calls put(json, writer, reader) for every edge of the model. */
static int each_edge(pc_text **out, const bench *b,
                     void (*put)(pc_text *json, const char *writer, const char *reader))
{
    const pc_model_info *info = pc_model_describe(b->model);
    *out = calloc((size_t)info->n_edges, sizeof **out);
    int n = 0;
    for (int r = 0; r < info->n_readers; r++)
        for (int u = 0; u < info->n_writers; u++) {
            const char *writer = pc_model_writer_name(b->model, u);
            const char *reader = pc_model_reader_name(b->model, r);
            pc_text probe = {0};
            pc_intervention *edge = NULL;
            pc_text_printf(&probe, "{\"cut\":[\"%s->%s\"]}", writer, reader);
            const bool is_edge = pc_intervention_parse(&edge, b->model, probe.data) == PC_OK;
            if (is_edge) put(&(*out)[n++], writer, reader);
            pc_intervention_free(edge);
            pc_text_free(&probe);
        }
    cr_assert_eq(n, (int)info->n_edges, "%s", b->name);
    return n;
}

static void free_texts(pc_text *texts, int n)
{
    for (int i = 0; i < n; i++)
        pc_text_free(&texts[i]);
    free(texts);
}

static void put_cut(pc_text *json, const char *writer, const char *reader)
{
    pc_text_printf(json, "{\"cut\":[\"%s->%s\"]}", writer, reader);
}

static void put_frozen_path(pc_text *json, const char *writer, const char *reader)
{
    pc_text_printf(json, "{\"path\":{\"from\":[\"%s\"],\"to\":[\"%s\"],\"mlps\":\"frozen\"}}",
                   writer, reader);
}

static void put_quoted(pc_text *json, const char *writer, const char *reader)
{
    pc_text_printf(json, "\"%s->%s\"", writer, reader);
}

/* {"KIND": [every edge that keep() wants]} */
static pc_text list_edges(const bench *b, const char *kind, const char *only_writer)
{
    pc_text *edges, json = {0};
    const int n = each_edge(&edges, b, put_quoted);
    bool has_any = false;
    pc_text_printf(&json, "{\"%s\":[", kind);
    for (int i = 0; i < n; i++) {
        const size_t length = only_writer ? strlen(only_writer) : 0;
        if (only_writer && (strncmp(edges[i].data + 1, only_writer, length) != 0 ||
                            strncmp(edges[i].data + 1 + length, "->", 2) != 0))
            continue;
        pc_text_printf(&json, "%s%s", has_any ? "," : "", edges[i].data);
        has_any = true;
    }
    pc_text_put(&json, "]}");
    free_texts(edges, n);
    return json;
}

static const pc_metric all_metrics[] = {PC_METRIC_LOGIT_DIFF, PC_METRIC_PROB_DIFF, PC_METRIC_LOGIT,
                                        PC_METRIC_LOG_PROB,   PC_METRIC_LOSS,      PC_METRIC_KL,
                                        PC_METRIC_ACCURACY};

static void check_circuits(const char *name, pc_metric metric)
{
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.metric = metric;
    bench b = open_bench(name, options);
    pc_text full = list_edges(&b, "circuit", NULL);
    bool is_touched;
    double *plain = measure_one(&b, &is_touched, full.data);
    cr_expect(!is_touched, "%s: the full circuit touched something", name);
    double *nothing = measure_one(&b, &is_touched, "{\"cut\":[]}");
    cr_expect(!is_touched, "%s: cutting nothing touched something", name);
    double *empty = measure_one(&b, &is_touched, "{\"circuit\":[]}");
    cr_expect(is_touched, "%s: the empty circuit touched nothing", name);
    for (int i = 0; i < b.n; i++) {
        const double change =
            pc_evaluator_corrupted(b.evaluator)[i] - pc_evaluator_clean(b.evaluator)[i];
        cr_expect(plain[i] == 0, "%s, %s: full circuit has effect %g", name, pc_metric_name(metric),
                  plain[i]);
        cr_expect(nothing[i] == 0, "%s, %s: cutting nothing has effect %g", name,
                  pc_metric_name(metric), nothing[i]);
        cr_expect(empty[i] == change,
                  "%s, %s: the empty circuit has %.17g, the corrupted run %.17g", name,
                  pc_metric_name(metric), empty[i], change);
    }
    free(empty);
    free(nothing);
    free(plain);
    pc_text_free(&full);
    close_bench(&b);
}

Test(patch_identities, full_circuit_is_the_model_and_empty_circuit_the_corrupted_run)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        for (size_t m = 0; m < sizeof all_metrics / sizeof *all_metrics; m++)
            check_circuits(golden_models[i], all_metrics[m]);
}

static void expect_same(const char *name, const char *what, const double *a, const double *b, int n)
{
    cr_expect(memcmp(a, b, sizeof *a * (size_t)n) == 0, "%s: %s differs", name, what);
}

static void check_nodes(const char *name, pc_source source, pc_direction direction)
{
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.source = source;
    options.direction = direction;
    bench b = open_bench(name, options);
    for (int u = 0; u < pc_model_describe(b.model)->n_writers; u++) {
        const char *writer = pc_model_writer_name(b.model, u);
        pc_text node = {0}, edges = list_edges(&b, "cut", writer);
        pc_text_printf(&node, "{\"cut\":[\"%s\"]}", writer);
        double *as_node = measure_one(&b, NULL, node.data);
        double *as_edges = measure_one(&b, NULL, edges.data);
        expect_same(name, writer, as_node, as_edges, b.n);
        free(as_edges);
        free(as_node);
        pc_text_free(&edges);
        pc_text_free(&node);
    }
    close_bench(&b);
}

Test(patch_identities, node_is_all_its_edges)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        check_nodes(golden_models[i], PC_SOURCE_RESAMPLE, PC_DIRECTION_NOISE);
        check_nodes(golden_models[i], PC_SOURCE_RESAMPLE, PC_DIRECTION_DENOISE);
        check_nodes(golden_models[i], PC_SOURCE_ZERO, PC_DIRECTION_NOISE);
        check_nodes(golden_models[i], PC_SOURCE_MEAN, PC_DIRECTION_NOISE);
    }
}

Test(patch_identities, edge_is_a_path_to_one_receiver_with_mlps_frozen)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        bench b = open_bench(golden_models[i], (pc_evaluator_options)PC_EVALUATOR_OPTIONS_INIT);
        pc_text *cuts, *paths;
        const int n = each_edge(&cuts, &b, put_cut);
        each_edge(&paths, &b, put_frozen_path);
        double *as_edges = measure(&b, NULL, cuts, n), *as_paths = measure(&b, NULL, paths, n);
        expect_same(b.name, "an edge's path", as_edges, as_paths, n * b.n);
        free(as_paths);
        free(as_edges);
        free_texts(paths, n);
        free_texts(cuts, n);
        close_bench(&b);
    }
}

Test(patch_identities, batch_order_and_threads_change_no_bit)
{
    const char *name = "gpt2-plain";
    pc_evaluator_options one = PC_EVALUATOR_OPTIONS_INIT, three = PC_EVALUATOR_OPTIONS_INIT;
    one.n_threads = 1;
    three.n_threads = 3;
    bench b = open_bench(name, one), c = open_bench(name, three);
    pc_text *cuts;
    const int n = each_edge(&cuts, &b, put_cut);
    double *together = measure(&b, NULL, cuts, n), *threaded = measure(&c, NULL, cuts, n);
    expect_same(name, "the threaded batch", together, threaded, n * b.n);
    for (int i = n - 1; i >= 0; i--) {
        double *alone = measure(&b, NULL, &cuts[i], 1);
        expect_same(name, cuts[i].data, alone, together + i * b.n, b.n);
        free(alone);
    }
    free(threaded);
    free(together);
    free_texts(cuts, n);
    close_bench(&c);
    close_bench(&b);
}

/* Without norms the logits are linear in the MLP's output: its neurons' effects add up to its own
 * (the output bias is the same in both runs and cancels). */
static void check_sum_of_neurons(uint64_t seed)
{
    pc_model *model = planted_random_model(seed);
    pc_task *task = planted_gate_task(model);
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    bench b = {.name = "planted", .model = model, .task = task, .n = pc_task_n(task)};
    cr_assert_eq(pc_evaluator_open(&b.evaluator, model, task, &options), PC_OK);
    double *whole = measure_one(&b, NULL, "{\"cut\":[\"m0\"]}");
    double *first = measure_one(&b, NULL, "{\"cut\":[\"m0.n0\"]}");
    double *second = measure_one(&b, NULL, "{\"cut\":[\"m0.n1\"]}");
    for (int i = 0; i < b.n; i++)
        cr_expect(fabs(first[i] + second[i] - whole[i]) < 1e-12, "seed %d: %g + %g is not %g",
                  (int)seed, first[i], second[i], whole[i]);
    free(second);
    free(first);
    free(whole);
    close_bench(&b);
}

Test(patch_identities, neurons_of_a_linear_read_out_add_up)
{
    for (uint64_t seed = 0; seed < 20; seed++)
        check_sum_of_neurons(seed);
}

static const struct {
    const char *a, *b;
} same[] = {
    {"{\"cut\":[\"m0.n13\",\"m0.n13->logits\"]}", "{\"cut\":[\"m0.n13\"]}"},
    {"{\"cut\":[\"m0.n13\",\"m0.n13\"]}", "{\"cut\":[\"m0.n13\"]}"},
    {"{\"cut\":[\"m0.n13\",\"m0\",\"m0.n36->m1\"]}", "{\"cut\":[\"m0\"]}"},
    {"{\"cut\":[\"m0->m1\",\"m0.n13->m1\"]}", "{\"cut\":[\"m0->m1\"]}"},
    {"{\"cut\":[\"m0->m1\",\"m0.n13\"]}",
     "{\"cut\":[\"m0->m1\",\"m0.n13->a1.h0<q>\",\"m0.n13->a1.h0<k>\",\"m0.n13->a1.h0<v>\","
     "\"m0.n13->a1.h1<q>\",\"m0.n13->a1.h1<k>\",\"m0.n13->a1.h1<v>\",\"m0.n13->a1.h2<q>\","
     "\"m0.n13->a1.h2<k>\",\"m0.n13->a1.h2<v>\",\"m0.n13->logits\"]}"},
    {"{\"cut\":[\"m0->a1.h0<v>\"],\"positions\":[3,-2]}",
     "{\"path\":{\"from\":[\"m0\"],\"to\":[\"a1.h0<v>\"],\"mlps\":\"frozen\"},"
     "\"positions\":[3,-2]}"},
    {"{\"path\":{\"from\":[\"a0.h0\"],\"to\":[\"logits\"],\"mlps\":\"free\"},"
     "\"freeze\":[\"m0\",\"m1\"]}",
     "{\"path\":{\"from\":[\"a0.h0\"],\"to\":[\"logits\"],\"mlps\":\"frozen\"}}"},
    {"{\"path\":{\"from\":[\"input\"],\"to\":[\"m0\"],\"mlps\":\"free\"},\"freeze\":[\"m0\"]}",
     "{\"cut\":[]}"},
};

Test(patch_identities, two_ways_to_say_the_same_change_no_bit)
{
    bench b = open_bench("gpt2-plain", (pc_evaluator_options)PC_EVALUATOR_OPTIONS_INIT);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        double *one = measure_one(&b, NULL, same[i].a), *other = measure_one(&b, NULL, same[i].b);
        expect_same(b.name, same[i].a, one, other, b.n);
        free(other);
        free(one);
    }
    close_bench(&b);
}

/* The pairs begin with the same token, the first pair with the same two. */
static const struct {
    const char *json;
    bool is_touched;
} touches[] = {
    {"{\"cut\":[\"input\"],\"positions\":[0]}", false},
    {"{\"cut\":[\"input\"],\"positions\":[1]}", true},
    {"{\"cut\":[\"input\"]}", true},
    {"{\"cut\":[\"m0.n13\"],\"positions\":[0]}", false},
    {"{\"cut\":[\"m0.n13\"]}", true},
    {"{\"cut\":[\"m0.n13->a1.h0<v>\"]}", true},
    {"{\"cut\":[\"a1.h1->logits\"],\"positions\":[0]}", false},
    {"{\"path\":{\"from\":[\"a0.h0\"],\"to\":[\"m0\"],\"mlps\":\"free\"},\"positions\":[0]}",
     false},
    {"{\"path\":{\"from\":[\"a0.h0\"],\"to\":[\"m0\"],\"mlps\":\"free\"}}", true},
};

Test(patch_identities, an_intervention_that_changed_nothing_is_told)
{
    bench b = open_bench("gpt2-plain", (pc_evaluator_options)PC_EVALUATOR_OPTIONS_INIT);
    for (size_t i = 0; i < sizeof touches / sizeof *touches; i++) {
        bool is_touched;
        double *effects = measure_one(&b, &is_touched, touches[i].json);
        cr_expect_eq(is_touched, touches[i].is_touched, "%s", touches[i].json);
        for (int p = 0; p < b.n && !is_touched; p++)
            cr_expect(effects[p] == 0, "%s: effect %g", touches[i].json, effects[p]);
        free(effects);
    }
    close_bench(&b);
}

Test(patch_identities, accuracy_takes_the_first_of_equals_and_passes_over_no_nan)
{
    const int32_t first = 1, second = 2;
    const pc_target early = {.answers = &first, .n_answers = 1};
    const pc_target late = {.answers = &second, .n_answers = 1};
    const double tie[] = {0, 3, 3}, nan_last[] = {0, 3, NAN}, nan_first[] = {NAN, 3, 0};
    cr_expect_eq(pc_metric_at(PC_METRIC_ACCURACY, tie, NULL, 3, &early), 1);
    cr_expect_eq(pc_metric_at(PC_METRIC_ACCURACY, tie, NULL, 3, &late), 0);
    cr_expect(isnan(pc_metric_at(PC_METRIC_ACCURACY, nan_last, NULL, 3, &early)));
    cr_expect(isnan(pc_metric_at(PC_METRIC_ACCURACY, nan_first, NULL, 3, &early)));
}
