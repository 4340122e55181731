/* Opens the safetensors files of a model directory, alone or by their index, as one set of tensors.
 */
#define _POSIX_C_SOURCE 200809L
#include "io/safetensors.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "io/json_limits.h"
#include "io/safetensors_decode.h"
#include "io/safetensors_header.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_INDEX_BYTES = 64 << 20,
    MAX_INDEX_VALUES = 1500000,
    MAX_INDEX_DEPTH = 32, /* of the junk that is ignored */
    MAX_FILES = 1024,
    NAME_SHOWN = 200,
    DIGEST_CHUNK = 1 << 20
};

static const char model_name[] = "model.safetensors";
static const char index_name[] = "model.safetensors.index.json";

typedef struct pc_shard {
    pc_file file;
    char *names; /* of its tensors */
} pc_shard;

struct pc_checkpoint {
    pc_shard *shards; /* in the order of their names */
    size_t n_shards, shard_room;
    pc_tensor *tensors; /* in the order of their names */
    size_t n_tensors;
};

/* Where the index puts a tensor; both texts belong to the index. */
typedef struct pc_placement {
    const char *shard, *tensor;
} pc_placement;

/* What a directory offers. */
typedef struct pc_offer {
    bool has_model, has_index, has_pickle;
    size_t n_others;
    char other[256]; /* the last *.safetensors file seen */
} pc_offer;

static int compare_names(const void *left, const void *right)
{
    const pc_tensor *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static int compare_placements(const void *left, const void *right)
{
    const pc_placement *a = left, *b = right;
    int order = strcmp(a->shard, b->shard);
    return order ? order : strcmp(a->tensor, b->tensor);
}

static void sort_by_name(pc_tensor *tensors, size_t count)
{
    if (count > 1) qsort(tensors, count, sizeof *tensors, compare_names);
}

static const pc_tensor *find_by_name(const pc_tensor *tensors, size_t count, const char *name)
{
    const pc_tensor key = {.name = name};
    return count ? bsearch(&key, tensors, count, sizeof *tensors, compare_names) : NULL;
}

static pc_status read_header(pc_tensor_table *out, const pc_file *file)
{
    unsigned char first[PC_SAFETENSORS_PREFIX_BYTES] = {0};
    size_t length;
    PC_TRY(pc_file_read_at(first, file, 0,
                           file->bytes < sizeof first ? (size_t)file->bytes : sizeof first));
    PC_TRY(pc_safetensors_header_length(&length, first, file->bytes, file->path));
    char *header = pc_alloc(length, 1);
    if (!header) return PC_ERR_NOMEM;
    pc_status status = pc_file_read_at(header, file, sizeof first, length);
    if (status == PC_OK)
        status = pc_safetensors_parse(out, header, length, file->bytes, file->path);
    free(header);
    return status;
}

/* Opens one more file and hands out its tensors, sorted by name; their names stay with the shard.
 */
static pc_status add_shard(pc_tensor_table *out, pc_checkpoint *checkpoint, const char *directory,
                           const char *name)
{
    *out = (pc_tensor_table){0};
    pc_shard *shards = pc_grow(checkpoint->shards, &checkpoint->shard_room,
                               checkpoint->n_shards + 1, sizeof *shards);
    if (!shards) return PC_ERR_NOMEM;
    checkpoint->shards = shards;
    char *path = pc_path_join(directory, name);
    if (!path) return PC_ERR_NOMEM;
    pc_shard *shard = &shards[checkpoint->n_shards];
    *shard = (pc_shard){0};
    pc_status status = pc_file_open(&shard->file, path);
    free(path);
    PC_TRY(status);
    int index = (int)checkpoint->n_shards++;
    PC_TRY(read_header(out, &shard->file));
    for (size_t i = 0; i < out->count; i++)
        out->tensors[i].file = index;
    sort_by_name(out->tensors, out->count);
    shard->names = out->names;
    out->names = NULL;
    return PC_OK;
}

static pc_status open_single(pc_checkpoint *checkpoint, const char *directory, const char *name)
{
    pc_tensor_table table;
    PC_TRY(add_shard(&table, checkpoint, directory, name));
    checkpoint->tensors = table.tensors;
    checkpoint->n_tensors = table.count;
    return PC_OK;
}

/* An index comes with the model: it must not lead out of the model's directory. */
static bool is_shard_name(const char *name)
{
    static const char ending[] = ".safetensors";
    size_t length = strlen(name);
    return length >= sizeof ending && name[0] != '.' && !strpbrk(name, "/\\") &&
           strcmp(name + length - (sizeof ending - 1), ending) == 0;
}

static pc_status read_placements(pc_placement **out, size_t *count, json_t *index, const char *path)
{
    json_t *map = json_object_get(index, "weight_map"), *value;
    const char *tensor;
    char found[96];
    if (!json_is_object(map))
        return pc_fail(PC_ERR_INPUT, "%s: weight_map is %s, expected an object", path,
                       pc_json_describe(found, sizeof found, map));
    pc_placement *placements = pc_alloc(json_object_size(map), sizeof *placements);
    if (!placements) return PC_ERR_NOMEM;
    *out = placements;
    json_object_foreach(map, tensor, value)
    {
        if (!json_is_string(value)) continue;
        if (!is_shard_name(json_string_value(value)))
            return pc_fail(PC_ERR_INPUT,
                           "%s: weight_map: %.*s lies in \"%.*s\", expected the bare name of a "
                           "*.safetensors file",
                           path, NAME_SHOWN, tensor, NAME_SHOWN, json_string_value(value));
        placements[(*count)++] = (pc_placement){json_string_value(value), tensor};
    }
    if (*count == 0) return pc_fail(PC_ERR_INPUT, "%s: weight_map names no tensor", path);
    return PC_OK;
}

/* Takes from a shard the tensors that the index puts there. */
static pc_status take_listed(pc_checkpoint *checkpoint, const pc_tensor_table *table,
                             const pc_placement *placements, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        const pc_tensor *tensor = find_by_name(table->tensors, table->count, placements[i].tensor);
        if (!tensor)
            return pc_fail(PC_ERR_INPUT,
                           "%s: weight_map: %.*s lies in %.*s, which does not have it", path,
                           NAME_SHOWN, placements[i].tensor, NAME_SHOWN, placements[i].shard);
        checkpoint->tensors[checkpoint->n_tensors++] = *tensor;
    }
    return PC_OK;
}

static pc_status open_listed(pc_checkpoint *checkpoint, const char *directory,
                             const pc_placement *placements, size_t count, const char *path)
{
    checkpoint->tensors = pc_alloc(count, sizeof *checkpoint->tensors);
    if (!checkpoint->tensors) return PC_ERR_NOMEM;
    for (size_t from = 0, to; from < count; from = to) {
        const char *shard = placements[from].shard;
        for (to = from + 1; to < count && strcmp(placements[to].shard, shard) == 0;)
            to++;
        if (checkpoint->n_shards == MAX_FILES)
            return pc_fail(PC_ERR_INPUT, "%s: weight_map names more than %d files, the limit", path,
                           MAX_FILES);
        pc_tensor_table table;
        pc_status status = add_shard(&table, checkpoint, directory, shard);
        if (status != PC_OK) pc_fail_within(status, "%s", path);
        else status = take_listed(checkpoint, &table, placements + from, to - from, path);
        pc_tensor_table_free(&table);
        PC_TRY(status);
    }
    sort_by_name(checkpoint->tensors, checkpoint->n_tensors);
    return PC_OK;
}

static pc_status read_index(json_t **out, const char *path)
{
    char *bytes;
    size_t length;
    PC_TRY(pc_file_read(&bytes, &length, path, MAX_INDEX_BYTES));
    pc_status status = pc_json_check_limits(bytes, length, MAX_INDEX_VALUES, MAX_INDEX_DEPTH, path);
    if (status == PC_OK) status = pc_json_parse(out, bytes, length, path);
    free(bytes);
    return status;
}

static pc_status open_index(pc_checkpoint *checkpoint, const char *directory)
{
    json_t *index = NULL;
    pc_placement *placements = NULL;
    size_t count = 0;
    char *path = pc_path_join(directory, index_name);
    pc_status status = path ? read_index(&index, path) : PC_ERR_NOMEM;
    if (status == PC_OK) status = read_placements(&placements, &count, index, path);
    if (status == PC_OK) {
        qsort(placements, count, sizeof *placements, compare_placements);
        status = open_listed(checkpoint, directory, placements, count, path);
    }
    free(placements);
    json_decref(index);
    free(path);
    return status;
}

static void note_entry(pc_offer *offer, const char *name)
{
    if (strcmp(name, model_name) == 0) offer->has_model = true;
    else if (strcmp(name, index_name) == 0) offer->has_index = true;
    else if (strncmp(name, "pytorch_model", 13) == 0) offer->has_pickle = true;
    else if (is_shard_name(name) && strlen(name) < sizeof offer->other) {
        strcpy(offer->other, name);
        offer->n_others++;
    }
}

static pc_status look_into(pc_offer *out, const char *directory)
{
    *out = (pc_offer){0};
    DIR *folder = opendir(directory);
    if (!folder) return pc_fail(PC_ERR_INPUT, "%s: %s", directory, strerror(errno));
    errno = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        note_entry(out, entry->d_name);
    int failure = errno;
    closedir(folder);
    if (failure) return pc_fail(PC_ERR_IO, "%s: %s", directory, strerror(failure));
    return PC_OK;
}

static pc_status open_offered(pc_checkpoint *checkpoint, const char *directory)
{
    pc_offer offer;
    PC_TRY(look_into(&offer, directory));
    if (offer.has_model) return open_single(checkpoint, directory, model_name);
    if (offer.has_index) return open_index(checkpoint, directory);
    if (offer.n_others == 1) return open_single(checkpoint, directory, offer.other);
    if (offer.n_others > 1)
        return pc_fail(PC_ERR_INPUT, "%s: %zu *.safetensors files, expected %s, %s or one alone",
                       directory, offer.n_others, model_name, index_name);
    return pc_fail(PC_ERR_INPUT, "%s: no weights: looked for %s, %s and *.safetensors%s", directory,
                   model_name, index_name,
                   offer.has_pickle ? " (pytorch_model.* is a pickle, which is never read)" : "");
}

pc_status pc_checkpoint_open(pc_checkpoint **out, const char *directory)
{
    *out = NULL;
    pc_checkpoint *checkpoint = pc_alloc(1, sizeof *checkpoint);
    if (!checkpoint) return PC_ERR_NOMEM;
    pc_status status = open_offered(checkpoint, directory);
    if (status == PC_OK) *out = checkpoint;
    else pc_checkpoint_free(checkpoint);
    return status;
}

void pc_checkpoint_free(pc_checkpoint *checkpoint)
{
    if (!checkpoint) return;
    free(checkpoint->tensors);
    for (size_t i = 0; i < checkpoint->n_shards; i++) {
        free(checkpoint->shards[i].names);
        pc_file_close(&checkpoint->shards[i].file);
    }
    free(checkpoint->shards);
    free(checkpoint);
}

const pc_tensor *pc_checkpoint_find(const pc_checkpoint *checkpoint, const char *name)
{
    return find_by_name(checkpoint->tensors, checkpoint->n_tensors, name);
}

size_t pc_checkpoint_count(const pc_checkpoint *checkpoint)
{
    return checkpoint->n_tensors;
}

const pc_tensor *pc_checkpoint_at(const pc_checkpoint *checkpoint, size_t i)
{
    assert(i < checkpoint->n_tensors);
    return &checkpoint->tensors[i];
}

const char *pc_checkpoint_file(const pc_checkpoint *checkpoint, const pc_tensor *tensor)
{
    return checkpoint->shards[tensor->file].file.path;
}

static pc_status check_range(const pc_file *file, const pc_tensor *tensor, int64_t first,
                             int64_t count)
{
    const int64_t elements = pc_tensor_elements(tensor);
    if (first >= 0 && count >= 0 && first <= elements && count <= elements - first) return PC_OK;
    return pc_fail(PC_ERR_ARG, "%s: %.*s: %lld elements from %lld asked for, it has %lld",
                   file->path, NAME_SHOWN, tensor->name, (long long)count, (long long)first,
                   (long long)elements);
}

pc_status pc_checkpoint_read_f32(float *out, const pc_checkpoint *checkpoint,
                                 const pc_tensor *tensor, int64_t first, int64_t count)
{
    const pc_file *file = &checkpoint->shards[tensor->file].file;
    PC_TRY(check_range(file, tensor, first, count));
    return pc_safetensors_read_f32(out, file, tensor, first, count);
}

pc_status pc_checkpoint_read_bits16(uint16_t *out, const pc_checkpoint *checkpoint,
                                    const pc_tensor *tensor, int64_t first, int64_t count)
{
    const pc_file *file = &checkpoint->shards[tensor->file].file;
    PC_TRY(check_range(file, tensor, first, count));
    if (tensor->dtype != PC_DTYPE_F16 && tensor->dtype != PC_DTYPE_BF16)
        return pc_fail(PC_ERR_ARG, "%s: %.*s is %s, not of 16 bits", file->path, NAME_SHOWN,
                       tensor->name, pc_dtype_name(tensor->dtype));
    return pc_safetensors_read_bits16(out, file, tensor, first, count);
}

pc_status pc_checkpoint_digest(pc_digest *into, const pc_checkpoint *checkpoint)
{
    char *chunk = pc_alloc(DIGEST_CHUNK, 1);
    pc_status status = chunk ? PC_OK : PC_ERR_NOMEM;
    for (size_t i = 0; i < checkpoint->n_shards; i++) {
        /* through the open file: the path may lead to another one by now */
        const pc_file *file = &checkpoint->shards[i].file;
        for (uint64_t at = 0; at < file->bytes && status == PC_OK; at += DIGEST_CHUNK) {
            uint64_t left = file->bytes - at;
            size_t length = left < DIGEST_CHUNK ? (size_t)left : (size_t)DIGEST_CHUNK;
            status = pc_file_read_at(chunk, file, at, length);
            if (status == PC_OK) status = pc_digest_add(into, chunk, length);
        }
    }
    free(chunk);
    return status;
}
