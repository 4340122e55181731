/* Effects at each position alone: the numbers of the interventions they stand for, exactly nothing
 * where nothing changes, the story of the shipped model, the same bytes after any stop. */
#include "support/golden.h"
#include "support/test_folder.h"

#include "base/file.h"
#include "base/text.h"
#include "model/model_private.h"
#include "patchclamp/patchclamp.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(search_positions, .init = test_folder_set_up, .fini = test_folder_clean_up);

typedef struct bench {
    pc_model *model;
    pc_tokenizer *tokenizer;
    pc_task *task;
} bench;

static pc_task_limits limits_of(const pc_model *model)
{
    const pc_model_info *info = pc_model_describe(model);
    return (pc_task_limits){.vocab = info->vocab,
                            .vocab_out = info->vocab_out,
                            .n_ctx = info->n_ctx,
                            .bos = info->bos,
                            .bos_rule = PC_BOS_ALWAYS};
}

/* The shipped model on induction. */
static bench open_demo(int n, uint64_t seed)
{
    static const char directory[] = PC_SOURCE_DIR "/tools/models/demo";
    bench b;
    pc_task_options options = PC_TASK_OPTIONS_INIT;
    options.n = n;
    options.seed = seed;
    options.length = 12;
    cr_assert_eq(pc_model_open(&b.model, directory), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_tokenizer_open(&b.tokenizer, directory), PC_OK, "%s", pc_last_error());
    const pc_task_limits limits = limits_of(b.model);
    cr_assert_eq(pc_task_generate(&b.task, "induction", b.tokenizer, &limits, &options), PC_OK,
                 "%s", pc_last_error());
    return b;
}

/* Pairs of two lengths with named spans. */
static bench open_named(void)
{
    static const char lines[] =
        "{\"clean\":[3,4,5,6,7],\"corrupted\":[8,4,9,6,7],\"answers\":[2],\"wrong_answers\":[1],"
        "\"positions\":{\"IO\":0,\"S\":[1,2]}}\n"
        "{\"clean\":[5,3,4,5,6,7,8],\"corrupted\":[5,8,4,9,9,7,8],\"answers\":[2],"
        "\"wrong_answers\":[1],\"positions\":{\"IO\":1,\"S\":[2,4]}}\n";
    bench b = {.model = golden_open("tl-ln")};
    pc_task_limits limits = limits_of(b.model);
    limits.bos = -1;
    limits.bos_rule = PC_BOS_NEVER;
    cr_assert_eq(pc_file_replace(test_folder_path("named.jsonl", ""), lines, strlen(lines)), PC_OK);
    cr_assert_eq(pc_task_read(&b.task, test_folder_path("named.jsonl", ""), NULL, &limits), PC_OK,
                 "%s", pc_last_error());
    return b;
}

static void close_bench(bench *b)
{
    pc_task_free(b->task);
    pc_tokenizer_free(b->tokenizer);
    pc_model_free(b->model);
}

/* Every component at each position. */
static pc_find_options options_at(pc_level level, pc_positions_of of)
{
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.level = level;
    options.selection = PC_SELECT_TOP;
    options.top = 8;
    options.evaluation.engine = PC_ENGINE_DELTA;
    options.positions.of = of;
    return options;
}

static pc_status find_in(pc_circuit **out, const bench *b, const char *run, pc_find_options options)
{
    char directory[256];
    strcpy(directory, test_folder_path(run ? run : "", ""));
    options.directory = run ? directory : NULL;
    options.positions.tokenizer = b->tokenizer;
    return pc_find(out, b->model, b->task, &options);
}

static pc_circuit *find_ok(const bench *b, const char *run, pc_find_options options)
{
    pc_circuit *circuit;
    cr_assert_eq(find_in(&circuit, b, run, options), PC_OK, "%s", pc_last_error());
    return circuit;
}

static double effect_at(const pc_circuit *c, int64_t row, int column)
{
    return pc_position_effects_cell(pc_circuit_positions(c), row, column)->effect;
}

static int64_t row_of(const pc_circuit *c, const char *name)
{
    const pc_position_effects *p = pc_circuit_positions(c);
    for (int64_t i = 0; i < pc_position_effects_n_rows(p); i++)
        if (strcmp(pc_position_effects_name(p, i), name) == 0) return i;
    cr_assert_fail("%s was not measured", name);
    return -1;
}

/* Of the i-th component of a circuit's level. */
static double plain_effect(const pc_circuit *c, pc_level level, int64_t i)
{
    return level == PC_LEVEL_EDGE ? pc_circuit_edge_at(c, (size_t)i)->effect
                                  : pc_circuit_node_at(c, (size_t)i)->effect;
}

/* ---- what a number is ---- */

static double mean_effect(const bench *b, const char *json)
{
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    const int n = pc_task_n(b->task);
    pc_evaluator *evaluator;
    pc_intervention *x;
    double *effects = malloc(sizeof *effects * (size_t)n), sum = 0;
    options.engine = PC_ENGINE_DELTA;
    cr_assert_eq(pc_evaluator_open(&evaluator, b->model, b->task, &options), PC_OK);
    cr_assert_eq(pc_intervention_parse(&x, b->model, json), PC_OK, "%s", pc_last_error());
    const pc_intervention *list[] = {x};
    cr_assert_eq(pc_evaluator_measure(effects, NULL, evaluator, list, 1), PC_OK, "%s: %s", json,
                 pc_last_error());
    for (int i = 0; i < n; i++)
        sum += effects[i];
    pc_intervention_free(x);
    pc_evaluator_free(evaluator);
    free(effects);
    return sum / n;
}

static void expect_effect(const bench *b, const pc_circuit *c, const char *name, int column,
                          const char *json)
{
    const double want = mean_effect(b, json), found = effect_at(c, row_of(c, name), column);
    cr_expect(found == want, "%s: %.17g, expected %.17g", json, found, want);
}

Test(search_positions, a_number_is_the_mean_effect_of_its_intervention)
{
    static const char *const names[] = {"IO", "S", "end", "-2..-1"};
    bench b = open_named();
    pc_find_options options = options_at(PC_LEVEL_EDGE, PC_POSITIONS_OF_ALL);
    options.positions.names = names;
    options.positions.n_names = 4;
    pc_circuit *c = find_ok(&b, NULL, options);
    expect_effect(&b, c, "input->a0.h0<v>", 0,
                  "{\"cut\":[\"input->a0.h0<v>\"],\"positions\":[\"IO\"]}");
    expect_effect(&b, c, "a0.h1->a1.h2<k>", 1,
                  "{\"cut\":[\"a0.h1->a1.h2<k>\"],\"positions\":[\"S\"]}");
    expect_effect(&b, c, "m1->logits", 2, "{\"cut\":[\"m1->logits\"],\"positions\":[-1]}");
    expect_effect(&b, c, "m0->m1", 3, "{\"cut\":[\"m0->m1\"],\"positions\":[-2,-1]}");
    pc_circuit_free(c);
    options.level = PC_LEVEL_NODE;
    c = find_ok(&b, NULL, options);
    expect_effect(&b, c, "a0.h1", 1, "{\"cut\":[\"a0.h1\"],\"positions\":[\"S\"]}");
    pc_circuit_free(c);
    options.level = PC_LEVEL_NEURON;
    c = find_ok(&b, NULL, options);
    expect_effect(&b, c, "m1.n3", 2, "{\"cut\":[\"m1.n3\"],\"positions\":[\"end\"]}");
    cr_expect_str_eq(pc_position_effects_column(pc_circuit_positions(c), 1)->name, "S");
    cr_expect_str_eq(pc_position_effects_column(pc_circuit_positions(c), 0)->token, "#3");
    pc_circuit_free(c);
    close_bench(&b);
}

/* Of the demo model, every component of every level, both engines: cut at all positions at once is
 * cut everywhere. */
Test(search_positions, all_positions_at_once_are_the_plain_effect)
{
    static const char *const whole[] = {"0..-1"};
    bench b = open_demo(6, 0);
    for (pc_level level = PC_LEVEL_NODE; level <= PC_LEVEL_NEURON; level++)
        for (pc_engine_kind engine = PC_ENGINE_TWIN; engine <= PC_ENGINE_DELTA; engine++) {
            pc_find_options options = options_at(level, PC_POSITIONS_OF_ALL);
            options.evaluation.engine = engine;
            options.positions.names = whole;
            options.positions.n_names = 1;
            pc_circuit *c = find_ok(&b, NULL, options);
            const int64_t n = pc_position_effects_n_rows(pc_circuit_positions(c));
            cr_expect(n >= 11, "%lld components", (long long)n);
            for (int64_t i = 0; i < n; i++) {
                const double found = effect_at(c, i, 0), want = plain_effect(c, level, i);
                cr_expect(found == want, "%s, %s: %.17g, everywhere %.17g", pc_engine_name(engine),
                          pc_position_effects_name(pc_circuit_positions(c), i), found, want);
            }
            pc_circuit_free(c);
        }
    close_bench(&b);
}

static int first_difference(const pc_task *task)
{
    int first = pc_task_longest(task);
    for (int i = 0; i < pc_task_n(task); i++) {
        const pc_prompt *prompt = pc_task_prompt(task, i);
        int p = 0;
        while (p < prompt->n_tokens && prompt->clean[p] == prompt->corrupted[p])
            p++;
        if (p < first) first = p;
    }
    return first;
}

/* Before the first token that differs both runs are the same; what the input carries differs at no
 * other place. */
Test(search_positions, where_nothing_differs_the_effect_is_exactly_nothing)
{
    bench b = open_demo(6, 0);
    const int first = first_difference(b.task);
    cr_assert(first > 0 && first < 11, "the first difference is at %d", first);
    for (pc_engine_kind engine = PC_ENGINE_TWIN; engine <= PC_ENGINE_DELTA; engine++) {
        pc_find_options options = options_at(PC_LEVEL_EDGE, PC_POSITIONS_OF_ALL);
        options.evaluation.engine = engine;
        pc_circuit *c = find_ok(&b, NULL, options);
        const pc_position_effects *p = pc_circuit_positions(c);
        int n_after = 0;
        for (int64_t i = 0; i < pc_position_effects_n_rows(p); i++) {
            const bool is_input = strncmp(pc_position_effects_name(p, i), "input->", 7) == 0;
            for (int column = 0; column < pc_position_effects_n_columns(p); column++) {
                const pc_grid_cell *cell = pc_position_effects_cell(p, i, column);
                n_after += column > first && !cell->is_untouched;
                if (column >= first && !(is_input && column > first)) continue;
                cr_expect(cell->is_untouched && cell->effect == 0 && cell->stderr_ == 0,
                          "%s, %s at %d: %g", pc_engine_name(engine),
                          pc_position_effects_name(p, i), column, cell->effect);
            }
        }
        cr_expect(n_after > 100, "only %d effects behind it", n_after);
        pc_circuit_free(c);
    }
    close_bench(&b);
}

static double sd_of_metric(const bench *b, const pc_evaluator_options *options)
{
    pc_evaluator *evaluator;
    const int n = pc_task_n(b->task);
    double mean = 0, sum = 0;
    cr_assert_eq(pc_evaluator_open(&evaluator, b->model, b->task, options), PC_OK);
    const double *x = options->direction == PC_DIRECTION_NOISE ? pc_evaluator_clean(evaluator)
                                                               : pc_evaluator_corrupted(evaluator);
    for (int i = 0; i < n; i++)
        mean += x[i] / n;
    for (int i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    pc_evaluator_free(evaluator);
    return sqrt(sum / (n - 1));
}

static const struct {
    pc_level level;
    pc_source source;
    pc_direction direction;
    pc_metric metric;
} settings[] = {
    {PC_LEVEL_EDGE, PC_SOURCE_RESAMPLE, PC_DIRECTION_NOISE, PC_METRIC_LOGIT_DIFF},
    {PC_LEVEL_NODE, PC_SOURCE_RESAMPLE, PC_DIRECTION_DENOISE, PC_METRIC_LOGIT_DIFF},
    {PC_LEVEL_NODE, PC_SOURCE_ZERO, PC_DIRECTION_NOISE, PC_METRIC_LOGIT_DIFF},
    {PC_LEVEL_NEURON, PC_SOURCE_MEAN, PC_DIRECTION_NOISE, PC_METRIC_KL},
    {PC_LEVEL_EDGE, PC_SOURCE_MEAN_POSITIONAL, PC_DIRECTION_NOISE, PC_METRIC_LOG_PROB},
};

/* The bound that README.md states. */
Test(search_positions, both_engines_agree)
{
    bench b = open_demo(6, 1);
    for (size_t s = 0; s < sizeof settings / sizeof *settings; s++) {
        pc_find_options options = options_at(settings[s].level, PC_POSITIONS_OF_ALL);
        options.evaluation.source = settings[s].source;
        options.evaluation.direction = settings[s].direction;
        options.evaluation.metric = settings[s].metric;
        pc_circuit *delta = find_ok(&b, NULL, options);
        options.evaluation.engine = PC_ENGINE_TWIN;
        pc_circuit *twin = find_ok(&b, NULL, options);
        const double sd = sd_of_metric(&b, &options.evaluation);
        const pc_position_effects *p = pc_circuit_positions(twin);
        for (int64_t i = 0; i < pc_position_effects_n_rows(p); i++)
            for (int column = 0; column < pc_position_effects_n_columns(p); column++) {
                const double want = effect_at(twin, i, column), found = effect_at(delta, i, column);
                cr_expect(fabs(found - want) <= 1e-5 * fabs(want) + 3e-6 * fmax(1, sd),
                          "setting %zu, %s at %d: %.12g, expected %.12g", s,
                          pc_position_effects_name(p, i), column, found, want);
            }
        pc_circuit_free(twin);
        pc_circuit_free(delta);
    }
    close_bench(&b);
}

/* ---- the shipped model ---- */

static int peak_of(const pc_circuit *c, const char *name)
{
    const int64_t row = row_of(c, name);
    int peak = 0;
    for (int i = 1; i < pc_position_effects_n_columns(pc_circuit_positions(c)); i++)
        if (fabs(effect_at(c, row, i)) > fabs(effect_at(c, row, peak))) peak = i;
    return peak;
}

/* The previous-token head takes the word, at the place where it stood first, one place on: there
 * the induction head finds it as its key, and answers at the end. */
Test(search_positions, the_shipped_model_moves_a_word_one_place_on)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        bench b = open_demo(1, seed);
        const int word = first_difference(b.task), end = pc_task_longest(b.task) - 1;
        pc_find_options options = options_at(PC_LEVEL_EDGE, PC_POSITIONS_OF_ALL);
        pc_circuit *c = find_ok(&b, NULL, options);
        cr_expect_eq(peak_of(c, "input->a0.h3<v>"), word, "seed %d", (int)seed);
        cr_expect_eq(peak_of(c, "a0.h3->a1.h2<k>"), word + 1, "seed %d", (int)seed);
        cr_expect_eq(peak_of(c, "a1.h2->m1"), end, "seed %d", (int)seed);
        cr_expect_eq(peak_of(c, "m1->logits"), end, "seed %d", (int)seed);
        const double effect = effect_at(c, row_of(c, "a0.h3->a1.h2<k>"), word + 1);
        cr_expect(effect < -1, "seed %d: the key's effect is %g", (int)seed, effect);
        pc_circuit_free(c);
        close_bench(&b);
    }
}

/* ---- which components ---- */

Test(search_positions, rows_are_the_circuit_or_all_in_component_order)
{
    bench b = open_demo(4, 0);
    pc_circuit *some = find_ok(&b, NULL, options_at(PC_LEVEL_EDGE, PC_POSITIONS_OF_CIRCUIT));
    pc_circuit *all = find_ok(&b, NULL, options_at(PC_LEVEL_EDGE, PC_POSITIONS_OF_ALL));
    pc_circuit *none = find_ok(&b, NULL, options_at(PC_LEVEL_EDGE, PC_POSITIONS_OF_NONE));
    const pc_position_effects *p = pc_circuit_positions(some), *q = pc_circuit_positions(all);
    int64_t n = 0;
    cr_expect_null(pc_circuit_positions(none));
    cr_assert_eq(pc_position_effects_n_rows(q), (int64_t)pc_circuit_n_edges(all));
    for (size_t i = 0; i < pc_circuit_n_edges(all); i++) {
        const pc_circuit_edge *edge = pc_circuit_edge_at(all, i);
        char name[128];
        snprintf(name, sizeof name, "%s->%s", edge->from, edge->to);
        cr_expect_str_eq(pc_position_effects_name(q, (int64_t)i), name);
        if (!edge->in_circuit) continue;
        cr_assert(n < pc_position_effects_n_rows(p));
        cr_expect_str_eq(pc_position_effects_name(p, n), name);
        for (int column = 0; column < 12; column++)
            cr_expect(effect_at(some, n, column) == effect_at(all, (int64_t)i, column), "%s", name);
        n++;
    }
    cr_expect_eq(n, pc_position_effects_n_rows(p));
    cr_expect(n > 0);
    pc_circuit_free(none);
    pc_circuit_free(all);
    pc_circuit_free(some);
    close_bench(&b);
}

Test(search_positions, an_empty_circuit_has_no_rows)
{
    bench b = open_demo(2, 0);
    pc_find_options options = options_at(PC_LEVEL_EDGE, PC_POSITIONS_OF_CIRCUIT);
    options.selection = PC_SELECT_THRESHOLD;
    options.threshold = 1000;
    pc_circuit *c = find_ok(&b, "run", options);
    cr_expect_eq(pc_position_effects_n_rows(pc_circuit_positions(c)), 0);
    cr_expect(pc_file_exists(test_folder_path("run", "positions.svg")));
    pc_circuit_free(c);
    close_bench(&b);
}

/* ---- runs ---- */

static const char *const files[] = {"circuit.json", "scores.csv", "circuit.svg", "positions.csv",
                                    "positions.svg", "positions.pdf"};

static void expect_same_run(const char *a, const char *b, int n_files)
{
    for (int i = 0; i < n_files; i++)
        test_folder_expect_same(a, b, files[i]);
}

static void run_ok(const bench *b, const char *run, pc_find_options options)
{
    pc_circuit_free(find_ok(b, run, options));
}

Test(search_positions, the_circuit_is_the_same_without_them)
{
    bench b = open_demo(4, 0);
    for (pc_level level = PC_LEVEL_NODE; level <= PC_LEVEL_NEURON; level++) {
        char with[32], without[32];
        snprintf(with, sizeof with, "%s-with", pc_level_name(level));
        snprintf(without, sizeof without, "%s-without", pc_level_name(level));
        run_ok(&b, with, options_at(level, PC_POSITIONS_OF_CIRCUIT));
        run_ok(&b, without, options_at(level, PC_POSITIONS_OF_NONE));
        expect_same_run(with, without, 3);
        cr_expect(!pc_file_exists(test_folder_path(without, "positions.csv")));
        cr_expect(!pc_file_exists(test_folder_path(without, "positions.svg")));
    }
    close_bench(&b);
}

Test(search_positions, threads_change_no_byte)
{
    bench b = open_demo(4, 0);
    pc_find_options options = options_at(PC_LEVEL_EDGE, PC_POSITIONS_OF_ALL);
    options.evaluation.n_threads = 1;
    run_ok(&b, "one", options);
    options.evaluation.n_threads = 2;
    run_ok(&b, "two", options);
    expect_same_run("one", "two", 6);
    close_bench(&b);
}

/* Stops at the n-th report. */
typedef struct stopper {
    int n_left, n_positions;        /* reports that are left, and that were of positions */
    int64_t n_from_journal, n_done; /* of positions, the most that was reported */
} stopper;

static bool stop_later(const pc_progress *progress, void *payload)
{
    stopper *s = payload;
    if (strcmp(progress->phase, "positions") == 0) {
        s->n_positions++;
        cr_expect_str_eq(progress->unit, "effects");
        if (progress->n_from_journal > s->n_from_journal)
            s->n_from_journal = progress->n_from_journal;
        if (progress->n_done > s->n_done) s->n_done = progress->n_done;
    }
    return s->n_left-- > 0;
}

Test(search_positions, a_stopped_search_resumes_to_the_same_bytes)
{
    bench b = open_demo(3, 0);
    pc_find_options options = options_at(PC_LEVEL_NODE, PC_POSITIONS_OF_ALL);
    run_ok(&b, "whole", options);
    int n_stopped = 0, n_among_positions = 0;
    for (int reports = 0;; reports += 1 + reports / 16) {
        char run[32];
        pc_circuit *circuit = NULL;
        stopper first = {.n_left = reports}, second = {.n_left = 1 << 30};
        snprintf(run, sizeof run, "stopped-%d", reports);
        options.progress = stop_later;
        options.payload = &first;
        options.resume = PC_RESUME_NO;
        const pc_status status = find_in(&circuit, &b, run, options);
        pc_circuit_free(circuit);
        if (status == PC_OK) break; /* it was done before the stop */
        cr_assert_eq(status, PC_ERR_INTERRUPTED, "%s", pc_last_error());
        cr_expect(!pc_file_exists(test_folder_path(run, "positions.csv")),
                  "a stopped run has a result");
        n_stopped++;
        n_among_positions += first.n_positions > 0;
        options.payload = &second;
        options.resume = PC_RESUME_YES;
        run_ok(&b, run, options);
        cr_expect(second.n_from_journal >= first.n_done, "%s measured something again", run);
        expect_same_run("whole", run, 6);
    }
    cr_expect(n_stopped >= 5, "only %d stops", n_stopped);
    cr_expect(n_among_positions >= 1, "no stop among the positions");
    close_bench(&b);
}

static void expect_refused(const bench *b, const char *run, pc_find_options options,
                           const char *message)
{
    pc_circuit *circuit = NULL;
    const pc_status status = find_in(&circuit, b, run, options);
    cr_expect(status == PC_ERR_INPUT || status == PC_ERR_ARG, "%s", message);
    cr_expect(strstr(pc_last_error(), message), "expected \"%s\": %s", message, pc_last_error());
    cr_expect_null(circuit);
}

Test(search_positions, other_positions_are_another_run)
{
    static const char *const names[] = {"IO", "end"};
    bench b = open_named();
    pc_find_options options = options_at(PC_LEVEL_NODE, PC_POSITIONS_OF_CIRCUIT);
    options.positions.names = names;
    options.positions.n_names = 2;
    run_ok(&b, "run", options);
    expect_refused(&b, "run", options, "--resume");
    options.resume = PC_RESUME_YES;
    run_ok(&b, "run", options);
    options.positions.n_names = 1;
    expect_refused(&b, "run", options, "positions was IO,end, now IO");
    options.positions.n_names = 2;
    options.positions.of = PC_POSITIONS_OF_ALL;
    expect_refused(&b, "run", options, "positions_of was circuit, now all");
    options.positions.of = PC_POSITIONS_OF_NONE;
    expect_refused(&b, "run", options, "positions was IO,end, now absent");
    close_bench(&b);
}

Test(search_positions, what_does_not_fit_is_refused_before_a_file_is_made)
{
    static const char *const unknown[] = {"IO", "S3"}, *const twice[] = {"end", "end"};
    bench b = open_named();
    pc_find_options options = options_at(PC_LEVEL_NODE, PC_POSITIONS_OF_CIRCUIT);
    expect_refused(&b, "refused", options, "name positions instead, of IO,S,end");
    options.positions.names = unknown;
    options.positions.n_names = 2;
    expect_refused(&b, "refused", options, "S3");
    options.positions.names = twice;
    expect_refused(&b, "refused", options, "position end is given twice");
    options.positions.n_names = 0;
    expect_refused(&b, "refused", options, "no position is named");
    cr_expect(!pc_file_exists(test_folder_path("refused", "")), "left a directory");
    pc_positions_of of;
    cr_expect_eq(pc_positions_of_parse(&of, "some"), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "expected circuit or all"), "%s", pc_last_error());
    close_bench(&b);
}

/* What is planned with them is what is measured. */
Test(search_positions, a_plan_counts_the_positions_of_all)
{
    bench b = open_demo(3, 0);
    pc_plan with, without;
    pc_find_options options = options_at(PC_LEVEL_NODE, PC_POSITIONS_OF_ALL);
    cr_assert_eq(pc_find_plan(&with, b.model, b.task, &options, PC_PLAN_UNTIMED), PC_OK, "%s",
                 pc_last_error());
    options.positions.of = PC_POSITIONS_OF_CIRCUIT;
    cr_assert_eq(pc_find_plan(&without, b.model, b.task, &options, PC_PLAN_UNTIMED), PC_OK);
    cr_expect_eq(without.n_interventions, 11);
    cr_expect_eq(with.n_interventions, 11 + 11 * 12);
    close_bench(&b);
}
