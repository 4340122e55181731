/* The whole search: same bytes however it was run, resumable at any step, honest about what it
 * refuses. */
#define _POSIX_C_SOURCE 200809L
#include "support/golden.h"

#include "base/file.h"
#include "base/memory.h"
#include "patchclamp/find.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/patchclamp-find-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
}

TestSuite(search_find, .init = make_folder, .fini = remove_folder);

static const char *in_folder(const char *run, const char *file)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s%s%s", folder, run, *file ? "/" : "", file);
    return path;
}

static pc_status find_in(pc_circuit **out, const char *model_name, const char *run,
                         pc_find_options options)
{
    char directory[256];
    strcpy(directory, in_folder(run, ""));
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

static void expect_same_file(const char *a, const char *b, const char *file)
{
    char *x, *y;
    size_t n, m;
    cr_assert_eq(pc_file_read(&x, &n, in_folder(a, file), 1 << 26), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_file_read(&y, &m, in_folder(b, file), 1 << 26), PC_OK, "%s", pc_last_error());
    cr_expect(n == m && memcmp(x, y, n) == 0, "%s differs between %s and %s", file, a, b);
    free(y);
    free(x);
}

static void expect_same_run(const char *a, const char *b)
{
    expect_same_file(a, b, "circuit.json");
    expect_same_file(a, b, "scores.csv");
    expect_same_file(a, b, "circuit.svg");
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
    int64_t n_from_journal;
} stopper;

static bool stop_later(const pc_progress *progress, void *payload)
{
    stopper *s = payload;
    if (progress->n_from_journal > s->n_from_journal) s->n_from_journal = progress->n_from_journal;
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
    for (int reports = 0; reports < 40; reports++) {
        char run[32];
        pc_circuit *circuit = NULL;
        stopper first = {reports, 0}, second = {1000000, 0};
        snprintf(run, sizeof run, "stopped-%d", reports);
        options.progress = stop_later;
        options.payload = &first;
        options.resume = PC_RESUME_NO;
        pc_status status = find_in(&circuit, "gpt2-plain", run, options);
        pc_circuit_free(circuit);
        if (status == PC_OK) break; /* it was done before the stop */
        cr_assert_eq(status, PC_ERR_INTERRUPTED, "%s", pc_last_error());
        cr_expect(!pc_file_exists(in_folder(run, "circuit.json")), "a stopped run has a result");
        n_stopped++;
        options.payload = &second;
        options.resume = PC_RESUME_YES;
        run_ok("gpt2-plain", run, options);
        cr_expect(reports < 3 || second.n_from_journal > 0, "%s measured everything again", run);
        expect_same_run("whole", run);
    }
    cr_expect(n_stopped >= 5, "only %d stops", n_stopped);
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
    const struct {
        const char *model, *differs;
        pc_find_options options;
    } others[] = {
        {"tl-ln", "model", options},
        {"gpt2-plain", "level", top_options(PC_LEVEL_EDGE, 3)},
        {"gpt2-plain", "selection", top_options(PC_LEVEL_NODE, 4)},
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
    options.resume = PC_RESUME_YES;
    options.evaluation.metric = PC_METRIC_LOGIT;
    pc_circuit *circuit = NULL;
    cr_expect_eq(find_in(&circuit, "gpt2-plain", "run", options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "metric"), "%s", pc_last_error());
}

/* What find says of its circuit is what evaluating the written file says. */
Test(search_find, evaluating_the_written_circuit_agrees)
{
    for (pc_level level = PC_LEVEL_NODE; level <= PC_LEVEL_NEURON; level++)
        for (pc_direction d = PC_DIRECTION_NOISE; d <= PC_DIRECTION_DENOISE; d++) {
            const char *name = "tl-parallel";
            pc_circuit *circuit = NULL, *read = NULL;
            pc_find_options options = top_options(level, 12);
            options.evaluation.direction = d;
            char run[32];
            snprintf(run, sizeof run, "%s-%s", pc_level_name(level), pc_direction_name(d));
            cr_assert_eq(find_in(&circuit, name, run, options), PC_OK, "%s", pc_last_error());
            cr_assert_eq(pc_circuit_read(&read, in_folder(run, "circuit.json")), PC_OK, "%s",
                         pc_last_error());
            pc_model *model = golden_open(name);
            json_t *golden = golden_read(name);
            pc_task *task = golden_task(golden, model);
            pc_faithfulness f;
            double said;
            pc_status status = pc_circuit_evaluate(&f, read, model, task, &options.evaluation);
            if (pc_circuit_evaluation(&said, circuit, "faithfulness")) {
                cr_assert_eq(status, PC_OK, "%s: %s", run, pc_last_error());
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
}

Test(search_find, an_allocation_that_fails_anywhere_is_reported_and_leaks_nothing)
{
    pc_model *model = golden_open("tl-attn-only");
    json_t *golden = golden_read("tl-attn-only");
    pc_task *task = golden_task(golden, model);
    pc_find_options options = top_options(PC_LEVEL_NODE, 3);
    options.evaluation.n_threads = 1;
    pc_status status = PC_ERR_NOMEM;
    int n = 0;
    for (; status != PC_OK && n < 100000; n++) {
        pc_circuit *circuit = NULL;
        pc_alloc_fail_after(n);
        status = pc_find(&circuit, model, task, &options);
        pc_alloc_fail_after(-1);
        cr_assert(status == PC_OK || status == PC_ERR_NOMEM, "allocation %d: %s", n,
                  pc_last_error());
        pc_circuit_free(circuit);
    }
    cr_expect(n > 50, "only %d allocations", n);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
}
