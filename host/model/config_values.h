/* What several architectures' configurations say in the same words: for the rows' finish functions.
 *
 * Each reads its keys of `config` into `shape`; `path` is for messages. A value that the forward
 * pass has no form for is PC_ERR_UNSUPPORTED and names the key. */
#ifndef PC_MODEL_CONFIG_VALUES_H
#define PC_MODEL_CONFIG_VALUES_H

#include "base/json.h"
#include "model/shape.h"

#include <stdbool.h>

/* Whether the key is there and not null. */
bool pc_config_is_given(const json_t *config, const char *key);

/* Where the key is given: a bool, an integer >= 1, a real number. Else *out keeps its value. */
pc_status pc_config_flag(bool *out, const json_t *config, const char *key, const char *path);
pc_status pc_config_count(int *out, const json_t *config, const char *key, const char *path);
pc_status pc_config_real(double *out, const json_t *config, const char *key, const char *path);

/* An activation's name under `key`, in any spelling the field uses. */
pc_status pc_config_activation(pc_activation *out, const json_t *config, const char *key,
                               const char *path);

/* d_head = head_dim, or, where that is not given and d_head is not set, d_model / n_heads. */
pc_status pc_config_head_dim(pc_shape *shape, const json_t *config, const char *path);

/* n_kv_heads = num_key_value_heads, or n_heads; it divides n_heads. */
pc_status pc_config_kv_heads(pc_shape *shape, const json_t *config, const char *key,
                             const char *path);

/* Rotary positions over the first `fraction` of d_head (set before), in the spelling of
 * transformers 5 (rope_parameters) or before (rope_theta, rotary_emb_base, rope_scaling,
 * partial_rotary_factor, rotary_pct), which must not contradict one another. */
pc_status pc_config_rotary(pc_shape *shape, const json_t *config, double fraction,
                           const char *path);

/* window = sliding_window, 0 for null; absent: keeps its value. */
pc_status pc_config_window(pc_shape *shape, const json_t *config, const char *path);

/* is_windowed by layer_types where it is given. Then the check that windowed layers have a window;
 * without such a layer it becomes 0. */
pc_status pc_config_layer_types(pc_shape *shape, const json_t *config, const char *path);

/* A softcap: a positive number, or null for none. Absent: keeps its value. */
pc_status pc_config_softcap(double *out, const json_t *config, const char *key, const char *path);

#endif
