/* Bringing a tensor of a checkpoint into canonical order. */
#ifndef PC_MODEL_WEIGHT_LAYOUT_H
#define PC_MODEL_WEIGHT_LAYOUT_H

#include "io/safetensors.h"
#include "model/architecture.h"

/* Row-major dimensions of a canonical weight, padded with ones behind; returns their number (1 to
 * 3). */
int pc_weight_axes(int64_t axes[3], pc_weight weight, const pc_shape *shape);
int64_t pc_weight_count(pc_weight weight, const pc_shape *shape);
bool pc_weight_is_per_layer(pc_weight weight);
/* Matrices are read row by row or in slices, and may stay in 16 bits; the others are vectors. */
bool pc_weight_is_matrix(pc_weight weight);

/* PC_ERR_INPUT unless the tensor has the shape that the layout gives this weight. */
pc_status pc_weight_check_shape(const pc_checkpoint *checkpoint, const pc_tensor *tensor,
                                const pc_tensor_rule *rule, const pc_shape *shape);

/* The tensor in canonical order: floats, or 16-bit patterns when is_16_bits. Numbers that are not
 * finite are PC_ERR_INPUT. */
pc_status pc_weight_read(void *out, bool is_16_bits, const pc_checkpoint *checkpoint,
                         const pc_tensor *tensor, const pc_tensor_rule *rule,
                         const pc_shape *shape);

#endif
