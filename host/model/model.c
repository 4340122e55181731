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

/* Edges if each head had one reader for q, k and v together, as some tools count. */
static int64_t count_unsplit_edges(const pc_components *c)
{
    int64_t n = 0;
    for (int r = 0; r < c->n_readers; r++)
        if (c->readers[r].kind != PC_READER_K && c->readers[r].kind != PC_READER_V)
            n += c->readers[r].n_visible;
    return n;
}

static pc_status count_edges(pc_model_info *info, const pc_shape *shape)
{
    for (pc_kv_granularity g = PC_KV_SHARED; g <= PC_KV_PER_QUERY; g++) {
        pc_components components;
        PC_TRY(pc_components_init(&components, shape, g));
        info->n_edges_per_kv[g] = components.n_edges;
        info->n_edges_unsplit = count_unsplit_edges(&components);
        pc_components_free(&components);
    }
    return PC_OK;
}

static int count_windowed_layers(const pc_shape *s)
{
    int n = 0;
    for (int layer = 0; layer < s->n_layers; layer++)
        n += s->is_windowed[layer];
    return n;
}

static void fill_components_info(pc_model *model, pc_kv_granularity granularity)
{
    model->info.n_writers = model->components.n_writers;
    model->info.n_readers = model->components.n_readers;
    model->info.n_edges = model->components.n_edges;
    model->info.kv_granularity = granularity;
}

static pc_status fill_info(pc_model *model)
{
    static const char *const norms[] = {
        [PC_NORM_NONE] = "none", [PC_NORM_LAYER] = "layernorm", [PC_NORM_RMS] = "rmsnorm"};
    static const char *const activations[] = {[PC_ACTIVATION_RELU] = "relu",
                                              [PC_ACTIVATION_GELU] = "gelu",
                                              [PC_ACTIVATION_GELU_TANH] = "gelu_new",
                                              [PC_ACTIVATION_SILU] = "silu"};
    static const char *const positions[] = {[PC_POSITIONS_LEARNED] = "learned",
                                            [PC_POSITIONS_ROTARY] = "rotary",
                                            [PC_POSITIONS_NONE] = "none"};
    static const char *const scalings[] = {[PC_ROTARY_PLAIN] = "default",
                                           [PC_ROTARY_LINEAR] = "linear",
                                           [PC_ROTARY_LLAMA3] = "llama3"};
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
        .positions = positions[s->positions],
        .rotary_dim = s->rotary.dim,
        .rotary_base = s->rotary.base,
        .rotary_scaling = scalings[s->rotary.scaling],
        .is_gated = s->d_mlp && s->is_gated,
        .has_post_norms = s->has_post_norms,
        .has_qk_norm = s->has_qk_norm,
        .window = s->window,
        .n_windowed_layers = count_windowed_layers(s),
        .attention_softcap = s->attention_softcap,
        .logit_softcap = s->logit_softcap,
        .is_unembedding_tied = s->is_unembedding_tied,
        .weights_bytes = model->weights.n_bytes,
        .n_parameters = model->weights.n_parameters,
    };
    fill_components_info(model, PC_KV_SHARED);
    return count_edges(&model->info, s);
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
    return fill_info(model);
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

static const char *const granularities[] = {[PC_KV_SHARED] = "kv", [PC_KV_PER_QUERY] = "query"};

const char *pc_kv_granularity_name(pc_kv_granularity granularity)
{
    return granularities[granularity];
}

pc_status pc_kv_granularity_parse(pc_kv_granularity *out, const char *name)
{
    for (pc_kv_granularity g = PC_KV_SHARED; g <= PC_KV_PER_QUERY; g++) {
        if (strcmp(granularities[g], name) != 0) continue;
        *out = g;
        return PC_OK;
    }
    return pc_fail(PC_ERR_INPUT, "kv granularity \"%.40s\" is unknown, expected kv or query", name);
}

pc_status pc_model_set_kv_granularity(pc_model *model, pc_kv_granularity granularity)
{
    pc_components components;
    if (granularity != PC_KV_SHARED && granularity != PC_KV_PER_QUERY)
        return pc_fail(PC_ERR_ARG, "kv granularity %d, expected 0 or 1", (int)granularity);
    PC_TRY(pc_components_init(&components, &model->shape, granularity));
    pc_components_free(&model->components);
    model->components = components;
    fill_components_info(model, granularity);
    return PC_OK;
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
