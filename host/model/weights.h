/* The weights of a model in canonical order, read from a checkpoint by its architecture's row. */
#ifndef PC_MODEL_WEIGHTS_H
#define PC_MODEL_WEIGHTS_H

#include "io/safetensors.h"
#include "model/architecture.h"

/* One weight. Matrices stay in 16 bits where the checkpoint has them so; everything else is
 * float32. NULL data: absent (no bias, no gain). */
typedef struct pc_stored_weight {
    const void *data;
    pc_dtype dtype; /* F32, F16 or BF16 */
} pc_stored_weight;

/* Weights that exist once have one layer. One allocation of the weights' own size holds them all;
 * W_U may be W_E. */
typedef struct pc_weights {
    pc_stored_weight *at[PC_N_WEIGHTS]; /* [weight][layer] */
    pc_stored_weight *table;
    unsigned char *arena;
    int64_t n_parameters, n_bytes;
    bool has_16_bits; /* some matrix is kept so */
} pc_weights;

/* Errors: a missing tensor, one of another shape, one that the architecture or this configuration
 * does not have, a weight that is NaN or infinite: PC_ERR_INPUT naming file and tensor. Beside the
 * weights themselves at most one tensor is held at a time. */
pc_status pc_weights_read(pc_weights *out, const pc_checkpoint *checkpoint,
                          const pc_architecture *architecture, const pc_shape *shape);
void pc_weights_free(pc_weights *weights);

/* Elements [first, first + count) of a weight that is there, in canonical order, as float32:
 * borrowed where it is stored so, else widened into buffer (count). */
const float *pc_weight_elements(float *buffer, const pc_stored_weight *weight, int64_t first,
                                int64_t count);

#endif
