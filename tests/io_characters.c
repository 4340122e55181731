/* Tokenizers whose symbols are characters, and normal form C: decoding by tokens, what is refused,
 * how long it takes. Ids are compared with Hugging Face's in io_tokenizer.c. */
#define _POSIX_C_SOURCE 200809L
#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "io/nfc.h"
#include "io/tokenizer_parts.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GOLDEN PC_SOURCE_DIR "/tests/golden/tokenizers/"

static pc_tokenizer *open_golden(const char *name)
{
    char path[512];
    pc_tokenizer *tokenizer = NULL;
    snprintf(path, sizeof path, GOLDEN "%s", name);
    cr_assert_eq(pc_tokenizer_open(&tokenizer, path), PC_OK, "%s: %s", name, pc_last_error());
    return tokenizer;
}

static void expect_decoded(const pc_tokenizer *tokenizer, const json_t *row, const char *name,
                           int line)
{
    const json_t *list = json_object_get(row, "ids"), *expected = json_object_get(row, "decoded");
    size_t n = json_array_size(list), length;
    int32_t ids[16];
    char *text;
    cr_assert_leq(n, 16, "%s, line %d", name, line);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    cr_assert_eq(pc_tokenizer_decode(&text, &length, tokenizer, ids, n), PC_OK, "%s, line %d: %s",
                 name, line, pc_last_error());
    cr_expect(length == json_string_length(expected) &&
                  memcmp(text, json_string_value(expected), length) == 0,
              "%s, line %d: decoded to \"%s\", not \"%s\"", name, line, text,
              json_string_value(expected));
    free(text);
}

static const char *const goldens[] = {"llama2",    "mistral1", "mistral3", "gemma",
                                      "metaspace", "unknown",  "split"};
enum { N_GOLDENS = sizeof goldens / sizeof *goldens };

ParameterizedTestParameters(io_characters, any_ids_decode_as_in_hugging_face)
{
    static size_t index[N_GOLDENS];
    for (size_t i = 0; i < N_GOLDENS; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, N_GOLDENS);
}

ParameterizedTest(size_t *index, io_characters, any_ids_decode_as_in_hugging_face)
{
    char path[512], *bytes;
    size_t length;
    int n_lines = 0;
    const char *name = goldens[*index];
    pc_tokenizer *tokenizer = open_golden(name);
    snprintf(path, sizeof path, GOLDEN "%s/decoded.jsonl", name);
    cr_assert_eq(pc_file_read(&bytes, &length, path, 1 << 24), PC_OK, "%s", pc_last_error());
    for (char *line = bytes, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *row = json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
        n_lines++;
        cr_assert_not_null(row, "%s, line %d", name, n_lines);
        expect_decoded(tokenizer, row, name, n_lines);
        json_decref(row);
    }
    cr_expect_geq(n_lines, 80, "%s: only %d lines", name, n_lines);
    free(bytes);
    pc_tokenizer_free(tokenizer);
}

static void expect_shown(const pc_tokenizer *tokenizer, const char *text, const char *shown)
{
    const pc_token *token = pc_vocabulary_find(&tokenizer->vocabulary, text, strlen(text));
    cr_assert_not_null(token, "%s", text);
    cr_expect_str_eq(pc_tokenizer_token(tokenizer, token->id), shown, "%s is shown as \"%s\"", text,
                     pc_tokenizer_token(tokenizer, token->id));
}

Test(io_characters, a_token_is_shown_as_what_it_says)
{
    pc_tokenizer *tokenizer = open_golden("llama2");
    expect_shown(tokenizer, "\xe2\x96\x81the", " the");
    expect_shown(tokenizer, "\xe2\x96\x81\xe2\x96\x81", "  ");
    expect_shown(tokenizer, "<0x0A>", "\\x0a");
    expect_shown(tokenizer, "<0xE2>", "\\xe2");
    expect_shown(tokenizer, "<s>", "<s>");
    cr_expect_str_eq(pc_tokenizer_token(tokenizer, pc_tokenizer_bos(tokenizer)), "<s>");
    pc_tokenizer_free(tokenizer);
}

static double seconds_since(clock_t start)
{
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static size_t count(const char *name, const char *text, size_t length)
{
    pc_tokenizer *tokenizer = open_golden(name);
    int32_t *ids = NULL;
    size_t n = 0;
    cr_assert_eq(pc_tokenizer_encode(&ids, &n, tokenizer, text, length, PC_BOS_NEVER), PC_OK, "%s",
                 pc_last_error());
    free(ids);
    pc_tokenizer_free(tokenizer);
    return n;
}

/* One word of 400,000 bytes; as many marks in the worst order. */
Test(io_characters, long_texts_take_no_seconds)
{
    enum { N = 100000 };
    char *text = malloc(4 * N);
    clock_t start = clock();
    for (size_t i = 0; i < N; i++)
        memcpy(text + 4 * i, "the ", 4);
    cr_expect_eq(count("llama2", text, 4 * N), N + 1); /* and the last space */
    cr_expect_eq(count("gemma", text, 4 * N), N + 2);  /* the first has no mark: it is two */
    for (size_t i = 0; i < N; i++)
        memcpy(text + 4 * i, "\xcd\x85\xcc\x81", 4); /* U+0345, of class 240, U+0301, of 230 */
    cr_expect_eq(count("neox", text, 4 * N) % 2, 0);
    cr_expect_lt(seconds_since(start), 20, "%g s, sanitizers included", seconds_since(start));
    free(text);
}

static void put_code_point(pc_text *text, uint32_t code_point)
{
    char bytes[4];
    size_t length = pc_utf8_encode(bytes, code_point);
    pc_text_put_bytes(text, bytes, length);
}

/* Every code point alone, before and behind marks: the digest is of what `tokenizers` makes of it
 * (make_tokenizers.py), so that another utf8proc with another Unicode cannot change a token. */
Test(io_characters, form_c_of_every_code_point_is_that_of_hugging_face)
{
    char expected[128] = "", path[512], found[PC_DIGEST_CHARS];
    pc_text all = {0}, normal = {0};
    for (uint32_t c = 0; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000) continue;
        pc_text_put(&all, "e");
        put_code_point(&all, c);
        pc_text_put(&all, "\xcc\xb4\xcc\x81 "); /* U+0334, of class 1, U+0301 */
        put_code_point(&all, c);
        pc_text_put(&all, "\xcd\x85\xcc\x87"); /* U+0345, U+0307 */
        put_code_point(&all, c);
        pc_text_put(&all, "\n");
    }
    cr_assert_eq(pc_nfc_put(&normal, all.data, all.length), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_digest_bytes(found, normal.data, normal.length), PC_OK);
    snprintf(path, sizeof path, GOLDEN "nfc.sha256");
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(expected, sizeof expected, file));
    fclose(file);
    expected[strcspn(expected, "\n")] = 0;
    cr_expect_str_eq(found, expected);
    pc_text_free(&all);
    pc_text_free(&normal);
}

#define MARK "\xe2\x96\x81"
#define DECODERS(list) "{\"type\":\"Sequence\",\"decoders\":[" list "]}"
#define REPLACE "{\"type\":\"Replace\",\"pattern\":{\"String\":\"" MARK "\"},\"content\":\" \"}"
#define FALLBACK "{\"type\":\"ByteFallback\"}"
#define FUSE "{\"type\":\"Fuse\"}"
#define STRIP(stop) "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":" stop "}"
#define LLAMA DECODERS(REPLACE "," FALLBACK "," FUSE "," STRIP("0"))
#define META(more) "{\"type\":\"Metaspace\",\"replacement\":\"" MARK "\"" more "}"
#define STEPS(list) "{\"type\":\"Sequence\",\"normalizers\":[" list "]}"
#define PREPEND "{\"type\":\"Prepend\",\"prepend\":\"" MARK "\"}"
#define SPLIT(pattern, behavior)                                                                   \
    "{\"type\":\"Split\",\"pattern\":{" pattern "},\"behavior\":\"" behavior "\",\"invert\":"      \
    "false}"

/* A tokenizer.json of the parts that a case changes. */
typedef struct part_case {
    const char *normalizer, *pre, *decoder, *model;
    pc_status status;
    const char *message; /* a part of it, on failure */
} part_case;

static pc_tokenizer *parse(pc_status *status, const part_case *parts)
{
    pc_text json = {0};
    pc_tokenizer *tokenizer = pc_tokenizer_new();
    cr_assert_not_null(tokenizer);
    pc_text_printf(&json,
                   "{\"normalizer\":%s,\"pre_tokenizer\":%s,\"decoder\":%s,\"model\":{\"type\":"
                   "\"BPE\",%s\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"" MARK "\":3,\"<u>\":4},"
                   "\"merges\":[]}}",
                   parts->normalizer, parts->pre, parts->decoder, parts->model);
    cr_assert_eq(pc_text_status(&json), PC_OK);
    *status = pc_tokenizer_parse(tokenizer, json.data, json.length, "t.json");
    pc_text_free(&json);
    return tokenizer;
}

static const part_case cases[] = {
    {"null", "null", LLAMA, "", PC_OK, ""},
    {STEPS(""), META(",\"prepend_scheme\":\"first\""), LLAMA, "", PC_OK, ""},
    {"null", META(",\"add_prefix_space\":true,\"split\":null"), META(""), "", PC_OK, ""},
    {PREPEND, "null", DECODERS(FUSE), "\"unk_token\":\"<u>\",\"fuse_unk\":true,", PC_OK, ""},
    {"{\"type\":\"NFKC\"}", "null", LLAMA, "", PC_ERR_UNSUPPORTED, "normalizer \"NFKC\""},
    {STEPS("{\"type\":\"Lowercase\"}"), "null", LLAMA, "", PC_ERR_UNSUPPORTED,
     "normalizer \"Lowercase\""},
    {STEPS(STEPS("")), "null", LLAMA, "", PC_ERR_UNSUPPORTED, "normalizer \"Sequence\""},
    {STEPS(PREPEND "," PREPEND "," PREPEND "," PREPEND "," PREPEND), "null", LLAMA, "",
     PC_ERR_UNSUPPORTED, "normalizer Sequence: more than 4 steps"},
    {"{\"type\":\"Prepend\",\"prepend\":\"123456789\"}", "null", LLAMA, "", PC_ERR_UNSUPPORTED,
     "prepend of 9 bytes"},
    {"{\"type\":\"Prepend\",\"prepend\":\"\"}", "null", LLAMA, "", PC_ERR_UNSUPPORTED,
     "an empty prepend"},
    {"{\"type\":\"Prepend\",\"prepend\":\"a\",\"x\":1}", "null", LLAMA, "", PC_ERR_UNSUPPORTED,
     "key \"x\""},
    {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" +\"},\"content\":\"b\"}", "null", LLAMA, "",
     PC_ERR_UNSUPPORTED, "normalizer Replace: a pattern other than"},
    {"{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"b\"}", "null", LLAMA, "",
     PC_ERR_UNSUPPORTED, "a pattern of 0 bytes"},
    {"{\"type\":\"Sequence\",\"normalizers\":{}}", "null", LLAMA, "", PC_ERR_INPUT,
     "normalizers is an object, expected an array"},
    {"null", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true}", LLAMA, "",
     PC_ERR_UNSUPPORTED, "without decoder ByteLevel, pre_tokenizer \"ByteLevel\""},
    {"null", META(",\"prepend_scheme\":\"last\""), LLAMA, "", PC_ERR_UNSUPPORTED,
     "prepend_scheme \"last\""},
    {"null", META(",\"add_prefix_space\":false"), LLAMA, "", PC_ERR_INPUT,
     "add_prefix_space is false, but prepend_scheme is \"always\""},
    {"null", META(",\"surprise\":1"), LLAMA, "", PC_ERR_UNSUPPORTED, "key \"surprise\""},
    {"null", "{\"type\":\"Metaspace\",\"replacement\":\"__\"}", LLAMA, "", PC_ERR_UNSUPPORTED,
     "replacement \"__\" is not one character"},
    {PREPEND, META(",\"prepend_scheme\":\"first\""), LLAMA, "", PC_ERR_UNSUPPORTED,
     "prepend_scheme \"first\" is not supported beside a normalizer"},
    {"null", SPLIT("\"Regex\":\" \"", "MergedWithPrevious"), LLAMA, "", PC_ERR_UNSUPPORTED,
     "pre_tokenizer Split: a pattern other than"},
    {"null", SPLIT("\"String\":\" \"", "Removed"), LLAMA, "", PC_ERR_UNSUPPORTED,
     "behavior \"Removed\""},
    {"null", "null", "null", "", PC_ERR_UNSUPPORTED, "decoder null"},
    {"null", "null", "{\"type\":\"WordPiece\"}", "", PC_ERR_UNSUPPORTED, "decoder \"WordPiece\""},
    {"null", "null", DECODERS(FUSE "," FALLBACK), "", PC_ERR_UNSUPPORTED,
     "in this place, \"ByteFallback\""},
    {"null", "null", DECODERS(REPLACE "," STRIP("0")), "", PC_ERR_UNSUPPORTED,
     "in this place, \"Strip\""},
    {"null", "null", DECODERS(FUSE "," STRIP("1")), "", PC_ERR_UNSUPPORTED, "stop 1"},
    {"null", "null",
     DECODERS("{\"type\":\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":"
              "\" \"}"),
     "", PC_ERR_UNSUPPORTED, "an ASCII pattern, \"x\""},
    {"null", "null",
     DECODERS("{\"type\":\"Replace\",\"pattern\":{\"String\":\"" MARK "\"},\"content\":\"_\"}"), "",
     PC_ERR_UNSUPPORTED, "a content other than \" \""},
    {"null", "null", LLAMA, "\"byte_fallback\":true,", PC_ERR_UNSUPPORTED, "<0x00> to <0xFF>"},
    {"null", "null", LLAMA, "\"unk_token\":\"<v>\",", PC_ERR_INPUT,
     "unk_token \"<v>\" is not in the vocabulary"},
};

Test(io_characters, what_is_not_implemented_is_refused_by_name)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pc_status status;
        pc_tokenizer *tokenizer = parse(&status, &cases[i]);
        cr_expect_eq(status, cases[i].status, "case %zu, \"%s\": %s", i, cases[i].message,
                     pc_last_error());
        if (status != PC_OK)
            cr_expect_not_null(strstr(pc_last_error(), cases[i].message), "case %zu: \"%s\"", i,
                               pc_last_error());
        pc_tokenizer_free(tokenizer);
    }
}

Test(io_characters, a_character_without_a_token_is_refused_where_nothing_stands_for_it)
{
    pc_status status;
    int32_t *ids;
    size_t n;
    pc_tokenizer *tokenizer = parse(&status, &cases[0]);
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_tokenizer_encode(&ids, &n, tokenizer, "ab\xc3\xa9", 4, PC_BOS_NEVER),
                 PC_ERR_INPUT);
    cr_expect_str_eq(pc_last_error(),
                     "text: the vocabulary has no token for \"ab\xc3\xa9\" nor for "
                     "its character at byte 2, 0xc3");
    pc_tokenizer_free(tokenizer);

    tokenizer = parse(&status, &cases[3]);
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_tokenizer_encode(&ids, &n, tokenizer, "xyax", 4, PC_BOS_NEVER), PC_OK, "%s",
                 pc_last_error());
    cr_expect(n == 4 && ids[0] == 3 && ids[1] == 4 && ids[2] == 0 && ids[3] == 4, "%zu ids", n);
    free(ids);
    pc_tokenizer_free(tokenizer);
}
