/* Tokenizers: the same ids as Hugging Face's, round trips, and refusals that name what is refused.
 */
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "io/split_pattern.h"
#include "io/tokenizer_parts.h"
#include "base/utf8.h"
#include "support/test_folder.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GOLDEN PC_SOURCE_DIR "/tests/golden/tokenizers/"
#define DEMO PC_SOURCE_DIR "/tools/models/demo"

static pc_tokenizer *open_golden(const char *name)
{
    char path[512];
    pc_tokenizer *tokenizer = NULL;
    snprintf(path, sizeof path, GOLDEN "%s", name);
    cr_assert_eq(pc_tokenizer_open(&tokenizer, path), PC_OK, "%s: %s", name, pc_last_error());
    return tokenizer;
}

/* ids against what the golden file says; every difference is one message. */
static void expect_ids(const pc_tokenizer *tokenizer, const json_t *row, const char *key,
                       pc_bos_rule rule, const char *name, int line)
{
    const json_t *text = json_object_get(row, "text"), *expected = json_object_get(row, key);
    int32_t *ids = NULL;
    size_t n = 0;
    pc_status status = pc_tokenizer_encode(&ids, &n, tokenizer, json_string_value(text),
                                           json_string_length(text), rule);
    cr_expect_eq(status, PC_OK, "%s, line %d, %s: %s", name, line, key, pc_last_error());
    cr_expect_eq(n, json_array_size(expected), "%s, line %d, %s: %zu ids, not %zu", name, line, key,
                 n, json_array_size(expected));
    for (size_t i = 0; i < n && i < json_array_size(expected); i++) {
        json_int_t id = json_integer_value(json_array_get(expected, i));
        cr_expect_eq(ids[i], id, "%s, line %d, %s: id %zu is %d, not %d", name, line, key, i,
                     (int)ids[i], (int)id);
        if (ids[i] != id) break;
    }
    free(ids);
}

static void expect_decoded(const pc_tokenizer *tokenizer, const json_t *row, const char *name,
                           int line)
{
    const json_t *list = json_object_get(row, "ids_with_special");
    const json_t *expected = json_object_get(row, "decoded");
    size_t n = json_array_size(list), length = 0;
    int32_t *ids = calloc(n + 1, sizeof *ids);
    char *text = NULL;
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    pc_status status = pc_tokenizer_decode(&text, &length, tokenizer, ids, n);
    cr_expect_eq(status, PC_OK, "%s, line %d: %s", name, line, pc_last_error());
    cr_expect(status == PC_OK && length == json_string_length(expected) &&
                  memcmp(text, json_string_value(expected), length) == 0,
              "%s, line %d: decoded to \"%s\"", name, line, text);
    free(text);
    free(ids);
}

/* jansson keeps NUL in values only when asked to. */
static void expect_golden(const char *name)
{
    char path[512], *bytes;
    size_t length;
    int n_lines = 0;
    pc_tokenizer *tokenizer = open_golden(name);
    snprintf(path, sizeof path, GOLDEN "%s/golden.jsonl", name);
    cr_assert_eq(pc_file_read(&bytes, &length, path, 1 << 24), PC_OK, "%s", pc_last_error());
    for (char *line = bytes, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *row = json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
        n_lines++;
        cr_assert_not_null(row, "%s, line %d", name, n_lines);
        expect_ids(tokenizer, row, "ids", PC_BOS_NEVER, name, n_lines);
        expect_ids(tokenizer, row, "ids_with_special", PC_BOS_AS_TOKENIZER, name, n_lines);
        expect_decoded(tokenizer, row, name, n_lines);
        json_decref(row);
    }
    cr_expect_gt(n_lines, 150, "%s: only %d lines", name, n_lines);
    free(bytes);
    pc_tokenizer_free(tokenizer);
}

static const char *const goldens[] = {
    "gpt2",     "prefix-space", "llama3",     "qwen2",   "cl100k", "added",  "merge-order",
    "pair",     "pair-config",  "pair-added", "neox",    "qwen3",  "llama2", "mistral1",
    "mistral3", "gemma",        "metaspace",  "unknown", "split"};

ParameterizedTestParameters(io_tokenizer, ids_and_texts_are_those_of_hugging_face)
{
    static size_t index[sizeof goldens / sizeof *goldens];
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof goldens / sizeof *goldens);
}

ParameterizedTest(size_t *index, io_tokenizer, ids_and_texts_are_those_of_hugging_face)
{
    expect_golden(goldens[*index]);
}

static size_t count(const pc_tokenizer *tokenizer, const char *text, size_t length)
{
    int32_t *ids = NULL;
    size_t n = 0;
    pc_status status = pc_tokenizer_encode(&ids, &n, tokenizer, text, length, PC_BOS_NEVER);
    cr_assert_eq(status, PC_OK, "%.40s: %s", text, pc_last_error());
    free(ids);
    return n;
}

Test(io_tokenizer, bos_rule_decides_what_stands_in_front)
{
    pc_tokenizer *tokenizer = open_golden("llama3");
    int32_t bos = pc_tokenizer_bos(tokenizer), *ids;
    size_t n, plain;
    cr_assert_geq(bos, 0);
    cr_expect(pc_tokenizer_is_special(tokenizer, bos));
    cr_expect_not(pc_tokenizer_is_special(tokenizer, 0));
    cr_expect_str_eq(pc_tokenizer_token(tokenizer, bos), "<bos>");
    plain = count(tokenizer, "the cat", 7);
    for (int rule = PC_BOS_AS_TOKENIZER; rule <= PC_BOS_ALWAYS; rule++) {
        cr_assert_eq(pc_tokenizer_encode(&ids, &n, tokenizer, "the cat", 7, (pc_bos_rule)rule),
                     PC_OK);
        cr_expect(n == plain + 1 && ids[0] == bos, "rule %d: %zu ids, first %d", rule, n,
                  (int)ids[0]);
        free(ids);
    }
    pc_tokenizer_free(tokenizer);

    tokenizer = open_golden("gpt2");
    cr_expect_eq(pc_tokenizer_bos(tokenizer), -1);
    cr_expect_eq(pc_tokenizer_encode(&ids, &n, tokenizer, "x", 1, PC_BOS_ALWAYS), PC_ERR_INPUT);
    cr_expect_str_eq(pc_last_error(), "the tokenizer has no beginning-of-sequence token");
    pc_tokenizer_free(tokenizer);

    tokenizer = open_golden("pair");
    bos = pc_tokenizer_bos(tokenizer);
    cr_expect_str_eq(pc_tokenizer_token(tokenizer, bos), "<|endoftext|>");
    cr_assert_eq(pc_tokenizer_encode(&ids, &n, tokenizer, "", 0, PC_BOS_ALWAYS), PC_OK);
    cr_expect(n == 1 && ids[0] == bos);
    free(ids);
    cr_assert_eq(pc_tokenizer_encode(&ids, &n, tokenizer, "", 0, PC_BOS_AS_TOKENIZER), PC_OK);
    cr_expect_eq(n, 0);
    free(ids);
    pc_tokenizer_free(tokenizer);
}

Test(io_tokenizer, invalid_utf8_is_refused_with_its_offset)
{
    static const struct {
        const char *text;
        size_t n, offset;
    } cases[] = {{"ab\xff", 3, 2},       {"\xc0\x80", 2, 0},         {"a\xe2\x82", 3, 1},
                 {"\xed\xa0\x80", 3, 0}, {"\xf4\x90\x80\x80", 4, 0}, {"\xc3\xa9\x80", 3, 2}};
    pc_tokenizer *tokenizer = open_golden("gpt2");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t *ids;
        size_t n;
        char expected[64];
        snprintf(expected, sizeof expected, "text: byte %zu, 0x%02x, is not UTF-8", cases[i].offset,
                 (unsigned char)cases[i].text[cases[i].offset]);
        cr_expect_eq(
            pc_tokenizer_encode(&ids, &n, tokenizer, cases[i].text, cases[i].n, PC_BOS_NEVER),
            PC_ERR_INPUT, "case %zu", i);
        cr_expect_str_eq(pc_last_error(), expected, "case %zu: %s", i, pc_last_error());
        cr_expect(ids == NULL && n == 0, "case %zu", i);
    }
    pc_tokenizer_free(tokenizer);
}

Test(io_tokenizer, every_token_can_be_shown_and_decoded_and_no_other_id)
{
    pc_tokenizer *tokenizer = open_golden("added");
    int64_t size = pc_tokenizer_size(tokenizer);
    cr_assert_gt(size, 256);
    for (int32_t id = 0; id < size; id++) {
        char *text;
        size_t length;
        const char *shown = pc_tokenizer_token(tokenizer, id);
        cr_assert_not_null(shown, "id %d", (int)id);
        cr_expect_eq(pc_utf8_first_error(shown, strlen(shown)), strlen(shown), "id %d", (int)id);
        cr_expect_eq(pc_tokenizer_decode(&text, &length, tokenizer, &id, 1), PC_OK);
        free(text);
    }
    const int32_t outside[] = {(int32_t)size, -1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        char *text;
        size_t length;
        cr_expect_null(pc_tokenizer_token(tokenizer, outside[i]));
        cr_expect_eq(pc_tokenizer_decode(&text, &length, tokenizer, &outside[i], 1), PC_ERR_INPUT);
        cr_expect_null(text);
    }
    pc_tokenizer_free(tokenizer);
}

/* A tokenizer.json in a line: the parts that a case changes. */
static char *small_json(const char *top, const char *model, const char *pre, const char *vocab,
                        const char *merges)
{
    pc_text text = {0};
    pc_text_printf(
        &text,
        "{\"version\":\"1.0\",%s\"pre_tokenizer\":%s,\"decoder\":{\"type\":\"ByteLevel\"},"
        "\"model\":{\"type\":\"BPE\",%s\"vocab\":%s,\"merges\":%s}}",
        top, pre, model, vocab, merges);
    cr_assert_eq(pc_text_status(&text), PC_OK);
    return text.data;
}

#define PRE "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true}"
#define VOCAB "{\"a\":0,\"b\":1,\"ab\":2,\"c\":7}"

static pc_tokenizer *parse(pc_status *status, const char *json, size_t length)
{
    pc_tokenizer *tokenizer = pc_tokenizer_new();
    if (!tokenizer) {
        *status = PC_ERR_NOMEM;
        return NULL;
    }
    *status = pc_tokenizer_parse(tokenizer, json, length, "t.json");
    return tokenizer;
}

/* Many joins in one word, long white space, and letters far up in the table of ranges. */
Test(io_tokenizer, hundred_thousand_letters_take_no_seconds)
{
    enum { N = 100000 };
    pc_status status;
    char *text = malloc(3 * N);
    char *json = small_json("", "", PRE, "{\"a\":0,\"aa\":1,\"aaaa\":2,\"aaaaaaaa\":3}",
                            "[\"a a\",\"aa aa\",\"aaaa aaaa\"]");
    pc_tokenizer *letters = parse(&status, json, strlen(json)), *llama = open_golden("llama3");
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    clock_t start = clock();
    memset(text, 'a', N);
    cr_expect_eq(count(letters, text, N), N / 8);
    memset(text, ' ', N);
    count(llama, text, N);
    for (size_t j = 0; j < N; j++)
        memcpy(text + 3 * j, "\xe6\x88\x91", 3);
    count(llama, text, 3 * N);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    cr_expect_lt(seconds, 20, "%g s, sanitizers included", seconds);
    pc_tokenizer_free(letters);
    pc_tokenizer_free(llama);
    free(json);
    free(text);
}

#define ADDED(flags) "\"added_tokens\":[{\"content\":\"<x>\"," flags "}],"
#define FLAGS                                                                                      \
    "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":true,\"special\":"     \
    "false"
#define SPLIT(pattern)                                                                             \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"        \
    "\"" pattern "\"},\"behavior\":\"Isolated\",\"invert\":false},"                                \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":"      \
    "false}]}"
#define TEMPLATE(single, specials)                                                                 \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":" single                       \
    ",\"pair\":[],\"special_tokens\":" specials "},"

static const struct {
    const char *top, *model, *pre, *vocab, *merges;
    pc_status status;
    const char *message; /* a part of it */
} refusals[] = {
    {"", "", PRE, VOCAB, "[\"a b\"]", PC_OK, ""},
    {"\"normalizer\":{\"type\":\"Lowercase\"},", "", PRE, VOCAB, "[]", PC_ERR_UNSUPPORTED,
     "t.json: normalizer \"Lowercase\" is not supported"},
    {"\"surprise\":1,", "", PRE, VOCAB, "[]", PC_ERR_UNSUPPORTED, "\"surprise\""},
    {"", "\"dropout\":0.5,", PRE, VOCAB, "[]", PC_ERR_UNSUPPORTED, "dropout 0.5"},
    {"", "\"unk_token\":\"a\",", PRE, VOCAB, "[]", PC_ERR_UNSUPPORTED, "unk_token \"a\""},
    {"", "\"byte_fallback\":true,", PRE, VOCAB, "[]", PC_ERR_UNSUPPORTED, "byte_fallback"},
    {"", "\"end_of_word_suffix\":\"</w>\",", PRE, VOCAB, "[]", PC_ERR_UNSUPPORTED, "</w>"},
    {"", "\"novelty\":1,", PRE, VOCAB, "[]", PC_ERR_UNSUPPORTED, "\"novelty\""},
    {"", "", "null", VOCAB, "[]", PC_ERR_UNSUPPORTED, "pre_tokenizer null"},
    {"", "", "{\"type\":\"Whitespace\"}", VOCAB, "[]", PC_ERR_UNSUPPORTED, "\"Whitespace\""},
    {"", "", PRE, "{\"a\":0,\"b\":0}", "[]", PC_ERR_INPUT, "the same id 0"},
    {"", "", PRE, "{\"a\":-1}", "[]", PC_ERR_INPUT, "id -1"},
    {"", "", PRE, "{\"a\":2147483648}", "[]", PC_ERR_INPUT, "id 2147483648"},
    {"", "", PRE, "{\"a\":1.5}", "[]", PC_ERR_INPUT, "id 1.5"},
    {"", "", PRE, "[]", "[]", PC_ERR_INPUT, "vocab is an array of 0"},
    {"", "", PRE, VOCAB, "[\"ab\"]", PC_ERR_INPUT, "expected two tokens and one space"},
    {"", "", PRE, VOCAB, "[\"a b c\"]", PC_ERR_INPUT, "expected two tokens and one space"},
    {"", "", PRE, VOCAB, "[[\"a\",\"c\"]]", PC_ERR_INPUT, "the result is not in the vocabulary"},
    {"", "", PRE, VOCAB, "[[\"a\",7]]", PC_ERR_INPUT, "merges[0]: an array of 2, expected"},
    {ADDED("\"id\":5,\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
           "\"special\":true"),
     "", PRE, VOCAB, "[]", PC_ERR_INPUT, "has id 5, expected 4"},
    {ADDED("\"id\":4,\"single_word\":true,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
           "\"special\":true"),
     "", PRE, VOCAB, "[]", PC_ERR_UNSUPPORTED, "single_word"},
    {ADDED("\"id\":4"), "", PRE, VOCAB, "[]", PC_ERR_INPUT, "single_word is missing"},
    {"\"normalizer\":{\"type\":\"NFC\"},\"added_tokens\":[{\"id\":4,\"content\":\"\u00e9\"," FLAGS
     "},{\"id\":5,\"content\":\"e\\u0301\"," FLAGS "}],",
     "", PRE, VOCAB, "[]", PC_ERR_INPUT, "are the same text, \"\u00e9\", once they are normalized"},
    {"", "", SPLIT("(a|b)+"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "a repeated group"},
    {"", "", SPLIT("^a"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "an anchor"},
    {"", "", SPLIT("a.b"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "an unescaped ."},
    {"", "", SPLIT("\\\\w+"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "\\w is not supported"},
    {"", "", SPLIT("\\\\p{Lu}+"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "this property"},
    {"", "", SPLIT("(?<=a)b"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "this kind of group"},
    {"", "", SPLIT("(?i:st)"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "st"},
    {"", "", SPLIT("(?i:s(?:t|a))"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "st"},
    {"", "", SPLIT("(?i:'s|'t|st?)"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "offset 12"},
    {"", "", SPLIT("[[:alpha:]]"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "[ inside a class"},
    {"", "", SPLIT("[a-z&&[b]]"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "&& inside a class"},
    {"", "", SPLIT("[a"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "a class without its ]"},
    {"", "", SPLIT("a{2,1}"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "this {"},
    {"", "", SPLIT("a{2}+"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "behind a count"},
    {"", "", SPLIT("a*"), VOCAB, "[]", PC_ERR_UNSUPPORTED, "can match nothing"},
    {"", "", SPLIT(""), VOCAB, "[]", PC_ERR_UNSUPPORTED, "an empty one"},
    {TEMPLATE("[{\"SpecialToken\":{\"id\":\"q\"}},{\"Sequence\":{\"id\":\"A\"}}]",
              "{\"q\":{\"ids\":[9]}}"),
     "", PRE, VOCAB, "[]", PC_ERR_INPUT, "the id 9"},
    {TEMPLATE("[{\"SpecialToken\":{\"id\":\"q\"}}]", "{\"q\":{\"ids\":[7]}}"), "", PRE, VOCAB, "[]",
     PC_ERR_UNSUPPORTED, "without A"},
    {TEMPLATE("[{\"Sequence\":{\"id\":\"B\"}}]", "{}"), "", PRE, VOCAB, "[]", PC_ERR_UNSUPPORTED,
     "neither a special token nor A"},
    {"\"post_processor\":{\"type\":\"RobertaProcessing\"},", "", PRE, VOCAB, "[]",
     PC_ERR_UNSUPPORTED, "\"RobertaProcessing\""},
};

Test(io_tokenizer, what_is_not_implemented_is_refused_by_name)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        pc_status status;
        char *json = small_json(refusals[i].top, refusals[i].model, refusals[i].pre,
                                refusals[i].vocab, refusals[i].merges);
        pc_tokenizer *tokenizer = parse(&status, json, strlen(json));
        cr_expect_eq(status, refusals[i].status, "case %zu, %s: %s", i, json, pc_last_error());
        if (status != PC_OK)
            cr_expect_not_null(strstr(pc_last_error(), refusals[i].message), "case %zu: \"%s\"", i,
                               pc_last_error());
        pc_tokenizer_free(tokenizer);
        free(json);
    }
}

Test(io_tokenizer, text_that_the_vocabulary_cannot_express_is_refused)
{
    pc_status status;
    int32_t *ids;
    size_t n;
    char *json = small_json("", "", PRE, VOCAB, "[\"a b\"]");
    pc_tokenizer *tokenizer = parse(&status, json, strlen(json));
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_tokenizer_encode(&ids, &n, tokenizer, "ab abd", 6, PC_BOS_NEVER), PC_ERR_INPUT);
    cr_expect_str_eq(pc_last_error(),
                     "text: the vocabulary has no token for \" abd\" nor for its byte 0, 0x20");
    cr_expect_eq(pc_tokenizer_size(tokenizer), 8);
    cr_expect_null(pc_tokenizer_token(tokenizer, 5), "a hole is no token");
    pc_tokenizer_free(tokenizer);
    free(json);
}

Test(io_tokenizer, a_pattern_that_backtracks_too_long_gives_up)
{
    pc_status status;
    int32_t *ids;
    size_t n;
    char text[3001];
    memset(text, 'a', sizeof text);
    char *json = small_json("", "", SPLIT("a*a*a*a*a*d"), VOCAB, "[]");
    pc_tokenizer *tokenizer = parse(&status, json, strlen(json));
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    text[3000] = 'd';
    memset(text + 2990, 'b', 10);
    cr_expect_eq(pc_tokenizer_encode(&ids, &n, tokenizer, text, sizeof text, PC_BOS_NEVER),
                 PC_ERR_INPUT);
    cr_expect_not_null(strstr(pc_last_error(), "gives up"), "%s", pc_last_error());
    pc_tokenizer_free(tokenizer);
    free(json);
}

Test(io_tokenizer, a_directory_without_tokenizer_says_what_was_looked_for)
{
    pc_tokenizer *tokenizer = NULL;
    cr_expect_eq(pc_tokenizer_open(&tokenizer, PC_SOURCE_DIR "/tests"), PC_ERR_INPUT);
    cr_expect_null(tokenizer);
    cr_expect_not_null(strstr(pc_last_error(), "tokenizer.json"), "%s", pc_last_error());
    cr_expect_not_null(strstr(pc_last_error(), "merges.txt"), "%s", pc_last_error());
    cr_expect_eq(pc_tokenizer_open(NULL, "x"), PC_ERR_ARG);
    pc_tokenizer_free(NULL);
}

/* A directory of its own with the files of a case; NULL ends them. */
static void open_files(pc_status *status, pc_tokenizer **out, const char *const (*files)[2])
{
    char directory[TEST_FOLDER_BYTES];
    test_folder_make(directory);
    for (int i = 0; files[i][0]; i++) {
        char *path = pc_path_join(directory, files[i][0]);
        cr_assert_eq(pc_file_replace(path, files[i][1], strlen(files[i][1])), PC_OK);
        free(path);
    }
    *status = pc_tokenizer_open(out, directory);
    test_folder_remove(directory);
}

#define SMALL                                                                                      \
    "{\"added_tokens\":[],\"pre_tokenizer\":" PRE                                                  \
    ",\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"vocab\":" VOCAB           \
    ",\"merges\":[]}}"

static const struct {
    const char *files[5][2];
    pc_status status;
    const char *message; /* a part of it, on failure */
    int32_t bos;
} directories[] = {
    {{{"tokenizer.json", SMALL}}, PC_OK, "", -1},
    {{{"tokenizer.json", SMALL}, {"tokenizer_config.json", "{\"bos_token\":\"c\"}"}}, PC_OK, "", 7},
    {{{"tokenizer.json", SMALL}, {"tokenizer_config.json", "{\"bos_token\":{\"content\":\"b\"}}"}},
     PC_OK,
     "",
     1},
    {{{"tokenizer.json", SMALL}, {"special_tokens_map.json", "{\"bos_token\":\"a\"}"}},
     PC_OK,
     "",
     0},
    {{{"tokenizer.json", SMALL},
      {"tokenizer_config.json", "{\"bos_token\":null}"},
      {"special_tokens_map.json", "{\"bos_token\":\"a\"}"}},
     PC_OK,
     "",
     -1},
    {{{"tokenizer.json", SMALL}, {"tokenizer_config.json", "{\"bos_token\":\"<s>\"}"}},
     PC_ERR_INPUT,
     "bos_token \"<s>\" is not in the vocabulary",
     -1},
    {{{"tokenizer.json", SMALL},
      {"tokenizer_config.json",
       "{\"model_max_length\":1000000000000000019884624838656,\"bos_token\":\"a\"}"}},
     PC_OK,
     "",
     0},
    {{{"tokenizer.json", SMALL}, {"tokenizer_config.json", "{\"bos_token\":5}"}},
     PC_ERR_INPUT,
     "bos_token is 5, expected a token",
     -1},
    {{{"tokenizer.json", SMALL}, {"tokenizer_config.json", "[]"}},
     PC_ERR_INPUT,
     "expected an object",
     -1},
    {{{"tokenizer.json", SMALL},
      {"tokenizer_config.json", "{\"added_tokens_decoder\":{\"7\":{\"content\":\"c\"}}}"}},
     PC_ERR_UNSUPPORTED,
     "token \"c\", id 7, is not an added token",
     -1},
    {{{"tokenizer.json", "{}"}}, PC_ERR_UNSUPPORTED, "decoder missing is not supported", -1},
    {{{"tokenizer.json", SMALL},
      {"tokenizer_config.json",
       "{\"add_bos_token\":true,\"bos_token\":{\"__type\":\"AddedToken\",\"content\":\"b\"}}"}},
     PC_OK,
     "",
     1},
    {{{"tokenizer.json", SMALL},
      {"special_tokens_map.json", "{\"bos_token\":{\"content\":\"a\"}}"}},
     PC_OK,
     "",
     0},
    {{{"tokenizer.model", "\n\016"}},
     PC_ERR_UNSUPPORTED,
     "transformers.AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
     -1},
    {{{"vocab.json", VOCAB},
      {"merges.txt", ""},
      {"tokenizer_config.json", "{\"tokenizer_class\":\"Qwen2Tokenizer\"}"}},
     PC_ERR_UNSUPPORTED,
     "tokenizer_class \"Qwen2Tokenizer\" is not supported without a tokenizer.json",
     -1},
    {{{"vocab.json", VOCAB},
      {"merges.txt", ""},
      {"tokenizer_config.json", "{\"tokenizer_class\":\"GPT2Tokenizer\"}"}},
     PC_OK,
     "",
     -1},
    {{{"tokenizer.json", "{\"a\":1,\"a\":2}"}}, PC_ERR_INPUT, "not valid JSON", -1},
    {{{"vocab.json", VOCAB}, {"merges.txt", "#version: 0.2\na b\r\n"}}, PC_OK, "", -1},
    {{{"vocab.json", VOCAB}, {"merges.txt", "a b\n\n"}},
     PC_ERR_INPUT,
     "merges.txt: line 2: \"\", expected two tokens and one space",
     -1},
    {{{"vocab.json", VOCAB}, {"merges.txt", "a c"}}, PC_ERR_INPUT, "merges.txt: line 1:", -1},
    {{{"vocab.json", VOCAB}}, PC_ERR_INPUT, "merges.txt: No such file", -1},
    {{{"vocab.json", VOCAB}, {"merges.txt", ""}, {"added_tokens.json", "{\"<p>\":5}"}},
     PC_ERR_INPUT,
     "has id 5, expected 4",
     -1},
    {{{"vocab.json", VOCAB},
      {"merges.txt", ""},
      {"tokenizer_config.json", "{\"add_bos_token\":true}"}},
     PC_ERR_INPUT,
     "add_bos_token is true, but there is no such token",
     -1},
    {{{"vocab.json", VOCAB},
      {"merges.txt", ""},
      {"tokenizer_config.json",
       "{\"added_tokens_decoder\":{\"4\":{\"content\":\"<s>\",\"special\":true}},"
       "\"bos_token\":\"<s>\"}"}},
     PC_OK,
     "",
     4},
};

Test(io_tokenizer, the_files_of_a_directory_say_what_begins_a_sequence)
{
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        pc_status status;
        pc_tokenizer *tokenizer = NULL;
        open_files(&status, &tokenizer, directories[i].files);
        cr_expect_eq(status, directories[i].status, "case %zu: %s", i, pc_last_error());
        if (status == PC_OK)
            cr_expect_eq(pc_tokenizer_bos(tokenizer), directories[i].bos, "case %zu: %d", i,
                         (int)pc_tokenizer_bos(tokenizer));
        else
            cr_expect_not_null(strstr(pc_last_error(), directories[i].message), "case %zu: \"%s\"",
                               i, pc_last_error());
        pc_tokenizer_free(tokenizer);
    }
}

Test(io_tokenizer, running_out_of_memory_leaves_nothing_behind)
{
    static const char *const names[] = {"added", "llama3", "pair-config", "neox", "mistral1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, GOLDEN "%s", names[i]);
        pc_status status = PC_ERR_NOMEM;
        for (int64_t n = 0; status != PC_OK; n += 1 + n / 16) {
            pc_tokenizer *tokenizer = NULL;
            int32_t *ids = NULL;
            size_t n_ids;
            pc_alloc_fail_after(n);
            status = pc_tokenizer_open(&tokenizer, path);
            if (status == PC_OK)
                status = pc_tokenizer_encode(&ids, &n_ids, tokenizer, " the cat\u00e8\u0323", 12,
                                             PC_BOS_AS_TOKENIZER);
            pc_alloc_fail_after(-1);
            cr_assert(status == PC_OK || status == PC_ERR_NOMEM, "%s, allocation %lld: %s",
                      names[i], (long long)n, pc_last_error());
            free(ids);
            pc_tokenizer_free(tokenizer);
        }
    }
}

Test(io_tokenizer, the_demo_model_has_words_and_nothing_else)
{
    pc_tokenizer *tokenizer = NULL;
    int32_t *ids;
    size_t n;
    if (!pc_file_exists(DEMO "/tokenizer.json")) cr_skip_test("no demo model");
    cr_assert_eq(pc_tokenizer_open(&tokenizer, DEMO), PC_OK, "%s", pc_last_error());
    int32_t bos = pc_tokenizer_bos(tokenizer);
    cr_expect_str_eq(pc_tokenizer_token(tokenizer, bos), "<bos>");
    cr_assert_eq(pc_tokenizer_encode(&ids, &n, tokenizer, " cat dog cat", 12, PC_BOS_AS_TOKENIZER),
                 PC_OK, "%s", pc_last_error());
    cr_expect(n == 4 && ids[0] == bos && ids[1] == ids[3] && ids[1] != ids[2]);
    cr_expect_str_eq(pc_tokenizer_token(tokenizer, ids[1]), " cat");
    char *text;
    size_t length;
    cr_assert_eq(pc_tokenizer_decode(&text, &length, tokenizer, ids, n), PC_OK);
    cr_expect_str_eq(text, "<bos> cat dog cat");
    free(text);
    free(ids);
    cr_expect_eq(pc_tokenizer_encode(&ids, &n, tokenizer, " cat zebra", 10, PC_BOS_NEVER),
                 PC_ERR_INPUT);
    cr_expect_not_null(strstr(pc_last_error(), "\" zebra\""), "%s", pc_last_error());
    pc_tokenizer_free(tokenizer);
}
