/* Reading the golden files. */
#define _POSIX_C_SOURCE 200809L
#include "support/golden.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *const golden_models[N_GOLDEN_MODELS] = {
    "gpt2-plain",    "gpt2-odd",        "gpt2-relu",  "tl-attn-only", "tl-ln",
    "tl-lnpre",      "tl-rms",          "tl-rmspre",  "tl-parallel",  "neo-local",
    "neox-parallel", "neox-sequential", "llama-gqa",  "llama-bias",   "mistral-window",
    "qwen2-bias",    "qwen3-norm",      "gemma2-caps",
    "tl-modern",  "tl-grouped"};

static const char *path_of(const char *name, const char *file)
{
    static char path[512];
    const char *elsewhere = getenv("PC_TEST_ROOT"), *root = elsewhere ? elsewhere : PC_SOURCE_DIR;
    snprintf(path, sizeof path, "%s/tests/golden/models/%s/%s", root, name, file);
    return path;
}

pc_model *golden_open(const char *name)
{
    pc_model *model;
    pc_status status = pc_model_open(&model, path_of(name, ""));
    cr_assert_eq(status, PC_OK, "%s: %s", name, pc_last_error());
    return model;
}

json_t *golden_read(const char *name)
{
    json_error_t error;
    json_t *golden = json_load_file(path_of(name, "golden.json"), 0, &error);
    cr_assert(golden, "%s: %s", name, error.text);
    return golden;
}

int32_t *golden_tokens(int *n, const json_t *list)
{
    *n = (int)json_array_size(list);
    int32_t *tokens = malloc(sizeof *tokens * (size_t)(*n + 1));
    for (int i = 0; i < *n; i++)
        tokens[i] = (int32_t)json_integer_value(json_array_get(list, (size_t)i));
    return tokens;
}

pc_task *golden_task(const json_t *golden, const pc_model *model)
{
    const pc_model_info *info = pc_model_describe(model);
    const json_t *bos = json_object_get(golden, "bos");
    const pc_task_limits limits = {.vocab = info->vocab,
                                   .vocab_out = info->vocab_out,
                                   .n_ctx = info->n_ctx,
                                   .bos = json_is_integer(bos) ? json_integer_value(bos) : -1,
                                   .bos_rule = PC_BOS_NEVER};
    char path[] = "/tmp/patchclamp-golden-XXXXXX";
    const int descriptor = mkstemp(path);
    cr_assert(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    fprintf(file, "{\"task\": \"golden\"}\n"); /* its name must not be the temporary file's */
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(golden, "task"), i, pair)
    {
        char *line = json_dumps(pair, JSON_COMPACT);
        fprintf(file, "%s\n", line);
        free(line);
    }
    fclose(file);
    pc_task *task;
    pc_status status = pc_task_read(&task, path, NULL, &limits);
    unlink(path);
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    return task;
}
