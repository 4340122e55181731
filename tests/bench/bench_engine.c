/* How fast the delta engine is on a sweep of edges, on one thread: edges a second, and its rate
 * beside that of its products alone, which take turns with it.
 *
 *   bench_engine MODEL TASK.jsonl [EVERY] [ROUNDS]     every EVERY-th edge (50), medians of ROUNDS
 * (5)
 *
 * Edges are taken evenly over all layers. With EVERY < 0 the twin measures the same edges too. */
#define _POSIX_C_SOURCE 200809L
#include "backend/cpu_ops.h"
#include "patch/evaluator.h"
#include "patch/planner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_ROUNDS = 99, ROWS = 512 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(pc_status status)
{
    if (status == PC_OK) return;
    fprintf(stderr, "bench_engine: %s\n", pc_last_error());
    exit(1);
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

typedef struct sample {
    pc_intervention **list;
    int n;
} sample;

static sample take_edges(const pc_model *model, int64_t every)
{
    const pc_components *c = &model->components;
    sample s = {malloc(sizeof *s.list * (size_t)(c->n_edges / every + 1)), 0};
    for (int64_t edge = every / 2; edge < c->n_edges; edge += every) {
        int writer, reader;
        pc_edge_ends(&writer, &reader, c, edge);
        const pc_place place = {
            .kind = PC_PLACE_EDGES, .writer = writer, .neuron = -1, .reader = reader};
        check(pc_intervention_cut(&s.list[s.n++], c, &place));
    }
    return s;
}

static pc_evaluator *open(const pc_model *model, const pc_task *task, pc_engine_kind engine)
{
    pc_evaluator *evaluator;
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.n_threads = 1;
    options.engine = engine;
    check(pc_evaluator_open(&evaluator, model, task, &options));
    return evaluator;
}

/* Seconds for the sample; flop of its products. */
static double sweep(double *effects, double *flop, pc_evaluator *evaluator, const sample *s)
{
    const double before = pc_evaluator_flop(evaluator), start = now();
    check(pc_evaluator_measure(effects, NULL, evaluator, (const pc_intervention *const *)s->list,
                               s->n));
    *flop = pc_evaluator_flop(evaluator) - before;
    return now() - start;
}

/* What the plan says that the sample's products take. */
static double plan_flop(const pc_model *model, const pc_task *task, const sample *s)
{
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_plan plan;
    pc_planner *planner;
    options.engine = PC_ENGINE_DELTA;
    check(pc_planner_new(&planner, &plan, model, task, &options, pc_task_n(task)));
    check(pc_planner_add(planner, (const pc_intervention *const *)s->list, s->n));
    pc_planner_free(planner);
    return plan.flop;
}

/* The products of a layer's MLP, over and over: flop a second. */
static double product_rate(const pc_model *model, const pc_packed *in, const pc_packed *out,
                           float *x, float *a)
{
    const int64_t d = model->shape.d_model, d_mlp = model->shape.d_mlp;
    const pc_cpu_ops *ops = pc_cpu_ops_best();
    const double start = now();
    double flop = 0;
    do {
        ops->gemm(&(pc_gemm_args){.c = a,
                                  .a = x,
                                  .c_stride = d_mlp,
                                  .a_stride = d,
                                  .rows = ROWS,
                                  .w = in,
                                  .k_count = d,
                                  .n_count = d_mlp,
                                  .mode = PC_GEMM_SET});
        ops->gemm(&(pc_gemm_args){.c = x,
                                  .a = a,
                                  .c_stride = d,
                                  .a_stride = d_mlp,
                                  .rows = ROWS,
                                  .w = out,
                                  .k_count = d_mlp,
                                  .n_count = d,
                                  .mode = PC_GEMM_SET});
        memset(x, 0, sizeof *x * (size_t)(ROWS * d)); /* it must not grow beyond all bounds */
        flop += 4.0 * ROWS * (double)d * (double)d_mlp;
    } while (now() - start < 0.5);
    return flop / (now() - start);
}

int main(int argc, char **argv)
{
    double seconds[MOST_ROUNDS], rates[MOST_ROUNDS], flop = 0;
    const long asked = argc > 3 ? atol(argv[3]) : 50;
    const int rounds =
        argc > 4 && atoi(argv[4]) > 0 && atoi(argv[4]) < MOST_ROUNDS ? atoi(argv[4]) : 5;
    pc_model *model;
    if (argc < 3 || asked == 0) {
        fprintf(stderr, "bench_engine: expected MODEL TASK.jsonl [EVERY] [ROUNDS]\n");
        return 3;
    }
    check(pc_model_open(&model, argv[1]));
    pc_task *task = read_task(argv[2], model);
    const sample s = take_edges(model, labs(asked));
    const int n_prompts = pc_task_n(task);
    const int64_t d = model->shape.d_model, d_mlp = model->shape.d_mlp;
    double *effects = malloc(sizeof *effects * (size_t)s.n * (size_t)n_prompts);
    pc_packed *in, *out;
    float *x = calloc((size_t)(ROWS * d), sizeof *x),
          *a = calloc((size_t)(ROWS * d_mlp), sizeof *a);
    check(pc_packed_new(&in, d, d_mlp));
    check(pc_packed_new(&out, d_mlp, d));
    pc_evaluator *engine = open(model, task, PC_ENGINE_DELTA);
    for (int i = 0; i < rounds; i++) {
        seconds[i] = sweep(effects, &flop, engine, &s);
        rates[i] = product_rate(model, in, out, x, a);
    }
    const double t = median(seconds, rounds), rate = median(rates, rounds);
    printf("%d of %lld edges, %d prompts, one thread, instruction set %s, medians of %d\n", s.n,
           (long long)model->components.n_edges, n_prompts, pc_cpu_ops_best()->name, rounds);
    printf(
        "delta engine   %8.3f ms an edge and prompt, %.2f GFLOP of products each, %.1f GFLOP/s\n",
        1e3 * t / s.n / n_prompts, 1e-9 * flop / s.n / n_prompts, 1e-9 * flop / t);
    printf("products alone %.1f GFLOP/s: the engine runs at %.0f %% of them\n", 1e-9 * rate,
           100 * flop / t / rate);
    printf("FLOP           %.6e planned, %.6e counted\n", plan_flop(model, task, &s), flop);
    printf("all edges      %.0f s for these prompts on one thread\n",
           t * (double)model->components.n_edges / s.n);
    if (pc_evaluator_n_again(engine))
        printf("left to the twin: %lld effects\n", (long long)pc_evaluator_n_again(engine));
    if (asked < 0) {
        pc_evaluator *twin = open(model, task, PC_ENGINE_TWIN);
        const double slow = sweep(effects, &flop, twin, &s);
        printf("twin           %8.3f ms an edge and prompt: the engine is %.0f times as fast\n",
               1e3 * slow / s.n / n_prompts, slow / t);
        pc_evaluator_free(twin);
    }
    for (int i = 0; i < s.n; i++)
        pc_intervention_free(s.list[i]);
    pc_evaluator_free(engine);
    pc_packed_free(out);
    pc_packed_free(in);
    pc_task_free(task);
    pc_model_free(model);
    free(a);
    free(x);
    free(effects);
    free(s.list);
    return 0;
}
