/* A whole program on the public API: opens a model, measures one intervention, finds the circuit,
 * prints its strongest edges and draws it.
 *
 *   cc example.c $(pkg-config --cflags --libs patchclamp) -o example
 *   ./example MODEL_DIRECTORY FIGURE.svg */
#include <patchclamp/patchclamp.h>

#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what)
{
    fprintf(stderr, "example: %s: %s\n", what, pc_last_error());
    return 2;
}

/* The effect of corrupting one head's output, prompt by prompt. */
static int measure_head(const pc_model *model, const pc_task *task, const char *json)
{
    const pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_evaluator *evaluator;
    pc_intervention *intervention;
    if (pc_evaluator_open(&evaluator, model, task, &options) != PC_OK) return fail("evaluator");
    if (pc_intervention_parse(&intervention, model, json) != PC_OK) return fail(json);

    const pc_intervention *list[] = {intervention};
    const int n = pc_task_n(task);
    double *effects = malloc(sizeof *effects * (size_t)n), sum = 0;
    if (!effects) return fail("memory");
    if (pc_evaluator_measure(effects, NULL, evaluator, list, 1) != PC_OK) return fail(json);
    for (int i = 0; i < n; i++)
        sum += effects[i];
    printf("%s changes the logit difference by %.3f on average of %d prompts\n", json, sum / n, n);

    free(effects);
    pc_intervention_free(intervention);
    pc_evaluator_free(evaluator);
    return 0;
}

static int print_strongest(const pc_circuit *circuit, size_t n)
{
    const size_t n_edges = pc_circuit_n_edges(circuit);
    size_t *order = malloc(sizeof *order * (n_edges + 1));
    if (!order || pc_circuit_rank_edges(order, circuit) != PC_OK) return fail("ranking");
    for (size_t i = 0; i < n && i < n_edges; i++) {
        const pc_circuit_edge *edge = pc_circuit_edge_at(circuit, order[i]);
        printf("%-8s -> %-9s %+.3f +- %.3f\n", edge->from, edge->to, edge->effect, edge->stderr_);
    }
    free(order);
    return 0;
}

int main(int argc, char **argv)
{
    pc_model *model;
    pc_tokenizer *tokenizer;
    pc_task *task;
    pc_circuit *circuit;
    if (argc != 3) {
        fprintf(stderr, "usage: example MODEL_DIRECTORY FIGURE.svg\n");
        return 3;
    }
    if (pc_model_open(&model, argv[1]) != PC_OK) return fail("model");
    if (pc_tokenizer_open(&tokenizer, argv[1]) != PC_OK) return fail("tokenizer");

    const pc_model_info *info = pc_model_describe(model);
    const pc_task_limits limits = {.vocab = info->vocab,
                                   .vocab_out = info->vocab_out,
                                   .n_ctx = info->n_ctx,
                                   .bos = info->bos,
                                   .bos_rule = PC_BOS_AS_TOKENIZER};
    pc_task_options task_options = PC_TASK_OPTIONS_INIT;
    task_options.n = 8;
    if (pc_task_generate(&task, "induction", tokenizer, &limits, &task_options) != PC_OK)
        return fail("task");
    if (measure_head(model, task, "{\"cut\": [\"a0.h0\"]}") != 0) return 2;

    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.selection = PC_SELECT_TOP;
    options.top = 20;
    if (pc_find(&circuit, model, task, &options) != PC_OK) return fail("find");
    if (print_strongest(circuit, 10) != 0) return 2;
    if (pc_circuit_write_svg(circuit, argv[2], NULL) != PC_OK) return fail("figure");
    printf("drawn: %s\n", argv[2]);

    pc_circuit_free(circuit);
    pc_task_free(task);
    pc_tokenizer_free(tokenizer);
    pc_model_free(model);
    return 0;
}
