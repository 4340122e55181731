/* Parses the header of a safetensors file: the format's rules, each with its message. */
#include "io/safetensors_header.h"

#include "base/json.h"
#include "base/memory.h"
#include "io/json_limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The format sets the first; 14 values a tensor at rank 8 lead to the third. */
enum {
    MAX_HEADER_BYTES = 100000000,
    MAX_TENSORS = 100000,
    MAX_JSON_VALUES = 1500000,
    JSON_DEPTH = 3,
    NAME_SHOWN = 200
};

static const struct {
    const char *name;
    unsigned bits;
} dtypes[] = {
    [PC_DTYPE_BOOL] = {"BOOL", 8},
    [PC_DTYPE_F4] = {"F4", 4},
    [PC_DTYPE_F6_E2M3] = {"F6_E2M3", 6},
    [PC_DTYPE_F6_E3M2] = {"F6_E3M2", 6},
    [PC_DTYPE_U8] = {"U8", 8},
    [PC_DTYPE_I8] = {"I8", 8},
    [PC_DTYPE_F8_E5M2] = {"F8_E5M2", 8},
    [PC_DTYPE_F8_E4M3] = {"F8_E4M3", 8},
    [PC_DTYPE_F8_E8M0] = {"F8_E8M0", 8},
    [PC_DTYPE_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [PC_DTYPE_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [PC_DTYPE_I16] = {"I16", 16},
    [PC_DTYPE_U16] = {"U16", 16},
    [PC_DTYPE_F16] = {"F16", 16},
    [PC_DTYPE_BF16] = {"BF16", 16},
    [PC_DTYPE_I32] = {"I32", 32},
    [PC_DTYPE_U32] = {"U32", 32},
    [PC_DTYPE_F32] = {"F32", 32},
    [PC_DTYPE_C64] = {"C64", 64},
    [PC_DTYPE_F64] = {"F64", 64},
    [PC_DTYPE_I64] = {"I64", 64},
    [PC_DTYPE_U64] = {"U64", 64},
};

const char *pc_dtype_name(pc_dtype dtype)
{
    return dtypes[dtype].name;
}

int64_t pc_tensor_elements(const pc_tensor *tensor)
{
    int64_t elements = 1;
    for (int i = 0; i < tensor->rank; i++)
        elements *= tensor->shape[i];
    return elements;
}

pc_status pc_safetensors_header_length(size_t *out, const unsigned char *first, uint64_t file_bytes,
                                       const char *name)
{
    if (file_bytes < PC_SAFETENSORS_PREFIX_BYTES)
        return pc_fail(PC_ERR_INPUT, "%s: %d bytes, expected at least 8: the header's length", name,
                       (int)file_bytes);
    /* what a repository holds in place of a large file */
    if (memcmp(first, "version ", PC_SAFETENSORS_PREFIX_BYTES) == 0)
        return pc_fail(PC_ERR_INPUT,
                       "%s: a Git LFS pointer, not the tensors: fetch them with "
                       "`git lfs pull`",
                       name);
    uint64_t length = 0;
    for (int i = PC_SAFETENSORS_PREFIX_BYTES - 1; i >= 0; i--)
        length = length << 8 | first[i];
    if (length > MAX_HEADER_BYTES)
        return pc_fail(PC_ERR_INPUT, "%s:0: a header of %llu bytes, expected at most %d", name,
                       (unsigned long long)length, MAX_HEADER_BYTES);
    if (length > file_bytes - PC_SAFETENSORS_PREFIX_BYTES)
        return pc_fail(PC_ERR_INPUT, "%s:0: a header of %llu bytes, but the file has %llu in all",
                       name, (unsigned long long)length, (unsigned long long)file_bytes);
    *out = (size_t)length;
    return PC_OK;
}

/* "FILE: TENSOR" for messages. */
typedef char pc_place[1024];

static void name_place(pc_place place, const char *file, const char *tensor)
{
    snprintf(place, sizeof(pc_place), "%.700s: %.*s", file, NAME_SHOWN, tensor);
}

/* A member of an array as a number that is not negative. */
static pc_status read_extent(int64_t *out, const json_t *array, const char *key, size_t i,
                             const char *place)
{
    const json_t *value = json_array_get(array, i);
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = json_integer_value(value);
        return PC_OK;
    }
    char found[96];
    pc_json_describe(found, sizeof found, value);
    return pc_fail(PC_ERR_INPUT, "%s: %s[%zu] is %s, expected an integer from 0", place, key, i,
                   found);
}

static pc_status read_array(const json_t **out, const json_t *entry, const char *key,
                            const char *place)
{
    *out = json_object_get(entry, key);
    if (json_is_array(*out)) return PC_OK;
    char found[96];
    pc_json_describe(found, sizeof found, *out);
    return pc_fail(PC_ERR_INPUT, "%s: %s is %s, expected an array", place, key, found);
}

static pc_status read_dtype(pc_dtype *out, const json_t *entry, const char *place)
{
    const char *name;
    PC_TRY(pc_json_text(&name, entry, "dtype", place));
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(name, dtypes[i].name) != 0) continue;
        *out = (pc_dtype)i;
        return PC_OK;
    }
    return pc_fail(PC_ERR_INPUT,
                   "%s: dtype is \"%.60s\", expected one of the format: F32, BF16, ...", place,
                   name);
}

static pc_status read_shape(pc_tensor *out, const json_t *entry, const char *place)
{
    const json_t *shape;
    PC_TRY(read_array(&shape, entry, "shape", place));
    size_t rank = json_array_size(shape);
    if (rank > PC_TENSOR_MAX_RANK)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: rank %zu, expected at most %d", place, rank,
                       PC_TENSOR_MAX_RANK);
    out->rank = (int)rank;
    int64_t product = 1;
    for (size_t i = 0; i < rank; i++) {
        PC_TRY(read_extent(&out->shape[i], shape, "shape", i, place));
        int64_t factor = out->shape[i] ? out->shape[i] : 1;
        if (product > INT64_MAX / factor)
            return pc_fail(PC_ERR_INPUT, "%s: shape[%zu] is %lld, the product overflows", place, i,
                           (long long)out->shape[i]);
        product *= factor;
    }
    return PC_OK;
}

/* Bytes that dtype and shape ask for. */
static pc_status measure(uint64_t *out, const pc_tensor *tensor, const char *place)
{
    uint64_t elements = (uint64_t)pc_tensor_elements(tensor), bits = dtypes[tensor->dtype].bits;
    if (elements > UINT64_MAX / bits)
        return pc_fail(PC_ERR_INPUT, "%s: %llu elements of %llu bits overflow", place,
                       (unsigned long long)elements, (unsigned long long)bits);
    if (elements * bits % 8 != 0)
        return pc_fail(PC_ERR_INPUT, "%s: %llu elements of %llu bits, expected whole bytes", place,
                       (unsigned long long)elements, (unsigned long long)bits);
    *out = elements * bits / 8;
    return PC_OK;
}

static pc_status read_offsets(pc_tensor *out, const json_t *entry, uint64_t data_bytes,
                              const char *place)
{
    const json_t *offsets;
    int64_t begin = 0, end = 0;
    uint64_t bytes = 0;
    PC_TRY(read_array(&offsets, entry, "data_offsets", place));
    if (json_array_size(offsets) != 2)
        return pc_fail(PC_ERR_INPUT, "%s: data_offsets has %zu numbers, expected 2", place,
                       json_array_size(offsets));
    PC_TRY(read_extent(&begin, offsets, "data_offsets", 0, place));
    PC_TRY(read_extent(&end, offsets, "data_offsets", 1, place));
    PC_TRY(measure(&bytes, out, place));
    if (begin > end)
        return pc_fail(PC_ERR_INPUT, "%s: data_offsets run backwards, from %lld to %lld", place,
                       (long long)begin, (long long)end);
    if ((uint64_t)end > data_bytes)
        return pc_fail(PC_ERR_INPUT, "%s: data ends at %lld, but the file has %llu bytes of data",
                       place, (long long)end, (unsigned long long)data_bytes);
    if ((uint64_t)(end - begin) != bytes)
        return pc_fail(
            PC_ERR_INPUT, "%s: data_offsets span %lld bytes, %s and the shape ask for %llu", place,
            (long long)(end - begin), dtypes[out->dtype].name, (unsigned long long)bytes);
    out->offset = (uint64_t)begin;
    out->bytes = bytes;
    return PC_OK;
}

static pc_status read_entry(pc_tensor *out, json_t *entry, uint64_t data_bytes, const char *place)
{
    if (!json_is_object(entry)) {
        char found[96];
        pc_json_describe(found, sizeof found, entry);
        return pc_fail(PC_ERR_INPUT, "%s is %s, expected an object", place, found);
    }
    const char *key;
    json_t *value;
    json_object_foreach(entry, key, value)
    {
        if (strcmp(key, "dtype") != 0 && strcmp(key, "shape") != 0 &&
            strcmp(key, "data_offsets") != 0)
            return pc_fail(
                PC_ERR_INPUT,
                "%s: unknown key \"%.60s\", expected dtype, shape and data_offsets alone", place,
                key);
    }
    PC_TRY(read_dtype(&out->dtype, entry, place));
    PC_TRY(read_shape(out, entry, place));
    return read_offsets(out, entry, data_bytes, place);
}

static pc_status check_metadata(json_t *metadata, const char *file)
{
    char found[96];
    if (!json_is_object(metadata))
        return pc_fail(PC_ERR_INPUT, "%s: __metadata__ is %s, expected an object", file,
                       pc_json_describe(found, sizeof found, metadata));
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return pc_fail(PC_ERR_INPUT, "%s: __metadata__: %.*s is %s, expected a string", file,
                           NAME_SHOWN, key, pc_json_describe(found, sizeof found, value));
    }
    return PC_OK;
}

static size_t name_bytes(json_t *header)
{
    size_t bytes = 0;
    const char *key;
    json_t *value;
    json_object_foreach(header, key, value)
    {
        bytes += strlen(key) + 1;
    }
    return bytes;
}

/* Fills the table in the header's order; offsets still count from the data's begin. */
static pc_status read_entries(pc_tensor_table *table, json_t *header, uint64_t data_bytes,
                              const char *file)
{
    table->tensors = pc_alloc(json_object_size(header), sizeof *table->tensors);
    table->names = table->tensors ? pc_alloc(name_bytes(header), 1) : NULL;
    if (!table->names) return PC_ERR_NOMEM;
    char *to = table->names;
    const char *key;
    json_t *value;
    json_object_foreach(header, key, value)
    {
        if (strcmp(key, "__metadata__") == 0) {
            PC_TRY(check_metadata(value, file));
            continue;
        }
        pc_place place;
        name_place(place, file, key);
        pc_tensor *tensor = &table->tensors[table->count];
        PC_TRY(read_entry(tensor, value, data_bytes, place));
        tensor->name = strcpy(to, key);
        to += strlen(key) + 1;
        table->count++;
    }
    return PC_OK;
}

static int compare_offsets(const void *left, const void *right)
{
    const pc_tensor *a = left, *b = right;
    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

/* No hole, no overlap, nothing behind the last one; then makes the offsets absolute. */
static pc_status place_tensors(pc_tensor_table *table, uint64_t data_start, uint64_t data_bytes,
                               const char *file)
{
    if (table->count > 1)
        qsort(table->tensors, table->count, sizeof *table->tensors, compare_offsets);
    uint64_t end = 0;
    for (size_t i = 0; i < table->count; i++) {
        pc_tensor *tensor = &table->tensors[i];
        if (tensor->offset != end)
            return pc_fail(PC_ERR_INPUT, "%s: %.*s: data begins at %llu, expected %llu: %s", file,
                           NAME_SHOWN, tensor->name, (unsigned long long)tensor->offset,
                           (unsigned long long)end,
                           tensor->offset > end ? "a hole" : "tensors overlap");
        end += tensor->bytes;
        tensor->offset += data_start;
    }
    if (end != data_bytes)
        return pc_fail(PC_ERR_INPUT, "%s:%llu: %llu bytes behind the last tensor, expected none",
                       file, (unsigned long long)(data_start + end),
                       (unsigned long long)(data_bytes - end));
    return PC_OK;
}

static pc_status fill_table(pc_tensor_table *table, json_t *header, uint64_t data_start,
                            uint64_t file_bytes, const char *file)
{
    if (!json_is_object(header)) {
        char found[96];
        return pc_fail(PC_ERR_INPUT, "%s: the header is %s, expected an object", file,
                       pc_json_describe(found, sizeof found, header));
    }
    if (json_object_size(header) > MAX_TENSORS)
        return pc_fail(PC_ERR_INPUT, "%s: %zu tensors, expected at most %d", file,
                       json_object_size(header), MAX_TENSORS);
    PC_TRY(read_entries(table, header, file_bytes - data_start, file));
    return place_tensors(table, data_start, file_bytes - data_start, file);
}

pc_status pc_safetensors_parse(pc_tensor_table *out, const char *header, size_t length,
                               uint64_t file_bytes, const char *name)
{
    *out = (pc_tensor_table){0};
    json_t *json;
    PC_TRY(pc_json_check_limits(header, length, MAX_JSON_VALUES, JSON_DEPTH, name));
    pc_place place;
    name_place(place, name, "header");
    PC_TRY(pc_json_parse(&json, header, length, place));
    pc_status status =
        fill_table(out, json, PC_SAFETENSORS_PREFIX_BYTES + (uint64_t)length, file_bytes, name);
    json_decref(json);
    if (status != PC_OK) pc_tensor_table_free(out);
    return status;
}

void pc_tensor_table_free(pc_tensor_table *table)
{
    if (!table) return;
    free(table->names);
    free(table->tensors);
    *table = (pc_tensor_table){0};
}
