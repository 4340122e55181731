/* The weights of a model in canonical float32 form, read from a checkpoint by its architecture's
 * row. */
#ifndef PC_MODEL_WEIGHTS_H
#define PC_MODEL_WEIGHTS_H

#include "io/safetensors.h"
#include "model/architecture.h"

/* Weights that exist once have n_layers = 1; NULL means absent (no bias, no gain). One allocation
 * of exactly the weights' own size holds them all; W_U may be W_E. */
typedef struct pc_weights {
    const float **at[PC_N_WEIGHTS]; /* [weight][layer] */
    float *arena;
    const float **pointers;
    int64_t n_parameters;
} pc_weights;

/* Errors: a missing tensor, one of another shape, one that the architecture does not know, a weight
 * that is NaN or infinite: PC_ERR_INPUT naming file and tensor. */
pc_status pc_weights_read(pc_weights *out, const pc_checkpoint *checkpoint,
                          const pc_architecture *architecture, const pc_shape *shape);
void pc_weights_free(pc_weights *weights);

/* Row-major dimensions of a canonical weight; returns their number (1 to 3). */
int pc_weight_axes(int64_t axes[3], pc_weight weight, const pc_shape *shape);
bool pc_weight_is_per_layer(pc_weight weight);

#endif
