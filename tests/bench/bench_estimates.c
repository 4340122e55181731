/* How long estimates take by gradients, and how much memory a token.
 *
 *   bench_estimates MODEL TASK.jsonl THREADS [ROUNDS [STEPS]]     EAP; with STEPS, EAP-IG of so
 * many
 *
 * Prints seconds a prompt, wall and processor: medians over ROUNDS (5), of all prompts but the first
 * batches, so that packing weights is left out; and the bytes of room for one more token. */
#define _POSIX_C_SOURCE 200809L
#include "backend/device_private.h"
#include "base/clock.h"
#include "grad/estimate.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_ROUNDS = 99, MOST_STEPS = 1000 };

static void check(pc_status status)
{
    if (status == PC_OK) return;
    fprintf(stderr, "bench_estimates: %s\n", pc_last_error());
    exit(1);
}

static pc_task *read_task(const char *path, const pc_model *model)
{
    pc_task *task;
    const pc_model_info *info = pc_model_describe(model);
    const pc_task_limits limits = {.vocab = info->vocab,
                                   .vocab_out = info->vocab_out,
                                   .n_ctx = info->n_ctx,
                                   .bos = info->bos,
                                   .bos_rule = PC_BOS_NEVER};
    check(pc_task_read(&task, path, NULL, &limits));
    return task;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, compare);
    return x[n / 2];
}

typedef struct stopwatch {
    double wall, processor;
} stopwatch;

static stopwatch now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (stopwatch){pc_seconds(), (double)t.tv_sec + 1e-9 * (double)t.tv_nsec};
}

/* Stops the clock when so many prompts are done. */
typedef struct laps {
    int first;
    stopwatch after_first;
} laps;

static void lap(void *payload, int n_done, int n_all)
{
    laps *l = payload;
    (void)n_all;
    if (l->first == 0) {
        l->first = n_done;
        l->after_first = now();
    }
}

/* Seconds a prompt, those of the first batches left out. */
static stopwatch run(const pc_model *model, const pc_task *task, pc_estimate_options *options)
{
    pc_estimates edges;
    laps l = {0};
    options->payload = &l;
    options->tell = lap;
    check(pc_estimate(&edges, NULL, model, task, options));
    const stopwatch end = now();
    const int n = pc_task_n(task) - l.first;
    pc_estimates_free(&edges);
    if (n < 1) {
        fprintf(stderr, "bench_estimates: too few prompts: the first batches took all of them\n");
        exit(1);
    }
    return (stopwatch){(end.wall - l.after_first.wall) / n,
                       (end.processor - l.after_first.processor) / n};
}

static int64_t bytes_of_a_token(const pc_model *model, const pc_task *task)
{
    const pc_device *device;
    const pc_grad_run_options options = {.what = PC_GRAD_EDGES};
    const int longest = pc_task_longest(task);
    const pc_grad_sizes few = {longest, 1024, 16}, more = {longest, 2048, 16};
    check(pc_device_get(&device, NULL, PC_PRECISION_FP32));
    return (pc_grad_run_bytes(model, device, &options, &more) -
            pc_grad_run_bytes(model, device, &options, &few)) /
           1024;
}

int main(int argc, char **argv)
{
    static pc_grad_point points[MOST_STEPS];
    double wall[MOST_ROUNDS], processor[MOST_ROUNDS];
    pc_model *model;
    if (argc < 4) {
        fprintf(stderr, "usage: bench_estimates MODEL TASK.jsonl THREADS [ROUNDS [STEPS]]\n");
        return 3;
    }
    const int rounds = argc > 4 ? atoi(argv[4]) : 5, steps = argc > 5 ? atoi(argv[5]) : 1;
    if (rounds < 1 || rounds > MOST_ROUNDS || steps < 1 || steps > MOST_STEPS) return 3;
    check(pc_model_open(&model, argv[1]));
    pc_task *task = read_task(argv[2], model);
    pc_evaluator_options evaluation = PC_EVALUATOR_OPTIONS_INIT;
    evaluation.n_threads = atoi(argv[3]);
    for (int i = 0; i < steps; i++) /* the base itself for EAP, else from the source on */
        points[i] = (pc_grad_point){PC_HELD_INPUT, -1, argc > 5 ? (double)(steps - i) / steps : 0,
                                    1.0 / steps, -1};
    pc_estimate_options options = {
        .evaluation = &evaluation, .what = PC_GRAD_EDGES, .points = points, .n_points = steps};
    for (int i = 0; i < rounds; i++) {
        const stopwatch t = run(model, task, &options);
        wall[i] = t.wall;
        processor[i] = t.processor;
    }
    printf("%.6f %.6f %lld\n", median(wall, rounds), median(processor, rounds),
           (long long)bytes_of_a_token(model, task));
    pc_task_free(task);
    pc_model_free(model);
    return 0;
}
