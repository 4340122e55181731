/* The row of Mistral (Hugging Face's MistralForCausalLM): Llama with a window in every layer. */
#include "model/config_values.h"
#include "model/llama_family.h"

static const pc_config_key keys[] = {
    {"hidden_act", PC_KEY_ACTIVATION, offsetof(pc_shape, activation), NULL},
    {"sliding_window", PC_KEY_BY_FINISH, 0, NULL},
    {"model_type", PC_KEY_MUST_BE, 0, "\"mistral\""},
    {"architectures", PC_KEY_MUST_BE, 0, "[\"MistralForCausalLM\"]"},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};

static pc_status finish(pc_shape *shape, const json_t *config, const char *path)
{
    PC_TRY(pc_config_window(shape, config, path));
    for (int layer = 0; layer < shape->n_layers; layer++)
        shape->is_windowed[layer] = shape->window > 0;
    return pc_llama_family_finish(shape, config, path);
}

const pc_architecture pc_arch_mistral = {
    .name = "mistral",
    .config_file = "config.json",
    .model_type = "mistral",
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
                 .is_gated = true,
                 .window = 4096},
};
