/* The rows of Qwen2 and Qwen3 (Hugging Face's Qwen2ForCausalLM, Qwen3ForCausalLM): Llama with
 * biases on q, k and v, or with norms on q and k; windows in the upper layers where asked for. */
#include "model/config_values.h"
#include "model/llama_family.h"

/* Beside a key table of its own model type, which is all that differs. */
static const pc_config_key qwen2_keys[] = {
    {"hidden_act", PC_KEY_ACTIVATION, offsetof(pc_shape, activation), NULL},
    {"use_sliding_window", PC_KEY_BY_FINISH, 0, NULL},
    {"sliding_window", PC_KEY_BY_FINISH, 0, NULL},
    {"max_window_layers", PC_KEY_BY_FINISH, 0, NULL},
    {"layer_types", PC_KEY_BY_FINISH, 0, NULL},
    {"model_type", PC_KEY_MUST_BE, 0, "\"qwen2\""},
    {"architectures", PC_KEY_MUST_BE, 0, "[\"Qwen2ForCausalLM\"]"},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

static const pc_config_key qwen3_keys[] = {
    {"hidden_act", PC_KEY_ACTIVATION, offsetof(pc_shape, activation), NULL},
    {"attention_bias", PC_KEY_BY_FINISH, 0, NULL},
    {"use_sliding_window", PC_KEY_BY_FINISH, 0, NULL},
    {"sliding_window", PC_KEY_BY_FINISH, 0, NULL},
    {"max_window_layers", PC_KEY_BY_FINISH, 0, NULL},
    {"layer_types", PC_KEY_BY_FINISH, 0, NULL},
    {"model_type", PC_KEY_MUST_BE, 0, "\"qwen3\""},
    {"architectures", PC_KEY_MUST_BE, 0, "[\"Qwen3ForCausalLM\"]"},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

/* Without use_sliding_window there is no window, whatever sliding_window says; with it, the layers
 * from max_window_layers on have one. */
static pc_status read_windows(pc_shape *shape, const json_t *config, const char *path)
{
    bool has_windows = false;
    int64_t first = 28;
    PC_TRY(pc_config_flag(&has_windows, config, "use_sliding_window", path));
    PC_TRY(pc_config_window(shape, config, path));
    if (!has_windows) shape->window = 0;
    if (pc_config_is_given(config, "max_window_layers"))
        PC_TRY(pc_json_int(&first, config, "max_window_layers", 0, 1 << 24, path));
    for (int layer = 0; layer < shape->n_layers; layer++)
        shape->is_windowed[layer] = shape->window > 0 && layer >= first;
    return pc_config_layer_types(shape, config, path);
}

static pc_status finish_qwen2(pc_shape *shape, const json_t *config, const char *path)
{
    PC_TRY(read_windows(shape, config, path));
    return pc_llama_family_finish(shape, config, path);
}

static pc_status finish_qwen3(pc_shape *shape, const json_t *config, const char *path)
{
    PC_TRY(pc_config_flag(&shape->has_qkv_bias, config, "attention_bias", path));
    shape->has_o_bias = shape->has_qkv_bias;
    return finish_qwen2(shape, config, path);
}

const pc_architecture pc_arch_qwen2 = {
    .name = "qwen2",
    .config_file = "config.json",
    .model_type = "qwen2",
    .name_prefix = "model.",
    .keys = {qwen2_keys, pc_llama_family_keys, pc_hugging_face_keys},
    .tensors = pc_llama_family_tensors,
    .ignored_tensors = pc_llama_family_ignored,
    .finish = finish_qwen2,
    .defaults = {.bos = -1,
                 .embedding_scale = 1,
                 .norm = PC_NORM_RMS,
                 .norm_eps = 1e-6,
                 .has_norm_gain = true,
                 .has_qkv_bias = true,
                 .activation = PC_ACTIVATION_SILU,
                 .is_gated = true,
                 .window = 4096},
};

const pc_architecture pc_arch_qwen3 = {
    .name = "qwen3",
    .config_file = "config.json",
    .model_type = "qwen3",
    .name_prefix = "model.",
    .keys = {qwen3_keys, pc_llama_family_keys, pc_hugging_face_keys},
    .tensors = pc_llama_family_tensors,
    .ignored_tensors = pc_llama_family_ignored,
    .finish = finish_qwen3,
    .defaults = {.d_head = 128,
                 .bos = -1,
                 .embedding_scale = 1,
                 .norm = PC_NORM_RMS,
                 .norm_eps = 1e-6,
                 .has_norm_gain = true,
                 .has_qk_norm = true,
                 .activation = PC_ACTIVATION_SILU,
                 .is_gated = true,
                 .window = 4096},
};
