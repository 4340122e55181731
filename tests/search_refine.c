/* A search in low precision finds the circuit that one in float32 finds, and says what it took. */
#include "support/golden.h"

#include "patchclamp/circuit.h"
#include "patchclamp/find.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static pc_circuit *find(pc_model *model, const pc_task *task, pc_precision precision,
                        const pc_find_options *wanted)
{
    pc_circuit *circuit;
    pc_find_options o = *wanted;
    o.evaluation.engine = PC_ENGINE_DELTA;
    o.evaluation.n_threads = 1;
    o.evaluation.precision = precision;
    cr_assert_eq(pc_find(&circuit, model, task, &o), PC_OK, "%s", pc_last_error());
    return circuit;
}

static double number(const pc_circuit *circuit, const char *key)
{
    const char *value = pc_circuit_option(circuit, key);
    return value ? atof(value) : NAN;
}

static int n_with_errors;

/* Returns how many components were measured again, of how many. */
static int64_t compare(const char *name, pc_model *model, const pc_task *task,
                       pc_precision precision, const pc_find_options *options, int64_t *n_all)
{
    pc_circuit *fine = find(model, task, PC_PRECISION_FP32, options);
    pc_circuit *low = find(model, task, precision, options);
    const size_t n = pc_circuit_n_edges(fine);
    cr_assert_eq(pc_circuit_n_edges(low), n);
    cr_expect(number(low, "margin") >= 0, "%s", name);
    n_with_errors += number(low, "margin") > 0;
    for (size_t i = 0; i < n; i++) {
        const pc_circuit_edge *a = pc_circuit_edge_at(fine, i), *b = pc_circuit_edge_at(low, i);
        cr_assert(strcmp(a->from, b->from) == 0 && strcmp(a->to, b->to) == 0);
        cr_expect_eq(a->in_circuit, b->in_circuit,
                     "%s, %s: %s->%s is in one circuit alone (%g, %g)", name,
                     pc_precision_name(precision), a->from, a->to, a->effect, b->effect);
    }
    const int64_t n_again = (int64_t)number(low, "measured_again");
    *n_all += (int64_t)n;
    pc_circuit_free(low);
    pc_circuit_free(fine);
    return n_again;
}

Test(search_refine, low_precision_finds_the_same_circuits)
{
    static const pc_precision precisions[] = {PC_PRECISION_TF32, PC_PRECISION_BF16};
    int64_t n_again = 0, n_all = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        pc_model *model = golden_open(golden_models[i]);
        json_t *golden = golden_read(golden_models[i]);
        pc_task *task = golden_task(golden, model);
        pc_find_options o = PC_FIND_OPTIONS_INIT;
        o.selection = PC_SELECT_TOP;
        for (o.top = 3; o.top <= 27; o.top += 12)
            n_again += compare(golden_models[i], model, task, precisions[i % 2], &o, &n_all);
        o.selection = PC_SELECT_THRESHOLD;
        o.threshold = 0.01;
        n_again += compare(golden_models[i], model, task, precisions[i % 2], &o, &n_all);
        pc_task_free(task);
        json_decref(golden);
        pc_model_free(model);
    }
    cr_expect(n_with_errors >= 3 * N_GOLDEN_MODELS, "%d", n_with_errors);
    cr_expect(n_again < n_all * 9 / 10, "%lld of %lld were measured again", (long long)n_again,
              (long long)n_all);
}

Test(search_refine, a_race_does_not_decide_in_low_precision)
{
    pc_model *model = golden_open(golden_models[0]);
    json_t *golden = golden_read(golden_models[0]);
    pc_task *task = golden_task(golden, model);
    pc_circuit *circuit;
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    o.evaluation.engine = PC_ENGINE_DELTA;
    o.evaluation.precision = PC_PRECISION_BF16;
    o.method = "racing";
    o.selection = PC_SELECT_TOP;
    o.top = 3;
    cr_expect_eq(pc_find(&circuit, model, task, &o), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "fp32 or bf16x3"), "%s", pc_last_error());
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
}
