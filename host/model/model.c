/* Opening a model directory and describing it. */
#include "model/model_private.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last part of a path, trailing slashes left out. */
static char *copy_last_part(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return pc_copy_bytes(path + start, end - start);
}

static void fill_info(pc_model *model)
{
    static const char *const norms[] = {
        [PC_NORM_NONE] = "none", [PC_NORM_LAYER] = "layernorm", [PC_NORM_RMS] = "rmsnorm"};
    static const char *const activations[] = {[PC_ACTIVATION_RELU] = "relu",
                                              [PC_ACTIVATION_GELU] = "gelu",
                                              [PC_ACTIVATION_GELU_TANH] = "gelu_new",
                                              [PC_ACTIVATION_SILU] = "silu"};
    const pc_shape *s = &model->shape;
    model->info = (pc_model_info){
        .name = model->name,
        .path = model->directory,
        .architecture = model->architecture->name,
        .norm = norms[s->norm],
        .activation = s->d_mlp ? activations[s->activation] : "none",
        .n_layers = s->n_layers,
        .n_heads = s->n_heads,
        .n_kv_heads = s->n_kv_heads,
        .d_model = s->d_model,
        .d_head = s->d_head,
        .d_mlp = s->d_mlp,
        .n_ctx = s->n_ctx,
        .vocab = s->vocab,
        .vocab_out = s->vocab_out,
        .bos = s->bos,
        .has_parallel_blocks = s->block == PC_BLOCK_PARALLEL,
        .n_parameters = model->weights.n_parameters,
        .n_writers = model->components.n_writers,
        .n_readers = model->components.n_readers,
        .n_edges = model->components.n_edges,
    };
}

static pc_status open_into(pc_model *model, const char *directory)
{
    pc_checkpoint *checkpoint = NULL;
    model->directory = pc_copy_text(directory);
    model->name = copy_last_part(directory);
    if (!model->directory || !model->name) return PC_ERR_NOMEM;
    PC_TRY(pc_architecture_detect(&model->architecture, &model->shape, &model->config_path,
                                  directory));
    if (model->shape.bos >= model->shape.vocab) model->shape.bos = -1; /* GPT-2's default 50256 */
    PC_TRY(pc_checkpoint_open(&checkpoint, directory));
    pc_status status =
        pc_weights_read(&model->weights, checkpoint, model->architecture, &model->shape);
    pc_checkpoint_free(checkpoint);
    PC_TRY(status);
    PC_TRY(pc_components_init(&model->components, &model->shape, PC_KV_SHARED));
    fill_info(model);
    return PC_OK;
}

pc_status pc_model_open(pc_model **out, const char *directory)
{
    *out = NULL;
    pc_model *model = pc_alloc(1, sizeof *model);
    if (!model) return PC_ERR_NOMEM;
    pc_status status = open_into(model, directory);
    if (status == PC_OK) *out = model;
    else pc_model_free(model);
    return status;
}

void pc_model_free(pc_model *model)
{
    if (!model) return;
    pc_components_free(&model->components);
    pc_weights_free(&model->weights);
    free(model->config_path);
    free(model->name);
    free(model->directory);
    free(model);
}

const pc_model_info *pc_model_describe(const pc_model *model)
{
    return &model->info;
}

static pc_status digest_model(char hex[PC_DIGEST_CHARS], pc_digest *digest, const pc_model *model)
{
    pc_checkpoint *checkpoint;
    PC_TRY(pc_digest_add_file(digest, model->config_path));
    PC_TRY(pc_checkpoint_open(&checkpoint, model->directory));
    pc_status status = pc_checkpoint_digest(digest, checkpoint);
    pc_checkpoint_free(checkpoint);
    PC_TRY(status);
    return pc_digest_finish(hex, digest);
}

pc_status pc_model_sha256(const char **out, pc_model *model)
{
    if (!model->sha256[0]) {
        char hex[PC_DIGEST_CHARS];
        pc_digest *digest;
        PC_TRY(pc_digest_new(&digest));
        pc_status status = digest_model(hex, digest, model);
        pc_digest_free(digest);
        PC_TRY(status);
        memcpy(model->sha256, hex, sizeof hex);
    }
    *out = model->sha256;
    return PC_OK;
}

const char *pc_model_writer_name(const pc_model *model, int writer)
{
    const pc_components *c = &model->components;
    return writer >= 0 && writer < c->n_writers ? c->writers[writer].name : NULL;
}

const char *pc_model_reader_name(const pc_model *model, int reader)
{
    const pc_components *c = &model->components;
    return reader >= 0 && reader < c->n_readers ? c->readers[reader].name : NULL;
}

pc_status pc_model_check_tokens(const pc_model *model, const int32_t *tokens, int n_tokens)
{
    const pc_shape *shape = &model->shape;
    if (n_tokens < 1) return pc_fail(PC_ERR_INPUT, "the prompt is empty");
    if (n_tokens > shape->n_ctx)
        return pc_fail(PC_ERR_INPUT, "the prompt has %d tokens, %s reads at most %d", n_tokens,
                       model->name, shape->n_ctx);
    for (int i = 0; i < n_tokens; i++)
        if (tokens[i] < 0 || tokens[i] >= shape->vocab)
            return pc_fail(PC_ERR_INPUT, "token %d of the prompt is %d, expected 0 to %lld", i,
                           (int)tokens[i], (long long)shape->vocab - 1);
    return PC_OK;
}
