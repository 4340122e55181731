/* What going backwards needs of a model beside what the delta engine multiplies with: the matrices
 * transposed, the biases, and rotations the other way. On a device, in float32. */
#ifndef PC_GRAD_GRAD_WEIGHTS_H
#define PC_GRAD_GRAD_WEIGHTS_H

#include "patch/engine_weights.h"

/* Biases of a layer on the device, in the order of the places that they are added at. */
typedef enum pc_grad_bias {
    PC_BIAS_LN1,
    PC_BIAS_QKV,
    PC_BIAS_O,
    PC_BIAS_LN1_POST,
    PC_BIAS_LN2,
    PC_BIAS_GATE,
    PC_BIAS_IN,
    PC_BIAS_ACT,
    PC_BIAS_OUT,
    PC_BIAS_LN2_POST,
    PC_N_BIASES
} pc_grad_bias;

/* Each matrix is that of pc_engine_layer, (n_out, n_in). */
typedef struct pc_grad_layer {
    pc_engine_matrix qkv, o, gate, in, out;
    const float *bias[PC_N_BIASES]; /* NULL: none */
} pc_grad_layer;

typedef struct pc_grad_weights {
    pc_engine_weights *forward;
    pc_grad_layer *layers;
    pc_engine_matrix unembedding; /* (vocab_out, d_model), where a metric asks for all logits */
    const float *final_bias;
    float *turned_back;              /* the rotary table for the opposite angles */
    const float *turned_back_placed; /* ... on the device */
} pc_grad_weights;

/* Which ways are gone: without the way back nothing is transposed. */
typedef enum pc_grad_ways { PC_GRAD_THERE, PC_GRAD_AND_BACK } pc_grad_ways;

/* For prompts of up to `longest` tokens. PC_ERR_NOMEM. */
pc_status pc_grad_weights_new(pc_grad_weights **out, pc_grad_ways ways, const pc_model *model,
                              const pc_device *device, int longest, pc_unembedding unembedding);
void pc_grad_weights_free(pc_grad_weights *weights);
int64_t pc_grad_weights_bytes(const pc_model *model, const pc_device *device,
                              pc_unembedding unembedding);

#endif
