/* The plain model in float32 is the plain model in double: logits and patterns, on every
 * architecture. */
#include "support/golden.h"

#include "grad/plain.h"
#include "patch/twin.h"
#include "patchclamp/heads.h"
#include "patchclamp/patch.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static double largest(const double *x, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

/* Float32's sums through a few layers: 2e-6 of the largest logit and 1. */
static void check_logits(const char *name)
{
    pc_model *model = golden_open(name);
    json_t *golden = golden_read(name), *prompts = json_object_get(golden, "tokens");
    const int64_t vocab = pc_model_describe(model)->vocab_out;
    for (size_t i = 0; i < json_array_size(prompts); i++) {
        int n;
        int32_t *tokens = golden_tokens(&n, json_array_get(prompts, i));
        double *expected = calloc((size_t)(n * vocab), sizeof *expected);
        double *found = calloc((size_t)(n * vocab), sizeof *found);
        cr_assert_eq(pc_model_logits(expected, model, tokens, n), PC_OK);
        cr_assert_eq(pc_model_logits_on(found, model, tokens, n, "cpu", PC_PRECISION_FP32), PC_OK,
                     "%s", pc_last_error());
        const double near = 2e-6 * (1 + largest(expected, n * vocab));
        for (int64_t k = 0; k < n * vocab; k++)
            cr_expect(fabs(found[k] - expected[k]) <= near,
                      "%s, prompt %zu: logit %lld is %.9g, in double %.9g", name, i, (long long)k,
                      found[k], expected[k]);
        free(found);
        free(expected);
        free(tokens);
    }
    json_decref(golden);
    pc_model_free(model);
}

Test(grad_plain, logits_are_those_in_double)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        check_logits(golden_models[i]);
}

static void check_heads(const char *name)
{
    pc_model *model = golden_open(name);
    const pc_model_info *info = pc_model_describe(model);
    const int n = info->n_layers * info->n_heads;
    pc_head_scores *expected = calloc((size_t)n, sizeof *expected);
    pc_head_scores *found = calloc((size_t)n, sizeof *found);
    if (pc_heads_detect_on_repeats(expected, model, -1, 3, 1) == PC_OK) {
        cr_assert_eq(
            pc_heads_detect_on_repeats_on(found, model, -1, 3, 1, "cpu", PC_PRECISION_FP32), PC_OK,
            "%s", pc_last_error());
        for (int h = 0; h < n; h++)
            for (int role = 0; role < PC_N_ROLES; role++)
                cr_expect(fabs(found[h].score[role] - expected[h].score[role]) <= 2e-5,
                          "%s, head %d, role %d: %.9g, in double %.9g", name, h, role,
                          found[h].score[role], expected[h].score[role]);
    }
    free(found);
    free(expected);
    pc_model_free(model);
}

/* Attention scores of 30 and more lose float32's last digits in the patterns. */
Test(grad_plain, patterns_are_those_in_double)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        check_heads(golden_models[i]);
}

Test(grad_plain, what_is_no_device_or_token_is_refused)
{
    pc_model *model = golden_open("gpt2-plain");
    double logits[64 * 64];
    const int32_t bad[] = {-1}, good[] = {1};
    cr_expect_eq(pc_model_logits_on(logits, model, bad, 1, "cpu", PC_PRECISION_FP32), PC_ERR_INPUT);
    cr_expect_eq(pc_model_logits_on(logits, model, good, 1, "toaster", PC_PRECISION_FP32),
                 PC_ERR_INPUT);
    pc_model_free(model);
}
