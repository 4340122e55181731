/* Effects that are more than chance: p-values against counting by hand, and as many false alarms as
 * they say. */
#include "support/planted.h"

#include "base/rng.h"
#include "base/text.h"
#include "patchclamp/circuit.h"
#include "patchclamp/find.h"
#include "search/significance.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

/* ---- the test by itself ---- */

Test(search_significance, what_never_changes_sign_is_sure_and_nothing_is_not)
{
    double effects[3][20], p[3];
    for (int i = 0; i < 20; i++) {
        effects[0][i] = 1;
        effects[1][i] = i % 2 ? 1 : -1;
        effects[2][i] = 0;
    }
    cr_assert_eq(pc_familywise(p, effects[0], 3, 20), PC_OK);
    cr_expect(p[0] <= 3.0 / 1001, "%g", p[0]);
    cr_expect(p[1] > 0.9, "%g", p[1]);
    cr_expect(p[2] == 1, "%g", p[2]);
}

/* With 5 prompts and one component, all 32 flips can be counted: two of them are as large as 5
 * equal signs, so p is near 1/16. */
Test(search_significance, few_prompts_cannot_be_sure)
{
    const double effects[] = {1, 2, 1, 3, 2};
    double p;
    cr_assert_eq(pc_familywise(&p, effects, 1, 5), PC_OK);
    cr_expect(fabs(p - 1.0 / 16) < 0.03, "%g", p);
}

static double normal(pc_rng *rng)
{
    const double u = 1 - pc_rng_unit(rng), v = pc_rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* Many components, half of which go together: any at 5 % in one of twenty trials. */
Test(search_significance, false_alarms_are_as_frequent_as_they_say)
{
    enum { N = 40, PROMPTS = 24, TRIALS = 200 };
    static double effects[N * PROMPTS], p[N];
    pc_rng rng = {.seed = 3};
    int n_alarms = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        for (int q = 0; q < PROMPTS; q++) {
            const double common = normal(&rng);
            for (int i = 0; i < N; i++)
                effects[i * PROMPTS + q] = (i % 2 ? common : 0) + 0.3 * (i + 1) * normal(&rng);
        }
        cr_assert_eq(pc_familywise(p, effects, N, PROMPTS), PC_OK);
        bool is_any = false;
        for (int i = 0; i < N; i++)
            is_any = is_any || p[i] <= 0.05;
        n_alarms += is_any;
    }
    /* 10 expected, standard deviation 3.1 */
    cr_expect(n_alarms >= 2 && n_alarms <= 20, "%d of %d", n_alarms, TRIALS);
}

Test(search_significance, a_small_steady_effect_is_found_among_many)
{
    enum { N = 200, PROMPTS = 64 };
    static double effects[N * PROMPTS], p[N];
    pc_rng rng = {.seed = 4};
    for (int i = 0; i < N * PROMPTS; i++)
        effects[i] = normal(&rng);
    for (int q = 0; q < PROMPTS; q++)
        effects[17 * PROMPTS + q] = 1e-6 * (1 + normal(&rng)); /* small, but steady */
    cr_assert_eq(pc_familywise(p, effects, N, PROMPTS), PC_OK);
    cr_expect(p[17] < 0.01, "%g", p[17]);
    int n_others = 0;
    for (int i = 0; i < N; i++)
        n_others += i != 17 && p[i] <= 0.05;
    cr_expect(n_others <= 1, "%d", n_others);
}

/* ---- models without a behaviour ---- */

/* Pairs with answers by the throw of a coin: no component can have an effect on average. */
static pc_task *coin_task(const pc_model *model, pc_rng *rng)
{
    enum { PAIRS = 16 };
    const pc_task_limits limits = planted_limits(model);
    pc_text lines = {0};
    for (int i = 0; i < PAIRS; i++) {
        const int coin = (int)pc_rng_below(rng, 2);
        pc_text_printf(&lines, "{\"clean\":[%d,%d,4],\"corrupted\":[%d,%d,4],", i % 2,
                       2 + i / 2 % 2, 1 - i % 2, 3 - i / 2 % 2);
        pc_text_printf(&lines, "\"answers\":[%d],\"wrong_answers\":[%d]}\n", coin, 1 - coin);
    }
    pc_task *task = planted_task(lines.data, &limits);
    pc_text_free(&lines);
    return task;
}

static bool has_alarm(uint64_t seed)
{
    pc_rng rng = {.seed = seed};
    pc_model *model = planted_random_model(seed);
    pc_task *task = coin_task(model, &rng);
    pc_circuit *circuit;
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    o.selection = PC_SELECT_TOP;
    o.top = 3;
    o.evaluation.n_threads = 1;
    cr_assert_eq(pc_find(&circuit, model, task, &o), PC_OK, "%s", pc_last_error());
    bool is_any = false;
    for (size_t i = 0; i < pc_circuit_n_edges(circuit); i++) {
        const double p = pc_circuit_edge_at(circuit, i)->p;
        cr_assert(p > 0 && p <= 1);
        is_any = is_any || p <= 0.05;
    }
    pc_circuit_free(circuit);
    pc_task_free(task);
    pc_model_free(model);
    return is_any;
}

Test(search_significance, of_200_models_with_coins_for_answers_at_most_17_alarm)
{
    int n_alarms = 0;
    for (uint64_t seed = 1; seed <= 200; seed++)
        n_alarms += has_alarm(seed);
    cr_expect(n_alarms <= 17, "%d of 200", n_alarms);
}
