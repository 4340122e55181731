/* safetensors files: every rule has a file that breaks it, every value comes out as it went in. */
#define _POSIX_C_SOURCE 200809L
#include "support/test_folder.h"

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "io/safetensors.h"
#include "io/safetensors_header.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(io_safetensors, .init = test_folder_set_up, .fini = test_folder_clean_up);

static void write_bytes(const char *name, const void *bytes, size_t length)
{
    char *path = pc_path_join(test_folder, name);
    cr_assert_eq(pc_file_replace(path, bytes, length), PC_OK, "%s", pc_last_error());
    free(path);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* The length prefix (`length`), the header and `data_bytes` of data, each byte its own index. */
static size_t build(unsigned char *out, uint64_t length, const char *header, size_t data_bytes)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(length >> (8 * i));
    size_t n = strlen(header);
    memcpy(out + 8, header, n);
    for (size_t i = 0; i < data_bytes; i++)
        out[8 + n + i] = (unsigned char)i;
    return 8 + n + data_bytes;
}

static void write_tensors(const char *name, const char *header, size_t data_bytes)
{
    unsigned char bytes[4096];
    cr_assert(strlen(header) + data_bytes + 8 <= sizeof bytes);
    write_bytes(name, bytes, build(bytes, strlen(header), header, data_bytes));
}

static pc_checkpoint *open_checkpoint(void)
{
    pc_checkpoint *checkpoint;
    cr_assert_eq(pc_checkpoint_open(&checkpoint, test_folder), PC_OK, "%s", pc_last_error());
    return checkpoint;
}

static void expect_refusal(const char *name, pc_status status, const char *message)
{
    pc_checkpoint *checkpoint;
    pc_status found = pc_checkpoint_open(&checkpoint, test_folder);
    cr_expect_eq(found, status, "%s: %s: %s", name, pc_status_name(found), pc_last_error());
    cr_expect(strstr(pc_last_error(), message), "%s: %s", name, pc_last_error());
    cr_expect_null(checkpoint, "%s", name);
    pc_checkpoint_free(checkpoint);
}

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define B "\"b\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[8,12]}"

/* A header with one tensor. */
#define ONE(dtype, shape, offsets)                                                                 \
    "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}}"

static const struct {
    const char *name, *header;
    size_t data_bytes;
} good[] = {
    {"two tensors", "{" A "," B "}", 12},
    {"any order", "{" B "," A "}", 12},
    {"metadata", "{\"__metadata__\":{\"format\":\"pt\"}," A "}", 8},
    {"white space before and behind", " \n\t{" A "}   ", 8},
    {"no tensors", "{}", 0},
    {"a scalar", ONE("F64", "", "0,8"), 8},
    {"empty tensors beside full ones",
     "{\"e\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[8,8]}," A
     ",\"f\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}," B "}",
     12},
    {"rank 8", ONE("U8", "1,2,1,2,1,1,1,1", "0,4"), 4},
    {"elements of 4 bits", ONE("F4", "2", "0,1"), 1},
    {"elements of 6 bits", ONE("F6_E2M3", "4", "0,3"), 3},
};

ParameterizedTestParameters(io_safetensors, legal_files_open)
{
    static size_t index[sizeof good / sizeof *good];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof good / sizeof *good);
}

ParameterizedTest(size_t *index, io_safetensors, legal_files_open)
{
    write_tensors("model.safetensors", good[*index].header, good[*index].data_bytes);
    pc_checkpoint *checkpoint;
    cr_assert_eq(pc_checkpoint_open(&checkpoint, test_folder), PC_OK, "%s: %s", good[*index].name,
                 pc_last_error());
    for (size_t i = 1; i < pc_checkpoint_count(checkpoint); i++)
        cr_expect(strcmp(pc_checkpoint_at(checkpoint, i - 1)->name,
                         pc_checkpoint_at(checkpoint, i)->name) < 0,
                  "%s: tensor %zu", good[*index].name, i);
    pc_checkpoint_free(checkpoint);
}

/* `data_bytes` is 12 unless a case is about it; `lie` is added to the length that the file states.
 */
static const struct {
    const char *name, *header;
    size_t data_bytes;
    long long lie;
    pc_status status;
    const char *message;
} bad[] = {
    {"length beyond the file", "{" A "}", 8, 9, PC_ERR_INPUT, "but the file has"},
    {"length above the format's limit", "{" A "}", 8, 100000000, PC_ERR_INPUT,
     "expected at most 100000000"},
    {"length that overflows", "{" A "}", 8, -1000, PC_ERR_INPUT, "a header of 18446744073709550"},
    {"length one too short", "{" A "}", 8, -1, PC_ERR_INPUT, "header:1:"},
    {"length one too long", "{" A "}", 8, 1, PC_ERR_INPUT, "not valid JSON"},
    {"length of 0", "{" A "}", 8, -54, PC_ERR_INPUT, "not valid JSON"},
    {"not JSON", "[" A "}", 8, 0, PC_ERR_INPUT, "not valid JSON"},
    {"not an object", "[1, 2]", 0, 0, PC_ERR_INPUT, "the header is an array of 2"},
    {"a number alone", "17", 0, 0, PC_ERR_INPUT, "the header is 17"},
    {"bytes that are not UTF-8", "{\"a\xff\":{}}", 0, 0, PC_ERR_INPUT, "unable to decode byte"},
    {"a name with a 0 inside", "{\"a\\u0000b\":{}}", 0, 0, PC_ERR_INPUT, "not valid JSON"},
    {"two values", "{" A "}{}", 8, 0, PC_ERR_INPUT, "not valid JSON"},
    {"a tensor twice", "{" A "," A "}", 8, 0, PC_ERR_INPUT, "duplicate"},
    {"a key twice",
     "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, 0,
     PC_ERR_INPUT, "duplicate"},
    {"deep nesting", "{\"a\":[[[[[[[[[[", 0, 0, PC_ERR_INPUT, "nested deeper than 3"},
    {"metadata that is no object", "{\"__metadata__\":3," A "}", 8, 0, PC_ERR_INPUT,
     "__metadata__ is 3, expected an object"},
    {"metadata that is no string", "{\"__metadata__\":{\"format\":3}," A "}", 8, 0, PC_ERR_INPUT,
     "__metadata__: format is 3, expected a string"},
    {"an entry that is no object", "{\"a\":[]}", 0, 0, PC_ERR_INPUT, "a is an array of 0"},
    {"an unknown key",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1],\"strides\":1}}", 1, 0,
     PC_ERR_INPUT, "unknown key \"strides\""},
    {"no dtype", "{\"a\":{\"shape\":[],\"data_offsets\":[0,1]}}", 1, 0, PC_ERR_INPUT,
     "dtype is missing"},
    {"unknown dtype", ONE("F33", "2", "0,8"), 8, 0, PC_ERR_INPUT, "a: dtype is \"F33\""},
    {"no shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, 0, PC_ERR_INPUT,
     "shape is missing"},
    {"negative extent", ONE("F32", "-2", "0,8"), 8, 0, PC_ERR_INPUT, "a: shape[0] is -2"},
    {"an extent that is no integer", ONE("F32", "2.0", "0,8"), 8, 0, PC_ERR_INPUT,
     "a: shape[0] is 2, expected an integer"},
    {"rank 9", ONE("U8", "1,1,1,1,1,1,1,1,1", "0,1"), 1, 0, PC_ERR_UNSUPPORTED,
     "a: rank 9, expected at most 8"},
    {"shape that overflows", ONE("U8", "4294967296,4294967296", "0,0"), 0, 0, PC_ERR_INPUT,
     "the product overflows"},
    {"empty shape that overflows", ONE("U8", "0,4294967296,4294967296", "0,0"), 0, 0, PC_ERR_INPUT,
     "the product overflows"},
    {"bits that overflow", ONE("F64", "2305843009213693952", "0,0"), 0, 0, PC_ERR_INPUT,
     "of 64 bits overflow"},
    {"an extent above 64 bits", ONE("U8", "18446744073709551617", "0,1"), 1, 0, PC_ERR_INPUT,
     "not valid JSON"},
    {"half a byte", ONE("F4", "3", "0,2"), 2, 0, PC_ERR_INPUT, "expected whole bytes"},
    {"no offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 1, 0, PC_ERR_INPUT,
     "data_offsets is missing"},
    {"one offset", ONE("U8", "", "1"), 1, 0, PC_ERR_INPUT, "data_offsets has 1 numbers"},
    {"negative offset", ONE("F32", "2", "-8,0"), 8, 0, PC_ERR_INPUT, "a: data_offsets[0] is -8"},
    {"offsets backwards", ONE("F32", "2", "8,0"), 8, 0, PC_ERR_INPUT, "run backwards"},
    {"offsets beyond the file", ONE("F32", "2", "0,8"), 7, 0, PC_ERR_INPUT,
     "data ends at 8, but the file has 7 bytes"},
    {"shape smaller than the data", ONE("F32", "1", "0,8"), 8, 0, PC_ERR_INPUT,
     "span 8 bytes, F32 and the shape ask for 4"},
    {"a hole at the begin", ONE("F32", "2", "1,9"), 9, 0, PC_ERR_INPUT,
     "a: data begins at 1, expected 0: a hole"},
    {"a hole", "{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[9,13]}}", 13, 0,
     PC_ERR_INPUT, "b: data begins at 9, expected 8: a hole"},
    {"an overlap", "{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[7,11]}}", 11, 0,
     PC_ERR_INPUT, "b: data begins at 7, expected 8: tensors overlap"},
    {"two tensors in one place",
     "{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, 0, PC_ERR_INPUT,
     "data begins at 0, expected 8: tensors overlap"},
    {"trailing bytes", "{" A "}", 9, 0, PC_ERR_INPUT, ": 1 bytes behind the last tensor"},
    {"data without tensors", "{}", 1, 0, PC_ERR_INPUT, "safetensors:10: 1 bytes behind"},
};

ParameterizedTestParameters(io_safetensors, broken_files_are_refused_with_the_reason)
{
    static size_t index[sizeof bad / sizeof *bad];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof bad / sizeof *bad);
}

ParameterizedTest(size_t *index, io_safetensors, broken_files_are_refused_with_the_reason)
{
    unsigned char bytes[4096];
    uint64_t length = strlen(bad[*index].header) + (uint64_t)bad[*index].lie;
    write_bytes("model.safetensors", bytes,
                build(bytes, length, bad[*index].header, bad[*index].data_bytes));
    expect_refusal(bad[*index].name, bad[*index].status, bad[*index].message);
    cr_expect(strstr(pc_last_error(), "model.safetensors"), "%s: %s", bad[*index].name,
              pc_last_error());
}

Test(io_safetensors, every_shorter_file_is_refused)
{
    unsigned char bytes[4096];
    size_t length = build(bytes, strlen("{" A "," B "}"), "{" A "," B "}", 12);
    for (size_t n = 0; n < length; n++) {
        char name[32];
        snprintf(name, sizeof name, "%zu bytes", n);
        write_bytes("model.safetensors", bytes, n);
        expect_refusal(name, PC_ERR_INPUT, "model.safetensors");
    }
}

/* What the fuzzer checks too: whatever is accepted covers the file exactly. */
Test(io_safetensors, every_wrong_byte_is_refused_or_harmless)
{
    static const char header[] = "{\"__metadata__\":{\"k\":\"v\"}," A "," B "}";
    static const char replacements[] = "\0 09-\"\\{}[],:.e\x7f\x80\xff";
    enum { LENGTH = sizeof header - 1 };
    for (size_t i = 0; i < LENGTH * (sizeof replacements - 1); i++) {
        char changed[LENGTH];
        size_t at = i / (sizeof replacements - 1);
        memcpy(changed, header, LENGTH);
        changed[at] = replacements[i % (sizeof replacements - 1)];
        pc_tensor_table table;
        if (pc_safetensors_parse(&table, changed, LENGTH, 8 + LENGTH + 12, "f") == PC_OK) {
            uint64_t end = 8 + LENGTH;
            for (size_t t = 0; t < table.count; end += table.tensors[t++].bytes)
                cr_expect_eq(table.tensors[t].offset, end, "byte %zu: %.*s", at, (int)LENGTH,
                             changed);
            cr_expect_eq(end, 8 + LENGTH + 12, "byte %zu: %.*s", at, (int)LENGTH, changed);
        } else {
            cr_expect(strncmp(pc_last_error(), "f: ", 3) == 0 ||
                          strncmp(pc_last_error(), "f:1", 3) == 0,
                      "byte %zu: %s", at, pc_last_error());
        }
        pc_tensor_table_free(&table);
    }
}

Test(io_safetensors, a_header_with_too_many_values_is_refused_before_it_is_parsed)
{
    enum { LENGTH = 4000000 };
    char *header = malloc(LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        header[i] = i % 2 ? ',' : '0';
    memcpy(header, "{\"a\":[", 6);
    pc_tensor_table table;
    cr_expect_eq(pc_safetensors_parse(&table, header, LENGTH, 8 + LENGTH, "f"), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "more than 1500000 values"), "%s", pc_last_error());
    free(header);
}

Test(io_safetensors, ten_thousand_tensors_are_found_by_name)
{
    enum { COUNT = 10000 };
    char *header = malloc(COUNT * 80);
    size_t length = 0;
    for (int i = COUNT - 1; i >= 0; i--)
        length += (size_t)sprintf(header + length,
                                  "%c\"t.%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,"
                                  "%d]}",
                                  i == COUNT - 1 ? '{' : ',', i, i, i + 1);
    strcpy(header + length++, "}");
    unsigned char *bytes = malloc(length + COUNT + 8);
    write_bytes("model.safetensors", bytes, build(bytes, length, header, COUNT));
    pc_checkpoint *checkpoint = open_checkpoint();
    cr_expect_eq(pc_checkpoint_count(checkpoint), COUNT);
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "t.%d", i);
        const pc_tensor *tensor = pc_checkpoint_find(checkpoint, name);
        cr_assert(tensor && tensor->offset == 8 + length + (size_t)i, "%s", name);
    }
    cr_expect_null(pc_checkpoint_find(checkpoint, "t.10000"));
    pc_checkpoint_free(checkpoint);
    free(bytes);
    free(header);
}

/* ---- values ---- */

/* A file with one tensor `a` of `count` elements holding `data`. */
static pc_checkpoint *open_values(const char *dtype, size_t count, const void *data, size_t bytes)
{
    char header[256];
    snprintf(header, sizeof header,
             "{\"a\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}", dtype, count,
             bytes);
    unsigned char *file = malloc(8 + strlen(header) + bytes);
    size_t length = build(file, strlen(header), header, bytes);
    memcpy(file + length - bytes, data, bytes);
    write_bytes("model.safetensors", file, length);
    free(file);
    return open_checkpoint();
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* IEEE 754, section 3.4: the value of a half from its three fields. */
static double half_value(unsigned half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double sign = half & 0x8000 ? -1 : 1;
    if (exponent == 31) return fraction ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, -24);
    return sign * ldexp(1024 + fraction, exponent - 25);
}

enum { ALL_16_BITS = 65536 };

/* What every pattern of 16 bits reads as. */
static void read_all_patterns(float *values, const char *dtype)
{
    static unsigned char raw[2 * ALL_16_BITS];
    for (size_t i = 0; i < ALL_16_BITS; i++) {
        raw[2 * i] = (unsigned char)(i & 255);
        raw[2 * i + 1] = (unsigned char)(i >> 8);
    }
    pc_checkpoint *checkpoint = open_values(dtype, ALL_16_BITS, raw, sizeof raw);
    const pc_tensor *tensor = pc_checkpoint_find(checkpoint, "a");
    cr_assert_eq(pc_checkpoint_read_f32(values, checkpoint, tensor, 0, ALL_16_BITS), PC_OK);
    pc_checkpoint_free(checkpoint);
}

Test(io_safetensors, every_f16_converts_exactly)
{
    static float values[ALL_16_BITS];
    read_all_patterns(values, "F16");
    for (unsigned i = 0; i < ALL_16_BITS; i++) {
        double expected = half_value(i);
        uint32_t bits = bits_of(values[i]);
        if (isnan(expected)) /* sign and payload stay */
            cr_assert_eq(bits, (i & 0x8000) << 16 | 0x7f800000 | (i & 1023) << 13, "%x", i);
        else cr_assert(values[i] == expected && bits >> 31 == i >> 15, "%x: %a", i, values[i]);
    }
}

Test(io_safetensors, every_bf16_converts_exactly)
{
    static float values[ALL_16_BITS];
    read_all_patterns(values, "BF16");
    for (uint32_t i = 0; i < ALL_16_BITS; i++)
        cr_assert_eq(bits_of(values[i]), i << 16, "%x", (unsigned)i);
}

Test(io_safetensors, f32_bits_and_f64_values_come_through)
{
    /* little endian: 1, -0, a signalling NaN with a payload, the least subnormal, -inf */
    static const unsigned char raw[] = {0,    0,    0x80, 0x3f, 0, 0, 0, 0x80, 0x34, 0x12,
                                        0xa0, 0x7f, 1,    0,    0, 0, 0, 0,    0x80, 0xff};
    static const uint32_t expected[] = {0x3f800000, 0x80000000, 0x7fa01234, 1, 0xff800000};
    float values[5];
    pc_checkpoint *checkpoint = open_values("F32", 5, raw, sizeof raw);
    cr_assert_eq(pc_checkpoint_read_f32(values, checkpoint, pc_checkpoint_at(checkpoint, 0), 0, 5),
                 PC_OK);
    for (int i = 0; i < 5; i++)
        cr_expect_eq(bits_of(values[i]), expected[i], "value %d is %x", i, bits_of(values[i]));
    pc_checkpoint_free(checkpoint);

    static const unsigned char wide[] = {0,    0,    0,    0,    0,    0,    0xf8, 0x3f, /* 1.5 */
                                         0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0xbf, /* -0.1 */
                                         0,    0,    0,    0,    0,    0,    0xf0, 0x7f};
    checkpoint = open_values("F64", 3, wide, sizeof wide);
    cr_assert_eq(pc_checkpoint_read_f32(values, checkpoint, pc_checkpoint_at(checkpoint, 0), 0, 3),
                 PC_OK);
    cr_expect(values[0] == 1.5f && values[1] == -0.1f && values[2] == INFINITY, "%a %a %a",
              values[0], values[1], values[2]);
    pc_checkpoint_free(checkpoint);
}

static const struct {
    const char *dtype;
    size_t width;
} readable[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}};

/* Ranges that begin and end off the reader's internal chunks. */
Test(io_safetensors, any_range_reads_as_the_whole_does)
{
    enum { COUNT = 100003 };
    static const int64_t ranges[][2] = {{0, 0},     {0, 1},     {7, 16384}, {8191, 40000},
                                        {32767, 2}, {99999, 4}, {COUNT, 0}, {COUNT - 1, 1}};
    unsigned char *raw = malloc(8 * COUNT);
    float *whole = malloc(COUNT * sizeof *whole), *part = malloc(COUNT * sizeof *part);
    for (size_t i = 0; i < 8 * COUNT; i++)
        raw[i] = (unsigned char)(i * 2654435761u >> 13);
    for (size_t d = 0; d < sizeof readable / sizeof *readable; d++) {
        pc_checkpoint *checkpoint =
            open_values(readable[d].dtype, COUNT, raw, readable[d].width * COUNT);
        const pc_tensor *tensor = pc_checkpoint_find(checkpoint, "a");
        cr_assert_eq(pc_checkpoint_read_f32(whole, checkpoint, tensor, 0, COUNT), PC_OK);
        for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
            int64_t first = ranges[r][0], count = ranges[r][1];
            cr_assert_eq(pc_checkpoint_read_f32(part, checkpoint, tensor, first, count), PC_OK);
            cr_expect_arr_eq(part, whole + first, (size_t)count * sizeof *part, "%s range %zu",
                             readable[d].dtype, r);
        }
        pc_checkpoint_free(checkpoint);
    }
    free(part);
    free(whole);
    free(raw);
}

Test(io_safetensors, ranges_outside_the_tensor_and_other_types_are_refused)
{
    static const int64_t ranges[][2] = {
        {-1, 1}, {0, -1}, {0, 3}, {2, 1}, {3, 0}, {1, INT64_MAX}, {INT64_MAX, INT64_MAX}};
    float values[4];
    write_tensors("model.safetensors", "{" A "," B "}", 12);
    pc_checkpoint *checkpoint = open_checkpoint();
    const pc_tensor *a = pc_checkpoint_find(checkpoint, "a");
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
        cr_expect_eq(pc_checkpoint_read_f32(values, checkpoint, a, ranges[r][0], ranges[r][1]),
                     PC_ERR_ARG, "range %zu", r);
    const pc_tensor *b = pc_checkpoint_find(checkpoint, "b");
    cr_expect_eq(pc_checkpoint_read_f32(values, checkpoint, b, 0, 4), PC_ERR_UNSUPPORTED);
    cr_expect(strstr(pc_last_error(), "model.safetensors: b is U8"), "%s", pc_last_error());
    pc_checkpoint_free(checkpoint);
}

Test(io_safetensors, a_file_cut_while_open_is_an_error)
{
    float values[2];
    write_tensors("model.safetensors", "{" A "}", 8);
    pc_checkpoint *checkpoint = open_checkpoint();
    const pc_tensor *tensor = pc_checkpoint_find(checkpoint, "a");
    cr_assert_eq(truncate(pc_checkpoint_file(checkpoint, tensor), 60), 0);
    cr_expect_eq(pc_checkpoint_read_f32(values, checkpoint, tensor, 0, 2), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "the file ends here"), "%s", pc_last_error());
    pc_checkpoint_free(checkpoint);
}

/* ---- directories ---- */

#define SHARD_A "model-00001-of-00002.safetensors"
#define SHARD_B "model-00002-of-00002.safetensors"
#define B_ALONE                                                                                    \
    "{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"                              \
    "\"c\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}"

static void write_shards(const char *index)
{
    write_tensors(SHARD_A, "{" A "}", 8);
    write_tensors(SHARD_B, B_ALONE, 8);
    write_text("model.safetensors.index.json", index);
}

Test(io_safetensors, shards_open_by_their_index_and_the_unlisted_is_ignored)
{
    write_shards("{\"metadata\":{\"total_size\":1},\"junk\":[[]],\"weight_map\":{\"b\":\"" SHARD_B
                 "\",\"a\":\"" SHARD_A "\",\"c\":{\"file\":\"" SHARD_B "\"}}}");
    pc_checkpoint *checkpoint = open_checkpoint();
    cr_expect_eq(pc_checkpoint_count(checkpoint), 2);
    cr_expect_null(pc_checkpoint_find(checkpoint, "c"));
    const pc_tensor *b = pc_checkpoint_find(checkpoint, "b");
    cr_assert(b && b->rank == 1 && b->shape[0] == 4 && b->dtype == PC_DTYPE_U8);
    cr_expect(strstr(pc_checkpoint_file(checkpoint, b), SHARD_B));
    cr_expect_eq(pc_checkpoint_at(checkpoint, 1), b);
    pc_checkpoint_free(checkpoint);
}

static const struct {
    const char *name, *index, *message;
} bad_indexes[] = {
    {"missing shard", "{\"weight_map\":{\"a\":\"gone.safetensors\"}}",
     "gone.safetensors: No such file"},
    {"wrong shard", "{\"weight_map\":{\"a\":\"" SHARD_B "\"}}", "which does not have it"},
    {"parent folder", "{\"weight_map\":{\"a\":\"../" SHARD_A "\"}}", "the bare name"},
    {"folder below", "{\"weight_map\":{\"a\":\"x/" SHARD_A "\"}}", "the bare name"},
    {"absolute path", "{\"weight_map\":{\"a\":\"/" SHARD_A "\"}}", "the bare name"},
    {"dots alone", "{\"weight_map\":{\"a\":\"..\"}}", "the bare name"},
    {"backslashes", "{\"weight_map\":{\"a\":\"x\\\\" SHARD_A "\"}}", "the bare name"},
    {"another kind of file", "{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}",
     "the bare name"},
    {"no name", "{\"weight_map\":{\"a\":\"\"}}", "the bare name"},
    {"a tensor twice", "{\"weight_map\":{\"a\":\"" SHARD_A "\",\"a\":\"" SHARD_B "\"}}",
     "duplicate"},
    {"no map", "{\"metadata\":{}}", "weight_map is missing, expected an object"},
    {"a map that is no object", "{\"weight_map\":[]}", "weight_map is an array of 0"},
    {"empty map", "{\"weight_map\":{}}", "names no tensor"},
    {"not an object", "[]", "weight_map is missing"},
    {"not JSON", "{", "index.json:1:"},
};

Test(io_safetensors, broken_indexes_are_refused_with_the_reason)
{
    for (size_t i = 0; i < sizeof bad_indexes / sizeof *bad_indexes; i++) {
        write_shards(bad_indexes[i].index);
        expect_refusal(bad_indexes[i].name, PC_ERR_INPUT, bad_indexes[i].message);
        cr_expect(strstr(pc_last_error(), "model.safetensors.index.json"), "%s: %s",
                  bad_indexes[i].name, pc_last_error());
    }
}

Test(io_safetensors, a_truncated_shard_is_refused)
{
    write_shards("{\"weight_map\":{\"a\":\"" SHARD_A "\",\"b\":\"" SHARD_B "\"}}");
    char *path = pc_path_join(test_folder, SHARD_B);
    struct stat facts;
    cr_assert(stat(path, &facts) == 0 && truncate(path, facts.st_size - 1) == 0);
    expect_refusal("truncated", PC_ERR_INPUT, SHARD_B ": c: data ends at 8");
    free(path);
}

Test(io_safetensors, a_directory_without_one_model_says_what_was_looked_for)
{
    expect_refusal("empty", PC_ERR_INPUT,
                   "looked for model.safetensors, model.safetensors.index.json and *.safetensors");
    write_text("pytorch_model.bin", "x");
    expect_refusal("pickle", PC_ERR_INPUT, "a pickle, which is never read");
    write_tensors("weights.safetensors", "{" A "}", 8);
    write_text("._weights.safetensors", "left by another system");
    pc_checkpoint *checkpoint = open_checkpoint();
    cr_expect_eq(pc_checkpoint_count(checkpoint), 1);
    pc_checkpoint_free(checkpoint);
    write_tensors("other.safetensors", "{" A "}", 8);
    expect_refusal("two", PC_ERR_INPUT, "2 *.safetensors files");
    write_text("model.safetensors", "version https://git-lfs.github.com/spec/v1\n");
    expect_refusal("pointer", PC_ERR_INPUT, "Git LFS pointer");
}

Test(io_safetensors, special_files_are_refused)
{
    char *path = pc_path_join(test_folder, "model.safetensors");
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_refusal("fifo", PC_ERR_INPUT, "expected a regular file");
    unlink(path);
    cr_assert_eq(symlink("gone", path), 0);
    expect_refusal("dangling link", PC_ERR_INPUT, "model.safetensors: No such file");
    free(path);
    pc_checkpoint *checkpoint;
    cr_expect_eq(pc_checkpoint_open(&checkpoint, "/nowhere/at/all"), PC_ERR_INPUT);
    cr_expect_str_eq(pc_last_error(), "/nowhere/at/all: No such file or directory");
}

static void digest_of(char hex[PC_DIGEST_CHARS])
{
    pc_digest *digest;
    pc_checkpoint *checkpoint = open_checkpoint();
    cr_assert_eq(pc_digest_new(&digest), PC_OK);
    cr_assert_eq(pc_checkpoint_digest(digest, checkpoint), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_digest_finish(hex, digest), PC_OK);
    pc_digest_free(digest);
    pc_checkpoint_free(checkpoint);
}

Test(io_safetensors, the_digest_is_that_of_the_files_in_order_of_name)
{
    char found[PC_DIGEST_CHARS], expected[PC_DIGEST_CHARS];
    unsigned char bytes[4096];
    size_t a = build(bytes, strlen("{" A "}"), "{" A "}", 8);
    size_t b = build(bytes + a, strlen(B_ALONE), B_ALONE, 8);
    write_shards("{\"weight_map\":{\"b\":\"" SHARD_B "\",\"a\":\"" SHARD_A "\"}}");
    digest_of(found);
    cr_assert_eq(pc_digest_bytes(expected, bytes, a + b), PC_OK);
    cr_expect_str_eq(found, expected);
    write_bytes("model.safetensors", bytes, a);
    digest_of(found);
    cr_assert_eq(pc_digest_bytes(expected, bytes, a), PC_OK);
    cr_expect_str_eq(found, expected);
}

/* Each allocation fails once: the open fails cleanly (the leak check sees the rest). */
Test(io_safetensors, running_out_of_memory_while_opening_leaves_nothing_behind)
{
    write_shards("{\"weight_map\":{\"a\":\"" SHARD_A "\",\"b\":\"" SHARD_B "\"}}");
    int64_t n = 0;
    for (;; n++) {
        pc_checkpoint *checkpoint;
        pc_alloc_fail_after(n);
        pc_status status = pc_checkpoint_open(&checkpoint, test_folder);
        pc_alloc_fail_after(-1);
        if (status == PC_OK) {
            pc_checkpoint_free(checkpoint);
            break;
        }
        cr_assert_eq(status, PC_ERR_NOMEM, "allocation %lld: %s", (long long)n, pc_last_error());
        cr_assert_null(checkpoint);
    }
    cr_expect_geq(n, 10, "only %lld allocations failed", (long long)n);
}
