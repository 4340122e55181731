/* Tasks in other programs' formats: what is written reads back, what cannot be said is refused. */
#include "base/file.h"
#include "io/task_private.h"
#include "support/test_folder.h"
#include "support/word_tokenizer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
enum { N_CTX = 256, BOS = 0 };

static const char *const tasks[] = {"ioi",          "greater-than", "docstring", "gendered-pronoun",
                                    "subject-verb", "copy-name"};

TestSuite(io_task_write, .init = test_folder_set_up, .fini = test_folder_clean_up);

static pc_tokenizer *open_words(const word_options *options)
{
    pc_tokenizer *tokenizer = NULL;
    cr_assert_eq(word_tokenizer_open(&tokenizer, options), PC_OK, "%s", pc_last_error());
    return tokenizer;
}

static pc_task_limits limits_of(const pc_tokenizer *tokenizer, pc_bos_rule rule)
{
    const int64_t vocab = pc_tokenizer_size(tokenizer);
    return (pc_task_limits){vocab, vocab, N_CTX, BOS, rule, NULL};
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

static void expect_same_again(const char *name, pc_task_format format, pc_bos_rule rule,
                              const pc_tokenizer *tokenizer, const char *path)
{
    const pc_task_limits limits = limits_of(tokenizer, rule);
    pc_task *back = NULL;
    pc_task *task = generate(name, tokenizer, rule, (pc_task_options)PC_TASK_OPTIONS_INIT);
    cr_assert_eq(pc_task_export(task, path, format, tokenizer), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_task_read(&back, path, tokenizer, &limits), PC_OK, "%s", pc_last_error());
    cr_expect_str_eq(pc_task_sha256(back), pc_task_sha256(task), "%s, format %d, BOS %d", name,
                     (int)format, (int)rule);
    pc_task_free(back);
    pc_task_free(task);
}

Test(io_task_write, task_written_for_other_programs_reads_back_the_same)
{
    static const pc_task_format formats[] = {PC_TASK_JSONL, PC_TASK_AUTO_CIRCUIT, PC_TASK_EAP_IG};
    static const word_style styles[] = {WORD_PAIRS_OF_DIGITS, WORD_CHARACTERS};
    const char *path = test_folder_path("task", "");
    for (size_t s = 0; s < COUNT(styles); s++) {
        pc_tokenizer *tokenizer = open_words(&(word_options){.style = styles[s]});
        for (size_t t = 0; t < COUNT(tasks); t++)
            for (size_t k = 0; k < COUNT(formats); k++) {
                const char *name = tasks[t];
                if (s && strcmp(name, "greater-than") == 0) continue;
                expect_same_again(name, formats[k], PC_BOS_ALWAYS, tokenizer, path);
                expect_same_again(name, formats[k], PC_BOS_NEVER, tokenizer, path);
            }
        pc_tokenizer_free(tokenizer);
    }
}

static char *export(const pc_task *task, pc_task_format format, const pc_tokenizer *tokenizer)
{
    const char *path = test_folder_path("task", "");
    char *bytes = NULL;
    size_t length;
    cr_assert_eq(pc_task_export(task, path, format, tokenizer), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_file_read(&bytes, &length, path, 1 << 24), PC_OK);
    return bytes;
}

Test(io_task_write, table_has_the_columns_that_its_answers_need)
{
    static const char *const headers[][2] = {
        {"ioi", "clean,corrupted,correct_idx,incorrect_idx\n"},
        {"greater-than", "clean,corrupted,label\n"},
        {"docstring", "clean,corrupted,answers_idx,corrupted_answers_idx\n"}};
    pc_tokenizer *tokenizer = open_words(&(word_options){0});
    for (size_t i = 0; i < COUNT(headers); i++) {
        pc_task *task = generate(headers[i][0], tokenizer, PC_BOS_NEVER,
                                 (pc_task_options){3, 0, NULL, NULL, 0});
        char *table = export(task, PC_TASK_EAP_IG, tokenizer);
        cr_expect_eq(strncmp(table, headers[i][1], strlen(headers[i][1])), 0, "%.60s", table);
        free(table);
        pc_task_free(task);
    }
    pc_tokenizer_free(tokenizer);
}

Test(io_task_write, auto_circuit_counts_words_without_bos)
{
    pc_tokenizer *tokenizer = open_words(&(word_options){0});
    for (int k = 0; k < 2; k++) {
        pc_task *task = generate("docstring", tokenizer, k ? PC_BOS_ALWAYS : PC_BOS_NEVER,
                                 (pc_task_options){3, 0, NULL, NULL, 0});
        pc_span span = {0};
        char *json = export(task, PC_TASK_AUTO_CIRCUIT, tokenizer), place[32];
        cr_assert_eq(pc_task_span(&span, task, 0, "C_def"), PC_OK);
        snprintf(place, sizeof place, "\"C_def\": %d", span.first - k);
        cr_expect(strstr(json, place), "%s is not in %.600s", place, json);
        cr_expect(strstr(json, "\"seq_labels\": [\"\\\\x0a\", \"d\""), "%.600s", json);
        cr_expect(!strstr(json, "\"definition\""), "a span is no word");
        free(json);
        pc_task_free(task);
    }
    pc_tokenizer_free(tokenizer);
}

#define LINE(rest) "{\"clean\": [1, 2, 1], \"corrupted\": [1, 3, 1], " rest "}\n"
static const struct {
    const char *text, *message;
    pc_task_format format;
} unsayable[] = {
    {LINE(
         "\"targets\": [{\"position\": 1, \"answers\": [4]}, {\"position\": 2, \"answers\": [5]}]"),
     "t as eap-ig: pair 0: 2 positions are read, but the format knows the last alone",
     PC_TASK_EAP_IG},
    {LINE("\"answers\": [4], \"wrong_answers\": [5], \"position\": 0"),
     "t as auto-circuit: pair 0: position 0 of 3 tokens is read", PC_TASK_AUTO_CIRCUIT},
    {LINE("\"answers\": [4]"), "pair 0: no wrong answers", PC_TASK_AUTO_CIRCUIT},
    {LINE("\"answers\": [4], \"wrong_answers\": [5]") "{\"clean\": [0, 1], \"corrupted\": [0, 2], "
                                                      "\"answers\": [4], \"wrong_answers\": [5]}",
     "pair 1: BOS begins some prompts only", PC_TASK_EAP_IG},
};

Test(io_task_write, what_a_format_cannot_say_is_refused)
{
    const pc_task_limits limits = {65, 65, 64, 0, PC_BOS_NEVER, NULL};
    pc_tokenizer *demo = NULL;
    cr_assert_eq(pc_tokenizer_open(&demo, PC_SOURCE_DIR "/tools/models/demo"), PC_OK);
    for (size_t i = 0; i < COUNT(unsayable); i++) {
        pc_task *task = NULL;
        const char *text = unsayable[i].text;
        cr_assert_eq(pc_task_parse(&task, text, strlen(text), "t", NULL, &limits), PC_OK, "%s",
                     pc_last_error());
        cr_expect_eq(pc_task_export(task, "/nowhere/task", unsayable[i].format, demo),
                     PC_ERR_INPUT);
        cr_expect(strstr(pc_last_error(), unsayable[i].message), "%s", pc_last_error());
        cr_expect_eq(pc_task_export(task, "/nowhere/task", unsayable[i].format, NULL),
                     PC_ERR_INPUT);
        cr_expect(strstr(pc_last_error(), "the model has no tokenizer"), "%s", pc_last_error());
        pc_task_free(task);
    }
    pc_tokenizer_free(demo);
}

/* " M" "ary" decodes to the text of " Mary", which is another token. */
Test(io_task_write, tokens_that_no_text_gives_are_refused)
{
    pc_tokenizer *tokenizer = open_words(&(word_options){0});
    const pc_task_limits limits = limits_of(tokenizer, PC_BOS_NEVER);
    pc_task *task = NULL;
    const char text[] = "{\"clean\": [1, 47, 67], \"corrupted\": [1, 47, 68], \"answers\": [4], "
                        "\"wrong_answers\": [5]}";
    cr_expect_str_eq(pc_tokenizer_token(tokenizer, 47), "M");
    cr_assert_eq(pc_task_parse(&task, text, strlen(text), "t", NULL, &limits), PC_OK);
    cr_expect_eq(pc_task_export(task, "/nowhere/task", PC_TASK_EAP_IG, tokenizer), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "pair 0: clean as text, \" Ma\", is not the tokens \" \" "
                                      "\"M\" \"a\": it encodes to others"),
              "%s", pc_last_error());
    pc_task_free(task);
    pc_tokenizer_free(tokenizer);
}
