/* The common part of the rows of Llama, Mistral, Qwen2, Qwen3 and Gemma-2. */
#include "model/llama_family.h"

#include "model/config_values.h"

#include <math.h>

const pc_config_key pc_llama_family_keys[] = {
    {"num_hidden_layers", PC_KEY_INT, offsetof(pc_shape, n_layers), NULL},
    {"num_attention_heads", PC_KEY_INT, offsetof(pc_shape, n_heads), NULL},
    {"hidden_size", PC_KEY_INT, offsetof(pc_shape, d_model), NULL},
    {"intermediate_size", PC_KEY_INT, offsetof(pc_shape, d_mlp), NULL},
    {"max_position_embeddings", PC_KEY_INT, offsetof(pc_shape, n_ctx), NULL},
    {"vocab_size", PC_KEY_INT64, offsetof(pc_shape, vocab), NULL},
    {"rms_norm_eps", PC_KEY_REAL_OR_DEFAULT, offsetof(pc_shape, norm_eps), NULL},
    {"bos_token_id", PC_KEY_TOKEN, offsetof(pc_shape, bos), NULL},
    {"tie_word_embeddings", PC_KEY_BOOL, offsetof(pc_shape, is_unembedding_tied), NULL},
    {"head_dim", PC_KEY_BY_FINISH, 0, NULL},
    {"num_key_value_heads", PC_KEY_BY_FINISH, 0, NULL},
    {"partial_rotary_factor", PC_KEY_BY_FINISH, 0, NULL},
    {"rope_parameters", PC_KEY_BY_FINISH, 0, NULL},
    {"rope_scaling", PC_KEY_BY_FINISH, 0, NULL},
    {"rope_theta", PC_KEY_BY_FINISH, 0, NULL},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

/* Linear layers keep weights (out, in). */
const pc_tensor_rule pc_llama_family_tensors[] = {
    {PC_W_E, "embed_tokens.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_W, "layers.%d.input_layernorm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_Q, "layers.%d.self_attn.q_proj.weight", PC_LAYOUT_OUT_IN_HEADS, PC_REQUIRED},
    {PC_W_K, "layers.%d.self_attn.k_proj.weight", PC_LAYOUT_OUT_IN_HEADS, PC_REQUIRED},
    {PC_W_V, "layers.%d.self_attn.v_proj.weight", PC_LAYOUT_OUT_IN_HEADS, PC_REQUIRED},
    {PC_B_Q, "layers.%d.self_attn.q_proj.bias", PC_LAYOUT_FLAT, PC_REQUIRED},
    {PC_B_K, "layers.%d.self_attn.k_proj.bias", PC_LAYOUT_FLAT, PC_REQUIRED},
    {PC_B_V, "layers.%d.self_attn.v_proj.bias", PC_LAYOUT_FLAT, PC_REQUIRED},
    {PC_Q_NORM_W, "layers.%d.self_attn.q_norm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_K_NORM_W, "layers.%d.self_attn.k_norm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_O, "layers.%d.self_attn.o_proj.weight", PC_LAYOUT_TRANSPOSED_MERGED, PC_REQUIRED},
    {PC_B_O, "layers.%d.self_attn.o_proj.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_W, "layers.%d.post_attention_layernorm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_GATE, "layers.%d.mlp.gate_proj.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_B_GATE, "layers.%d.mlp.gate_proj.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_IN, "layers.%d.mlp.up_proj.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_B_IN, "layers.%d.mlp.up_proj.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_OUT, "layers.%d.mlp.down_proj.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_B_OUT, "layers.%d.mlp.down_proj.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN_FINAL_W, "norm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_U, "lm_head.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_N_WEIGHTS, NULL, PC_LAYOUT_PLAIN, PC_OPTIONAL},
};

/* The frequencies that old checkpoints stored as if they were weights. */
const char *const pc_llama_family_ignored[] = {"layers.%d.self_attn.rotary_emb.inv_freq", NULL};

pc_status pc_llama_family_finish(pc_shape *shape, const json_t *config, const char *path)
{
    PC_TRY(pc_config_head_dim(shape, config, path));
    PC_TRY(pc_config_kv_heads(shape, config, "num_key_value_heads", path));
    shape->vocab_out = shape->vocab;
    shape->attention_scale = 1 / sqrt(shape->d_head);
    return pc_config_rotary(shape, config, 1, path);
}
