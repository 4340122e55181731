/* The dimensions and choices that define a transformer's computation: what a descriptor fills in.
 */
#ifndef PC_MODEL_SHAPE_H
#define PC_MODEL_SHAPE_H

#include "kernels/activation.h"
#include "kernels/rotary.h"

#include <stdbool.h>
#include <stdint.h>

enum { PC_MOST_LAYERS = 1024 };

typedef enum pc_norm { PC_NORM_NONE, PC_NORM_LAYER, PC_NORM_RMS } pc_norm;

/* Sequential: the MLP reads what the layer's heads wrote. Parallel: both read the layer's input. */
typedef enum pc_block { PC_BLOCK_SEQUENTIAL, PC_BLOCK_PARALLEL } pc_block;

typedef enum pc_positions {
    PC_POSITIONS_LEARNED, /* W_pos is added to the token's embedding */
    PC_POSITIONS_ROTARY,  /* queries and keys are turned, see kernels/rotary.h */
    PC_POSITIONS_NONE
} pc_positions;

/* How the frequencies of rotary positions are scaled for long contexts. */
typedef enum pc_rotary_scaling {
    PC_ROTARY_PLAIN,
    PC_ROTARY_LINEAR, /* all divided by factor (Chen et al. 2023) */
    PC_ROTARY_LLAMA3  /* the slow ones divided, the fast ones kept, a ramp between (Llama 3.1) */
} pc_rotary_scaling;

typedef struct pc_rotary {
    int dim; /* the first channels of a head that are turned, even; 0 without rotary positions */
    double base; /* "theta" */
    pc_rotary_pairs pairs;
    pc_rotary_scaling scaling;
    double factor, low_freq_factor, high_freq_factor, original_n_ctx;
} pc_rotary;

typedef struct pc_shape {
    int n_layers, n_heads, n_kv_heads, d_model, d_head;
    int d_mlp; /* 0: attention only */
    int n_ctx;
    int64_t vocab, vocab_out;
    int64_t bos;            /* -1: none */
    double embedding_scale; /* token embeddings are multiplied by it */
    pc_positions positions;
    pc_rotary rotary; /* of rotary positions alone */
    pc_norm norm;
    bool has_norm_gain;      /* false: the norm's gain and bias were folded into the weights */
    double norm_gain_offset; /* the gain is this plus the weight: 1 for Gemma's, else 0 */
    double norm_eps;
    bool has_post_norms; /* attention and MLP outputs are normed before they enter the stream */
    bool has_qk_norm;    /* queries and keys are normed (RMS over d_head) before they are turned */
    bool has_qkv_bias, has_o_bias, has_mlp_bias;
    bool has_bias_behind_gate; /* of gated MLPs, instead of biases on gate and W_in */
    pc_activation activation;
    bool is_gated; /* MLP: f(x W_gate) * (x W_in), not f(x W_in) */
    pc_block block;
    double attention_scale;         /* scores are q.k times this ... */
    bool is_scale_divided_by_layer; /* ... and divided by layer + 1 */
    double attention_softcap;       /* scores become cap tanh(score / cap); 0: as they are */
    double logit_softcap;           /* the same for the logits */
    int window; /* windowed layers see this many positions, their own included */
    bool is_windowed[PC_MOST_LAYERS];
    bool is_unembedding_tied; /* the unembedding is the token embedding */
} pc_shape;

#endif
