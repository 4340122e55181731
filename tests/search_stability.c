/* Selecting again on bootstraps: what must come out, and what selecting naively gives. */
#include "support/golden.h"

#include "base/rng.h"
#include "model/model_private.h"
#include "patchclamp/circuit.h"
#include "patchclamp/find.h"
#include "search/stability.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 30, PROMPTS = 24 };

/* Nodes are not pruned; how many the model has does not matter. */
static pc_candidates nodes_of(const pc_model *model)
{
    pc_candidates candidates;
    cr_assert_eq(pc_candidates_init(&candidates, model, PC_LEVEL_NODE), PC_OK);
    candidates.n = N;
    return candidates;
}

static double normal(pc_rng *rng)
{
    const double u = 1 - pc_rng_unit(rng), v = pc_rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

Test(search_stability, one_far_above_the_rest_is_always_selected_and_one_below_never)
{
    double effects[N * PROMPTS], frequency[N], sum = 0;
    pc_rng rng = {.seed = 3};
    pc_model *model = golden_open("gpt2-plain");
    const pc_candidates candidates = nodes_of(model);
    const pc_reselection rule = {PC_SELECT_TOP, 5, 0, 0};
    for (int i = 0; i < N * PROMPTS; i++)
        effects[i] = (i / PROMPTS == 7    ? -100
                      : i / PROMPTS == 11 ? 0
                                          : i / PROMPTS) +
                     (i / PROMPTS == 11 ? 0 : 3 * normal(&rng));
    cr_assert_eq(pc_selection_frequency(frequency, effects, PROMPTS, &rule, &candidates), PC_OK);
    for (int i = 0; i < N; i++)
        sum += frequency[i];
    cr_expect(frequency[7] == 1, "%g", frequency[7]);
    cr_expect(frequency[11] == 0, "%g", frequency[11]);
    cr_expect(fabs(sum - 5) < 1e-9, "five a draw, but %g", sum);
    pc_model_free(model);
}

/* What the selection of find does, over and over, with draws of its own. */
static void select_naively(double *frequency, const double *effects, const pc_reselection *rule)
{
    enum { DRAWS = 4000 };
    pc_rng rng = {.seed = 99};
    memset(frequency, 0, N * sizeof *frequency);
    for (int draw = 0; draw < DRAWS; draw++) {
        double strength[N] = {0};
        for (int p = 0; p < PROMPTS; p++) {
            const int drawn = (int)pc_rng_below(&rng, PROMPTS);
            for (int i = 0; i < N; i++)
                strength[i] += effects[i * PROMPTS + drawn] / PROMPTS;
        }
        for (int i = 0; i < N; i++)
            strength[i] = rule->sign != 0 ? rule->sign * strength[i] : fabs(strength[i]);
        for (int i = 0; i < N; i++) {
            int n_before = 0;
            for (int j = 0; j < N; j++)
                n_before += strength[j] > strength[i] || (strength[j] == strength[i] && j < i);
            const bool is_in = rule->selection == PC_SELECT_TOP ? n_before < rule->top
                                                                : strength[i] >= rule->threshold;
            frequency[i] += is_in / (double)DRAWS;
        }
    }
}

Test(search_stability, is_what_selecting_naively_gives)
{
    double effects[N * PROMPTS], frequency[N], expected[N];
    pc_rng rng = {.seed = 4};
    pc_model *model = golden_open("gpt2-plain");
    const pc_candidates candidates = nodes_of(model);
    const pc_reselection rules[] = {
        {PC_SELECT_TOP, 1, 0, 0},         {PC_SELECT_TOP, 8, 0, 0},
        {PC_SELECT_TOP, N + 5, 0, 0},     {PC_SELECT_THRESHOLD, 0, 0.4, 0},
        {PC_SELECT_THRESHOLD, 0, 100, 0}, {PC_SELECT_TOP, 8, 0, -1},
        {PC_SELECT_TOP, 20, 0, 1},        {PC_SELECT_THRESHOLD, 0, 0.4, 1}};
    for (int i = 0; i < N * PROMPTS; i++)
        effects[i] = 0.1 * (i / PROMPTS % 10) * (i / PROMPTS % 2 ? 1 : -1) + normal(&rng);
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        int n_unsure = 0;
        cr_assert_eq(pc_selection_frequency(frequency, effects, PROMPTS, &rules[r], &candidates),
                     PC_OK);
        select_naively(expected, effects, &rules[r]);
        for (int i = 0; i < N; i++) {
            n_unsure += expected[i] > 0.05 && expected[i] < 0.95;
            /* five standard deviations of the difference of shares, at most 0.5/sqrt(1000) and
             * 0.5/sqrt(4000) */
            cr_expect(fabs(frequency[i] - expected[i]) < 0.09, "rule %zu, %d: %g, expected %g", r,
                      i, frequency[i], expected[i]);
        }
        cr_expect(n_unsure > 2 || r == 2 || r == 4, "rule %zu tells nothing apart", r);
    }
    pc_model_free(model);
}

Test(search_stability, of_equals_the_first_are_taken)
{
    double effects[N * PROMPTS], frequency[N];
    pc_model *model = golden_open("gpt2-plain");
    const pc_candidates candidates = nodes_of(model);
    const pc_reselection rule = {PC_SELECT_TOP, 4, 0, 0};
    for (int i = 0; i < N * PROMPTS; i++)
        effects[i] = i / PROMPTS == 20 ? 2 : i / PROMPTS % 2; /* 1, 3, 5 ... are equal */
    cr_assert_eq(pc_selection_frequency(frequency, effects, PROMPTS, &rule, &candidates), PC_OK);
    for (int i = 0; i < N; i++)
        cr_expect_eq(frequency[i], i == 20 || i == 1 || i == 3 || i == 5, "%d", i);
    pc_model_free(model);
}

/* ---- in a search ---- */

static pc_circuit *find(const char *name, int n_pairs, pc_selection selection)
{
    pc_model *model = golden_open(name);
    const pc_model_info *info = pc_model_describe(model);
    const pc_task_limits limits = {
        .vocab = info->vocab, .vocab_out = info->vocab_out, .n_ctx = info->n_ctx, .bos = info->bos};
    const pc_task_options task_options = {.n = n_pairs};
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    pc_task *task;
    pc_circuit *circuit;
    cr_assert_eq(pc_task_generate(&task, "induction", NULL, &limits, &task_options), PC_OK, "%s",
                 pc_last_error());
    o.selection = selection;
    o.top = 12;
    o.threshold = 1e-3;
    cr_assert_eq(pc_find(&circuit, model, task, &o), PC_OK, "%s", pc_last_error());
    pc_task_free(task);
    pc_model_free(model);
    return circuit;
}

Test(search_stability, every_edge_has_a_frequency_and_those_of_the_circuit_the_highest)
{
    for (int selection = PC_SELECT_TOP; selection <= PC_SELECT_THRESHOLD; selection++) {
        pc_circuit *circuit = find("gpt2-plain", 32, (pc_selection)selection);
        double in = 0, out = 0;
        int n_in = 0;
        const size_t n = pc_circuit_n_edges(circuit);
        for (size_t i = 0; i < n; i++) {
            const pc_circuit_edge *edge = pc_circuit_edge_at(circuit, i);
            cr_expect(edge->has_frequency && edge->frequency >= 0 && edge->frequency <= 1);
            cr_expect(!edge->is_untouched || edge->frequency == 0, "%s->%s", edge->from, edge->to);
            n_in += edge->in_circuit;
            *(edge->in_circuit ? &in : &out) += edge->frequency;
        }
        cr_assert(n_in > 0);
        cr_expect(in / n_in > out / (double)(n - (size_t)n_in) + 0.3, "%g of %d in, %g out", in,
                  n_in, out);
        cr_expect_str_eq(pc_circuit_option(circuit, "bootstraps"), "1000");
        const char *rule = selection == PC_SELECT_TOP ? "bootstrap_top" : "bootstrap_threshold";
        cr_expect(pc_circuit_option(circuit, rule), "%s", rule);
        pc_circuit_free(circuit);
    }
}

Test(search_stability, few_prompts_have_none)
{
    pc_circuit *circuit = find("gpt2-plain", 5, PC_SELECT_TOP);
    cr_expect_not(pc_circuit_edge_at(circuit, 0)->has_frequency);
    cr_expect_null(pc_circuit_option(circuit, "bootstraps"));
    pc_circuit_free(circuit);
}
