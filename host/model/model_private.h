/* The model handle's inside: shape, components, weights. */
#ifndef PC_MODEL_MODEL_PRIVATE_H
#define PC_MODEL_MODEL_PRIVATE_H

#include "base/digest.h"
#include "model/components.h"
#include "model/weight_layout.h"
#include "model/weights.h"
#include "patchclamp/model.h"

struct pc_model {
    pc_model_info info;
    const pc_architecture *architecture;
    pc_shape shape;
    pc_components components;
    pc_weights weights;
    char *directory, *name, *config_path;
    char sha256[PC_DIGEST_CHARS]; /* "" until it was asked for */
};

/* Whether the model has the weight. `layer` is 0 for those that exist once. */
static inline bool pc_model_has(const pc_model *model, pc_weight weight, int layer)
{
    return model->weights.at[weight][layer].data != NULL;
}

/* A vector (a bias, a gain), or NULL if the model has none of that kind. */
static inline const float *pc_model_vector(const pc_model *model, pc_weight weight, int layer)
{
    return model->weights.at[weight][layer].data;
}

/* Elements [first, first + count) of a matrix as float32: borrowed, or widened into buffer (count).
 */
static inline const float *pc_model_matrix(float *buffer, const pc_model *model, pc_weight weight,
                                           int layer, int64_t first, int64_t count)
{
    return pc_weight_elements(buffer, &model->weights.at[weight][layer], first, count);
}

/* Tokens in 0..vocab-1, 1..n_ctx of them; else PC_ERR_INPUT. */
pc_status pc_model_check_tokens(const pc_model *model, const int32_t *tokens, int n_tokens);

#endif
