/* Logits and attention patterns equal those of transformers and TransformerLens in float64. */
#include "support/golden.h"

#include "model/model_private.h"
#include "patchclamp/heads.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both sides compute in double from the same weights: what remains is the order of sums. */
#define TOLERANCE 1e-9

static void check_prompt(const char *name, const pc_model *model, const json_t *tokens,
                         const json_t *expected)
{
    const int64_t vocab = pc_model_describe(model)->vocab_out;
    int n;
    int32_t *ids = golden_tokens(&n, tokens);
    double *logits = malloc(sizeof *logits * (size_t)n * (size_t)vocab);
    cr_assert_eq(pc_model_logits(logits, model, ids, n), PC_OK, "%s", pc_last_error());
    cr_assert_eq((int)json_array_size(expected), n, "%s", name);
    for (int p = 0; p < n; p++)
        for (int64_t v = 0; v < vocab; v++) {
            const double want =
                json_number_value(json_array_get(json_array_get(expected, (size_t)p), (size_t)v));
            const double got = logits[p * vocab + v];
            cr_assert(fabs(got - want) <= TOLERANCE * (1 + fabs(want)),
                      "%s: logit %d at position %d is %.17g, expected %.17g", name, (int)v, p, got,
                      want);
        }
    free(logits);
    free(ids);
}

static void check_logits(const char *name)
{
    pc_model *model = golden_open(name);
    json_t *golden = golden_read(name);
    const json_t *tokens = json_object_get(golden, "tokens");
    const json_t *logits = json_object_get(golden, "logits");
    cr_assert(json_array_size(tokens) >= 2, "%s", name);
    for (size_t i = 0; i < json_array_size(tokens); i++)
        check_prompt(name, model, json_array_get(tokens, i), json_array_get(logits, i));
    json_decref(golden);
    pc_model_free(model);
}

Test(model_golden, logits_equal_the_libraries)
{
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        check_logits(golden_models[i]);
}

/* How far the library's own float32 logits are from ours. */
typedef struct distance {
    double largest, sum, kl;
    int64_t n, n_rows, n_same_top;
} distance;

static double log_sum_exp(const double *x, int64_t n)
{
    double most = x[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        most = fmax(most, x[i]);
    for (int64_t i = 0; i < n; i++)
        sum += exp(x[i] - most);
    return most + log(sum);
}

static int64_t top_of(const double *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

static void add_row(distance *d, const double *ours, const double *theirs, int64_t n)
{
    const double total = log_sum_exp(ours, n), other = log_sum_exp(theirs, n);
    for (int64_t i = 0; i < n; i++) {
        const double gap = fabs(ours[i] - theirs[i]);
        d->largest = fmax(d->largest, gap);
        d->sum += gap;
        d->kl += exp(ours[i] - total) * ((ours[i] - total) - (theirs[i] - other));
    }
    d->n += n;
    d->n_rows++;
    d->n_same_top += top_of(ours, n) == top_of(theirs, n);
}

static void add_prompt(distance *d, const pc_model *model, const json_t *tokens,
                       const json_t *theirs)
{
    const int64_t vocab = pc_model_describe(model)->vocab_out;
    int n;
    int32_t *ids = golden_tokens(&n, tokens);
    double *logits = malloc(sizeof *logits * (size_t)(n + 1) * (size_t)vocab), *row;
    cr_assert_eq(pc_model_logits(logits, model, ids, n), PC_OK, "%s", pc_last_error());
    row = logits + n * vocab;
    for (int p = 0; p < n; p++) {
        for (int64_t v = 0; v < vocab; v++)
            row[v] =
                json_number_value(json_array_get(json_array_get(theirs, (size_t)p), (size_t)v));
        add_row(d, logits + p * vocab, row, vocab);
    }
    free(logits);
    free(ids);
}

/* The bound of the README's table; the libraries' own rounding lies far below it. */
#define FLOAT32_TOLERANCE 1e-4

Test(model_golden, logits_equal_the_libraries_in_float32)
{
    printf("%-16s %-17s %9s %9s %9s %6s\n", "model", "architecture", "max", "mean", "KL", "top-1");
    for (int i = 0; i < N_GOLDEN_MODELS; i++) {
        pc_model *model = golden_open(golden_models[i]);
        json_t *golden = golden_read(golden_models[i]);
        const json_t *tokens = json_object_get(golden, "tokens");
        distance d = {0};
        for (size_t k = 0; k < json_array_size(tokens); k++)
            add_prompt(&d, model, json_array_get(tokens, k),
                       json_array_get(json_object_get(golden, "float32"), k));
        cr_assert(d.n_rows >= 3, "%s", golden_models[i]);
        printf("%-16s %-17s %9.1e %9.1e %9.1e %5.1f%%\n", golden_models[i],
               pc_model_describe(model)->architecture, d.largest, d.sum / (double)d.n,
               d.kl / (double)d.n_rows, 100.0 * (double)d.n_same_top / (double)d.n_rows);
        cr_expect(d.largest <= FLOAT32_TOLERANCE, "%s: %g", golden_models[i], d.largest);
        json_decref(golden);
        pc_model_free(model);
    }
}

static int read_rows(int32_t ***rows, int **lengths, const json_t *list)
{
    const int n = (int)json_array_size(list);
    *rows = malloc(sizeof(int32_t *) * (size_t)n);
    *lengths = malloc(sizeof(int) * (size_t)n);
    for (int i = 0; i < n; i++)
        (*rows)[i] = golden_tokens(&(*lengths)[i], json_array_get(list, (size_t)i));
    return n;
}

static void compare_heads(const char *name, const pc_head_scores *scores, const json_t *heads,
                          const pc_model_info *info)
{
    for (int h = 0; h < info->n_layers * info->n_heads; h++) {
        char head[32];
        snprintf(head, sizeof head, "a%d.h%d", h / info->n_heads, h % info->n_heads);
        const json_t *want = json_object_get(heads, head);
        cr_assert(json_is_object(want), "%s: %s", name, head);
        for (int role = 0; role < PC_N_ROLES; role++) {
            const double expected =
                json_number_value(json_object_get(want, pc_role_name((pc_role)role)));
            cr_expect(fabs(scores[h].score[role] - expected) <= TOLERANCE,
                      "%s: %s %s is %.17g, expected %.17g", name, head, pc_role_name((pc_role)role),
                      scores[h].score[role], expected);
        }
    }
}

static int check_heads(const char *name)
{
    json_t *golden = golden_read(name);
    const json_t *heads = json_object_get(golden, "heads");
    if (!json_is_object(heads)) {
        json_decref(golden);
        return 0;
    }
    pc_model *model = golden_open(name);
    const pc_model_info *info = pc_model_describe(model);
    int32_t **rows;
    int *lengths;
    const int n = read_rows(&rows, &lengths, json_object_get(golden, "head_tokens"));
    pc_head_scores *scores = malloc(sizeof *scores * (size_t)(info->n_layers * info->n_heads));
    cr_assert_eq(pc_heads_detect(scores, model, (const int32_t *const *)rows, lengths, n), PC_OK,
                 "%s", pc_last_error());
    compare_heads(name, scores, heads, info);
    for (int i = 0; i < n; i++)
        free(rows[i]);
    free(scores);
    free(lengths);
    free(rows);
    pc_model_free(model);
    json_decref(golden);
    return 1;
}

Test(model_golden, head_scores_equal_the_brute_force)
{
    int n_checked = 0;
    for (int i = 0; i < N_GOLDEN_MODELS; i++)
        n_checked += check_heads(golden_models[i]);
    cr_expect(n_checked >= 2, "only %d models have head scores", n_checked);
}

/* Every query attends alike to itself and all before. */
static void make_attention_uniform(pc_model *model)
{
    const pc_shape *s = &model->shape;
    const size_t n = (size_t)s->n_heads * (size_t)s->d_head;
    for (int layer = 0; layer < s->n_layers; layer++) {
        memset((float *)pc_model_vector(model, PC_W_Q, layer), 0,
               n * (size_t)s->d_model * sizeof(float));
        memset((float *)pc_model_vector(model, PC_B_Q, layer), 0, n * sizeof(float));
    }
}

/* [bos] s s with s of 9 different tokens, none of them the BOS: each token of the second copy
 * occurred once before, so that its row alone decides the score. */
Test(model_golden, repeated_rows_say_each_token_twice_and_the_bos_once)
{
    pc_model *model = golden_open("gpt2-plain");
    pc_head_scores scores[6];
    double all = 0, second = 0;
    for (int t = 1; t <= 18; t++) {
        all += 1.0 / (t + 1) / 18;
        if (t >= 10) second += 1.0 / (t + 1) / 9;
    }
    make_attention_uniform(model);
    cr_assert_eq(pc_heads_detect_on_repeats(scores, model, 0, 12, 3), PC_OK, "%s", pc_last_error());
    for (int h = 0; h < 6; h++) {
        const double *score = scores[h].score;
        cr_expect(fabs(score[PC_ROLE_PREVIOUS_TOKEN] - all) < 1e-12, "head %d", h);
        cr_expect(fabs(score[PC_ROLE_CURRENT_TOKEN] - all) < 1e-12, "head %d", h);
        cr_expect(fabs(score[PC_ROLE_FIRST_TOKEN] - all) < 1e-12, "head %d", h);
        cr_expect(fabs(score[PC_ROLE_DUPLICATE_TOKEN] - second) < 1e-12, "head %d", h);
        cr_expect(fabs(score[PC_ROLE_INDUCTION] - second) < 1e-12, "head %d", h);
    }
    pc_model_free(model);
}

Test(model_golden, every_repeated_row_is_another)
{
    pc_model *model = golden_open("gpt2-plain");
    pc_head_scores one[6], two[6];
    cr_assert_eq(pc_heads_detect_on_repeats(one, model, 0, 1, 3), PC_OK);
    cr_assert_eq(pc_heads_detect_on_repeats(two, model, 0, 2, 3), PC_OK);
    double difference = 0;
    for (int h = 0; h < 6; h++)
        difference += fabs(one[h].score[PC_ROLE_INDUCTION] - two[h].score[PC_ROLE_INDUCTION]);
    cr_expect(difference > 1e-6, "two rows differ from one by %g", difference);
    pc_model_free(model);
}

Test(model_golden, a_role_is_the_first_highest_score_that_suffices)
{
    pc_head_scores scores = {{0.1, 0.3, 0.5, 0.5, 0.2}};
    cr_expect_str_eq(pc_head_role(&scores, 0.5), "induction");
    cr_expect_null(pc_head_role(&scores, 0.51));
}
