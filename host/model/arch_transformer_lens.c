/* The row of TransformerLens checkpoints: cfg.json is a HookedTransformerConfig, the safetensors
 * carry its state-dict names. Attention-only, norm-free and bias-free models are choices within it.
 */
#include "model/architecture.h"
#include "model/config_values.h"

#include <math.h>
#include <string.h>

static const pc_config_key keys[] = {
    {"n_layers", PC_KEY_INT, offsetof(pc_shape, n_layers), NULL},
    {"n_heads", PC_KEY_INT, offsetof(pc_shape, n_heads), NULL},
    {"d_model", PC_KEY_INT, offsetof(pc_shape, d_model), NULL},
    {"d_head", PC_KEY_INT, offsetof(pc_shape, d_head), NULL},
    {"n_ctx", PC_KEY_INT, offsetof(pc_shape, n_ctx), NULL},
    {"d_vocab", PC_KEY_INT64, offsetof(pc_shape, vocab), NULL},
    {"scale_attn_by_inverse_layer_idx", PC_KEY_BOOL, offsetof(pc_shape, is_scale_divided_by_layer),
     NULL},
    {"act_fn", PC_KEY_BY_FINISH, 0, NULL},
    {"attn_only", PC_KEY_BY_FINISH, 0, NULL},
    {"attn_scale", PC_KEY_BY_FINISH, 0, NULL},
    {"d_mlp", PC_KEY_BY_FINISH, 0, NULL},
    {"d_vocab_out", PC_KEY_BY_FINISH, 0, NULL},
    {"eps", PC_KEY_BY_FINISH, 0, NULL},
    {"final_rms", PC_KEY_BY_FINISH, 0, NULL},
    {"n_key_value_heads", PC_KEY_BY_FINISH, 0, NULL},
    {"normalization_type", PC_KEY_BY_FINISH, 0, NULL},
    {"parallel_attn_mlp", PC_KEY_BY_FINISH, 0, NULL},
    {"use_attn_scale", PC_KEY_BY_FINISH, 0, NULL},
    {"attention_dir", PC_KEY_MUST_BE, 0, "\"causal\""},
    {"positional_embedding_type", PC_KEY_BY_FINISH, 0, NULL},
    {"attn_scores_soft_cap", PC_KEY_BY_FINISH, 0, NULL},
    {"output_logits_soft_cap", PC_KEY_BY_FINISH, 0, NULL},
    {"clip_qkv", PC_KEY_MUST_BE, 0, "null"},
    {"gated_mlp", PC_KEY_BY_FINISH, 0, NULL},
    {"load_in_4bit", PC_KEY_MUST_BE, 0, "false"},
    {"num_experts", PC_KEY_MUST_BE, 0, "null"},
    {"post_embedding_ln", PC_KEY_MUST_BE, 0, "false"},
    {"quantization_method", PC_KEY_MUST_BE, 0, "null"},
    {"relative_attention_max_distance", PC_KEY_MUST_BE, 0, "null"},
    {"relative_attention_num_buckets", PC_KEY_MUST_BE, 0, "null"},
    {"use_attention_sinks", PC_KEY_MUST_BE, 0, "false"},
    {"use_local_attn", PC_KEY_BY_FINISH, 0, NULL},
    {"use_logn_attn", PC_KEY_MUST_BE, 0, "false"},
    {"use_normalization_before_and_after", PC_KEY_BY_FINISH, 0, NULL},
    {"use_qk_norm", PC_KEY_BY_FINISH, 0, NULL},
    /* the unembedding is stored, tied or not */
    {"tie_word_embeddings", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    /* of rotary positions and windows, where the model has them */
    {"attn_types", PC_KEY_BY_FINISH, 0, NULL},
    {"rotary_adjacent_pairs", PC_KEY_BY_FINISH, 0, NULL},
    {"rotary_base", PC_KEY_BY_FINISH, 0, NULL},
    {"rotary_dim", PC_KEY_BY_FINISH, 0, NULL},
    {"window_size", PC_KEY_BY_FINISH, 0, NULL},
    {"rotary_base_local", PC_KEY_MUST_BE, 0, "null"},
    {"rotary_scaling_factor", PC_KEY_MUST_BE, 0, "1"},
    {"use_dynamic_ntk_rope", PC_KEY_MUST_BE, 0, "false"},
    {"use_NTK_by_parts_rope", PC_KEY_MUST_BE, 0, "false"},
    {"use_yarn_rope", PC_KEY_MUST_BE, 0, "false"},
    /* of experts and of scalings that are refused above */
    {"experts_per_token", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"norm_topk_prob", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"train_seq_length", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"NTK_by_parts_factor", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"NTK_by_parts_high_freq_factor", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"NTK_by_parts_low_freq_factor", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"NTK_original_ctx_len", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"yarn_attention_factor", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"yarn_beta_fast", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"yarn_beta_slow", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"yarn_factor", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"yarn_global_attn_only", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"yarn_original_max_position_embeddings", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"yarn_truncate", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    /* hooks, initialisation, provenance */
    {"checkpoint_index", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"checkpoint_label_type", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"checkpoint_value", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"decoder_start_token_id", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"default_prepend_bos", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"device", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"dtype", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"from_checkpoint", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"init_mode", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"init_weights", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"initializer_range", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"layer_norm_folding", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"model_name", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"n_devices", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"n_params", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"original_architecture", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"seed", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"tokenizer_name", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"tokenizer_prepends_bos", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"trust_remote_code", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"ungroup_grouped_query_attention", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"use_attn_in", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"use_attn_result", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"use_hook_mlp_in", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"use_hook_tokens", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"use_split_qkv_input", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"uses_rms_norm", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

static const pc_tensor_rule tensors[] = {
    {PC_W_E, "embed.W_E", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_POS, "pos_embed.W_pos", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_W, "blocks.%d.ln1.w", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_B, "blocks.%d.ln1.b", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_W_Q, "blocks.%d.attn.W_Q", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_K, "blocks.%d.attn.W_K", PC_LAYOUT_PLAIN, PC_REQUIRED_IN_ONE},
    {PC_W_V, "blocks.%d.attn.W_V", PC_LAYOUT_PLAIN, PC_REQUIRED_IN_ONE},
    {PC_W_K, "blocks.%d.attn._W_K", PC_LAYOUT_PLAIN, PC_REQUIRED_IN_ONE}, /* grouped heads */
    {PC_W_V, "blocks.%d.attn._W_V", PC_LAYOUT_PLAIN, PC_REQUIRED_IN_ONE},
    {PC_B_Q, "blocks.%d.attn.b_Q", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_B_K, "blocks.%d.attn.b_K", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_B_V, "blocks.%d.attn.b_V", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_B_K, "blocks.%d.attn._b_K", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_B_V, "blocks.%d.attn._b_V", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_Q_NORM_W, "blocks.%d.attn.q_norm.w", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_K_NORM_W, "blocks.%d.attn.k_norm.w", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_O, "blocks.%d.attn.W_O", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_B_O, "blocks.%d.attn.b_O", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_LN1_POST_W, "blocks.%d.ln1_post.w", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN1_POST_B, "blocks.%d.ln1_post.b", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_LN2_W, "blocks.%d.ln2.w", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_B, "blocks.%d.ln2.b", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_LN2_POST_W, "blocks.%d.ln2_post.w", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN2_POST_B, "blocks.%d.ln2_post.b", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_W_GATE, "blocks.%d.mlp.W_gate", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_W_IN, "blocks.%d.mlp.W_in", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_B_IN, "blocks.%d.mlp.b_in", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_B_ACT, "blocks.%d.mlp.b_in", PC_LAYOUT_PLAIN,
     PC_OPTIONAL}, /* gated: GatedMLP adds it last */
    {PC_W_OUT, "blocks.%d.mlp.W_out", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_B_OUT, "blocks.%d.mlp.b_out", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_LN_FINAL_W, "ln_final.w", PC_LAYOUT_PLAIN, PC_REQUIRED},
    {PC_LN_FINAL_B, "ln_final.b", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_W_U, "unembed.W_U", PC_LAYOUT_TRANSPOSED, PC_REQUIRED},
    {PC_B_U, "unembed.b_U", PC_LAYOUT_PLAIN, PC_OPTIONAL},
    {PC_N_WEIGHTS, NULL, PC_LAYOUT_PLAIN, PC_OPTIONAL},
};

static const char *const ignored_tensors[] = {"blocks.%d.attn.mask", "blocks.%d.attn.IGNORE",
                                              "blocks.%d.attn.rotary_sin",
                                              "blocks.%d.attn.rotary_cos", NULL};

/* "LNPre" and "RMSPre" are norms whose gain and bias were folded into the weights. */
static pc_status read_norm(pc_shape *shape, const json_t *config, const char *path)
{
    static const struct {
        const char *name;
        pc_norm norm;
        bool has_gain;
    } names[] = {{"LN", PC_NORM_LAYER, true},
                 {"LNPre", PC_NORM_LAYER, false},
                 {"RMS", PC_NORM_RMS, true},
                 {"RMSPre", PC_NORM_RMS, false}};
    bool is_final_rms = false;
    PC_TRY(pc_config_flag(&is_final_rms, config, "final_rms", path));
    shape->norm_eps = 1e-5;
    if (pc_config_is_given(config, "eps"))
        PC_TRY(pc_json_real(&shape->norm_eps, config, "eps", path));
    shape->norm = PC_NORM_NONE;
    if (!pc_config_is_given(config, "normalization_type")) return PC_OK;
    const char *name;
    PC_TRY(pc_json_text(&name, config, "normalization_type", path));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, name) != 0) continue;
        shape->norm = names[i].norm;
        shape->has_norm_gain = names[i].has_gain;
        if (is_final_rms && shape->norm != PC_NORM_RMS)
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "%s: final_rms is true, Patchclamp supports it only with RMS norms",
                           path);
        return PC_OK;
    }
    return pc_fail(PC_ERR_UNSUPPORTED,
                   "%s: normalization_type is \"%.40s\", expected null, LN, LNPre, RMS or RMSPre",
                   path, name);
}

static pc_status read_mlp(pc_shape *shape, const json_t *config, const char *path)
{
    bool is_attention_only = false, is_parallel = false;
    PC_TRY(pc_config_flag(&is_attention_only, config, "attn_only", path));
    PC_TRY(pc_config_flag(&is_parallel, config, "parallel_attn_mlp", path));
    shape->block = is_parallel ? PC_BLOCK_PARALLEL : PC_BLOCK_SEQUENTIAL;
    shape->d_mlp = 0;
    if (is_attention_only) return PC_OK;
    int64_t width = 4 * (int64_t)shape->d_model;
    if (pc_config_is_given(config, "d_mlp"))
        PC_TRY(pc_json_int(&width, config, "d_mlp", 1, 1 << 24, path));
    shape->d_mlp = (int)width;
    PC_TRY(pc_config_flag(&shape->is_gated, config, "gated_mlp", path));
    return pc_config_activation(&shape->activation, config, "act_fn", path);
}

/* TransformerLens's "not set" is -1. */
static pc_status read_softcap(double *out, const json_t *config, const char *key, const char *path)
{
    double cap = -1;
    PC_TRY(pc_config_real(&cap, config, key, path));
    *out = cap > 0 ? cap : 0;
    return PC_OK;
}

static pc_status read_scale(pc_shape *shape, const json_t *config, const char *path)
{
    bool is_scaled = true;
    double divisor = -1;
    PC_TRY(pc_config_flag(&is_scaled, config, "use_attn_scale", path));
    PC_TRY(pc_config_real(&divisor, config, "attn_scale", path));
    if (divisor == -1) divisor = sqrt(shape->d_head);
    if (!(divisor > 0))
        return pc_fail(PC_ERR_INPUT, "%s: attn_scale is %g, expected a positive number", path,
                       divisor);
    shape->attention_scale = is_scaled ? 1 / divisor : 1;
    return PC_OK;
}

static pc_status read_attention_types(pc_shape *shape, const json_t *types, const char *path)
{
    if (json_array_size(types) != (size_t)shape->n_layers)
        return pc_fail(PC_ERR_INPUT, "%s: attn_types has %zu entries, expected %d, one a layer",
                       path, json_array_size(types), shape->n_layers);
    for (int layer = 0; layer < shape->n_layers; layer++) {
        const char *type = json_string_value(json_array_get(types, (size_t)layer));
        if (!type || (strcmp(type, "global") != 0 && strcmp(type, "local") != 0))
            return pc_fail(PC_ERR_UNSUPPORTED,
                           "%s: attn_types[%d] is \"%.40s\", expected global or local", path, layer,
                           type ? type : "not a string");
        shape->is_windowed[layer] = type[0] == 'l';
    }
    return PC_OK;
}

static pc_status read_windows(pc_shape *shape, const json_t *config, const char *path)
{
    bool has_windows = false;
    PC_TRY(pc_config_flag(&has_windows, config, "use_local_attn", path));
    if (!has_windows) return PC_OK;
    PC_TRY(read_attention_types(shape, json_object_get(config, "attn_types"), path));
    int64_t window;
    PC_TRY(pc_json_int(&window, config, "window_size", 1, 1 << 24, path));
    shape->window = (int)window;
    return PC_OK;
}

static pc_status read_rotary(pc_shape *shape, const json_t *config, const char *path)
{
    bool is_adjacent = false;
    PC_TRY(pc_config_flag(&is_adjacent, config, "rotary_adjacent_pairs", path));
    shape->positions = PC_POSITIONS_ROTARY;
    shape->rotary.pairs = is_adjacent ? PC_ROTARY_ADJACENT : PC_ROTARY_HALVES;
    shape->rotary.dim = shape->d_head;
    shape->rotary.base = 10000;
    PC_TRY(pc_config_count(&shape->rotary.dim, config, "rotary_dim", path));
    PC_TRY(pc_config_real(&shape->rotary.base, config, "rotary_base", path));
    if (shape->rotary.dim > shape->d_head || shape->rotary.dim % 2 != 0)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "%s: rotary_dim is %d, expected an even number up to d_head (%d)", path,
                       shape->rotary.dim, shape->d_head);
    if (shape->rotary.base > 0) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: rotary_base is %g, expected more than 0", path,
                   shape->rotary.base);
}

static pc_status read_positions(pc_shape *shape, const json_t *config, const char *path)
{
    const char *name = "standard";
    if (pc_config_is_given(config, "positional_embedding_type"))
        PC_TRY(pc_json_text(&name, config, "positional_embedding_type", path));
    if (strcmp(name, "rotary") == 0) return read_rotary(shape, config, path);
    if (strcmp(name, "standard") == 0) return PC_OK;
    return pc_fail(PC_ERR_UNSUPPORTED,
                   "%s: positional_embedding_type is \"%.40s\", expected standard or rotary", path,
                   name);
}

static pc_status read_attention(pc_shape *shape, const json_t *config, const char *path)
{
    PC_TRY(pc_config_kv_heads(shape, config, "n_key_value_heads", path));
    PC_TRY(pc_config_flag(&shape->has_qk_norm, config, "use_qk_norm", path));
    PC_TRY(read_softcap(&shape->attention_softcap, config, "attn_scores_soft_cap", path));
    PC_TRY(read_scale(shape, config, path));
    PC_TRY(read_windows(shape, config, path));
    return read_positions(shape, config, path);
}

static pc_status finish(pc_shape *shape, const json_t *config, const char *path)
{
    PC_TRY(read_norm(shape, config, path));
    PC_TRY(read_mlp(shape, config, path));
    PC_TRY(read_attention(shape, config, path));
    PC_TRY(
        pc_config_flag(&shape->has_post_norms, config, "use_normalization_before_and_after", path));
    PC_TRY(read_softcap(&shape->logit_softcap, config, "output_logits_soft_cap", path));
    shape->vocab_out = shape->vocab;
    const json_t *out = json_object_get(config, "d_vocab_out");
    if (pc_config_is_given(config, "d_vocab_out") && json_integer_value(out) != -1)
        PC_TRY(pc_json_int(&shape->vocab_out, config, "d_vocab_out", 1, 1 << 24, path));
    return PC_OK;
}

const pc_architecture pc_arch_transformer_lens = {
    .name = "transformer-lens",
    .config_file = "cfg.json",
    .keys = {keys},
    .tensors = tensors,
    .ignored_tensors = ignored_tensors,
    .finish = finish,
    .defaults = {.bos = -1,
                 .embedding_scale = 1,
                 .has_qkv_bias = true,
                 .has_o_bias = true,
                 .has_mlp_bias = true,
                 .has_bias_behind_gate = true,
                 .block = PC_BLOCK_SEQUENTIAL},
};
