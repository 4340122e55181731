/* The keys that every Hugging Face configuration may carry. */
#include "model/architecture.h"

const pc_config_key pc_hugging_face_keys[] = {
    {"add_cross_attention", PC_KEY_MUST_BE, 0, "false"},
    {"is_encoder_decoder", PC_KEY_MUST_BE, 0, "false"},
    {"pruned_heads", PC_KEY_MUST_BE, 0, "{}"},
    /* training */
    {"attention_dropout", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"classifier_dropout", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"embed_dropout", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"gradient_checkpointing", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"hidden_dropout", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"initializer_range", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"resid_dropout", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    /* generation and other heads */
    {"cache_implementation", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"eos_token_id", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"finetuning_task", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"id2label", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"is_decoder", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"label2id", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"max_length", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"_num_labels", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"output_past", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"pad_token_id", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"problem_type", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"summary_activation", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"summary_first_dropout", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"summary_proj_to_labels", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"summary_type", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"summary_use_proj", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"task_specific_params", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"use_cache", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    /* what is kept or returned, and in which arithmetic */
    {"_attn_implementation_autoset", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"chunk_size_feed_forward", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"dtype", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"output_attentions", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"output_hidden_states", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    /* Llama: sums the same products in slices */
    {"pretraining_tp", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"return_dict", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"torch_dtype", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    /* provenance */
    {"_name_or_path", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"tokenizer_class", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {"transformers_version", PC_KEY_WITHOUT_EFFECT, 0, NULL},
    {NULL, PC_KEY_WITHOUT_EFFECT, 0, NULL},
};
