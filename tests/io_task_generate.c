/* Built-in tasks: prompts are as the task says, depend on seed and number alone, fit the model. */
#include "patchclamp/task.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The shipped model: id 0 is BOS, ids 1 to 64 are the words, each with the space before it. */
static const pc_task_limits demo = {65, 65, 64, 0, PC_BOS_AS_TOKENIZER, NULL};

static pc_tokenizer *open_demo(void)
{
    pc_tokenizer *tokenizer = NULL;
    cr_assert_eq(pc_tokenizer_open(&tokenizer, PC_SOURCE_DIR "/tools/models/demo"), PC_OK, "%s",
                 pc_last_error());
    return tokenizer;
}

/* Where the repeat stands in an induction prompt. */
typedef struct repeat {
    int key;     /* of the first r_j */
    int period;  /* tokens from r_j to r_j */
    int n_alike; /* how many tokens up to both are the same: j + 1, or more by chance */
} repeat;

static repeat find_repeat(const int32_t *tokens, int n)
{
    repeat r = {.key = n - 2};
    while (r.key >= 0 && tokens[r.key] != tokens[n - 1])
        r.key--;
    cr_assert_geq(r.key, 0, "the last word is new");
    for (int i = 0; i < r.key; i++)
        cr_expect_neq(tokens[i], tokens[n - 1], "the last word stands at %d and %d", i, r.key);
    r.period = n - 1 - r.key;
    while (r.n_alike <= r.key && tokens[r.key - r.n_alike] == tokens[n - 1 - r.n_alike])
        r.n_alike++;
    return r;
}

static int count_word(const int32_t *tokens, int n, int32_t word)
{
    int found = 0;
    for (int i = 0; i < n; i++)
        found += tokens[i] == word;
    return found;
}

static const struct {
    const char *name, *split, *corruption;
    pc_task_limits limits;
    int length, n_tokens, least_period, most_period;
} orders[] = {
    {"demo", NULL, NULL, {65, 65, 64, 0, PC_BOS_AS_TOKENIZER, NULL}, 0, 48, 8, 24},
    {"demo, test", "test", "key", {65, 65, 64, 0, PC_BOS_AS_TOKENIZER, NULL}, 0, 48, 8, 24},
    {"demo, ood", "ood", "key", {65, 65, 64, 0, PC_BOS_AS_TOKENIZER, NULL}, 0, 48, 26, 34},
    {"demo, first copy",
     "train",
     "first-copy",
     {65, 65, 64, 0, PC_BOS_AS_TOKENIZER, NULL},
     0,
     48,
     8,
     24},
    {"demo, first copy, ood",
     "ood",
     "first-copy",
     {65, 65, 64, 0, PC_BOS_ALWAYS, NULL},
     64,
     64,
     26,
     34},
    {"demo, whole", "train", "whole", {65, 65, 64, 0, PC_BOS_AS_TOKENIZER, NULL}, 40, 40, 8, 24},
    {"large vocabulary",
     "train",
     "key",
     {50257, 50257, 1024, 50256, PC_BOS_ALWAYS, NULL},
     0,
     48,
     8,
     24},
    {"no BOS", "train", "whole", {50257, 50257, 1024, 50256, PC_BOS_NEVER, NULL}, 0, 48, 8, 24},
    {"few outputs",
     "train",
     "first-copy",
     {31, 23, 16, -1, PC_BOS_AS_TOKENIZER, NULL},
     0,
     16,
     6,
     17},
    {"smallest", "train", "whole", {13, 13, 10, -1, PC_BOS_AS_TOKENIZER, NULL}, 0, 10, 6, 6},
};

/* What the corruption leaves of the clean prompt. */
static void expect_corrupted(const char *name, const char *corruption, const pc_prompt *prompt,
                             repeat r)
{
    const int n = prompt->n_tokens;
    for (int i = 0; i < n; i++) {
        const bool is_changed = prompt->clean[i] != prompt->corrupted[i];
        if (strcmp(corruption, "key") == 0) cr_expect_eq(is_changed, i == r.key, "%s: %d", name, i);
        if (strcmp(corruption, "first-copy") == 0 &&
            (i <= r.key - r.n_alike || i > r.key - r.n_alike + r.period))
            cr_expect(!is_changed, "%s: %d", name, i);
        if (strcmp(corruption, "first-copy") == 0 && i >= r.key - 3 && i <= r.key + 1)
            cr_expect(is_changed, "%s: %d", name, i);
    }
    cr_expect_eq(count_word(prompt->clean, n, prompt->corrupted[r.key]), 0, "%s", name);
    if (strcmp(corruption, "whole") == 0) {
        const repeat other = find_repeat(prompt->corrupted, n);
        cr_expect_eq(other.key, r.key, "%s", name);
        cr_expect_eq(prompt->corrupted[r.key + 1], prompt->targets[0].wrong_answers[0], "%s", name);
    } else {
        cr_expect_eq(count_word(prompt->corrupted, n, prompt->clean[n - 1]), 1, "%s", name);
    }
}

static void expect_induction(const char *name, const char *corruption, const pc_prompt *prompt,
                             int64_t bos, int least_period, int most_period)
{
    const int n = prompt->n_tokens;
    const pc_target *target = prompt->targets;
    const repeat r = find_repeat(prompt->clean, n);
    cr_assert(prompt->n_targets == 1 && target->position == n - 1, "%s", name);
    cr_assert(target->n_answers == 1 && target->n_wrong_answers == 1, "%s", name);
    cr_expect_geq(r.n_alike, 4, "%s: %d", name, r.n_alike);
    cr_expect(r.period >= least_period && r.period <= most_period, "%s: period %d", name, r.period);
    cr_expect_eq(prompt->clean[r.key + 1], target->answers[0], "%s", name);
    cr_expect_eq(count_word(prompt->clean, n, target->answers[0]), 1, "%s", name);
    if (strcmp(corruption, "whole") != 0)
        cr_expect_geq(count_word(prompt->clean, n, target->wrong_answers[0]), 1, "%s", name);
    if (bos >= 0) {
        cr_expect_eq(prompt->clean[0], bos, "%s", name);
        cr_expect_eq(prompt->corrupted[0], bos, "%s", name);
        cr_expect_eq(count_word(prompt->clean, n, (int32_t)bos), 1, "%s", name);
        cr_expect_eq(count_word(prompt->corrupted, n, (int32_t)bos), 1, "%s", name);
    }
    expect_corrupted(name, corruption, prompt, r);
}

ParameterizedTestParameters(io_task_generate, induction_has_its_answer_behind_the_earlier_word)
{
    static size_t index[COUNT(orders)];
    for (size_t i = 0; i < COUNT(orders); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, COUNT(orders));
}
ParameterizedTest(size_t *index, io_task_generate, induction_has_its_answer_behind_the_earlier_word)
{
    const char *name = orders[*index].name, *corruption = orders[*index].corruption;
    const pc_task_limits *limits = &orders[*index].limits;
    pc_task_options options = PC_TASK_OPTIONS_INIT;
    options.n = 100;
    options.split = orders[*index].split;
    options.corruption = corruption;
    options.length = orders[*index].length;
    pc_task *task = NULL;
    cr_assert_eq(pc_task_generate(&task, "induction", NULL, limits, &options), PC_OK, "%s: %s",
                 name, pc_last_error());
    cr_expect_eq(pc_task_n(task), 100, "%s", name);
    cr_expect_eq(pc_task_longest(task), orders[*index].n_tokens, "%s", name);
    cr_expect(pc_task_has_equal_lengths(task), "%s", name);
    cr_expect(pc_task_has_wrong_answers(task), "%s", name);
    cr_expect_str_eq(pc_task_split(task), options.split ? options.split : "train", "%s", name);
    const int64_t bos = limits->bos_rule == PC_BOS_NEVER ? -1 : limits->bos;
    for (int i = 0; i < 100; i++)
        expect_induction(name, corruption ? corruption : "key", pc_task_prompt(task, i), bos,
                         orders[*index].least_period, orders[*index].most_period);
    pc_task_free(task);
}

static pc_task *generate(int n, uint64_t seed, const char *split, const char *corruption,
                         const pc_tokenizer *tokenizer)
{
    const pc_task_options options = {n, seed, split, corruption, 0};
    pc_task *task = NULL;
    cr_assert_eq(pc_task_generate(&task, "induction", tokenizer, &demo, &options), PC_OK, "%s",
                 pc_last_error());
    return task;
}

static bool has_equal_clean(const pc_task *a, const pc_task *b, int i)
{
    const pc_prompt *x = pc_task_prompt(a, i), *y = pc_task_prompt(b, i);
    return x->n_tokens == y->n_tokens &&
           memcmp(x->clean, y->clean, (size_t)x->n_tokens * sizeof *x->clean) == 0;
}

Test(io_task_generate, induction_prompt_depends_on_seed_split_and_number_alone)
{
    pc_tokenizer *tokenizer = open_demo();
    pc_task *few = generate(5, 7, "train", "key", NULL),
            *many = generate(20, 7, "train", "whole", NULL);
    pc_task *spoken = generate(5, 7, NULL, NULL, tokenizer);
    pc_task *other_seed = generate(5, 8, "train", "key", NULL);
    pc_task *other_split = generate(5, 7, "test", "key", NULL);
    for (int i = 0; i < 5; i++) {
        cr_expect(has_equal_clean(few, many, i), "%d", i);
        cr_expect(!has_equal_clean(few, other_seed, i), "%d", i);
        cr_expect(!has_equal_clean(few, other_split, i), "%d", i);
        for (int k = 0; k < i; k++)
            cr_expect_neq(memcmp(pc_task_prompt(few, i)->clean, pc_task_prompt(few, k)->clean,
                                 48 * sizeof(int32_t)),
                          0, "%d and %d", i, k);
    }
    cr_expect_str_eq(pc_task_sha256(few), pc_task_sha256(spoken));
    cr_expect_str_neq(pc_task_sha256(few), pc_task_sha256(other_seed));
    cr_expect_eq(pc_task_seed(other_seed), 8);
    pc_task_free(other_split);
    pc_task_free(other_seed);
    pc_task_free(spoken);
    pc_task_free(many);
    pc_task_free(few);
    pc_tokenizer_free(tokenizer);
}

static const struct {
    const char *name, *task;
    pc_task_options options;
    pc_task_limits limits;
    const char *words;
} bad_orders[] = {
    {"task",
     "induktion",
     {0},
     {65, 65, 64, 0, PC_BOS_NEVER, NULL},
     "unknown task \"induktion\", expected one of: induction"},
    {"split",
     "induction",
     {0, 0, "dev", NULL, 0},
     {65, 65, 64, 0, PC_BOS_NEVER, NULL},
     "expected one of: train, test, ood"},
    {"corruption",
     "induction",
     {0, 0, NULL, "x", 0},
     {65, 65, 64, 0, PC_BOS_NEVER, NULL},
     "expected one of: key, first-copy, whole"},
    {"n", "induction", {-1, 0, NULL, NULL, 0}, {65, 65, 64, 0, PC_BOS_NEVER, NULL}, "-1 pairs"},
    {"too long",
     "induction",
     {0, 0, NULL, NULL, 65},
     {65, 65, 64, 0, PC_BOS_NEVER, NULL},
     "65 tokens"},
    {"too short",
     "induction",
     {0, 0, NULL, NULL, 10},
     {65, 65, 64, 0, PC_BOS_ALWAYS, NULL},
     "expected at least 11"},
    {"small context",
     "induction",
     {0},
     {65, 65, 9, -1, PC_BOS_NEVER, NULL},
     "expected at least 10"},
    {"no room for ood",
     "induction",
     {0, 0, "ood", NULL, 0},
     {65, 65, 16, -1, PC_BOS_NEVER, NULL},
     "for the split ood"},
    {"few words", "induction", {0}, {12, 12, 64, -1, PC_BOS_NEVER, NULL}, "12 words"},
    {"few words beside BOS", "induction", {0}, {13, 13, 64, 4, PC_BOS_NEVER, NULL}, "12 words"},
    {"few outputs", "induction", {0}, {65, 3, 64, -1, PC_BOS_NEVER, NULL}, "3 words"},
    {"no BOS", "induction", {0}, {65, 65, 64, -1, PC_BOS_ALWAYS, NULL}, "has none"},
    {"BOS outside", "induction", {0}, {65, 65, 64, 65, PC_BOS_ALWAYS, NULL}, "the BOS token is 65"},
};

Test(io_task_generate, impossible_order_is_refused_with_its_reason)
{
    for (size_t i = 0; i < COUNT(bad_orders); i++) {
        pc_task *task = NULL;
        cr_expect_eq(pc_task_generate(&task, bad_orders[i].task, NULL, &bad_orders[i].limits,
                                      &bad_orders[i].options),
                     PC_ERR_INPUT, "%s", bad_orders[i].name);
        cr_expect(strstr(pc_last_error(), bad_orders[i].words), "%s: %s", bad_orders[i].name,
                  pc_last_error());
        pc_task_free(task);
    }
}

Test(io_task_generate, built_in_tasks_are_listed)
{
    cr_expect_str_eq(pc_task_builtin_name(0), "induction");
    int n = 0;
    for (; pc_task_builtin_name(n); n++) {
        cr_expect(pc_task_builtin_summary(n) && *pc_task_builtin_summary(n), "%d", n);
        cr_expect(pc_task_builtin_corruption(n, 0), "%d", n);
    }
    cr_expect_null(pc_task_builtin_summary(n));
    cr_expect_str_eq(pc_task_builtin_corruption(0, 0), "key");
    cr_expect_null(pc_task_builtin_corruption(0, 3));
    cr_expect_null(pc_task_builtin_corruption(0, 30));
}
