/* The row of Gemma-2 (Hugging Face's Gemma2ForCausalLM): norms before and after attention and MLP
 * whose gains are 1 + weight, softcaps, scaled embeddings, a window in every other layer. */
#include "model/config_values.h"
#include "model/llama_family.h"

#include <math.h>

static const pc_config_key keys[] = {
    {"hidden_activation", PC_KEY_ACTIVATION, offsetof(pc_shape, activation), NULL},
    {"attention_bias", PC_KEY_BY_FINISH, 0, NULL},
    {"query_pre_attn_scalar", PC_KEY_BY_FINISH, 0, NULL},
    {"attn_logit_softcapping", PC_KEY_BY_FINISH, 0, NULL},
    {"final_logit_softcapping", PC_KEY_BY_FINISH, 0, NULL},
    {"sliding_window", PC_KEY_BY_FINISH, 0, NULL},
    {"layer_types", PC_KEY_BY_FINISH, 0, NULL},
    /* an older name, which the library passes over */
    {"hidden_act", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"use_bidirectional_attention", PC_KEY_BY_FINISH, 0, NULL},
    {"model_type", PC_KEY_MUST_BE, 0, "\"gemma2\""},
    {"architectures", PC_KEY_MUST_BE, 0, "[\"Gemma2ForCausalLM\"]"},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

static const pc_tensor_rule tensors[] = {
    {PC_W_E, "embed_tokens.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_W, "layers.%d.input_layernorm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_Q, "layers.%d.self_attn.q_proj.weight", PC_LAYOUT_OUT_IN_HEADS, PC_REQUIRED},
    {PC_W_K, "layers.%d.self_attn.k_proj.weight", PC_LAYOUT_OUT_IN_HEADS, PC_REQUIRED},
    {PC_W_V, "layers.%d.self_attn.v_proj.weight", PC_LAYOUT_OUT_IN_HEADS, PC_REQUIRED},
    {PC_B_Q, "layers.%d.self_attn.q_proj.bias", PC_LAYOUT_FLAT, PC_REQUIRED},
    {PC_B_K, "layers.%d.self_attn.k_proj.bias", PC_LAYOUT_FLAT, PC_REQUIRED},
    {PC_B_V, "layers.%d.self_attn.v_proj.bias", PC_LAYOUT_FLAT, PC_REQUIRED},
    {PC_W_O, "layers.%d.self_attn.o_proj.weight", PC_LAYOUT_TRANSPOSED_MERGED, PC_REQUIRED},
    {PC_B_O, "layers.%d.self_attn.o_proj.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_POST_W, "layers.%d.post_attention_layernorm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_W, "layers.%d.pre_feedforward_layernorm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_GATE, "layers.%d.mlp.gate_proj.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_W_IN, "layers.%d.mlp.up_proj.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_W_OUT, "layers.%d.mlp.down_proj.weight", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_LN2_POST_W, "layers.%d.post_feedforward_layernorm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN_FINAL_W, "norm.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_U, "lm_head.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_N_WEIGHTS, NULL, PC_LAYOUT_PLAIN, PC_OPTIONAL},
};

static pc_status finish(pc_shape *shape, const json_t *config, const char *path)
{
    double scalar = 256;
    bool is_bidirectional = false;
    PC_TRY(pc_config_window(shape, config, path));
    for (int layer = 0; layer < shape->n_layers; layer++)
        shape->is_windowed[layer] = layer % 2 == 0;
    PC_TRY(pc_config_layer_types(shape, config, path));
    PC_TRY(pc_config_flag(&is_bidirectional, config, "use_bidirectional_attention", path));
    if (is_bidirectional)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "%s: use_bidirectional_attention is true, Patchclamp supports only false",
                       path);
    PC_TRY(pc_config_flag(&shape->has_qkv_bias, config, "attention_bias", path));
    shape->has_o_bias = shape->has_qkv_bias;
    PC_TRY(pc_config_softcap(&shape->attention_softcap, config, "attn_logit_softcapping", path));
    PC_TRY(pc_config_softcap(&shape->logit_softcap, config, "final_logit_softcapping", path));
    PC_TRY(pc_config_real(&scalar, config, "query_pre_attn_scalar", path));
    if (!(scalar > 0))
        return pc_fail(PC_ERR_INPUT, "%s: query_pre_attn_scalar is %g, expected a positive number",
                       path, scalar);
    PC_TRY(pc_llama_family_finish(shape, config, path));
    shape->attention_scale = 1 / sqrt(scalar);
    /* the library keeps the factor as a float32 */
    shape->embedding_scale = (double)(float)sqrt(shape->d_model);
    return PC_OK;
}

const pc_architecture pc_arch_gemma2 = {
    .name = "gemma2",
    .config_file = "config.json",
    .model_type = "gemma2",
    .name_prefix = "model.",
    .keys = {keys, pc_llama_family_keys, pc_hugging_face_keys},
    .tensors = tensors,
    .ignored_tensors = pc_llama_family_ignored,
    .finish = finish,
    .defaults = {.d_head = 256,
                 .bos = 2,
                 .norm = PC_NORM_RMS,
                 .norm_eps = 1e-6,
                 .has_norm_gain = true,
                 .norm_gain_offset = 1,
                 .has_post_norms = true,
                 .activation = PC_ACTIVATION_GELU_TANH,
                 .is_gated = true,
                 .attention_softcap = 50,
                 .logit_softcap = 30,
                 .window = 4096,
                 .is_unembedding_tied = true},
};
