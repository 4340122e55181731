/* The whole search: same bytes however it was run, resumable at any step, honest about what it
 * refuses. */
#include "support/golden.h"
#include "support/test_folder.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/model_private.h"
#include "patch/journal.h"
#include "patchclamp/find.h"
#include "patchclamp/heads.h"
#include "search/faithfulness.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(search_find, .init = test_folder_set_up, .fini = test_folder_clean_up);

static pc_status find_in(pc_circuit **out, const char *model_name, const char *run,
                         pc_find_options options)
{
    char directory[256];
    strcpy(directory, test_folder_path(run, ""));
    pc_model *model = golden_open(model_name);
    json_t *golden = golden_read(model_name);
    pc_task *task = golden_task(golden, model);
    options.directory = directory;
    pc_status status = pc_find(out, model, task, &options);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
    return status;
}

static pc_find_options top_options(pc_level level, int64_t top)
{
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.level = level;
    options.selection = PC_SELECT_TOP;
    options.top = top;
    return options;
}

static void run_ok(const char *model, const char *run, pc_find_options options)
{
    pc_circuit *circuit;
    cr_assert_eq(find_in(&circuit, model, run, options), PC_OK, "%s", pc_last_error());
    pc_circuit_free(circuit);
}

static void expect_same_run(const char *a, const char *b)
{
    test_folder_expect_same(a, b, "circuit.json");
    test_folder_expect_same(a, b, "scores.csv");
    test_folder_expect_same(a, b, "circuit.svg");
    test_folder_expect_same(a, b, "report.html");
}

Test(search_find, threads_change_no_byte)
{
    for (pc_level level = PC_LEVEL_NODE; level <= PC_LEVEL_NEURON; level++) {
        pc_find_options options = top_options(level, 9);
        char one[32], two[32];
        snprintf(one, sizeof one, "%s-1", pc_level_name(level));
        snprintf(two, sizeof two, "%s-2", pc_level_name(level));
        options.evaluation.n_threads = 1;
        run_ok("gpt2-plain", one, options);
        options.evaluation.n_threads = 2;
        run_ok("gpt2-plain", two, options);
        expect_same_run(one, two);
    }
}

/* Stops at the n-th report. */
typedef struct stopper {
    int n_left;
    int64_t n_from_journal, n_done; /* the most that was reported */
} stopper;

static bool stop_later(const pc_progress *progress, void *payload)
{
    stopper *s = payload;
    if (progress->n_from_journal > s->n_from_journal) s->n_from_journal = progress->n_from_journal;
    if (progress->n_done > s->n_done) s->n_done = progress->n_done;
    return s->n_left-- > 0;
}

Test(search_find, a_stopped_search_resumes_to_the_same_bytes)
{
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.selection = PC_SELECT_FAITHFULNESS;
    options.evaluation.metric = PC_METRIC_KL;
    options.faithfulness = 0.5;
    run_ok("gpt2-plain", "whole", options);
    int n_stopped = 0;
    for (int reports = 0;; reports += 1 + reports / 4) { /* also in the middle of a batch */
        char run[32];
        pc_circuit *circuit = NULL;
        stopper first = {reports, 0, 0}, second = {1 << 30, 0, 0};
        snprintf(run, sizeof run, "stopped-%d", reports);
        options.progress = stop_later;
        options.payload = &first;
        options.resume = PC_RESUME_NO;
        pc_status status = find_in(&circuit, "gpt2-plain", run, options);
        pc_circuit_free(circuit);
        if (status == PC_OK) break; /* it was done before the stop */
        cr_assert_eq(status, PC_ERR_INTERRUPTED, "%s", pc_last_error());
        cr_expect(!pc_file_exists(test_folder_path(run, "circuit.json")),
                  "a stopped run has a result");
        n_stopped++;
        options.payload = &second;
        options.resume = PC_RESUME_YES;
        run_ok("gpt2-plain", run, options);
        cr_expect(second.n_from_journal >= first.n_done, "%s measured something again", run);
        expect_same_run("whole", run);
    }
    cr_expect(n_stopped >= 5, "only %d stops", n_stopped);
}

Test(search_find, what_a_killed_writer_left_is_removed_on_resume)
{
    pc_find_options options = top_options(PC_LEVEL_NODE, 3);
    run_ok("gpt2-plain", "run", options);
    cr_assert_eq(pc_file_replace(test_folder_path("run", "circuit.json.partial-a1B2c3"), "{", 1),
                 PC_OK);
    cr_assert_eq(pc_file_replace(test_folder_path("run", "circuit.json.mine"), "{", 1), PC_OK);
    options.resume = PC_RESUME_YES;
    run_ok("gpt2-plain", "run", options);
    cr_expect(!pc_file_exists(test_folder_path("run", "circuit.json.partial-a1B2c3")));
    cr_expect(pc_file_exists(test_folder_path("run", "circuit.json.mine")));
}

Test(search_find, a_run_directory_is_not_overwritten)
{
    pc_circuit *circuit = NULL;
    const pc_find_options options = top_options(PC_LEVEL_NODE, 3);
    run_ok("gpt2-plain", "run", options);
    cr_expect_eq(find_in(&circuit, "gpt2-plain", "run", options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "--resume"), "%s", pc_last_error());
}

Test(search_find, resuming_another_run_is_refused_by_name)
{
    pc_find_options options = top_options(PC_LEVEL_NODE, 3);
    run_ok("gpt2-plain", "run", options);
    pc_find_options metric = options, source = options, direction = options;
    metric.evaluation.metric = PC_METRIC_LOGIT;
    source.evaluation.source = PC_SOURCE_ZERO;
    direction.evaluation.direction = PC_DIRECTION_DENOISE;
    const struct {
        const char *model, *differs;
        pc_find_options options;
    } others[] = {
        {"tl-ln", "model was", options},
        {"gpt2-plain", "level was", top_options(PC_LEVEL_EDGE, 3)},
        {"gpt2-plain", "selection was", top_options(PC_LEVEL_NODE, 4)},
        {"gpt2-plain", "metric was", metric},
        {"gpt2-plain", "source was", source},
        {"gpt2-plain", "direction was", direction},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        pc_circuit *circuit = NULL;
        pc_find_options other = others[i].options;
        other.resume = PC_RESUME_YES;
        cr_expect_eq(find_in(&circuit, others[i].model, "run", other), PC_ERR_INPUT, "%s",
                     others[i].differs);
        cr_expect(strstr(pc_last_error(), others[i].differs), "%s: %s", others[i].differs,
                  pc_last_error());
    }
}

/* What find says of its circuit is what evaluating the written file says. */
Test(search_find, evaluating_the_written_circuit_agrees)
{
    int n_compared = 0;
    for (pc_level level = PC_LEVEL_NODE; level <= PC_LEVEL_NEURON; level++)
        for (pc_direction d = PC_DIRECTION_NOISE; d <= PC_DIRECTION_DENOISE; d++) {
            const char *name = "tl-parallel";
            pc_circuit *circuit = NULL, *read = NULL;
            pc_find_options options = top_options(level, 12);
            options.evaluation.direction = d;
            options.evaluation.metric = PC_METRIC_KL;
            char run[32];
            snprintf(run, sizeof run, "%s-%s", pc_level_name(level), pc_direction_name(d));
            cr_assert_eq(find_in(&circuit, name, run, options), PC_OK, "%s", pc_last_error());
            cr_assert_eq(pc_circuit_read(&read, test_folder_path(run, "circuit.json")), PC_OK, "%s",
                         pc_last_error());
            pc_model *model = golden_open(name);
            json_t *golden = golden_read(name);
            pc_task *task = golden_task(golden, model);
            pc_faithfulness f;
            double said;
            pc_status status = pc_circuit_evaluate(&f, read, model, task, &options.evaluation);
            if (pc_circuit_evaluation(&said, circuit, "faithfulness")) {
                cr_assert_eq(status, PC_OK, "%s: %s", run, pc_last_error());
                n_compared++;
                cr_expect(f.faithfulness == said, "%s: %.17g and %.17g", run, f.faithfulness, said);
            } else {
                cr_expect(strstr(pc_last_error(), "two standard errors"), "%s", pc_last_error());
            }
            pc_task_free(task);
            json_decref(golden);
            pc_model_free(model);
            pc_circuit_free(read);
            pc_circuit_free(circuit);
        }
    /* the neurons alone restore too little of this model to be a scale */
    cr_expect_eq(n_compared, 5, "%d were compared", n_compared);
}

/* ---- what the numbers mean ---- */

typedef struct bench {
    pc_model *model;
    pc_task *task;
    int n;
} bench;

static bench open_bench(const char *name)
{
    bench b = {.model = golden_open(name)};
    json_t *golden = golden_read(name);
    b.task = golden_task(golden, b.model);
    b.n = pc_task_n(b.task);
    json_decref(golden);
    return b;
}

static void close_bench(bench *b)
{
    pc_task_free(b->task);
    pc_model_free(b->model);
}

/* {"KIND": [edges of the circuit]} */
static pc_intervention *edges_of(const char *kind, const pc_circuit *circuit, const pc_model *model)
{
    pc_text json = {0};
    pc_intervention *x;
    bool has_any = false;
    pc_text_printf(&json, "{\"%s\":[", kind);
    for (size_t i = 0; circuit && i < pc_circuit_n_edges(circuit); i++) {
        const pc_circuit_edge *edge = pc_circuit_edge_at(circuit, i);
        if (!edge->in_circuit) continue;
        pc_text_printf(&json, "%s\"%s->%s\"", has_any ? "," : "", edge->from, edge->to);
        has_any = true;
    }
    pc_text_put(&json, "]}");
    cr_assert_eq(pc_intervention_parse(&x, model, json.data), PC_OK, "%s", pc_last_error());
    pc_text_free(&json);
    return x;
}

static double mean_of(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    return sum / n;
}

/* Of the mean: the sample's standard deviation over sqrt(n). */
static double error_of(const double *x, int n)
{
    const double mean = mean_of(x, n);
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += pow(x[i] - mean, 2);
    return sqrt(sum / (n - 1)) / sqrt(n);
}

/* The metric per prompt where the intervention acts. */
static void measure_metric(double *metric, pc_evaluator *evaluator, const double *base,
                           pc_intervention *x, int n)
{
    const pc_intervention *list[] = {x};
    cr_assert_eq(pc_evaluator_measure(metric, NULL, evaluator, list, 1), PC_OK, "%s",
                 pc_last_error());
    for (int i = 0; i < n; i++)
        metric[i] += base[i];
    pc_intervention_free(x);
}

static void expect_near(const char *name, const char *what, double got, double want)
{
    cr_expect(fabs(got - want) < 1e-12 * (1 + fabs(want)), "%s: %s is %.17g, expected %.17g", name,
              what, got, want);
}

static void expect_said(const char *name, const pc_circuit *circuit, const char *what, double want)
{
    double said;
    cr_assert(pc_circuit_evaluation(&said, circuit, what), "%s: %s", name, what);
    expect_near(name, what, said, want);
}

enum { MOST_PROMPTS = 16 };

static const struct {
    const char *name;
    pc_source source;
    pc_direction direction;
} settings[] = {
    {"resample", PC_SOURCE_RESAMPLE, PC_DIRECTION_NOISE},
    {"zero", PC_SOURCE_ZERO, PC_DIRECTION_NOISE},
    {"denoise", PC_SOURCE_RESAMPLE, PC_DIRECTION_DENOISE},
};

/* Measured again, intervention by intervention: noise cuts what is outside the circuit, denoise the
 * circuit. */
static void check_faithfulness(const bench *b, size_t i)
{
    const char *name = settings[i].name;
    const bool is_noise = settings[i].direction == PC_DIRECTION_NOISE;
    pc_find_options options = top_options(PC_LEVEL_EDGE, 30);
    options.evaluation = (pc_evaluator_options){.source = settings[i].source,
                                                .direction = settings[i].direction,
                                                .metric = PC_METRIC_KL,
                                                .n_threads = 1,
                                                .engine = PC_ENGINE_TWIN};
    pc_circuit *circuit;
    pc_evaluator *evaluator;
    pc_faithfulness f;
    double inside[MOST_PROMPTS], all_cut[MOST_PROMPTS];
    cr_assert_eq(pc_find(&circuit, b->model, b->task, &options), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_evaluator_open(&evaluator, b->model, b->task, &options.evaluation), PC_OK);
    cr_assert_eq(pc_circuit_evaluate(&f, circuit, b->model, b->task, &options.evaluation), PC_OK,
                 "%s: %s", name, pc_last_error());
    const double *base =
        is_noise ? pc_evaluator_clean(evaluator) : pc_evaluator_corrupted(evaluator);
    measure_metric(inside, evaluator, base,
                   edges_of(is_noise ? "circuit" : "cut", circuit, b->model), b->n);
    measure_metric(all_cut, evaluator, base, edges_of("circuit", NULL, b->model), b->n);
    const double empty = mean_of(all_cut, b->n), start = mean_of(base, b->n);
    const double zero = is_noise ? empty : start, one = is_noise ? start : empty;
    const double faithfulness = (mean_of(inside, b->n) - zero) / (one - zero);
    double said;
    expect_near(name, "clean", f.clean, mean_of(pc_evaluator_clean(evaluator), b->n));
    expect_near(name, "corrupted", f.corrupted, mean_of(pc_evaluator_corrupted(evaluator), b->n));
    expect_near(name, "empty", f.empty, empty);
    expect_near(name, "circuit", f.circuit, mean_of(inside, b->n));
    expect_near(name, "circuit_stderr", f.circuit_stderr, error_of(inside, b->n));
    expect_near(name, "faithfulness", f.faithfulness, faithfulness);
    cr_assert(pc_circuit_baseline(&said, circuit, "empty"));
    expect_near(name, "the baseline", said, empty);
    expect_said(name, circuit, "circuit", f.circuit);
    expect_said(name, circuit, "circuit_stderr", f.circuit_stderr);
    expect_said(name, circuit, "faithfulness", faithfulness);
    expect_said(name, circuit, "kept", (double)f.n_kept);
    cr_expect(f.n_kept > 0 && f.n_kept < f.n_all, "%s", name);
    pc_evaluator_free(evaluator);
    pc_circuit_free(circuit);
}

Test(search_find, faithfulness_is_what_the_interventions_give)
{
    bench b = open_bench("gpt2-plain");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        check_faithfulness(&b, i);
    close_bench(&b);
}

/* The gap is a difference prompt by prompt. */
Test(search_find, the_gaps_error_is_of_the_paired_differences)
{
    bench b = open_bench("gpt2-plain");
    const pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_journal journal = {.model = b.model, .n_prompts = b.n};
    pc_candidates candidates;
    pc_scale scale;
    double change[MOST_PROMPTS];
    cr_assert_eq(pc_evaluator_open(&journal.evaluator, b.model, b.task, &options), PC_OK);
    cr_assert_eq(pc_candidates_init(&candidates, b.model, PC_LEVEL_NODE), PC_OK);
    cr_assert_eq(pc_scale_measure(&scale, &candidates, &journal, PC_DIRECTION_NOISE), PC_OK);
    for (int i = 0; i < b.n; i++)
        change[i] =
            pc_evaluator_clean(journal.evaluator)[i] - pc_evaluator_corrupted(journal.evaluator)[i];
    expect_near("resample", "the gap's error", scale.gap_error, error_of(change, b.n));
    pc_evaluator_free(journal.evaluator);
    close_bench(&b);
}

static void expect_same_circuit(const pc_circuit *a, const pc_circuit *b)
{
    for (size_t i = 0; i < pc_circuit_n_edges(a); i++)
        cr_expect_eq(pc_circuit_edge_at(a, i)->in_circuit, pc_circuit_edge_at(b, i)->in_circuit,
                     "edge %zu", i);
    double x, y;
    cr_assert(pc_circuit_evaluation(&x, a, "circuit") && pc_circuit_evaluation(&y, b, "circuit"));
    cr_expect(x == y, "the circuits' metrics are %.17g and %.17g", x, y);
}

/* Walks down the ranking by itself. A second search wants just what the first reached. */
Test(search_find, selection_by_faithfulness_takes_the_first_that_reaches_it)
{
    bench b = open_bench("gpt2-plain");
    pc_find_options options = top_options(PC_LEVEL_EDGE, 1), wanted = PC_FIND_OPTIONS_INIT;
    options.evaluation.metric = wanted.evaluation.metric = PC_METRIC_KL;
    wanted.faithfulness = 0.5;
    pc_circuit *selected, *again, *first = NULL;
    cr_assert_eq(pc_find(&selected, b.model, b.task, &wanted), PC_OK, "%s", pc_last_error());
    double reached = 0;
    for (; reached < 0.5 && options.top < 72; options.top++) {
        pc_circuit_free(first);
        cr_assert_eq(pc_find(&first, b.model, b.task, &options), PC_OK, "%s", pc_last_error());
        cr_assert(pc_circuit_evaluation(&reached, first, "faithfulness"));
    }
    cr_expect(options.top > 12, "the first batches suffice");
    expect_same_circuit(selected, first);
    wanted.faithfulness = reached;
    cr_assert_eq(pc_find(&again, b.model, b.task, &wanted), PC_OK, "%s", pc_last_error());
    expect_same_circuit(selected, again);
    pc_circuit_free(again);
    pc_circuit_free(first);
    pc_circuit_free(selected);
    close_bench(&b);
}

static int count_nodes(const pc_circuit *circuit)
{
    int n = 0;
    for (size_t i = 0; i < pc_circuit_n_nodes(circuit); i++)
        n += pc_circuit_node_at(circuit, i)->in_circuit;
    return n - 1; /* the logits */
}

/* A threshold that is just a component's strength keeps it and all the stronger. */
Test(search_find, a_threshold_keeps_what_reaches_it)
{
    bench b = open_bench("gpt2-plain");
    pc_circuit *all, *some;
    pc_find_options options = top_options(PC_LEVEL_NODE, 100);
    cr_assert_eq(pc_find(&all, b.model, b.task, &options), PC_OK, "%s", pc_last_error());
    const int n = count_nodes(all);
    cr_assert_eq(n, pc_model_describe(b.model)->n_writers);
    options.selection = PC_SELECT_THRESHOLD;
    for (int i = 0; i < n; i++) {
        options.threshold = fabs(pc_circuit_node_at(all, (size_t)i)->effect);
        cr_assert_eq(pc_find(&some, b.model, b.task, &options), PC_OK, "%s", pc_last_error());
        for (int j = 0; j < n; j++) {
            const pc_circuit_node *node = pc_circuit_node_at(some, (size_t)j);
            cr_expect_eq(node->in_circuit, fabs(node->effect) >= options.threshold, "%s at %g",
                         node->name, options.threshold);
        }
        pc_circuit_free(some);
    }
    for (options.selection = PC_SELECT_TOP, options.top = 1; options.top <= n; options.top++) {
        cr_assert_eq(pc_find(&some, b.model, b.task, &options), PC_OK, "%s", pc_last_error());
        cr_expect_eq(count_nodes(some), (int)options.top, "top %d", (int)options.top);
        pc_circuit_free(some);
    }
    pc_circuit_free(all);
    close_bench(&b);
}

/* An edge's circuit holds the writers of its edges; heads bear the detectors' roles. */
Test(search_find, nodes_of_a_circuit_are_where_its_edges_begin)
{
    bench b = open_bench("gpt2-plain");
    const pc_model_info *info = pc_model_describe(b.model);
    const pc_find_options options = top_options(PC_LEVEL_EDGE, 12);
    pc_head_scores scores[6];
    pc_circuit *circuit;
    cr_assert_eq(pc_find(&circuit, b.model, b.task, &options), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_heads_detect_on_repeats(scores, b.model, pc_task_bos(b.task), 8, 0), PC_OK);
    for (int u = 0; u < info->n_writers; u++) {
        const pc_circuit_node *node = pc_circuit_node_at(circuit, (size_t)u);
        const pc_writer *writer = &b.model->components.writers[u];
        bool is_left = false;
        for (size_t i = 0; i < pc_circuit_n_edges(circuit); i++) {
            const pc_circuit_edge *edge = pc_circuit_edge_at(circuit, i);
            is_left |= edge->in_circuit && strcmp(edge->from, node->name) == 0;
        }
        cr_expect_eq(node->in_circuit, is_left, "%s", node->name);
        const char *role =
            writer->kind == PC_WRITER_HEAD
                ? pc_head_role(&scores[writer->layer * info->n_heads + writer->head], 0.4)
                : NULL;
        cr_expect_eq(node->role != NULL, role != NULL, "%s", node->name);
        cr_expect(!role || !node->role || strcmp(node->role, role) == 0, "%s", node->name);
    }
    pc_circuit_free(circuit);
    close_bench(&b);
}

/* ---- the journal ---- */

static pc_store *open_journal(pc_store_mode mode)
{
    const pc_store_fact identity[] = {{"model", "m"}};
    pc_store *store;
    cr_assert_eq(pc_store_open(&store, test_folder_path("journal.db", ""), identity, 1, mode),
                 PC_OK, "%s", pc_last_error());
    return store;
}

static void measure_through(pc_journal *journal, const char *name, pc_intervention **list, int n,
                            int n_expected, const double *effects, const bool *is_touched)
{
    double got[3 * MOST_PROMPTS];
    bool got_touched[3];
    int n_found;
    cr_assert_eq(pc_journal_measure(got, got_touched, &n_found, journal,
                                    (const pc_intervention *const *)list, n),
                 PC_OK, "%s", pc_last_error());
    cr_expect_eq(n_found, n_expected, "%s: %d found", name, n_found);
    cr_expect(memcmp(got, effects, sizeof *got * (size_t)(n * journal->n_prompts)) == 0, "%s",
              name);
    for (int i = 0; i < n; i++)
        cr_expect_eq(got_touched[i], is_touched[i], "%s: %d", name, i);
}

Test(search_find, the_journal_gives_back_what_was_measured)
{
    static const char *const json[] = {"{\"cut\":[\"m0\"]}",
                                       "{\"cut\":[\"input\"],\"positions\":[0]}",
                                       "{\"cut\":[\"a0.h1->a1.h0<k>\"]}"};
    static const bool is_touched[] = {true, false, true}; /* all prompts begin with the same BOS */
    bench b = open_bench("gpt2-plain");
    const pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_journal journal = {.model = b.model, .n_prompts = b.n};
    pc_intervention *list[3];
    double effects[3 * MOST_PROMPTS];
    cr_assert_eq(pc_evaluator_open(&journal.evaluator, b.model, b.task, &options), PC_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pc_intervention_parse(&list[i], b.model, json[i]), PC_OK);
    cr_assert_eq(pc_evaluator_measure(effects, NULL, journal.evaluator,
                                      (const pc_intervention *const *)list, 3),
                 PC_OK);
    measure_through(&journal, "without a store", list, 3, 0, effects, is_touched);
    journal.store = open_journal(PC_STORE_CREATE);
    measure_through(&journal, "the second alone", list + 1, 1, 0, effects + b.n, is_touched + 1);
    measure_through(&journal, "all", list, 3, 1, effects, is_touched);
    pc_store_free(journal.store);
    journal.store = open_journal(PC_STORE_RESUME);
    measure_through(&journal, "resumed", list, 3, 3, effects, is_touched);
    pc_store_free(journal.store);
    for (int i = 0; i < 3; i++)
        pc_intervention_free(list[i]);
    pc_evaluator_free(journal.evaluator);
    close_bench(&b);
}

/* Once no allocation is reached any more, none of the later ones is: a failure that was swallowed
 * would be followed by one that is told. */
Test(search_find, an_allocation_that_fails_anywhere_is_reported_and_leaks_nothing)
{
    enum { BEYOND = 300 };
    bench b = open_bench("tl-attn-only");
    pc_find_options options = top_options(PC_LEVEL_NODE, 3);
    options.evaluation.n_threads = 1;
    int n = 0;
    for (int n_ok = 0; n_ok < BEYOND && n < 100000; n++) {
        pc_circuit *circuit = NULL;
        pc_alloc_fail_after(n);
        const pc_status status = pc_find(&circuit, b.model, b.task, &options);
        pc_alloc_fail_after(-1);
        n_ok += status == PC_OK;
        cr_assert(status == PC_OK || status == PC_ERR_NOMEM, "allocation %d: %s", n,
                  pc_last_error());
        cr_assert(status == PC_OK || n_ok == 0, "a failure before allocation %d was swallowed", n);
        pc_circuit_free(circuit);
    }
    cr_expect(n > BEYOND + 50, "only %d allocations", n - BEYOND);
    close_bench(&b);
}

/* ---- refusals ---- */

static void expect_refused(const char *model, const char *run, pc_find_options options,
                           const char *message)
{
    pc_circuit *circuit = NULL;
    const pc_status status = find_in(&circuit, model, run, options);
    cr_expect(status == PC_ERR_INPUT || status == PC_ERR_UNSUPPORTED, "%s", message);
    cr_expect(strstr(pc_last_error(), message), "%s: %s", message, pc_last_error());
    cr_expect(!pc_file_exists(test_folder_path(run, "run.db")), "%s: a run.db was left behind",
              message);
    pc_circuit_free(circuit);
}

Test(search_find, options_that_cannot_be_are_refused_and_leave_nothing)
{
    pc_find_options top = top_options(PC_LEVEL_NODE, 0), method = top_options(PC_LEVEL_NODE, 1),
                    ragged = method, neurons = method, threshold = method, low = method,
                    high = method;
    method.method = "guess";
    ragged.evaluation.source = PC_SOURCE_MEAN_POSITIONAL;
    neurons.level = PC_LEVEL_NEURON;
    threshold.selection = PC_SELECT_THRESHOLD;
    threshold.threshold = NAN;
    low.selection = high.selection = PC_SELECT_FAITHFULNESS;
    low.faithfulness = 0;
    high.faithfulness = 1.5;
    expect_refused("gpt2-plain", "run", top, "top is 0, expected at least 1");
    expect_refused("gpt2-plain", "run", method, "method \"guess\" does not exist");
    expect_refused("gpt2-plain", "run", threshold, "threshold is nan, expected 0 or more");
    threshold.threshold = -1;
    expect_refused("gpt2-plain", "run", threshold, "threshold is -1, expected 0 or more");
    expect_refused("gpt2-plain", "run", low, "faithfulness is 0, expected more than 0");
    expect_refused("gpt2-plain", "run", high, "faithfulness is 1.5, expected more than 0");
    expect_refused("gpt2-relu", "run", ragged, "needs prompts of one length");
    expect_refused("tl-attn-only", "run", neurons, "is attention-only: it has no neurons");
}

Test(search_find, a_circuit_of_another_model_is_refused)
{
    bench b = open_bench("gpt2-plain"), other = open_bench("tl-ln");
    const pc_find_options options = top_options(PC_LEVEL_NODE, 2);
    pc_circuit *circuit;
    pc_faithfulness f;
    cr_assert_eq(pc_find(&circuit, b.model, b.task, &options), PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_circuit_evaluate(&f, circuit, other.model, other.task, &options.evaluation),
                 PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "the circuit is of gpt2-plain"), "%s", pc_last_error());
    pc_circuit_free(circuit);
    close_bench(&other);
    close_bench(&b);
}

/* The names of a parallel model's edges exist in a sequential one as well. */
Test(search_find, a_circuit_of_other_blocks_is_refused)
{
    static const char parallel[] = "\"parallel_attn_mlp\": true";
    static const char sequential[] = "\"parallel_attn_mlp\":false"; /* as long */
    const pc_find_options options = top_options(PC_LEVEL_NODE, 2);
    char *json;
    size_t length;
    run_ok("tl-parallel", "run", options);
    cr_assert_eq(pc_file_read(&json, &length, test_folder_path("run", "circuit.json"), 1 << 26),
                 PC_OK);
    char *at = strstr(json, parallel);
    cr_assert(at);
    memcpy(at, sequential, strlen(sequential));
    pc_circuit *circuit;
    pc_faithfulness f;
    bench b = open_bench("tl-parallel");
    cr_assert_eq(pc_circuit_parse(&circuit, json, length, "json"), PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_circuit_evaluate(&f, circuit, b.model, b.task, &options.evaluation),
                 PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "sequential blocks), not of tl-parallel"), "%s",
              pc_last_error());
    pc_circuit_free(circuit);
    free(json);
    close_bench(&b);
}
