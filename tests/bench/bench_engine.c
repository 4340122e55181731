/* How fast the delta engine is on a sweep of edges, on one thread: edges a second, and its time
 * beside that of its products alone, the same calls with the same shapes, which take turns with it.
 *
 *   bench_engine MODEL TASK.jsonl [EVERY] [ROUNDS]     every EVERY-th edge (50), medians of ROUNDS
 * (5)
 *
 * Edges are taken evenly over all layers. With EVERY < 0 the twin measures the same edges too. */
#define _POSIX_C_SOURCE 200809L
#include "backend/cpu_backend.h"
#include "backend/cpu_ops.h"
#include "backend/device_private.h"
#include "patch/evaluator.h"
#include "patch/planner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_ROUNDS = 99 };

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

static pc_evaluator *open(const pc_model *model, const pc_task *task, pc_engine_kind engine,
                          const char *device)
{
    pc_evaluator *evaluator;
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.n_threads = 1;
    options.engine = engine;
    options.device = device;
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

/* ---- the CPU with operators that do nothing, but for products ---- */

#define DOES_NOTHING(name, args_type)                                                              \
    static void name(pc_queue *queue, const args_type *args)                                       \
    {                                                                                              \
        (void)queue, (void)args;                                                                   \
    }
DOES_NOTHING(no_norm, pc_norm_delta_args)
DOES_NOTHING(no_activation, pc_activation_delta_args)
DOES_NOTHING(no_attention, pc_attention_batch)
DOES_NOTHING(no_rotary, pc_rotary_args)
DOES_NOTHING(no_add, pc_add_change_args)
DOES_NOTHING(no_copy, pc_copy_rows_args)
DOES_NOTHING(no_cut, pc_cut_rows_args)
DOES_NOTHING(no_vanishing, pc_vanishing_args)
#undef DOES_NOTHING

static void no_scores(pc_queue *queue, uint8_t *is_lost, const pc_attention_batch *batch)
{
    (void)queue, (void)is_lost, (void)batch;
}

static void no_clear(pc_queue *queue, void *memory, size_t bytes)
{
    (void)queue, (void)memory, (void)bytes;
}

static const char *register_products(void)
{
    static pc_ops table;
    table = pc_cpu_backend;
    table.name = "emu"; /* a name that can be asked for */
    table.layernorm_delta = table.rmsnorm_delta = no_norm;
    table.activation_delta = no_activation;
    table.attention_delta = no_attention;
    table.scores_lost = no_scores;
    table.rotary = no_rotary;
    table.add_change = no_add;
    table.copy_rows = no_copy;
    table.cut_rows = no_cut;
    table.vanishing = no_vanishing;
    table.clear = no_clear;
    pc_device_register(&table);
    return table.name;
}

int main(int argc, char **argv)
{
    double seconds[MOST_ROUNDS], alone[MOST_ROUNDS], flop = 0;
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
    double *effects = malloc(sizeof *effects * (size_t)s.n * (size_t)n_prompts);
    pc_evaluator *engine = open(model, task, PC_ENGINE_DELTA, NULL);
    pc_evaluator *products = open(model, task, PC_ENGINE_DELTA, register_products());
    for (int i = 0; i < rounds; i++) {
        seconds[i] = sweep(effects, &flop, engine, &s);
        alone[i] = sweep(effects, &flop, products, &s);
    }
    const double t = median(seconds, rounds), floor = median(alone, rounds);
    printf("%d of %lld edges, %d prompts, one thread, instruction set %s, medians of %d\n", s.n,
           (long long)model->components.n_edges, n_prompts, pc_cpu_ops_best()->name, rounds);
    printf(
        "delta engine   %8.3f ms an edge and prompt, %.2f GFLOP of products each, %.1f GFLOP/s\n",
        1e3 * t / s.n / n_prompts, 1e-9 * flop / s.n / n_prompts, 1e-9 * flop / t);
    printf("products alone %8.3f ms, %.1f GFLOP/s: the engine runs at %.0f %% of them\n",
           1e3 * floor / s.n / n_prompts, 1e-9 * flop / floor, 100 * floor / t);
    printf("FLOP           %.6e planned, %.6e counted\n", plan_flop(model, task, &s), flop);
    printf("all edges      %.0f s for these prompts on one thread\n",
           t * (double)model->components.n_edges / s.n);
    if (pc_evaluator_n_again(engine))
        printf("left to the twin: %lld effects\n", (long long)pc_evaluator_n_again(engine));
    if (asked < 0) {
        pc_evaluator *twin = open(model, task, PC_ENGINE_TWIN, NULL);
        const double slow = sweep(effects, &flop, twin, &s);
        printf("twin           %8.3f ms an edge and prompt: the engine is %.0f times as fast\n",
               1e3 * slow / s.n / n_prompts, slow / t);
        pc_evaluator_free(twin);
    }
    for (int i = 0; i < s.n; i++)
        pc_intervention_free(s.list[i]);
    pc_evaluator_free(products);
    pc_evaluator_free(engine);
    pc_task_free(task);
    pc_model_free(model);
    free(effects);
    free(s.list);
    return 0;
}
