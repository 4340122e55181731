/* The dimensions and choices that define a transformer's computation: what a descriptor fills in.
 */
#ifndef PC_MODEL_SHAPE_H
#define PC_MODEL_SHAPE_H

#include "kernels/activation.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum pc_norm { PC_NORM_NONE, PC_NORM_LAYER, PC_NORM_RMS } pc_norm;

/* Sequential: the MLP reads what the layer's heads wrote. Parallel: both read the layer's input. */
typedef enum pc_block { PC_BLOCK_SEQUENTIAL, PC_BLOCK_PARALLEL } pc_block;

typedef struct pc_shape {
    int n_layers, n_heads, n_kv_heads, d_model, d_head;
    int d_mlp; /* 0: attention only */
    int n_ctx;
    int64_t vocab, vocab_out;
    int64_t bos; /* -1: none */
    pc_norm norm;
    bool has_norm_gain; /* false: the norm's gain and bias were folded into the weights */
    double norm_eps;
    pc_activation activation;
    pc_block block;
    double attention_scale;         /* scores are q.k times this ... */
    bool is_scale_divided_by_layer; /* ... and divided by layer + 1 */
    bool is_unembedding_tied;       /* the unembedding is the token embedding */
} pc_shape;

#endif
