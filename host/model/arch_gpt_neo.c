/* The row of GPT-Neo (Hugging Face's GPTNeoForCausalLM; the TinyStories models): GPT-2 with plain
 * linear layers, unscaled scores, no q, k, v biases, and a window in every "local" layer. */
#include "model/architecture.h"
#include "model/config_values.h"

#include <string.h>

static const pc_config_key keys[] = {
    {"num_layers", PC_KEY_INT, offsetof(pc_shape, n_layers), NULL},
    {"num_heads", PC_KEY_INT, offsetof(pc_shape, n_heads), NULL},
    {"hidden_size", PC_KEY_INT, offsetof(pc_shape, d_model), NULL},
    {"max_position_embeddings", PC_KEY_INT, offsetof(pc_shape, n_ctx), NULL},
    {"vocab_size", PC_KEY_INT64, offsetof(pc_shape, vocab), NULL},
    {"layer_norm_epsilon", PC_KEY_REAL_OR_DEFAULT, offsetof(pc_shape, norm_eps), NULL},
    {"activation_function", PC_KEY_ACTIVATION, offsetof(pc_shape, activation), NULL},
    {"window_size", PC_KEY_INT_OR_DEFAULT, offsetof(pc_shape, window), NULL},
    {"bos_token_id", PC_KEY_TOKEN, offsetof(pc_shape, bos), NULL},
    {"tie_word_embeddings", PC_KEY_BOOL, offsetof(pc_shape, is_unembedding_tied), NULL},
    {"intermediate_size", PC_KEY_BY_FINISH, 0, NULL},
    {"attention_layers", PC_KEY_BY_FINISH, 0, NULL},
    {"attention_types", PC_KEY_BY_FINISH, 0, NULL},
    {"model_type", PC_KEY_MUST_BE, 0, "\"gpt_neo\""},
    {"architectures", PC_KEY_MUST_BE, 0, "[\"GPTNeoForCausalLM\"]"},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

static const pc_tensor_rule tensors[] = {
    {PC_W_E, "wte.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_POS, "wpe.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_W, "h.%d.ln_1.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_B, "h.%d.ln_1.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_Q, "h.%d.attn.attention.q_proj.weight", PC_LAYOUT_OUT_IN_HEADS, PC_REQUIRED},
    {PC_W_K, "h.%d.attn.attention.k_proj.weight", PC_LAYOUT_OUT_IN_HEADS, PC_REQUIRED},
    {PC_W_V, "h.%d.attn.attention.v_proj.weight", PC_LAYOUT_OUT_IN_HEADS, PC_REQUIRED},
    {PC_W_O, "h.%d.attn.attention.out_proj.weight", PC_LAYOUT_TRANSPOSED_MERGED, PC_REQUIRED},
    {PC_B_O, "h.%d.attn.attention.out_proj.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_W, "h.%d.ln_2.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_B, "h.%d.ln_2.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_IN, "h.%d.mlp.c_fc.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_B_IN, "h.%d.mlp.c_fc.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_OUT, "h.%d.mlp.c_proj.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_B_OUT, "h.%d.mlp.c_proj.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN_FINAL_W, "ln_f.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN_FINAL_B, "ln_f.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_U, "lm_head.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_N_WEIGHTS, NULL, PC_LAYOUT_PLAIN, PC_OPTIONAL},
};

static const char *const ignored_tensors[] = {"h.%d.attn.attention.bias",
                                              "h.%d.attn.attention.masked_bias", NULL};

static pc_status set_layer(pc_shape *shape, int *layer, const json_t *type, const char *path)
{
    const char *name = json_string_value(type);
    if (!name || (strcmp(name, "global") != 0 && strcmp(name, "local") != 0))
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "%s: the attention of layer %d is \"%.40s\", expected global or local", path,
                       *layer, name ? name : "not a string");
    if (*layer < shape->n_layers) shape->is_windowed[*layer] = name[0] == 'l';
    ++*layer;
    return PC_OK;
}

static pc_status set_layers(pc_shape *shape, int *layer, const json_t *types, const char *path)
{
    for (size_t i = 0; i < json_array_size(types) && *layer <= shape->n_layers; i++)
        PC_TRY(set_layer(shape, layer, json_array_get(types, i), path));
    return PC_OK;
}

/* attention_types: [[["global", "local"], 12]] says the list 12 times. */
static pc_status expand_types(pc_shape *shape, int *layer, const json_t *groups, const char *path)
{
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *group = json_array_get(groups, i), *list = json_array_get(group, 0);
        const json_int_t times = json_integer_value(json_array_get(group, 1));
        if (json_array_size(list) == 0 || times < 1)
            return pc_fail(
                PC_ERR_INPUT,
                "%s: attention_types[%zu] is not a list of names and how often it stands", path, i);
        for (json_int_t k = 0; k < times && *layer <= shape->n_layers; k++)
            PC_TRY(set_layers(shape, layer, list, path));
    }
    return PC_OK;
}

static pc_status read_windows(pc_shape *shape, const json_t *config, const char *path)
{
    int n = 0;
    bool is_alternating = false; /* as transformers has it where nothing is said */
    if (pc_config_is_given(config, "attention_layers"))
        PC_TRY(set_layers(shape, &n, json_object_get(config, "attention_layers"), path));
    else if (pc_config_is_given(config, "attention_types"))
        PC_TRY(expand_types(shape, &n, json_object_get(config, "attention_types"), path));
    else is_alternating = true;
    for (int layer = 0; is_alternating && layer < shape->n_layers; layer++)
        shape->is_windowed[layer] = layer % 2 == 1;
    if (is_alternating || n == shape->n_layers) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s%d layers have an attention type, expected %d", path,
                   n > shape->n_layers ? "at least " : "", n, shape->n_layers);
}

static pc_status finish(pc_shape *shape, const json_t *config, const char *path)
{
    PC_TRY(pc_config_head_dim(shape, config, path));
    shape->n_kv_heads = shape->n_heads;
    shape->vocab_out = shape->vocab;
    shape->d_mlp = 4 * shape->d_model;
    PC_TRY(pc_config_count(&shape->d_mlp, config, "intermediate_size", path));
    return read_windows(shape, config, path);
}

const pc_architecture pc_arch_gpt_neo = {
    .name = "gpt_neo",
    .config_file = "config.json",
    .model_type = "gpt_neo",
    .name_prefix = "transformer.",
    .keys = {keys, pc_hugging_face_keys},
    .tensors = tensors,
    .ignored_tensors = ignored_tensors,
    .finish = finish,
    .defaults = {.bos = 50256,
                 .embedding_scale = 1,
                 .norm = PC_NORM_LAYER,
                 .norm_eps = 1e-5,
                 .has_norm_gain = true,
                 .has_o_bias = true,
                 .has_mlp_bias = true,
                 .activation = PC_ACTIVATION_GELU_TANH,
                 .block = PC_BLOCK_SEQUENTIAL,
                 .attention_scale = 1,
                 .window = 256,
                 .is_unembedding_tied = true},
};
