/* Task files: three formats say the same, and every rule has a file that breaks it. */
#define _POSIX_C_SOURCE 200809L
#include "base/file.h"
#include "base/memory.h"
#include "io/csv.h"
#include "io/task_private.h"
#include "support/test_folder.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The shipped model: id 0 is BOS, ids 1 to 64 are the words, each with the space before it. */
static const pc_task_limits demo = {65, 65, 64, 0, PC_BOS_AS_TOKENIZER, NULL};
static const pc_task_limits small = {50, 40, 8, -1, PC_BOS_AS_TOKENIZER, NULL};

static pc_tokenizer *open_demo(void)
{
    pc_tokenizer *tokenizer = NULL;
    cr_assert_eq(pc_tokenizer_open(&tokenizer, PC_SOURCE_DIR "/tools/models/demo"), PC_OK, "%s",
                 pc_last_error());
    return tokenizer;
}

static pc_task *parse(const char *text, const char *file, const pc_tokenizer *tokenizer,
                      const pc_task_limits *limits)
{
    pc_task *task = NULL;
    cr_assert_eq(pc_task_parse(&task, text, strlen(text), file, tokenizer, limits), PC_OK, "%s",
                 pc_last_error());
    return task;
}

static void expect_refused(const char *name, const char *text, const pc_tokenizer *tokenizer,
                           const pc_task_limits *limits, const char *const *words)
{
    pc_task *task = NULL;
    cr_expect_eq(pc_task_parse(&task, text, strlen(text), "t", tokenizer, limits), PC_ERR_INPUT,
                 "%s", name);
    cr_expect_null(task, "%s", name);
    for (; *words; words++)
        cr_expect(strstr(pc_last_error(), *words), "%s: \"%s\" lacks \"%s\"", name, pc_last_error(),
                  *words);
    pc_task_free(task);
}

static void expect_ids(const char *what, const int32_t *ids, int n, const int32_t *expected,
                       int n_expected)
{
    cr_assert_eq(n, n_expected, "%s: %d ids, expected %d", what, n, n_expected);
    for (int i = 0; i < n; i++)
        cr_expect_eq(ids[i], expected[i], "%s[%d] is %d", what, i, ids[i]);
}

Test(io_task, positions_count_from_both_ends)
{
    pc_task *task = parse("{\"clean\": [1, 2, 3], \"corrupted\": [1, 4, 3], \"answers\": [5, 6]}\n"
                          "\n"
                          "{\"clean\": [1, 2], \"corrupted\": [4, 2], \"targets\": [{\"position\": "
                          "-2, \"answers\": [7], \"wrong_answers\": [8]}, {\"position\": 1, "
                          "\"answers\": [9]}], \"meta\": {\"id\": 3}}",
                          "folder/two.jsonl", NULL, &small);
    cr_expect_str_eq(pc_task_name(task), "two");
    cr_expect_str_eq(pc_task_split(task), "");
    cr_expect_eq(pc_task_n(task), 2);
    cr_expect_eq(pc_task_longest(task), 3);
    cr_expect(!pc_task_has_equal_lengths(task));
    cr_expect(!pc_task_has_wrong_answers(task));
    cr_expect_eq(pc_task_bos(task), -1);
    cr_expect_null(pc_task_prompt(task, 2));

    const pc_prompt *first = pc_task_prompt(task, 0), *second = pc_task_prompt(task, 1);
    expect_ids("clean", first->clean, first->n_tokens, (int32_t[]){1, 2, 3}, 3);
    expect_ids("corrupted", first->corrupted, first->n_tokens, (int32_t[]){1, 4, 3}, 3);
    cr_expect_eq(first->targets[0].position, 2);
    expect_ids("answers", first->targets[0].answers, first->targets[0].n_answers, (int32_t[]){5, 6},
               2);
    cr_assert_eq(second->n_targets, 2);
    cr_expect_eq(second->targets[0].position, 0);
    cr_expect_eq(second->targets[1].position, 1);
    expect_ids("wrong", second->targets[0].wrong_answers, second->targets[0].n_wrong_answers,
               (int32_t[]){8}, 1);
    pc_task_free(task);
}

static void expect_span(const pc_task *task, int prompt, const char *name, int first, int last)
{
    pc_span span = {-9, -9};
    cr_expect_eq(pc_task_span(&span, task, prompt, name), PC_OK, "%s", pc_last_error());
    cr_expect(span.first == first && span.last == last, "%d.%s is [%d, %d]", prompt, name,
              span.first, span.last);
}

Test(io_task, pair_adds_to_the_named_spans_of_all_or_overrides)
{
    pc_task *task =
        parse("{\"task\": \"x\", \"positions\": {\"S\": [1, -2], \"last2\": [-2, -1]}}\n"
              "{\"clean\": [1, 2, 3], \"corrupted\": [1, 4, 3], \"answers\": [5]}\n"
              "{\"clean\": [1, 2], \"corrupted\": [4, 2], \"answers\": [5], \"positions\": "
              "{\"IO\": -1, \"S\": 0, \"end\": 0}, \"position\": \"last2\"}\n"
              "{\"clean\": [1, 2, 3, 4], \"corrupted\": [4, 2, 3, 4], \"positions\": {\"IO\": "
              "[1, -2]}, \"targets\": [{\"position\": \"IO\", \"answers\": [5]}, {\"position\": "
              "\"end\", \"answers\": [5]}]}\n",
              "x.jsonl", NULL, &small);
    static const char *const names[] = {"S", "last2", "IO", "end", NULL};
    for (int i = 0; i < 5; i++)
        cr_expect(i == 4 ? !pc_task_position_name(task, i)
                         : strcmp(pc_task_position_name(task, i), names[i]) == 0,
                  "name %d", i);
    expect_span(task, 0, "S", 1, 1);
    expect_span(task, 0, "last2", 1, 2);
    expect_span(task, 0, "end", 2, 2);
    expect_span(task, 1, "S", 0, 0);
    expect_span(task, 1, "IO", 1, 1);
    expect_span(task, 1, "end", 0, 0);
    expect_span(task, 2, "S", 1, 2);
    expect_span(task, 2, "end", 3, 3);
    cr_expect_eq(pc_task_prompt(task, 1)->targets[0].position, 1);
    cr_expect_eq(pc_task_prompt(task, 2)->targets[0].position, 2);
    cr_expect_eq(pc_task_prompt(task, 2)->targets[1].position, 3);
    pc_span span;
    cr_expect_eq(pc_task_span(&span, task, 0, "IO"), PC_ERR_INPUT);
    cr_expect_str_eq(pc_last_error(),
                     "task x, pair 0: no position is named \"IO\", only: S, last2, end");
    cr_expect_eq(pc_task_span(&span, task, 3, "end"), PC_ERR_ARG);
    pc_task_free(task);
}

Test(io_task, spans_are_no_part_of_the_digest)
{
    pc_task *plain =
        parse("{\"clean\": [1, 2], \"corrupted\": [4, 2], \"answers\": [5]}", "x", NULL, &small);
    pc_task *named = parse("{\"clean\": [1, 2], \"corrupted\": [4, 2], \"answers\": [5], "
                           "\"positions\": {\"S\": 0}}",
                           "x", NULL, &small);
    cr_expect_str_eq(pc_task_sha256(plain), pc_task_sha256(named));
    pc_task_free(named);
    pc_task_free(plain);
}

Test(io_task, what_is_written_reads_back)
{
    char path[] = "/tmp/io_task-XXXXXX";
    close(mkstemp(path));
    pc_task *back = NULL;
    pc_task *task = parse(
        "{\"task\": \"na\\u00efve \\\"x\\\"\", \"seed\": \"18446744073709551615\", \"split\": "
        "\"test\", \"source\": \"by hand\", \"positions\": {\"S\": 0, \"end\": 1}}\n"
        "{\"clean\": [1, 2], \"corrupted\": [4, 2], \"targets\": [{\"position\": 0, "
        "\"answers\": [7], \"wrong_answers\": [8]}, {\"position\": 1, \"answers\": [9]}]}\r\n"
        "{\"clean\": [1, 2, 3], \"corrupted\": [1, 4, 3], \"answers\": [5, 6], \"positions\": "
        "{\"S1+1\": -2, \",_\\\"\\u00e9\": 0, \"S\": [0, -1]}}\n",
        "x.jsonl", NULL, &small);
    cr_assert_eq(pc_task_write(task, path), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_task_read(&back, path, NULL, &small), PC_OK, "%s", pc_last_error());
    unlink(path);
    cr_expect_str_eq(pc_task_name(back), "na\xc3\xafve \"x\"");
    cr_expect_eq(pc_task_seed(back), UINT64_MAX);
    cr_expect_str_eq(pc_task_split(back), "test");
    cr_expect_str_eq(pc_task_sha256(back), pc_task_sha256(task));
    cr_expect_str_eq(pc_task_position_name(back, 1), "end");
    cr_expect_str_eq(pc_task_position_name(back, 2), "S1+1");
    cr_expect_str_eq(pc_task_position_name(back, 3), ",_\"\xc3\xa9");
    cr_expect_null(pc_task_position_name(back, 4));

    pc_text once = {0}, twice = {0};
    cr_expect_eq(pc_task_put_jsonl(&once, task), PC_OK);
    cr_expect_eq(pc_task_put_jsonl(&twice, back), PC_OK);
    cr_expect_str_eq(once.data, twice.data);
    pc_text_free(&once);
    pc_text_free(&twice);
    pc_task_free(back);
    pc_task_free(task);
}

Test(io_task, three_formats_of_one_task_have_one_digest)
{
    pc_tokenizer *tokenizer = open_demo();
    static const char *const texts[] = {
        "{\"clean\": \" ant bean ant\", \"corrupted\": \" bear bean ant\", \"answers\": [\" "
        "bean\"], "
        "\"wrong_answers\": [\" bear\"]}",
        "{\"clean\": [0, 1, 2, 1], \"corrupted\": [0, 3, 2, 1], \"answers\": [2], "
        "\"wrong_answers\": [3], \"position\": 3}",
        "{ \"seq_labels\": [\"a\", \"b\", \"c\"], \"prompts\": [{\"clean\": \" ant bean ant\", "
        "\"corrupt\": \" bear bean ant\", \"answers\": [2], \"wrong_answers\": [\" bear\"]}]}",
        "\xef\xbb\xbf,clean,corrupted,corrupted_hard,correct_idx,incorrect_idx\r\n"
        "826, ant bean ant,\" bear bean ant\",x,2,3\r\n",
        "clean,corrupted,answers_idx,corrupted_answers_idx\n ant bean ant, bear bean ant,[2],[3]\n",
        "clean,corrupted,clean_answer_idx,corrupted_answer_idx,label\n"
        " ant bean ant, bear bean ant,2,3,0\n",
        "clean,country_idx,corrupted,corrupted_country_idx\n ant bean ant,2, bear bean ant,3",
    };
    char sha[PC_DIGEST_CHARS] = "";
    for (size_t i = 0; i < COUNT(texts); i++) {
        pc_task *task = parse(texts[i], "t", tokenizer, &demo);
        if (i == 0) strcpy(sha, pc_task_sha256(task));
        cr_expect_str_eq(pc_task_sha256(task), sha, "text %zu", i);
        cr_expect_eq(pc_task_bos(task), 0, "text %zu", i);
        cr_expect(pc_task_has_wrong_answers(task), "text %zu", i);
        pc_task_free(task);
    }
    pc_tokenizer_free(tokenizer);
}

#define PAIR(rest) "{\"clean\": [1, 2, 3], \"corrupted\": [1, 4, 3], " rest "}"

static const struct {
    const char *name, *text;
    const char *words[3];
} bad_ids[] = {
    {"empty file", " \n", {"t: empty"}},
    {"head alone", "{\"task\": \"x\"}\n", {"t: no pairs"}},
    {"not a task", "hello\nworld, clean\n", {"t: not a task"}},
    {"array", "[{\"clean\": 1}, 2]", {"t: not a task"}},
    {"not JSON",
     PAIR("\"answers\": [5]") "\n{\"clean\": [1,}\n",
     {"t:2: not valid JSON at column"}},
    {"two values", PAIR("\"answers\": [5]") " {}", {"t:1: not valid JSON"}},
    {"no object", PAIR("\"answers\": [5]") "\n\n7\n", {"t:3: "}},
    {"repeated key", PAIR("\"answers\": [5], \"answers\": [6]"), {"t:1: ", "duplicate"}},
    {"unknown key", PAIR("\"answer\": [5]"), {"t:1: ", "\"answer\"", "answers"}},
    {"targets and answers", PAIR("\"answers\": [5], \"targets\": []"), {"\"answers\""}},
    {"late head", PAIR("\"answers\": [5]") "\n{\"task\": \"x\"}", {"t:2: ", "\"task\""}},
    {"unknown head key", "{\"task\": \"x\", \"sead\": 1}", {"t:1: ", "\"sead\""}},
    {"bad seed", "{\"task\": \"x\", \"seed\": -1}", {"t:1: seed is -1"}},
    {"huge seed", "{\"task\": \"x\", \"seed\": \"18446744073709551616\"}", {"t:1: seed is"}},
    {"no clean", "{\"corrupted\": [1], \"answers\": [5]}", {"t:1: clean is missing"}},
    {"text without tokenizer",
     "{\"clean\": \"a\", \"corrupted\": [1], \"answers\": [5]}",
     {"t:1: clean is text", "no tokenizer"}},
    {"answer without tokenizer", PAIR("\"answers\": [\"a\"]"), {"t:1: answers", "no tokenizer"}},
    {"fractional id",
     "{\"clean\": [1.5], \"corrupted\": [1], \"answers\": [5]}",
     {"clean[0] is 1.5, expected a token id"}},
    {"negative id",
     "{\"clean\": [1, -1], \"corrupted\": [1, 2], \"answers\": [5]}",
     {"clean[1] is -1, expected a token id from 0 to 49"}},
    {"id beyond the vocabulary",
     "{\"clean\": [1, 2], \"corrupted\": [1, 50], \"answers\": [5]}",
     {"corrupted[1] is 50"}},
    {"id beyond 64 bits", "{\"clean\": [99999999999999999999], \"corrupted\": [1]}", {"t:1: "}},
    {"answer beyond the output", PAIR("\"answers\": [40]"), {"answers[0] is 40", "from 0 to 39"}},
    {"nested answers", PAIR("\"answers\": [[5]]"), {"answers[0] is an array of 1"}},
    {"no answers", PAIR("\"answers\": []"), {"t:1: no answers"}},
    {"answers missing", PAIR("\"position\": 1"), {"t:1: no answers"}},
    {"no targets", PAIR("\"targets\": []"), {"t:1: no targets"}},
    {"answer twice", PAIR("\"answers\": [5, 6, 5]"), {"token 5 is twice among the answers"}},
    {"wrong answer twice",
     PAIR("\"answers\": [5], \"wrong_answers\": [7, 7]"),
     {"token 7 is twice among the wrong answers"}},
    {"right and wrong",
     PAIR("\"answers\": [5], \"wrong_answers\": [7, 5]"),
     {"token 5 is both an answer and a wrong answer"}},
    {"position behind the end",
     PAIR("\"answers\": [5], \"position\": 3"),
     {"position is 3, expected -3 to 2"}},
    {"position before the start", PAIR("\"answers\": [5], \"position\": -4"), {"position is -4"}},
    {"position far out",
     PAIR("\"answers\": [5], \"position\": -9223372036854775808"),
     {"position is -9223372036854775808"}},
    {"position twice",
     PAIR("\"targets\": [{\"position\": 2, \"answers\": [5]}, {\"position\": -1, \"answers\": "
          "[6]}]"),
     {"targets[1]: position 2 is read twice"}},
    {"target without position", PAIR("\"targets\": [{\"answers\": [5]}]"), {"t:1: targets[0]"}},
    {"equal prompts",
     "{\"clean\": [1, 2], \"corrupted\": [1, 2], \"answers\": [5]}",
     {"t:1: clean and corrupted are the same 2 tokens"}},
    {"empty prompts", "{\"clean\": [], \"corrupted\": [], \"answers\": [5]}", {"t:1: ", "empty"}},
    {"too long",
     "{\"clean\": [1,1,1,1,1,1,1,1,1], \"corrupted\": [1,1,1,1,1,1,1,1,2], "
     "\"answers\": [5]}",
     {"clean is 9 tokens, expected at most 8"}},
    {"unequal",
     "{\"clean\": [1, 2, 3], \"corrupted\": [1, 4, 5, 3], \"answers\": [5]}",
     {"t:1: clean is 3 tokens and corrupted 4", "clean 1 {2} 3, corrupted 1 {4 5} 3"}},
    {"named position outside",
     "{\"task\": \"x\", \"positions\": {\"S\": 3}}\n" PAIR("\"answers\": [5]"),
     {"t: pair 0: position S is 3, expected -3 to 2 for 3 tokens"}},
    {"span across the ends",
     "{\"task\": \"x\", \"positions\": {\"S\": [2, -2]}}\n" PAIR("\"answers\": [5]"),
     {"t: pair 0: position S is [2, -2], expected a first and a last token out of -3 to 2"}},
    {"span of three",
     "{\"task\": \"x\", \"positions\": {\"S\": [0, 1, 2]}}",
     {"t:1: positions.S is an array of 3", "expected a position or [first, last]"}},
    {"position of text",
     PAIR("\"answers\": [5], \"positions\": {\"S\": \"x\"}"),
     {"t:1: positions.S is \"x\", expected a position"}},
    {"positions in a row", PAIR("\"answers\": [5], \"positions\": [1]"), {"t:1: positions is an"}},
    {"pair's position outside",
     PAIR("\"answers\": [5], \"positions\": {\"S\": -4}"),
     {"t:1: position S is -4, expected -3 to 2 for 3 tokens"}},
    {"pair's position beyond an int",
     PAIR("\"answers\": [5], \"positions\": {\"S\": 2147483648}"),
     {"t:1: positions.S is 2147483648"}},
    {"name like a number",
     PAIR("\"answers\": [5], \"positions\": {\"2nd\": 1}"),
     {"t:1: \"2nd\" cannot name a position"}},
    {"name with a space",
     "{\"task\": \"x\", \"positions\": {\"a b\": 1}}",
     {"t:1: \"a b\" cannot name a position"}},
    {"unknown name",
     "{\"task\": \"x\", \"positions\": {\"T\": 0}}\n" PAIR(
         "\"answers\": [5], \"position\": \"IO\", \"positions\": {\"S\": 1}"),
     {"t:2: no position is named \"IO\", only: S, T, end"}},
    {"position is no number", PAIR("\"answers\": [5], \"position\": 1.5"), {"position is 1.5"}},
    {"deep meta",
     "{\"meta\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
     "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
     {"t:1: ", "deeper"}},
    {"auto-circuit: cut off", "{\"prompts\": [\n{\"clean\": [1", {"t:2:", "not valid JSON"}},
    {"auto-circuit: unknown key", "{\"prompts\": [], \"words\": 1}", {"t: unknown key \"words\""}},
    {"auto-circuit: no pairs", "{\"prompts\": []}", {"t: no pairs"}},
    {"auto-circuit: nested answers",
     "{\"prompts\": [{\"clean\": [1], \"corrupt\": [2], \"answers\": [[0.0]]}]}",
     {"t: prompts[0]: answers[0] is an array"}},
    {"auto-circuit: our key",
     "{\"prompts\": [{\"clean\": [1], \"corrupted\": [2], \"answers\": [3]}]}",
     {"t: prompts[0]: unknown key \"corrupted\""}},
    {"auto-circuit: position outside",
     "{\"word_idxs\": {\"S\": 1}, \"prompts\": [{\"clean\": [1], \"corrupt\": [2], \"answers\": "
     "[3]}]}",
     {"t: pair 0: position S is 1"}},
    {"auto-circuit: position from the end",
     "{\"prompts\": [{\"clean\": [1], \"corrupt\": [2], \"answers\": [3]}], \"word_idxs\": "
     "{\"S\": -1}}",
     {"t: word_idxs.S is -1, expected a position, 0 or more"}},
    {"table without tokenizer",
     "clean,corrupted,correct_idx,incorrect_idx\na,b,1,2\n",
     {"t:2: clean is text", "no tokenizer"}},
    {"table of unknown answers",
     "clean,corrupted,group,plural\na,b,c,1\n",
     {"t:1: columns \"clean\", \"corrupted\", \"group\", \"plural\"",
      "correct_idx + incorrect_idx"}},
};

ParameterizedTestParameters(io_task, breach_of_a_rule_is_named_with_its_place)
{
    static size_t index[COUNT(bad_ids)];
    for (size_t i = 0; i < COUNT(bad_ids); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, COUNT(bad_ids));
}
ParameterizedTest(size_t *index, io_task, breach_of_a_rule_is_named_with_its_place)
{
    const char *words[4] = {NULL};
    for (size_t i = 0; i < 3; i++)
        words[i] = bad_ids[*index].words[i];
    expect_refused(bad_ids[*index].name, bad_ids[*index].text, NULL, &small, words);
}

static const struct {
    const char *name, *text;
    const char *words[3];
} bad_texts[] = {
    {"unequal",
     "{\"clean\": \" ant bean cat\", \"corrupted\": \" ant dog frog cat\", \"answers\": [1]}",
     {"t:1: clean is 4 tokens and corrupted 5",
      "clean \"<bos>\" \" ant\" {\" bean\"} \" cat\", corrupted \"<bos>\" \" ant\" {\" dog\" \" "
      "frog\"} \" cat\""}},
    {"answer of two tokens",
     "{\"clean\": \" ant\", \"corrupted\": \" cat\", \"answers\": [\" bean\", \" cat dog\"]}",
     {"t:1: answers[1] \" cat dog\" is 2 tokens, expected 1: \" cat\" \" dog\""}},
    {"empty answer",
     "{\"clean\": \" ant\", \"corrupted\": \" cat\", \"answers\": [\"\"]}",
     {"t:1: answers[0] \"\" is 0 tokens, expected 1"}},
    {"word without a token",
     "{\"clean\": \" ant\", \"corrupted\": \" zebra\", \"answers\": [1]}",
     {"t:1: corrupted: "}},
    {"table: too few columns",
     "clean,corrupted,correct_idx,incorrect_idx\n ant, cat,1\n",
     {"t:2: 3 columns, expected 4"}},
    {"table: open quote",
     "clean,corrupted,correct_idx,incorrect_idx\n ant, cat,1,2\n\" ant, cat,1\n",
     {"t:3: the quote opened in line 3 is never closed"}},
    {"table: behind a quote",
     "clean,corrupted,correct_idx,incorrect_idx\n\" ant\"x, cat,1,2\n",
     {"t:2: column 1 goes on behind its closing quote"}},
    {"table: quote inside",
     "clean,corrupted,correct_idx,incorrect_idx\n ant, c\"at\",1,2\n",
     {"t:2: column 2 has a quote inside"}},
    {"table: word for an id",
     "clean,corrupted,correct_idx,incorrect_idx\n ant, cat,one,2\n",
     {"t:2: correct_idx is \"one\", expected a token id from 0 to 64"}},
    {"table: huge id",
     "clean,corrupted,correct_idx,incorrect_idx\n ant, cat,1,99999999999999999999\n",
     {"t:2: incorrect_idx is \"99999999999999999999\""}},
    {"table: no list",
     "clean,corrupted,answers_idx,corrupted_answers_idx\n ant, cat,1,[2]\n",
     {"t:2: answers_idx is \"1\", expected a list"}},
    {"table: column twice",
     "clean,clean,corrupted,correct_idx,incorrect_idx\n",
     {"t:1: two columns are named clean"}},
    {"table: header alone", "clean,corrupted,correct_idx,incorrect_idx\n", {"t: no pairs"}},
    {"table: line of an error behind a quoted line break",
     "clean,corrupted,note,correct_idx,incorrect_idx\n ant, cat,\"a\nb\",1,2\n ant, cat,,1,1\n",
     {"t:4: token \" ant\" is both"}},
    {"greater-than without year tokens",
     "clean,corrupted,label\n ant, cat,1\n",
     {"t:1: greater-than needs a token for each of 00 to 99"}},
};

ParameterizedTestParameters(io_task, breach_in_text_shows_the_tokens)
{
    static size_t index[COUNT(bad_texts)];
    for (size_t i = 0; i < COUNT(bad_texts); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, COUNT(bad_texts));
}
ParameterizedTest(size_t *index, io_task, breach_in_text_shows_the_tokens)
{
    const char *words[4] = {NULL};
    pc_tokenizer *tokenizer = open_demo();
    for (size_t i = 0; i < 3; i++)
        words[i] = bad_texts[*index].words[i];
    expect_refused(bad_texts[*index].name, bad_texts[*index].text, tokenizer, &demo, words);
    pc_tokenizer_free(tokenizer);
}

Test(io_task, table_cells_follow_rfc_4180)
{
    static const char text[] = "a,\"b,\"\"c\"\"\r\nd\",\r\n\r\n,\"\",x";
    pc_csv csv = {.bytes = text, .length = sizeof text - 1};
    bool has_record = false;
    cr_assert_eq(pc_csv_next(&has_record, &csv), PC_OK, "%s", pc_last_error());
    cr_assert(has_record && csv.n_cells == 3 && csv.line == 1);
    cr_expect_str_eq(pc_csv_cell(&csv, 0), "a");
    cr_expect_str_eq(pc_csv_cell(&csv, 1), "b,\"c\"\r\nd");
    cr_expect_str_eq(pc_csv_cell(&csv, 2), "");
    cr_assert_eq(pc_csv_next(&has_record, &csv), PC_OK, "%s", pc_last_error());
    cr_assert(has_record && csv.n_cells == 3 && csv.line == 4);
    cr_expect_str_eq(pc_csv_cell(&csv, 1), "");
    cr_expect_str_eq(pc_csv_cell(&csv, 2), "x");
    cr_assert_eq(pc_csv_next(&has_record, &csv), PC_OK);
    cr_expect(!has_record);
    pc_csv_free(&csv);
}

Test(io_task, named_positions_move_with_the_bos_that_is_put_in_front)
{
    static const char text[] =
        "{\"word_idxs\": {\"S\": 0, \"end\": 1}, \"prompts\": [{\"clean\": "
        "\" ant bean\", \"corrupt\": \" cat bean\", \"answers\": [\" dog\"]}]}";
    static const char ids[] = "{\"word_idxs\": {\"S\": 0, \"end\": 1}, \"prompts\": [{\"clean\": "
                              "[1, 2], \"corrupt\": [3, 2], \"answers\": [4]}]}";
    static const struct {
        const char *text;
        pc_bos_rule rule;
        int end;
    } cases[] = {{text, PC_BOS_AS_TOKENIZER, 2}, {text, PC_BOS_NEVER, 1}, {ids, PC_BOS_ALWAYS, 1}};
    pc_tokenizer *tokenizer = open_demo();
    for (size_t i = 0; i < COUNT(cases); i++) {
        pc_task_limits limits = demo;
        limits.bos_rule = cases[i].rule;
        pc_task *task = parse(cases[i].text, "t", tokenizer, &limits);
        pc_span span = {-1, -1};
        cr_expect_eq(pc_task_span(&span, task, 0, "end"), PC_OK, "case %zu", i);
        cr_expect(span.first == cases[i].end && span.last == cases[i].end, "case %zu: %d", i,
                  span.first);
        cr_expect_eq(pc_task_prompt(task, 0)->targets[0].position, cases[i].end, "case %zu", i);
        cr_expect_eq(pc_task_span(&span, task, 0, "IO"), PC_ERR_INPUT, "case %zu", i);
        cr_expect(strstr(pc_last_error(), "only: S, end"), "case %zu: %s", i, pc_last_error());
        pc_task_free(task);
    }
    pc_tokenizer_free(tokenizer);
}

/* A byte-level BPE of digits, pairs of digits and letters: "1752" is "17" "52". */
static pc_tokenizer *open_years(void)
{
    char directory[TEST_FOLDER_BYTES];
    test_folder_make(directory);
    pc_text vocabulary = {0}, merges = {0}, json = {0};
    int id = 0;
    for (int i = 0; i < 26; i++)
        pc_text_printf(&vocabulary, "\"%c\": %d, ", 'a' + i, id++);
    for (int i = 0; i < 10; i++)
        pc_text_printf(&vocabulary, "\"%d\": %d, ", i, id++);
    for (int i = 0; i < 100; i++) {
        pc_text_printf(&vocabulary, "\"%02d\": %d, ", i, id++);
        pc_text_printf(&merges, "%s\"%d %d\"", i ? ", " : "", i / 10, i % 10);
    }
    pc_text_printf(&vocabulary, "\"\\u0120\": %d", id);
    pc_text_printf(&json,
                   "{\"version\": \"1.0\", \"added_tokens\": [], \"normalizer\": null, "
                   "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                   "\"trim_offsets\": true, \"use_regex\": true}, \"post_processor\": null, "
                   "\"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", "
                   "\"dropout\": null, \"unk_token\": null, \"vocab\": {%s}, \"merges\": [%s]}}",
                   vocabulary.data, merges.data);
    char *path = pc_path_join(directory, "tokenizer.json");
    cr_assert_eq(pc_file_replace(path, json.data, json.length), PC_OK, "%s", pc_last_error());
    pc_tokenizer *tokenizer = NULL;
    pc_status status = pc_tokenizer_open(&tokenizer, directory);
    test_folder_remove(directory);
    free(path);
    pc_text_free(&json);
    pc_text_free(&merges);
    pc_text_free(&vocabulary);
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    return tokenizer;
}

Test(io_task, greater_than_splits_the_hundred_years)
{
    enum { FIRST_YEAR = 36 }; /* the id of "00" */
    pc_tokenizer *tokenizer = open_years();
    const pc_task_limits limits = {137, 137, 32, -1, PC_BOS_AS_TOKENIZER, NULL};
    pc_task *task = parse("clean,corrupted,label\nfrom 1707 to 17,from 1701 to 17,7\n", "gt.csv",
                          tokenizer, &limits);
    const pc_target *target = pc_task_prompt(task, 0)->targets;
    cr_assert_eq(target->n_answers, 92);
    cr_assert_eq(target->n_wrong_answers, 8);
    for (int i = 0; i < 8; i++)
        cr_expect_eq(target->wrong_answers[i], FIRST_YEAR + i);
    for (int i = 0; i < 92; i++)
        cr_expect_eq(target->answers[i], FIRST_YEAR + 8 + i);
    pc_task_free(task);

    const char *const other_year[] = {"t:2: label is \"8\"", NULL};
    expect_refused("a year that is not there",
                   "clean,corrupted,label\nfrom 1707 to 17,from 1701 to 17,8\n", tokenizer, &limits,
                   other_year);
    const char *const last_year[] = {"t:2: no answers", NULL};
    expect_refused("no year is greater",
                   "clean,corrupted,correct_idx\nfrom 1799 to 17,from 1701 to 17,99\n", tokenizer,
                   &limits, last_year);
    pc_tokenizer_free(tokenizer);
}

/* Every allocation fails once; nothing may be left behind (the leak checker looks). */
Test(io_task, failed_allocation_leaves_nothing)
{
    pc_tokenizer *tokenizer = open_demo();
    static const char *const texts[] = {
        "{\"task\": \"x\", \"positions\": {\"S\": 0}}\n{\"clean\": \" ant bean\", \"corrupted\": "
        "[0, 3, 2], \"positions\": {\"T\": [0, 1]}, \"targets\": [{\"position\": \"T\", "
        "\"answers\": "
        "[5], \"wrong_answers\": [6]}]}",
        "{\"word_idxs\": {\"S\": 0}, \"prompts\": [{\"clean\": \" ant bean\", \"corrupt\": \" cat "
        "bean\", \"answers\": [\" dog\"]}]}",
        "clean,corrupted,correct_idx,incorrect_idx\n ant, cat,1,2\n",
    };
    for (size_t k = 0; k < COUNT(texts); k++) {
        pc_status status = PC_ERR_NOMEM;
        for (int n = 0; status == PC_ERR_NOMEM && n < 1000; n++) {
            pc_task *task = NULL;
            pc_alloc_fail_after(n);
            status = pc_task_parse(&task, texts[k], strlen(texts[k]), "t", tokenizer, &demo);
            pc_alloc_fail_after(-1);
            cr_expect_eq(status == PC_OK, task != NULL, "text %zu, allocation %d", k, n);
            pc_task_free(task);
        }
        cr_expect_eq(status, PC_OK, "text %zu: %s", k, pc_last_error());
    }
    pc_tokenizer_free(tokenizer);
}
