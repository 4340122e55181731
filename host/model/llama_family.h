/* What the architectures after Llama's pattern have in common: RMS norms, rotary positions, gated
 * MLPs, grouped queries, and the names of their keys and tensors. */
#ifndef PC_MODEL_LLAMA_FAMILY_H
#define PC_MODEL_LLAMA_FAMILY_H

#include "model/architecture.h"

/* The keys that all of them know, and their tensors (Gemma-2 has more norms and its own). */
extern const pc_config_key pc_llama_family_keys[];
extern const pc_tensor_rule pc_llama_family_tensors[];
extern const char *const pc_llama_family_ignored[];

/* Heads, MLP, scale and rotary positions: the part of every row's finish function. */
pc_status pc_llama_family_finish(pc_shape *shape, const json_t *config, const char *path);

#endif
