/* The row of GPT-NeoX (Hugging Face's GPTNeoXForCausalLM; the Pythia models): parallel blocks,
 * rotary positions over a part of each head, q, k and v of each head side by side in one tensor. */
#include "model/architecture.h"
#include "model/config_values.h"

#include <math.h>

static const pc_config_key keys[] = {
    {"num_hidden_layers", PC_KEY_INT, offsetof(pc_shape, n_layers), NULL},
    {"num_attention_heads", PC_KEY_INT, offsetof(pc_shape, n_heads), NULL},
    {"hidden_size", PC_KEY_INT, offsetof(pc_shape, d_model), NULL},
    {"intermediate_size", PC_KEY_INT, offsetof(pc_shape, d_mlp), NULL},
    {"max_position_embeddings", PC_KEY_INT, offsetof(pc_shape, n_ctx), NULL},
    {"vocab_size", PC_KEY_INT64, offsetof(pc_shape, vocab), NULL},
    {"layer_norm_eps", PC_KEY_REAL_OR_DEFAULT, offsetof(pc_shape, norm_eps), NULL},
    {"hidden_act", PC_KEY_ACTIVATION, offsetof(pc_shape, activation), NULL},
    {"bos_token_id", PC_KEY_TOKEN, offsetof(pc_shape, bos), NULL},
    {"tie_word_embeddings", PC_KEY_BOOL, offsetof(pc_shape, is_unembedding_tied), NULL},
    {"attention_bias", PC_KEY_BY_FINISH, 0, NULL},
    {"partial_rotary_factor", PC_KEY_BY_FINISH, 0, NULL},
    {"rope_parameters", PC_KEY_BY_FINISH, 0, NULL},
    {"rope_scaling", PC_KEY_BY_FINISH, 0, NULL},
    {"rope_theta", PC_KEY_BY_FINISH, 0, NULL},
    {"rotary_emb_base", PC_KEY_BY_FINISH, 0, NULL},
    {"rotary_pct", PC_KEY_BY_FINISH, 0, NULL},
    {"use_parallel_residual", PC_KEY_BY_FINISH, 0, NULL},
    {"model_type", PC_KEY_MUST_BE, 0, "\"gpt_neox\""},
    {"architectures", PC_KEY_MUST_BE, 0, "[\"GPTNeoXForCausalLM\"]"},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

static const pc_tensor_rule tensors[] = {
    {PC_W_E, "embed_in.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_W, "layers.%d.input_layernorm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_B, "layers.%d.input_layernorm.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_Q, "layers.%d.attention.query_key_value.weight", PC_LAYOUT_INTERLEAVED_Q, PC_REQUIRED},
    {PC_W_K, "layers.%d.attention.query_key_value.weight", PC_LAYOUT_INTERLEAVED_K, PC_REQUIRED},
    {PC_W_V, "layers.%d.attention.query_key_value.weight", PC_LAYOUT_INTERLEAVED_V, PC_REQUIRED},
    {PC_B_Q, "layers.%d.attention.query_key_value.bias", PC_LAYOUT_INTERLEAVED_Q, PC_REQUIRED},
    {PC_B_K, "layers.%d.attention.query_key_value.bias", PC_LAYOUT_INTERLEAVED_K, PC_REQUIRED},
    {PC_B_V, "layers.%d.attention.query_key_value.bias", PC_LAYOUT_INTERLEAVED_V, PC_REQUIRED},
    {PC_W_O, "layers.%d.attention.dense.weight", PC_LAYOUT_TRANSPOSED_MERGED, PC_REQUIRED},
    {PC_B_O, "layers.%d.attention.dense.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_W, "layers.%d.post_attention_layernorm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_B, "layers.%d.post_attention_layernorm.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_IN, "layers.%d.mlp.dense_h_to_4h.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_B_IN, "layers.%d.mlp.dense_h_to_4h.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_OUT, "layers.%d.mlp.dense_4h_to_h.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_B_OUT, "layers.%d.mlp.dense_4h_to_h.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN_FINAL_W, "final_layer_norm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN_FINAL_B, "final_layer_norm.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_U, "embed_out.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_N_WEIGHTS, NULL, PC_LAYOUT_PLAIN, PC_OPTIONAL},
};

static const char *const ignored_tensors[] = {"layers.%d.attention.bias",
                                              "layers.%d.attention.masked_bias",
                                              "layers.%d.attention.rotary_emb.inv_freq", NULL};

static pc_status finish(pc_shape *shape, const json_t *config, const char *path)
{
    bool is_parallel = true, has_bias = true;
    PC_TRY(pc_config_flag(&is_parallel, config, "use_parallel_residual", path));
    PC_TRY(pc_config_flag(&has_bias, config, "attention_bias", path));
    PC_TRY(pc_config_head_dim(shape, config, path));
    shape->block = is_parallel ? PC_BLOCK_PARALLEL : PC_BLOCK_SEQUENTIAL;
    shape->has_qkv_bias = shape->has_o_bias = has_bias;
    shape->n_kv_heads = shape->n_heads;
    shape->vocab_out = shape->vocab;
    shape->attention_scale = 1 / sqrt(shape->d_head);
    return pc_config_rotary(shape, config, 0.25, path);
}

const pc_architecture pc_arch_gpt_neox = {
    .name = "gpt_neox",
    .config_file = "config.json",
    .model_type = "gpt_neox",
    .name_prefix = "gpt_neox.",
    .keys = {keys, pc_hugging_face_keys},
    .tensors = tensors,
    .ignored_tensors = ignored_tensors,
    .finish = finish,
    .defaults = {.bos = 0,
                 .embedding_scale = 1,
                 .norm = PC_NORM_LAYER,
                 .norm_eps = 1e-5,
                 .has_norm_gain = true,
                 .has_mlp_bias = true,
                 .activation = PC_ACTIVATION_GELU},
};
