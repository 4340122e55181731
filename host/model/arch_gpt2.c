/* The row of GPT-2 (Hugging Face's GPT2LMHeadModel). */
#include "model/architecture.h"
#include "model/config_values.h"

#include <math.h>

static const pc_config_key keys[] = {
    {"n_layer", PC_KEY_INT, offsetof(pc_shape, n_layers), NULL},
    {"n_head", PC_KEY_INT, offsetof(pc_shape, n_heads), NULL},
    {"n_embd", PC_KEY_INT, offsetof(pc_shape, d_model), NULL},
    {"n_positions", PC_KEY_INT, offsetof(pc_shape, n_ctx), NULL},
    {"vocab_size", PC_KEY_INT64, offsetof(pc_shape, vocab), NULL},
    {"layer_norm_epsilon", PC_KEY_REAL, offsetof(pc_shape, norm_eps), NULL},
    {"activation_function", PC_KEY_ACTIVATION, offsetof(pc_shape, activation), NULL},
    {"bos_token_id", PC_KEY_TOKEN, offsetof(pc_shape, bos), NULL},
    {"scale_attn_by_inverse_layer_idx", PC_KEY_BOOL, offsetof(pc_shape, is_scale_divided_by_layer),
     NULL},
    {"tie_word_embeddings", PC_KEY_BOOL, offsetof(pc_shape, is_unembedding_tied), NULL},
    {"n_inner", PC_KEY_BY_FINISH, 0, NULL},
    {"scale_attn_weights", PC_KEY_BY_FINISH, 0, NULL},
    {"model_type", PC_KEY_MUST_BE, 0, "\"gpt2\""},
    {"architectures", PC_KEY_MUST_BE, 0, "[\"GPT2LMHeadModel\"]"},
    /* a copy of n_positions in old configurations */
    {"n_ctx", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    /* computes the scores in another order; the mathematics is the same */
    {"reorder_and_upcast_attn", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"attn_pdrop", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"embd_pdrop", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"resid_pdrop", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"predict_special_tokens", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"n_special", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

/* GPT-2's Conv1D keeps weights (in, out): canonical but for the fused q, k, v. */
static const pc_tensor_rule tensors[] = {
    {PC_W_E, "wte.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_POS, "wpe.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_W, "h.%d.ln_1.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_B, "h.%d.ln_1.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_Q, "h.%d.attn.c_attn.weight", PC_LAYOUT_FUSED_Q, PC_REQUIRED},
    {PC_W_K, "h.%d.attn.c_attn.weight", PC_LAYOUT_FUSED_K, PC_REQUIRED},
    {PC_W_V, "h.%d.attn.c_attn.weight", PC_LAYOUT_FUSED_V, PC_REQUIRED},
    {PC_B_Q, "h.%d.attn.c_attn.bias", PC_LAYOUT_FUSED_Q, PC_REQUIRED},
    {PC_B_K, "h.%d.attn.c_attn.bias", PC_LAYOUT_FUSED_K, PC_REQUIRED},
    {PC_B_V, "h.%d.attn.c_attn.bias", PC_LAYOUT_FUSED_V, PC_REQUIRED},
    {PC_W_O, "h.%d.attn.c_proj.weight", PC_LAYOUT_MERGED_HEADS, PC_REQUIRED},
    {PC_B_O, "h.%d.attn.c_proj.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_W, "h.%d.ln_2.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_B, "h.%d.ln_2.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_IN, "h.%d.mlp.c_fc.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_B_IN, "h.%d.mlp.c_fc.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_OUT, "h.%d.mlp.c_proj.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_B_OUT, "h.%d.mlp.c_proj.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN_FINAL_W, "ln_f.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN_FINAL_B, "ln_f.bias", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_U, "lm_head.weight", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_N_WEIGHTS, NULL, PC_LAYOUT_PLAIN, PC_OPTIONAL},
};

/* Causal masks that old checkpoints stored as if they were weights. */
static const char *const ignored_tensors[] = {"h.%d.attn.bias", "h.%d.attn.masked_bias", NULL};

static pc_status finish(pc_shape *shape, const json_t *config, const char *path)
{
    if (shape->d_model % shape->n_heads != 0)
        return pc_fail(PC_ERR_INPUT, "%s: n_embd is %d, expected a multiple of n_head (%d)", path,
                       shape->d_model, shape->n_heads);
    shape->d_head = shape->d_model / shape->n_heads;
    shape->n_kv_heads = shape->n_heads;
    shape->vocab_out = shape->vocab;
    shape->d_mlp = 4 * shape->d_model;
    PC_TRY(pc_config_count(&shape->d_mlp, config, "n_inner", path));
    bool is_scaled = true;
    PC_TRY(pc_config_flag(&is_scaled, config, "scale_attn_weights", path));
    shape->attention_scale = is_scaled ? 1 / sqrt(shape->d_head) : 1;
    return PC_OK;
}

const pc_architecture pc_arch_gpt2 = {
    .name = "gpt2",
    .config_file = "config.json",
    .model_type = "gpt2",
    .name_prefix = "transformer.",
    .keys = {keys, pc_hugging_face_keys},
    .tensors = tensors,
    .ignored_tensors = ignored_tensors,
    .finish = finish,
    .defaults = {.bos = 50256,
                 .embedding_scale = 1,
                 .norm = PC_NORM_LAYER,
                 .has_norm_gain = true,
                 .has_qkv_bias = true,
                 .has_o_bias = true,
                 .has_mlp_bias = true,
                 .activation = PC_ACTIVATION_GELU_TANH,
                 .block = PC_BLOCK_SEQUENTIAL,
                 .is_unembedding_tied = true},
};
