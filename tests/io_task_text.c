/* Tasks of sentences: each says what it claims to, for tokenizers of two kinds. */
#define _POSIX_C_SOURCE 200809L
#include "base/memory.h"
#include "io/task_text.h"
#include "support/word_tokenizer.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
enum { N = 60, N_CTX = 256, BOS = 0 };

static pc_tokenizer *open_words(const word_options *options)
{
    pc_tokenizer *tokenizer = NULL;
    cr_assert_eq(word_tokenizer_open(&tokenizer, options), PC_OK, "%s", pc_last_error());
    return tokenizer;
}

static pc_task_limits limits_of(const pc_tokenizer *tokenizer, pc_bos_rule rule)
{
    const int64_t vocab = pc_tokenizer_size(tokenizer);
    return (pc_task_limits){vocab, vocab, N_CTX, BOS, rule};
}

static pc_task *generate(const char *name, const pc_tokenizer *tokenizer, pc_bos_rule rule,
                         pc_task_options options)
{
    const pc_task_limits limits = limits_of(tokenizer, rule);
    pc_task *task = NULL;
    cr_assert_eq(pc_task_generate(&task, name, tokenizer, &limits, &options), PC_OK, "%s",
                 pc_last_error());
    return task;
}

/* What is asked of one pair. */
typedef struct pair_view {
    const char *task, *corruption;
    const pc_task *whole;
    const pc_tokenizer *tokenizer;
    const pc_prompt *prompt;
    int i;
} pair_view;

static pc_span span_of(const pair_view *v, const char *name)
{
    pc_span span = {-1, -1};
    cr_assert_eq(pc_task_span(&span, v->whole, v->i, name), PC_OK, "%s", pc_last_error());
    return span;
}

static int32_t clean_at(const pair_view *v, const char *name)
{
    return v->prompt->clean[span_of(v, name).last];
}

static int32_t corrupted_at(const pair_view *v, const char *name)
{
    return v->prompt->corrupted[span_of(v, name).last];
}

static const char *shown(const pair_view *v, int32_t id)
{
    const char *text = pc_tokenizer_token(v->tokenizer, id);
    cr_assert(text);
    return text;
}

/* How many clean tokens of the prompt are `id`. */
static int count(const pair_view *v, int32_t id)
{
    int n = 0;
    for (int i = 0; i < v->prompt->n_tokens; i++)
        n += v->prompt->clean[i] == id;
    return n;
}

static int32_t answer_of(const pair_view *v)
{
    return v->prompt->targets[0].answers[0];
}

static int32_t wrong_of(const pair_view *v)
{
    return v->prompt->targets[0].wrong_answers[0];
}

static void expect_one_answer(const pair_view *v)
{
    cr_expect_eq(v->prompt->targets[0].n_answers, 1, "%s %d", v->task, v->i);
    cr_expect_eq(v->prompt->targets[0].n_wrong_answers, 1, "%s %d", v->task, v->i);
}

/* The prompts differ at these tokens and nowhere else; the list ends with NULL. */
static void expect_differ_at(const pair_view *v, const char *const *names)
{
    bool *may = pc_alloc((size_t)v->prompt->n_tokens, sizeof *may);
    for (; *names; names++)
        may[span_of(v, *names).last] = true;
    for (int i = 0; i < v->prompt->n_tokens; i++)
        cr_expect_eq(v->prompt->clean[i] != v->prompt->corrupted[i], may[i],
                     "%s, corruption %s, pair %d, token %d", v->task, v->corruption, v->i, i);
    free(may);
}

static void expect_ioi(const pair_view *v)
{
    const int32_t io = clean_at(v, "IO"), s = clean_at(v, "S1");
    const int32_t x = corrupted_at(v, "IO"), y = corrupted_at(v, "S1"), z = corrupted_at(v, "S2");
    expect_one_answer(v);
    cr_expect_eq(io, answer_of(v));
    cr_expect_eq(s, wrong_of(v));
    cr_expect_eq(clean_at(v, "S2"), s);
    cr_expect_eq(count(v, io), 1);
    cr_expect_eq(count(v, s), 2);
    cr_expect_eq(span_of(v, "S1+1").first, span_of(v, "S1").first + 1);
    cr_expect_lt(span_of(v, "S1").first, span_of(v, "S2").first);
    cr_expect_lt(span_of(v, "IO").first, span_of(v, "S2").first);
    if (strcmp(v->corruption, "abc") == 0) {
        expect_differ_at(v, (const char *const[]){"IO", "S1", "S2", NULL});
        cr_expect(x != y && y != z && x != z);
        cr_expect_eq(count(v, x) + count(v, y) + count(v, z), 0);
    } else {
        expect_differ_at(v, (const char *const[]){"S2", NULL});
        cr_expect_eq(z, io);
    }
}

static void expect_greater_than(const pair_view *v)
{
    const pc_target *target = v->prompt->targets;
    const int year = atoi(shown(v, clean_at(v, "YY")));
    cr_expect(year >= 2 && year <= 98, "%d", year);
    cr_expect_str_eq(shown(v, corrupted_at(v, "YY")), "01");
    cr_expect_eq(clean_at(v, "XX1"), clean_at(v, "XX2"));
    cr_expect_eq(span_of(v, "XX1").first + 1, span_of(v, "YY").first);
    cr_expect_eq(span_of(v, "XX2").first, v->prompt->n_tokens - 1);
    cr_expect_eq(target->n_answers, 99 - year);
    cr_expect_eq(target->n_wrong_answers, year + 1);
    for (int i = 0; i < target->n_answers; i++)
        cr_expect_eq(atoi(shown(v, target->answers[i])), year + 1 + i);
    for (int i = 0; i < target->n_wrong_answers; i++)
        cr_expect_eq(atoi(shown(v, target->wrong_answers[i])), i);
    expect_differ_at(v, (const char *const[]){"YY", NULL});
}

static void expect_docstring(const pair_view *v)
{
    const pc_target *target = v->prompt->targets;
    const pc_span definition = span_of(v, "definition");
    cr_expect_eq(clean_at(v, "A_def"), clean_at(v, "A_doc"));
    cr_expect_eq(clean_at(v, "B_def"), clean_at(v, "B_doc"));
    cr_expect_eq(clean_at(v, "C_def"), answer_of(v));
    cr_expect_eq(count(v, answer_of(v)), 1);
    cr_assert_eq(target->n_wrong_answers, 5);
    for (int k = 0; k < 5; k++) {
        bool is_argument = false;
        for (int i = definition.first; i <= definition.last; i++)
            is_argument |= v->prompt->clean[i] == target->wrong_answers[k];
        cr_expect(is_argument, "pair %d, wrong answer %d", v->i, k);
    }
    cr_expect_eq(span_of(v, "B_def+1").first, span_of(v, "B_def").first + 1);
    if (strcmp(v->corruption, "random-random") == 0)
        expect_differ_at(v,
                         (const char *const[]){"A_def", "B_def", "C_def", "A_doc", "B_doc", NULL});
    else if (strcmp(v->corruption, "random-doc") == 0)
        expect_differ_at(v, (const char *const[]){"A_doc", "B_doc", NULL});
    else expect_differ_at(v, (const char *const[]){"C_def", NULL});
}

/* The row of a word in a table of words with a space before them, -1 if it is not there. */
static int find_word(const char *const *words, const char *token)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], token + 1) == 0) return i;
    return -1;
}

static void expect_gendered_pronoun(const pair_view *v)
{
    const bool is_woman = find_word(pc_words_women, shown(v, clean_at(v, "name"))) >= 0;
    const char *const *others = is_woman ? pc_words_men : pc_words_women;
    expect_one_answer(v);
    cr_expect_str_eq(shown(v, answer_of(v)), is_woman ? " she" : " he");
    cr_expect_str_eq(shown(v, wrong_of(v)), is_woman ? " he" : " she");
    cr_expect_geq(find_word(others, shown(v, corrupted_at(v, "name"))), 0);
    cr_expect_geq(find_word(pc_words_people, shown(v, clean_at(v, "person"))), 0);
    expect_differ_at(v, (const char *const[]){"name", NULL});
}

static void expect_subject_verb(const pair_view *v)
{
    const int clean = find_word(pc_words_nouns, shown(v, clean_at(v, "subject")));
    const int corrupted = find_word(pc_words_nouns, shown(v, corrupted_at(v, "subject")));
    const bool is_plural = clean % 2 == 1;
    expect_one_answer(v);
    cr_expect(clean >= 0 && corrupted == (clean ^ 1), "%d, %d", clean, corrupted);
    cr_expect_str_eq(shown(v, answer_of(v)), is_plural ? " are" : " is");
    cr_expect_str_eq(shown(v, wrong_of(v)), is_plural ? " is" : " are");
    cr_expect_neq(find_word(pc_words_nouns, shown(v, clean_at(v, "attractor"))) / 2, clean / 2);
    cr_expect_eq(span_of(v, "attractor").first, v->prompt->n_tokens - 1);
    expect_differ_at(v, (const char *const[]){"subject", NULL});
}

static void expect_copy_name(const pair_view *v)
{
    const pc_span name = span_of(v, "name"), other = span_of(v, "other");
    const int32_t *corrupted = v->prompt->corrupted;
    expect_one_answer(v);
    cr_expect_eq(clean_at(v, "first"), clean_at(v, "again"));
    cr_expect_eq(span_of(v, "again").first, v->prompt->n_tokens - 1);
    cr_expect_eq(clean_at(v, "last"), answer_of(v));
    cr_expect_eq(v->prompt->clean[other.last], wrong_of(v));
    cr_expect_eq(count(v, answer_of(v)), 1);
    cr_expect_eq(count(v, clean_at(v, "again")), 2);
    cr_expect(name.last == name.first + 1 && other.last == other.first + 1);
    if (strcmp(v->corruption, "swap") == 0) {
        cr_expect_eq(corrupted[other.first], clean_at(v, "again"));
        cr_expect_eq(corrupted[name.first], v->prompt->clean[other.first]);
    } else {
        cr_expect_eq(count(v, corrupted[name.first]), 0);
        expect_differ_at(v, (const char *const[]){"first", NULL});
    }
}

static const struct {
    const char *task;
    void (*expect)(const pair_view *pair);
} tasks[] = {
    {"ioi", expect_ioi},
    {"greater-than", expect_greater_than},
    {"docstring", expect_docstring},
    {"gendered-pronoun", expect_gendered_pronoun},
    {"subject-verb", expect_subject_verb},
    {"copy-name", expect_copy_name},
};

static int find_builtin(const char *name)
{
    int i = 0;
    while (strcmp(pc_task_builtin_name(i), name) != 0)
        i++;
    return i;
}

/* What holds for every pair of every task: text that encodes to its tokens, one target at the end.
 */
static void expect_pair(const pair_view *v, bool has_bos)
{
    char *text;
    size_t length, n_again;
    int32_t *again;
    const int n_bos = has_bos ? 1 : 0;
    const int32_t *const prompts[] = {v->prompt->clean, v->prompt->corrupted};
    cr_assert_eq(v->prompt->n_targets, 1);
    cr_expect_eq(v->prompt->targets[0].position, v->prompt->n_tokens - 1);
    for (int k = 0; k < 2; k++) {
        const size_t n = (size_t)(v->prompt->n_tokens - n_bos);
        cr_expect_eq(prompts[k][0] == BOS, has_bos, "%s %d", v->task, v->i);
        cr_assert_eq(pc_tokenizer_decode(&text, &length, v->tokenizer, prompts[k] + n_bos, n),
                     PC_OK);
        cr_assert_eq(
            pc_tokenizer_encode(&again, &n_again, v->tokenizer, text, length, PC_BOS_NEVER), PC_OK);
        cr_expect(n_again == n && memcmp(again, prompts[k] + n_bos, n * sizeof *again) == 0,
                  "%s %d: %s", v->task, v->i, text);
        free(again);
        free(text);
    }
}

static void expect_task(size_t index, const char *split, const char *corruption, pc_bos_rule rule,
                        const pc_tokenizer *tokenizer)
{
    const pc_task_options options = {N, 3, split, corruption, 0};
    pair_view v = {.task = tasks[index].task, .corruption = corruption, .tokenizer = tokenizer};
    pc_task *task = generate(v.task, tokenizer, rule, options);
    cr_expect_eq(pc_task_n(task), N);
    cr_expect_str_eq(pc_task_split(task), split);
    cr_expect(strstr(task->origin, corruption), "%s", task->origin);
    v.whole = task;
    for (v.i = 0; v.i < N; v.i++) {
        v.prompt = pc_task_prompt(task, v.i);
        expect_pair(&v, rule != PC_BOS_NEVER);
        tasks[index].expect(&v);
    }
    pc_task_free(task);
}

static const char *const splits[] = {"train", "test", "ood"};

/* Tasks, splits and tokenizers, all with all. */
ParameterizedTestParameters(io_task_text, every_pair_says_what_its_task_claims)
{
    static size_t index[COUNT(tasks) * COUNT(splits)];
    for (size_t i = 0; i < COUNT(index); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, COUNT(index));
}
ParameterizedTest(size_t *index, io_task_text, every_pair_says_what_its_task_claims)
{
    const size_t t = *index / COUNT(splits);
    const char *split = splits[*index % COUNT(splits)], *name = tasks[t].task, *corruption;
    static const word_options kinds[] = {{WORD_PAIRS_OF_DIGITS, 0, NULL},
                                         {WORD_SINGLE_DIGITS, 0, NULL},
                                         {WORD_CHARACTERS, 0, NULL},
                                         {WORD_PAIRS_OF_DIGITS, 6, NULL}};
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        if (kinds[kind].style != WORD_PAIRS_OF_DIGITS && strcmp(name, "greater-than") == 0)
            continue;
        pc_tokenizer *tokenizer = open_words(&kinds[kind]);
        for (int j = 0; (corruption = pc_task_builtin_corruption(find_builtin(name), j)); j++) {
            expect_task(t, split, corruption, PC_BOS_AS_TOKENIZER, tokenizer);
            expect_task(t, split, corruption, PC_BOS_NEVER, tokenizer);
        }
        pc_tokenizer_free(tokenizer);
    }
}

/* How many of the pairs have `first` before `second`. */
static int count_order(const pc_task *task, const char *first, const char *second)
{
    int n = 0;
    for (int i = 0; i < pc_task_n(task); i++) {
        pc_span a = {0}, b = {0};
        cr_assert_eq(pc_task_span(&a, task, i, first), PC_OK);
        cr_assert_eq(pc_task_span(&b, task, i, second), PC_OK);
        n += a.first < b.first;
    }
    return n;
}

/* How many of the pairs have the first one's answer. */
static int count_first_answer(const pc_task *task)
{
    int n = 0;
    for (int i = 0; i < pc_task_n(task); i++)
        n += pc_task_prompt(task, i)->targets[0].answers[0] ==
             pc_task_prompt(task, 0)->targets[0].answers[0];
    return n;
}

/* Of 300 coins fewer than 105 or more than 195 fall so once in 10 million times; the draws are the
 * same in every run. */
static void expect_half(int n, const char *what)
{
    cr_expect(n >= 105 && n <= 195, "%s: %d of 300", what, n);
}

Test(io_task_text, coins_fall_on_both_sides)
{
    static const char *const names[] = {"ioi", "copy-name", "gendered-pronoun", "subject-verb"};
    pc_tokenizer *tokenizer = open_words(&(word_options){0});
    pc_task *made[4];
    for (int k = 0; k < 4; k++)
        made[k] =
            generate(names[k], tokenizer, PC_BOS_NEVER, (pc_task_options){300, 0, NULL, NULL, 0});
    expect_half(count_order(made[0], "S1", "IO"), "BABA");
    expect_half(count_order(made[1], "name", "other"), "who is asked for");
    expect_half(count_first_answer(made[2]), "pronoun");
    expect_half(count_first_answer(made[3]), "verb");
    for (int k = 0; k < 4; k++)
        pc_task_free(made[k]);
    pc_tokenizer_free(tokenizer);
}

static int compare_prompts(const pc_prompt *a, const pc_prompt *b)
{
    if (a->n_tokens != b->n_tokens) return 1;
    return memcmp(a->clean, b->clean, (size_t)a->n_tokens * sizeof *a->clean) != 0;
}

static bool has_clean(const pc_task *task, const pc_prompt *prompt)
{
    for (int i = 0; i < pc_task_n(task); i++)
        if (compare_prompts(pc_task_prompt(task, i), prompt) == 0) return true;
    return false;
}

static void expect_nothing_in_common(const pc_task *a, const pc_task *b, const char *what)
{
    int n = 0;
    for (int i = 0; i < pc_task_n(a); i++)
        n += has_clean(b, pc_task_prompt(a, i));
    cr_expect_eq(n, 0, "%s: %d", what, n);
}

Test(io_task_text, no_clean_prompt_is_in_two_splits)
{
    const word_options few = {.missing_each = 5}; /* a small space, in which chance would meet */
    pc_tokenizer *tokenizer = open_words(&few);
    for (size_t t = 0; t < COUNT(tasks); t++) {
        pc_task *made[3];
        for (size_t s = 0; s < 3; s++)
            made[s] = generate(tasks[t].task, tokenizer, PC_BOS_NEVER,
                               (pc_task_options){400, s, splits[s], NULL, 0});
        expect_nothing_in_common(made[0], made[1], tasks[t].task);
        expect_nothing_in_common(made[0], made[2], tasks[t].task);
        expect_nothing_in_common(made[1], made[2], tasks[t].task);
        for (size_t s = 0; s < 3; s++)
            pc_task_free(made[s]);
    }
    pc_tokenizer_free(tokenizer);
}

static bool has_token(const pc_task *task, const char *name, int32_t id)
{
    for (int i = 0; i < pc_task_n(task); i++) {
        pc_span span;
        if (pc_task_span(&span, task, i, name) == PC_OK &&
            pc_task_prompt(task, i)->clean[span.first] == id)
            return true;
    }
    return false;
}

Test(io_task_text, ood_has_words_that_train_does_not_have)
{
    static const char *const named[][2] = {{"ioi", "IO"},
                                           {"ioi", "S1"},
                                           {"greater-than", "event"},
                                           {"greater-than", "XX1"},
                                           {"docstring", "C_def"},
                                           {"gendered-pronoun", "name"},
                                           {"gendered-pronoun", "person"},
                                           {"subject-verb", "subject"},
                                           {"copy-name", "last"},
                                           {"copy-name", "first"}};
    pc_tokenizer *tokenizer = open_words(&(word_options){0});
    for (size_t k = 0; k < COUNT(named); k++) {
        pc_task *train = generate(named[k][0], tokenizer, PC_BOS_NEVER,
                                  (pc_task_options){300, 0, "train", NULL, 0});
        pc_task *ood = generate(named[k][0], tokenizer, PC_BOS_NEVER,
                                (pc_task_options){100, 0, "ood", NULL, 0});
        for (int i = 0; i < 100; i++) {
            pc_span span;
            cr_assert_eq(pc_task_span(&span, ood, i, named[k][1]), PC_OK);
            const int32_t id = pc_task_prompt(ood, i)->clean[span.first];
            cr_expect(!has_token(train, named[k][1], id), "%s: %s", named[k][0],
                      pc_tokenizer_token(tokenizer, id));
        }
        pc_task_free(ood);
        pc_task_free(train);
    }
    pc_tokenizer_free(tokenizer);
}

Test(io_task_text, pair_depends_on_seed_split_and_number_alone)
{
    pc_tokenizer *tokenizer = open_words(&(word_options){0});
    for (size_t t = 0; t < COUNT(tasks); t++) {
        const char *name = tasks[t].task;
        const char *other = pc_task_builtin_corruption(find_builtin(name), 1);
        pc_task *few =
            generate(name, tokenizer, PC_BOS_NEVER, (pc_task_options){5, 7, NULL, NULL, 0});
        pc_task *many =
            generate(name, tokenizer, PC_BOS_NEVER, (pc_task_options){40, 7, "train", other, 0});
        pc_task *again =
            generate(name, tokenizer, PC_BOS_NEVER, (pc_task_options){5, 7, "train", NULL, 0});
        pc_task *seed =
            generate(name, tokenizer, PC_BOS_NEVER, (pc_task_options){5, 8, "train", NULL, 0});
        cr_expect_str_eq(pc_task_sha256(few), pc_task_sha256(again), "%s", name);
        for (int i = 0; i < 5; i++) {
            cr_expect_eq(compare_prompts(pc_task_prompt(few, i), pc_task_prompt(many, i)), 0,
                         "%s %d: corruptions share the clean prompt", name, i);
            cr_expect_neq(compare_prompts(pc_task_prompt(few, i), pc_task_prompt(seed, i)), 0,
                          "%s %d", name, i);
        }
        pc_task_free(seed);
        pc_task_free(again);
        pc_task_free(many);
        pc_task_free(few);
    }
    pc_tokenizer_free(tokenizer);
}

static bool has_note(const pc_task *task, const char *words)
{
    for (int i = 0; pc_task_note(task, i); i++)
        if (strstr(pc_task_note(task, i), words)) return true;
    return false;
}

Test(io_task_text, what_is_left_out_is_counted_and_written)
{
    pc_text file = {0};
    pc_tokenizer *whole = open_words(&(word_options){0});
    pc_tokenizer *lacking = open_words(&(word_options){.missing = "Sarah"});
    pc_task *plain = generate("ioi", whole, PC_BOS_NEVER, (pc_task_options)PC_TASK_OPTIONS_INIT);
    pc_task *task = generate("ioi", lacking, PC_BOS_NEVER, (pc_task_options)PC_TASK_OPTIONS_INIT);
    cr_expect_null(pc_task_note(plain, 0), "%s", pc_task_note(plain, 0));
    cr_expect_str_eq(pc_task_note(task, 0), "1 of 54 women's names left out, not one token: Sarah");
    cr_expect_null(pc_task_note(task, 1));
    cr_assert_eq(pc_task_put_jsonl(&file, task), PC_OK);
    cr_expect(strstr(file.data, "\"meta\": {\"notes\": [\"1 of 54 women's names left out"));

    pc_task *back = NULL;
    const pc_task_limits limits = limits_of(lacking, PC_BOS_NEVER);
    cr_assert_eq(pc_task_parse(&back, file.data, file.length, "t", NULL, &limits), PC_OK, "%s",
                 pc_last_error());
    pc_text again = {0};
    cr_assert_eq(pc_task_put_jsonl(&again, back), PC_OK);
    cr_expect_str_eq(again.data, file.data);
    pc_text_free(&again);
    pc_text_free(&file);
    pc_task_free(back);
    pc_task_free(task);
    pc_task_free(plain);
    pc_tokenizer_free(lacking);
    pc_tokenizer_free(whole);
}

Test(io_task_text, pairs_that_come_twice_are_counted)
{
    pc_tokenizer *tokenizer = open_words(&(word_options){0});
    pc_task *task = generate("subject-verb", tokenizer, PC_BOS_NEVER,
                             (pc_task_options){3000, 0, "ood", NULL, 0});
    int n_again = 0;
    for (int i = 0; i < 3000; i++) {
        bool is_again = false; /* the clean prompt says the corrupted one here */
        for (int k = 0; k < i && !is_again; k++)
            is_again = compare_prompts(pc_task_prompt(task, i), pc_task_prompt(task, k)) == 0;
        n_again += is_again;
    }
    char note[80];
    snprintf(note, sizeof note, "%d of 3000 pairs repeat another one", n_again);
    cr_expect(n_again > 0 && has_note(task, note), "%s", note);
    pc_task_free(task);
    pc_tokenizer_free(tokenizer);
}

static const struct {
    const char *name, *task;
    word_options words;
    pc_task_options options;
    int n_ctx;
    const char *message;
} refused[] = {
    {"single digits",
     "greater-than",
     {WORD_SINGLE_DIGITS, 0, NULL},
     {0},
     N_CTX,
     "task greater-than: \"the 1732\" is \"t\" \"h\" \"e\" \" \" \"1\" \"7\" \"3\" \"2\", "
     "expected "},
    {"length", "ioi", {0}, {0, 0, NULL, NULL, 20}, N_CTX, "a sentence has the length it has"},
    {"no pronoun",
     "gendered-pronoun",
     {.missing = "she"},
     {0},
     N_CTX,
     "0 of 1 pronouns are one token, expected at least 1; not she"},
    {"few words",
     "docstring",
     {.missing_each = 1},
     {0},
     N_CTX,
     "arguments are one token, expected at least 12; not data, name, file, test, ..."},
    {"small context", "docstring", {0}, {0}, 30, "none of 1 templates is left"},
    {"corruption", "ioi", {0}, {0, 0, NULL, "cba", 0}, N_CTX, "expected one of: abc, s2-flip"},
};

Test(io_task_text, impossible_order_is_refused_with_its_reason)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        pc_task *task = NULL;
        pc_tokenizer *tokenizer = open_words(&refused[i].words);
        pc_task_limits limits = limits_of(tokenizer, PC_BOS_NEVER);
        limits.n_ctx = refused[i].n_ctx;
        cr_expect_eq(
            pc_task_generate(&task, refused[i].task, tokenizer, &limits, &refused[i].options),
            PC_ERR_INPUT, "%s", refused[i].name);
        cr_expect(strstr(pc_last_error(), refused[i].message), "%s: %s", refused[i].name,
                  pc_last_error());
        pc_task_free(task);
        pc_tokenizer_free(tokenizer);
    }
}

Test(io_task_text, model_without_tokenizer_or_words_is_refused)
{
    const pc_task_limits limits = {65, 65, 64, 0, PC_BOS_AS_TOKENIZER};
    const pc_task_options options = PC_TASK_OPTIONS_INIT;
    pc_tokenizer *demo = NULL;
    cr_assert_eq(pc_tokenizer_open(&demo, PC_SOURCE_DIR "/tools/models/demo"), PC_OK);
    for (size_t t = 0; t < COUNT(tasks); t++) {
        pc_task *task = NULL;
        cr_expect_eq(pc_task_generate(&task, tasks[t].task, NULL, &limits, &options), PC_ERR_INPUT);
        cr_expect(strstr(pc_last_error(), "the model has no tokenizer"), "%s", pc_last_error());
        cr_expect_eq(pc_task_generate(&task, tasks[t].task, demo, &limits, &options), PC_ERR_INPUT);
        cr_expect_null(task);
    }
    pc_tokenizer_free(demo);
}

Test(io_task_text, templates_longer_than_the_context_are_left_out)
{
    pc_tokenizer *tokenizer = open_words(&(word_options){0});
    pc_task_limits limits = limits_of(tokenizer, PC_BOS_NEVER);
    const pc_task_options options = {100, 0, NULL, NULL, 0};
    pc_task *all = generate("ioi", tokenizer, PC_BOS_NEVER, options), *some = NULL;
    limits.n_ctx = pc_task_longest(all) - 1;
    cr_assert_eq(pc_task_generate(&some, "ioi", tokenizer, &limits, &options), PC_OK, "%s",
                 pc_last_error());
    cr_expect_leq(pc_task_longest(some), limits.n_ctx);
    cr_expect(has_note(some, "1 of 12 templates left out, longer than the model's context"));
    pc_task_free(some);
    pc_task_free(all);
    pc_tokenizer_free(tokenizer);
}

static void expect_distinct(const char *const *a, const char *const *b, const char *what)
{
    for (int i = 0; a[i]; i++)
        for (int k = 0; b[k]; k++)
            cr_expect(a == b ? i == k || strcmp(a[i], b[k]) != 0 : strcmp(a[i], b[k]) != 0,
                      "%s: %s", what, a[i]);
}

Test(io_task_text, no_word_stands_twice_in_a_table)
{
    for (int i = 0; pc_generators[i]; i++)
        for (int k = 0; pc_generators[i]->page && pc_generators[i]->page->tables[k]; k++) {
            const pc_word_table *table = pc_generators[i]->page->tables[k];
            int n = 0;
            expect_distinct(table->words, table->words, table->name);
            while (table->words[n])
                n++;
            cr_expect_eq(n % table->n_forms, 0, "%s", table->name);
        }
    expect_distinct(pc_words_women, pc_words_men, "women and men");
    expect_distinct(pc_words_women, pc_words_surnames, "women and surnames");
    expect_distinct(pc_words_men, pc_words_surnames, "men and surnames");
    expect_distinct(pc_words_arguments, pc_words_topics, "arguments and topics");
}

Test(io_task_text, words_behind_an_article_begin_with_no_vowel)
{
    static const char *const *const tables[] = {pc_words_objects, pc_words_adjectives};
    for (size_t t = 0; t < COUNT(tables); t++)
        for (int i = 0; tables[t][i]; i++)
            cr_expect(!strchr("aeiou", tables[t][i][0]), "%s", tables[t][i]);
}

/* Allocations fail one by one, with steps because there are thousands. */
Test(io_task_text, failed_allocation_leaves_nothing)
{
    pc_tokenizer *tokenizer = open_words(&(word_options){.missing = "Sarah"});
    const pc_task_limits limits = limits_of(tokenizer, PC_BOS_ALWAYS);
    const pc_task_options options = {2, 0, NULL, NULL, 0};
    pc_status status = PC_ERR_NOMEM;
    for (int n = 0; status == PC_ERR_NOMEM && n < 1000000; n += n < 100 ? 1 : 97) {
        pc_task *task = NULL;
        pc_alloc_fail_after(n);
        status = pc_task_generate(&task, "ioi", tokenizer, &limits, &options);
        pc_alloc_fail_after(-1);
        cr_expect_eq(status == PC_OK, task != NULL, "allocation %d", n);
        pc_task_free(task);
    }
    cr_expect_eq(status, PC_OK, "%s", pc_last_error());
    pc_tokenizer_free(tokenizer);
}
