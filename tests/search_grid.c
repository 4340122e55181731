/* Grids: the numbers of the interventions they stand for, the same bytes however they were
 * measured, honest about what they refuse. */
#include "support/golden.h"
#include "support/test_folder.h"

#include "base/file.h"
#include "base/text.h"
#include "model/model_private.h"
#include "patchclamp/grid.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(search_grid, .init = test_folder_set_up, .fini = test_folder_clean_up);

typedef struct bench {
    pc_model *model;
    pc_task *task;
} bench;

static bench open_bench(const char *name)
{
    json_t *golden = golden_read(name);
    bench b = {.model = golden_open(name)};
    b.task = golden_task(golden, b.model);
    json_decref(golden);
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
    const pc_model_info *info = pc_model_describe(b.model);
    const pc_task_limits limits = {.vocab = info->vocab,
                                   .vocab_out = info->vocab_out,
                                   .n_ctx = info->n_ctx,
                                   .bos = -1,
                                   .bos_rule = PC_BOS_NEVER};
    cr_assert_eq(pc_file_replace(test_folder_path("named.jsonl", ""), lines, strlen(lines)), PC_OK);
    cr_assert_eq(pc_task_read(&b.task, test_folder_path("named.jsonl", ""), NULL, &limits), PC_OK,
                 "%s", pc_last_error());
    return b;
}

static void close_bench(bench *b)
{
    pc_task_free(b->task);
    pc_model_free(b->model);
}

static pc_status measure(pc_grid **out, const bench *b, const char *run, pc_grid_options options)
{
    char directory[256];
    strcpy(directory, test_folder_path(run ? run : "", ""));
    options.directory = run ? directory : NULL;
    return pc_grid_measure(out, b->model, b->task, &options);
}

static void run_ok(const bench *b, const char *run, pc_grid_options options)
{
    pc_grid *grid;
    cr_assert_eq(measure(&grid, b, run, options), PC_OK, "%s", pc_last_error());
    pc_grid_free(grid);
}

static void expect_same_run(const char *a, const char *b)
{
    static const char *const files[] = {"grid.csv", "grid.json", "grid.svg", "grid.pdf"};
    for (int i = 0; i < 4; i++)
        test_folder_expect_same(a, b, files[i]);
}

/* ---- what a cell is ---- */

static double mean_effect(const bench *b, const char *json)
{
    const pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    const int n = pc_task_n(b->task);
    pc_evaluator *evaluator;
    pc_intervention *x;
    double *effects = malloc(sizeof *effects * (size_t)n), sum = 0;
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

static void expect_cell(const bench *b, const pc_grid *grid, int layer, int head, int position,
                        const char *json)
{
    const double want = mean_effect(b, json);
    const double found = pc_grid_cell_at(grid, layer, head, position)->effect;
    cr_expect_eq(found, want, "%s: %.17g, expected %.17g", json, found, want);
}

Test(search_grid, a_cell_is_the_mean_effect_of_its_intervention)
{
    bench b = open_bench("tl-ln");
    pc_grid_options options = PC_GRID_OPTIONS_INIT;
    pc_grid *grid;
    cr_assert_eq(measure(&grid, &b, NULL, options), PC_OK, "%s", pc_last_error());
    expect_cell(&b, grid, 1, 0, 4, "{\"cut\":[\"blocks.1.hook_resid_pre\"],\"positions\":[4]}");
    expect_cell(&b, grid, 0, 0, 2, "{\"cut\":[\"input\"],\"positions\":[2]}");
    pc_grid_free(grid);
    options.what = PC_SITE_K;
    options.axes = PC_AXIS_LAYER | PC_AXIS_HEAD | PC_AXIS_POSITION;
    cr_assert_eq(measure(&grid, &b, NULL, options), PC_OK, "%s", pc_last_error());
    expect_cell(&b, grid, 1, 2, 3, "{\"cut\":[\"a1.h2<k>\"],\"positions\":[3]}");
    pc_grid_free(grid);
    options.what = PC_SITE_PATTERN;
    options.axes = PC_AXIS_LAYER | PC_AXIS_HEAD;
    cr_assert_eq(measure(&grid, &b, NULL, options), PC_OK, "%s", pc_last_error());
    expect_cell(&b, grid, 0, 1, 0, "{\"cut\":[\"a0.h1<pattern>\"]}");
    pc_grid_free(grid);
    close_bench(&b);
}

/* Without the axis all heads are patched at once. */
Test(search_grid, missing_axes_are_patched_whole)
{
    bench b = open_bench("tl-ln");
    pc_grid_options options = PC_GRID_OPTIONS_INIT;
    pc_grid *z, *out;
    options.what = PC_SITE_Z;
    cr_assert_eq(measure(&z, &b, NULL, options), PC_OK);
    options.what = PC_SITE_ATTN_OUT;
    cr_assert_eq(measure(&out, &b, NULL, options), PC_OK);
    for (int layer = 0; layer < 2; layer++)
        for (int p = 0; p < pc_grid_describe(z).n_positions; p++)
            cr_expect_eq(pc_grid_cell_at(z, layer, 0, p)->effect,
                         pc_grid_cell_at(out, layer, 0, p)->effect);
    pc_grid_free(out);
    options.axes = PC_AXIS_LAYER;
    cr_assert_eq(measure(&out, &b, NULL, options), PC_OK);
    expect_cell(&b, out, 1, 0, 0, "{\"cut\":[\"a1.h0\",\"a1.h1\",\"a1.h2\"]}");
    cr_expect_null(pc_grid_position_at(out, 0));
    pc_grid_free(out);
    pc_grid_free(z);
    close_bench(&b);
}

/* With the whole stream before layer 0 replaced everywhere the run is the other run. */
Test(search_grid, everything_patched_is_all_of_it)
{
    bench b = open_bench("gpt2-odd"); /* of several lengths */
    pc_grid_options options = PC_GRID_OPTIONS_INIT;
    for (int is_denoise = 0; is_denoise < 2; is_denoise++) {
        pc_grid *grid;
        double share;
        options.axes = PC_AXIS_LAYER;
        options.evaluation.direction = is_denoise ? PC_DIRECTION_DENOISE : PC_DIRECTION_NOISE;
        cr_assert_eq(measure(&grid, &b, NULL, options), PC_OK, "%s", pc_last_error());
        cr_assert(pc_grid_share(&share, grid, pc_grid_cell_at(grid, 0, 0, 0)->effect));
        cr_expect(fabs(share - 1) < 1e-12, "share %.17g", share);
        pc_grid_free(grid);
    }
    close_bench(&b);
}

/* Without norms a model is linear but for its patterns: what the last layer's heads do adds up. */
Test(search_grid, effects_of_a_linear_read_out_add_up)
{
    bench b = open_bench("tl-attn-only");
    pc_grid_options options = PC_GRID_OPTIONS_INIT;
    pc_grid *heads, *whole;
    options.what = PC_SITE_Z;
    options.axes = PC_AXIS_LAYER | PC_AXIS_HEAD | PC_AXIS_POSITION;
    cr_assert_eq(measure(&heads, &b, NULL, options), PC_OK);
    options.what = PC_SITE_ATTN_OUT;
    options.axes = PC_AXIS_LAYER;
    cr_assert_eq(measure(&whole, &b, NULL, options), PC_OK);
    double sum = 0;
    for (int head = 0; head < 4; head++)
        for (int p = 0; p < pc_grid_describe(heads).n_positions; p++)
            sum += pc_grid_cell_at(heads, 1, head, p)->effect;
    const double want = pc_grid_cell_at(whole, 1, 0, 0)->effect;
    cr_expect(fabs(sum - want) < 1e-12, "%.17g, expected %.17g", sum, want);
    cr_expect(want != 0);
    pc_grid_free(whole);
    pc_grid_free(heads);
    close_bench(&b);
}

/* ---- the position axis ---- */

Test(search_grid, named_positions_are_found_in_each_prompt)
{
    static const char *const names[] = {"IO", "S", "end", "-2..-1"};
    bench b = open_named();
    pc_grid_options options = PC_GRID_OPTIONS_INIT;
    pc_grid *grid;
    options.positions = names;
    options.n_positions = 4;
    cr_assert_eq(measure(&grid, &b, NULL, options), PC_OK, "%s", pc_last_error());
    expect_cell(&b, grid, 1, 0, 0,
                "{\"cut\":[\"blocks.1.hook_resid_pre\"],\"positions\":[\"IO\"]}");
    expect_cell(&b, grid, 1, 0, 1, "{\"cut\":[\"blocks.1.hook_resid_pre\"],\"positions\":[\"S\"]}");
    expect_cell(&b, grid, 1, 0, 2, "{\"cut\":[\"blocks.1.hook_resid_pre\"],\"positions\":[-1]}");
    expect_cell(&b, grid, 1, 0, 3, "{\"cut\":[\"blocks.1.hook_resid_pre\"],\"positions\":[-2,-1]}");
    cr_expect_str_eq(pc_grid_position_at(grid, 1)->name, "S");
    cr_expect_str_eq(pc_grid_position_at(grid, 0)->token, "#3", "the same in both prompts");
    cr_expect_null(pc_grid_position_at(grid, 1)->token, "spans of two lengths");
    pc_grid_free(grid);
    close_bench(&b);
}

static void expect_refused(const bench *b, pc_grid_options options, const char *message)
{
    pc_grid *grid = NULL;
    const pc_status status = measure(&grid, b, "refused", options);
    cr_expect(status == PC_ERR_INPUT || status == PC_ERR_ARG, "%s", message);
    cr_expect(strstr(pc_last_error(), message), "expected \"%s\": %s", message, pc_last_error());
    cr_expect(!pc_file_exists(test_folder_path("refused", "run.db")), "%s: left a file", message);
    cr_expect_null(grid);
}

Test(search_grid, what_does_not_fit_is_refused_by_name)
{
    static const char *const unknown[] = {"IO", "S3"}, *const far[] = {"5"},
                             *const twice[] = {"end", "end"}, *const odd[] = {"2,5"};
    bench named = open_named(), parallel = open_bench("tl-parallel");
    pc_grid_options options = PC_GRID_OPTIONS_INIT, o = options;
    expect_refused(&named, o, "name positions instead, of IO,S,end");
    o.positions = unknown, o.n_positions = 2;
    expect_refused(&named, o, "S3");
    o.positions = far, o.n_positions = 1;
    expect_refused(&named, o, "position 5 is outside prompt 0 of 5 tokens");
    o.positions = twice, o.n_positions = 2;
    expect_refused(&named, o, "position end is given twice");
    o.positions = odd, o.n_positions = 1;
    expect_refused(&named, o, "position is \"2,5\", expected a number");
    o.axes = PC_AXIS_LAYER;
    expect_refused(&named, o, "position is not an axis");
    o = options;
    o.axes |= PC_AXIS_HEAD;
    expect_refused(&parallel, o, "resid_pre has no heads");
    o = options;
    o.what = PC_SITE_RESID_MID;
    expect_refused(&parallel, o, "it has parallel blocks");
    o.what = PC_SITE_Q;
    o.evaluation.source = PC_SOURCE_ZERO;
    expect_refused(&parallel, o,
                   "q is taken from the other run: source must be resample, not zero");
    o.what = PC_SITE_PATTERN;
    o.evaluation.source = PC_SOURCE_MEAN;
    expect_refused(&parallel, o, "pattern is taken from the other run");
    close_bench(&parallel);
    close_bench(&named);
}

/* ---- runs ---- */

static pc_grid_options heads_by_position(void)
{
    pc_grid_options options = PC_GRID_OPTIONS_INIT;
    options.what = PC_SITE_PATTERN;
    options.axes = PC_AXIS_LAYER | PC_AXIS_HEAD | PC_AXIS_POSITION;
    return options;
}

Test(search_grid, threads_change_no_byte)
{
    bench b = open_bench("gpt2-plain");
    pc_grid_options options = heads_by_position();
    options.evaluation.n_threads = 1;
    run_ok(&b, "one", options);
    options.evaluation.n_threads = 2;
    run_ok(&b, "two", options);
    expect_same_run("one", "two");
    close_bench(&b);
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

Test(search_grid, a_stopped_grid_resumes_to_the_same_bytes)
{
    bench b = open_bench("gpt2-plain");
    pc_grid_options options = heads_by_position();
    run_ok(&b, "whole", options);
    int n_stopped = 0;
    for (int reports = 0;; reports += 1 + reports / 2) {
        char run[32];
        pc_grid *grid = NULL;
        stopper first = {reports, 0, 0}, second = {1 << 30, 0, 0};
        snprintf(run, sizeof run, "stopped-%d", reports);
        options.progress = stop_later;
        options.payload = &first;
        options.resume = PC_RESUME_NO;
        const pc_status status = measure(&grid, &b, run, options);
        pc_grid_free(grid);
        if (status == PC_OK) break; /* it was done before the stop */
        cr_assert_eq(status, PC_ERR_INTERRUPTED, "%s", pc_last_error());
        cr_expect(!pc_file_exists(test_folder_path(run, "grid.json")),
                  "a stopped run has a result");
        n_stopped++;
        options.payload = &second;
        options.resume = PC_RESUME_YES;
        run_ok(&b, run, options);
        expect_same_run("whole", run);
    }
    cr_expect(n_stopped >= 5, "only %d stops", n_stopped);
    close_bench(&b);
}

Test(search_grid, another_grid_is_not_resumed)
{
    static const char *const names[] = {"IO", "end"};
    bench b = open_named();
    pc_grid_options options = PC_GRID_OPTIONS_INIT, other;
    pc_grid *grid = NULL;
    options.positions = names;
    options.n_positions = 2;
    run_ok(&b, "run", options);
    cr_expect_eq(measure(&grid, &b, "run", options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "--resume"), "%s", pc_last_error());
    options.resume = PC_RESUME_YES;
    run_ok(&b, "run", options);
    other = options, other.what = PC_SITE_Z;
    cr_expect_eq(measure(&grid, &b, "run", other), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "grid was resid_pre, now z"), "%s", pc_last_error());
    other = options, other.n_positions = 1;
    cr_expect_eq(measure(&grid, &b, "run", other), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "grid_positions was IO,end, now IO"), "%s", pc_last_error());
    close_bench(&b);
}
