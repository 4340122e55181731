/* The shipped model has the circuit that its card claims, by our own measurements. */
#include "patchclamp/patchclamp.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct demo {
    pc_model *model;
    pc_tokenizer *tokenizer;
    const pc_model_info *info;
    pc_head_scores *scores; /* layer-major */
} demo;

static demo open_demo(void)
{
    static const char directory[] = PC_SOURCE_DIR "/tools/models/demo";
    demo d;
    cr_assert_eq(pc_model_open(&d.model, directory), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_tokenizer_open(&d.tokenizer, directory), PC_OK, "%s", pc_last_error());
    d.info = pc_model_describe(d.model);
    d.scores = malloc(sizeof *d.scores * (size_t)(d.info->n_layers * d.info->n_heads));
    cr_assert_eq(pc_heads_detect_on_repeats(d.scores, d.model, d.info->bos, 16, 1), PC_OK, "%s",
                 pc_last_error());
    return d;
}

static void close_demo(demo *d)
{
    free(d->scores);
    pc_tokenizer_free(d->tokenizer);
    pc_model_free(d->model);
}

static pc_task *generate(const demo *d, const char *split, int n)
{
    const pc_task_limits limits = {d->info->vocab, d->info->vocab_out, d->info->n_ctx, d->info->bos,
                                   PC_BOS_AS_TOKENIZER, NULL};
    pc_task_options options = PC_TASK_OPTIONS_INIT;
    options.n = n;
    options.split = split;
    pc_task *task;
    cr_assert_eq(pc_task_generate(&task, "induction", d->tokenizer, &limits, &options), PC_OK, "%s",
                 pc_last_error());
    return task;
}

static int strongest_head(const demo *d, int layer, pc_role role)
{
    int best = layer * d->info->n_heads;
    for (int h = best + 1; h < (layer + 1) * d->info->n_heads; h++)
        if (d->scores[h].score[role] > d->scores[best].score[role]) best = h;
    return best;
}

Test(demo_model, has_a_previous_token_head_and_an_induction_head)
{
    demo d = open_demo();
    const int previous = strongest_head(&d, 0, PC_ROLE_PREVIOUS_TOKEN);
    const int induction = strongest_head(&d, 1, PC_ROLE_INDUCTION);
    cr_expect(d.scores[previous].score[PC_ROLE_PREVIOUS_TOKEN] >= 0.6, "previous-token %.3f",
              d.scores[previous].score[PC_ROLE_PREVIOUS_TOKEN]);
    cr_expect(d.scores[induction].score[PC_ROLE_INDUCTION] >= 0.6, "induction %.3f",
              d.scores[induction].score[PC_ROLE_INDUCTION]);
    cr_expect_str_eq(pc_head_role(&d.scores[previous], 0.4), "previous-token");
    cr_expect_str_eq(pc_head_role(&d.scores[induction], 0.4), "induction");
    close_demo(&d);
}

static double mean(const double *values, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += values[i];
    return sum / n;
}

/* Accuracy on train and test prompts; without the previous-token head it is gone. */
Test(demo_model, answers_by_induction_through_the_previous_token_head)
{
    demo d = open_demo();
    const char *const splits[] = {"train", "test"};
    const int head = strongest_head(&d, 0, PC_ROLE_PREVIOUS_TOKEN);
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    options.metric = PC_METRIC_ACCURACY;
    options.source = PC_SOURCE_ZERO;
    for (int s = 0; s < 2; s++) {
        enum { N = 64 };
        pc_task *task = generate(&d, splits[s], N);
        pc_evaluator *evaluator;
        pc_intervention *cut;
        char json[64];
        double effects[N];
        snprintf(json, sizeof json, "{\"cut\": [\"a0.h%d\"]}", head);
        cr_assert_eq(pc_evaluator_open(&evaluator, d.model, task, &options), PC_OK);
        cr_assert_eq(pc_intervention_parse(&cut, d.model, json), PC_OK);
        const pc_intervention *list[] = {cut};
        cr_assert_eq(pc_evaluator_measure(effects, NULL, evaluator, list, 1), PC_OK);
        const double accuracy = mean(pc_evaluator_clean(evaluator), N);
        cr_expect(accuracy >= 0.9, "%s: accuracy %.3f", splits[s], accuracy);
        cr_expect(accuracy + mean(effects, N) <= 0.2, "%s: without a0.h%d still %.3f", splits[s],
                  head, accuracy + mean(effects, N));
        pc_intervention_free(cut);
        pc_evaluator_free(evaluator);
        pc_task_free(task);
    }
    close_demo(&d);
}

static bool is_previous_to_induction_key(const demo *d, const pc_circuit_edge *edge)
{
    int from_layer, from, to_layer, to;
    char port;
    if (sscanf(edge->from, "a%d.h%d", &from_layer, &from) != 2) return false;
    if (sscanf(edge->to, "a%d.h%d<%c>", &to_layer, &to, &port) != 3 || port != 'k') return false;
    const char *a = pc_head_role(&d->scores[from_layer * d->info->n_heads + from], 0.4);
    const char *b = pc_head_role(&d->scores[to_layer * d->info->n_heads + to], 0.4);
    return from_layer == 0 && to_layer == 1 && a && b && strcmp(a, "previous-token") == 0 &&
           strcmp(b, "induction") == 0;
}

Test(demo_model, circuit_is_small_and_led_by_the_previous_token_edge)
{
    demo d = open_demo();
    pc_task *task = generate(&d, "train", 64);
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    pc_circuit *circuit;
    cr_assert_eq(pc_find(&circuit, d.model, task, &options), PC_OK, "%s", pc_last_error());
    size_t order[256];
    double kept, faithfulness;
    bool is_among_five = false;
    cr_assert_eq(pc_circuit_n_edges(circuit), 110);
    cr_assert_eq(pc_circuit_rank_edges(order, circuit), PC_OK);
    for (int i = 0; i < 5; i++)
        is_among_five |= is_previous_to_induction_key(&d, pc_circuit_edge_at(circuit, order[i]));
    cr_expect(is_among_five, "no previous-token edge to an induction key among the five strongest");
    cr_assert(pc_circuit_evaluation(&kept, circuit, "kept"));
    cr_assert(pc_circuit_evaluation(&faithfulness, circuit, "faithfulness"));
    cr_expect(faithfulness >= 0.9 && kept <= 30, "%g edges keep %.3f", kept, faithfulness);

    pc_task *other = generate(&d, "test", 64);
    pc_faithfulness held_out;
    cr_assert_eq(pc_circuit_evaluate(&held_out, circuit, d.model, other, &options.evaluation),
                 PC_OK, "%s", pc_last_error());
    cr_expect(held_out.faithfulness >= 0.85, "held out: %.3f", held_out.faithfulness);
    pc_task_free(other);
    pc_circuit_free(circuit);
    pc_task_free(task);
    close_demo(&d);
}
