/* The row of Llama (Hugging Face's LlamaForCausalLM). */
#include "model/config_values.h"
#include "model/llama_family.h"

static const pc_config_key keys[] = {
    {"hidden_act", PC_KEY_ACTIVATION, offsetof(pc_shape, activation), NULL},
    {"attention_bias", PC_KEY_BY_FINISH, 0, NULL},
    {"mlp_bias", PC_KEY_BOOL, offsetof(pc_shape, has_mlp_bias), NULL},
    {"model_type", PC_KEY_MUST_BE, 0, "\"llama\""},
    {"architectures", PC_KEY_MUST_BE, 0, "[\"LlamaForCausalLM\"]"},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

static pc_status finish(pc_shape *shape, const json_t *config, const char *path)
{
    PC_TRY(pc_config_flag(&shape->has_qkv_bias, config, "attention_bias", path));
    shape->has_o_bias = shape->has_qkv_bias;
    return pc_llama_family_finish(shape, config, path);
}

const pc_architecture pc_arch_llama = {
    .name = "llama",
    .config_file = "config.json",
    .model_type = "llama",
    .name_prefix = "model.",
    .keys = {keys, pc_llama_family_keys, pc_hugging_face_keys},
    .tensors = pc_llama_family_tensors,
    .ignored_tensors = pc_llama_family_ignored,
    .finish = finish,
    .defaults = {.bos = 1,
                 .embedding_scale = 1,
                 .norm = PC_NORM_RMS,
                 .norm_eps = 1e-6,
                 .has_norm_gain = true,
                 .activation = PC_ACTIVATION_SILU,
                 .is_gated = true},
};
