/* The engine on a device that fails: too little memory means smaller batches and the same bits, a
 * fault means one clear line, and afterwards all is as before. */
#include "emulator.h"

#include "backend/device_private.h"
#include "backend/plugin.h"
#include "grad/estimate.h"
#include "patchclamp/find.h"
#include "support/drawn.h"
#include "support/golden.h"
#include "support/test_folder.h"

#include <criterion/criterion.h>
#include <cublasLt.h>
#include <string.h>

enum { N = 12, MOST_PROMPTS = 16 };

static const pc_evaluator_options *options(void)
{
    static pc_evaluator_options o = PC_EVALUATOR_OPTIONS_INIT;
    if (o.device) return &o;
    pc_device_register(patchclamp_plugin_ops());
    o.engine = PC_ENGINE_DELTA;
    o.n_threads = 1;
    o.device = "emu";
    return &o;
}

static pc_status measure(double *effects, const drawn *d)
{
    pc_evaluator *e;
    pc_status status = pc_evaluator_open(&e, d->model, d->task, options());
    if (status == PC_OK)
        status =
            pc_evaluator_measure(effects, NULL, e, (const pc_intervention *const *)d->list, d->n);
    pc_evaluator_free(e);
    return status;
}

/* Bytes in use while a measurement runs with all that it wants. */
static size_t in_use(void)
{
    size_t unused, total;
    cudaMemGetInfo(&unused, &total);
    return total - unused;
}

Test(backend_failures, little_memory_means_small_batches_and_the_same_bits)
{
    static double with[N * MOST_PROMPTS], without[N * MOST_PROMPTS];
    drawn d = draw_all("gpt2-odd", 11, N);
    const size_t bytes = sizeof(double) * (size_t)(N * pc_task_n(d.task));
    pc_evaluator *e;
    cr_assert_eq(measure(with, &d), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_evaluator_open(&e, d.model, d.task, options()), PC_OK);
    const size_t all = in_use();
    pc_evaluator_free(e);
    cr_assert_eq(in_use(), 0, "%zu bytes were not given back", in_use());
    int n_worked = 0;
    for (int share = 98; share >= 10; share -= 8) { /* of what it takes with whole batches */
        emu_set_memory(all / 100 * (size_t)share);
        const pc_status status = measure(without, &d);
        emu_set_memory((size_t)1 << 30);
        if (status == PC_OK) {
            n_worked++;
            cr_expect(memcmp(with, without, bytes) == 0, "with %d %%", share);
        } else cr_expect_eq(status, PC_ERR_NOMEM, "with %d %%: %s", share, pc_last_error());
        cr_expect_eq(in_use(), 0, "%zu bytes were not given back", in_use());
    }
    cr_expect(n_worked >= 5, "only %d sizes of memory were enough", n_worked);
    cr_assert_eq(measure(without, &d), PC_OK, "%s", pc_last_error());
    cr_expect(memcmp(with, without, bytes) == 0);
    free_all(&d);
}

/* The same evaluator, when memory is there again: paths have recordings of their own. */
Test(backend_failures, an_evaluator_goes_on_when_memory_is_there_again)
{
    enum { MANY = 30 }; /* paths among them */
    static double with[MANY * MOST_PROMPTS], without[MANY * MOST_PROMPTS];
    drawn d = draw_all("gpt2-odd", 11, MANY);
    const size_t bytes = sizeof(double) * (size_t)(MANY * pc_task_n(d.task));
    const pc_intervention *const *list = (const pc_intervention *const *)d.list;
    pc_evaluator *e;
    cr_assert_eq(pc_evaluator_open(&e, d.model, d.task, options()), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_evaluator_measure(with, NULL, e, list, d.n), PC_OK, "%s", pc_last_error());
    pc_evaluator_free(e);
    cr_assert_eq(pc_evaluator_open(&e, d.model, d.task, options()), PC_OK, "%s", pc_last_error());
    emu_set_memory(1); /* nothing more, not even for the smallest batches */
    const pc_status status = pc_evaluator_measure(without, NULL, e, list, d.n);
    cr_expect_eq(status, PC_ERR_NOMEM, "%d: %s", (int)status, pc_last_error());
    emu_set_memory((size_t)1 << 30);
    cr_assert_eq(pc_evaluator_measure(without, NULL, e, list, d.n), PC_OK, "%s", pc_last_error());
    cr_expect(memcmp(with, without, bytes) == 0);
    pc_evaluator_free(e);
    free_all(&d);
}

/* Every call of the library fails once. */
Test(backend_failures, a_fault_is_one_line_and_leaves_nothing_behind)
{
    static double with[N * MOST_PROMPTS], without[N * MOST_PROMPTS];
    drawn d = draw_all("gpt2-odd", 12, 4);
    const size_t bytes = sizeof(double) * (size_t)(4 * pc_task_n(d.task));
    int n_faults = 0;
    cr_assert_eq(measure(with, &d), PC_OK, "%s", pc_last_error());
    for (int n = 1;; n = n < 40 ? n + 1 : n + 13) {
        emu_fail_blas(n, CUBLAS_STATUS_EXECUTION_FAILED);
        const pc_status status = measure(without, &d);
        const int has_come = emu_fail_blas(0, CUBLAS_STATUS_SUCCESS);
        if (!has_come) break;
        n_faults++;
        cr_expect_neq(status, PC_OK, "call %d failed, and nobody noticed", n);
        cr_expect(strstr(pc_last_error(), "a product") || strstr(pc_last_error(), "a queue"),
                  "call %d: %s", n, pc_last_error());
        cr_expect_eq(in_use(), 0, "call %d: %zu bytes were not given back", n, in_use());
        emu_forget_failure();
    }
    cr_expect(n_faults > 20, "only %d calls", n_faults);
    cr_assert_eq(measure(without, &d), PC_OK, "%s", pc_last_error());
    cr_expect(memcmp(with, without, bytes) == 0);
    free_all(&d);
}

/* ---- a search that meets a fault goes on where it stopped ---- */

static pc_status find(const drawn *d, const char *run, pc_resume resume)
{
    pc_circuit *circuit = NULL;
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    o.evaluation = *options();
    o.selection = PC_SELECT_TOP;
    o.top = 5;
    o.directory = test_folder_path(run, "");
    o.resume = resume;
    const pc_status status = pc_find(&circuit, d->model, d->task, &o);
    pc_circuit_free(circuit);
    return status;
}

TestSuite(backend_failures, .init = test_folder_set_up, .fini = test_folder_clean_up);

Test(backend_failures, a_search_is_resumed_behind_a_fault)
{
    drawn d = draw_all("gpt2-odd", 13, 1);
    int n_faults = 0;
    pc_status status = PC_ERR_UNSUPPORTED;
    cr_assert_eq(find(&d, "whole", PC_RESUME_NO), PC_OK, "%s", pc_last_error());
    for (int n = 150; status != PC_OK; n += 200) { /* further on each time */
        emu_fail_blas(n, CUBLAS_STATUS_EXECUTION_FAILED);
        status = find(&d, "stopped", n_faults ? PC_RESUME_YES : PC_RESUME_NO);
        emu_fail_blas(0, CUBLAS_STATUS_SUCCESS);
        emu_forget_failure();
        if (status == PC_OK) break;
        n_faults++;
        cr_assert(strstr(pc_last_error(), "a product"), "%s", pc_last_error());
        cr_assert_lt(n_faults, 1000);
    }
    cr_expect(n_faults >= 2, "only %d faults", n_faults);
    test_folder_expect_same("whole", "stopped", "circuit.json");
    test_folder_expect_same("whole", "stopped", "scores.csv");
    free_all(&d);
}

/* ---- gradients ---- */

static pc_status estimate(pc_estimates *out, const drawn *d)
{
    static const pc_grad_point point = {PC_HELD_INPUT, -1, 0.5, 1, -1};
    const pc_estimate_options o = {
        .evaluation = options(), .what = PC_GRAD_EDGES, .points = &point, .n_points = 1};
    return pc_estimate(out, NULL, d->model, d->task, &o);
}

static void expect_same_estimates(const pc_estimates *a, const pc_estimates *b, const char *what)
{
    const size_t bytes = sizeof(double) * (size_t)a->n;
    cr_expect(memcmp(a->mean, b->mean, bytes) == 0 &&
                  memcmp(a->standard_error, b->standard_error, bytes) == 0,
              "%s", what);
}

Test(backend_failures, estimates_with_little_memory_are_the_same)
{
    drawn d = draw_all("gpt2-odd", 13, 1);
    pc_estimates with, without;
    int n_worked = 0;
    cr_assert_eq(estimate(&with, &d), PC_OK, "%s", pc_last_error());
    cr_assert_eq(in_use(), 0, "%zu bytes were not given back", in_use());
    for (size_t bytes = (size_t)1 << 24; bytes >= (size_t)1 << 16; bytes = bytes / 4 * 3) {
        emu_set_memory(bytes);
        const pc_status status = estimate(&without, &d);
        emu_set_memory((size_t)1 << 30);
        cr_expect_eq(in_use(), 0, "%zu bytes were not given back", in_use());
        if (status == PC_OK) {
            n_worked++;
            expect_same_estimates(&with, &without, "in little memory");
            pc_estimates_free(&without);
        } else cr_expect_eq(status, PC_ERR_NOMEM, "%zu bytes: %s", bytes, pc_last_error());
    }
    cr_expect(n_worked >= 3, "only %d sizes of memory were enough", n_worked);
    pc_estimates_free(&with);
    free_all(&d);
}

Test(backend_failures, a_fault_among_gradients_is_one_line)
{
    drawn d = draw_all("gpt2-odd", 13, 1);
    pc_estimates with, without;
    int n_faults = 0;
    cr_assert_eq(estimate(&with, &d), PC_OK, "%s", pc_last_error());
    for (int n = 1;; n += 7) {
        emu_fail_blas(n, CUBLAS_STATUS_EXECUTION_FAILED);
        const pc_status status = estimate(&without, &d);
        if (!emu_fail_blas(0, CUBLAS_STATUS_SUCCESS)) break;
        n_faults++;
        cr_expect_neq(status, PC_OK, "call %d failed, and nobody noticed", n);
        cr_expect_eq(in_use(), 0, "call %d: %zu bytes were not given back", n, in_use());
        emu_forget_failure();
    }
    cr_expect(n_faults > 10, "only %d calls", n_faults);
    pc_estimates_free(&without);
    cr_assert_eq(estimate(&without, &d), PC_OK, "%s", pc_last_error());
    expect_same_estimates(&with, &without, "after the faults");
    pc_estimates_free(&without);
    pc_estimates_free(&with);
    free_all(&d);
}
