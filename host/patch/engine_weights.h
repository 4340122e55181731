/* A model's weights as the delta engine multiplies with them: on a device, in float32. */
#ifndef PC_PATCH_ENGINE_WEIGHTS_H
#define PC_PATCH_ENGINE_WEIGHTS_H

#include "backend/cpu_ops.h"
#include "backend/device_private.h"
#include "model/model_private.h"

/* (n_in, n_out); w NULL where the model has none */
typedef struct pc_engine_matrix {
    pc_matrix *w;
    int64_t n_in, n_out;
} pc_engine_matrix;

/* Gains of norms that the engine goes through. */
typedef enum pc_engine_gains {
    PC_GAIN_LN1,
    PC_GAIN_LN1_POST,
    PC_GAIN_LN2,
    PC_GAIN_LN2_POST,
    PC_GAIN_Q_NORM,
    PC_GAIN_K_NORM,
    PC_GAIN_FINAL,
    PC_N_GAINS
} pc_engine_gains;

typedef struct pc_engine_layer {
    pc_engine_matrix qkv;      /* (d_model, (n_heads + 2 n_kv_heads) d_head): q, then k, then v */
    pc_engine_matrix o;        /* (n_heads d_head, d_model) */
    pc_engine_matrix gate, in; /* (d_model, d_mlp); gate of gated MLPs */
    pc_engine_matrix out;      /* (d_mlp, d_model) */
    float *b_qkv;              /* ((n_heads + 2 n_kv_heads) d_head) on the host, or NULL */
} pc_engine_layer;

/* Immutable once made: any thread may use it. */
typedef struct pc_engine_weights {
    const pc_model *model;
    const pc_device *device;
    const pc_cpu_ops *ops; /* of base runs, which are the processor's */
    pc_engine_layer *layers;
    pc_engine_matrix unembedding; /* (d_model, vocab_out), where a metric asks for it */
    const float **gains;          /* (PC_N_GAINS, n_layers) on the device, NULL for none */
    pc_rotary_kind rotary;        /* of all query heads; n_pairs 0 without rotary positions */
    double *frequencies;
    float *rotary_table;        /* (longest, n_pairs, 2) */
    const float *rotary_placed; /* ... on the device */
} pc_engine_weights;

typedef enum pc_unembedding { PC_UNEMBED_ANSWERS, PC_UNEMBED_ALL } pc_unembedding;

/* For prompts of up to `longest` tokens. PC_ERR_NOMEM. */
pc_status pc_engine_weights_new(pc_engine_weights **out, const pc_model *model,
                                const pc_device *device, int longest, pc_unembedding unembedding);
int64_t pc_engine_weights_bytes(const pc_model *model, const pc_device *device,
                                pc_unembedding unembedding);
void pc_engine_weights_free(pc_engine_weights *weights);

/* The gain of a norm on the device, or NULL: of the weights that pc_engine_gains lists. */
const float *pc_engine_gain(const pc_engine_weights *weights, pc_weight gain, int layer);

/* What the heads of a layer share. */
static inline pc_attention_kind pc_attention_kind_of(const pc_shape *s, int layer)
{
    return (pc_attention_kind){
        .d_head = s->d_head,
        .scale = s->attention_scale / (s->is_scale_divided_by_layer ? layer + 1 : 1),
        .softcap = s->attention_softcap,
        .window = s->is_windowed[layer] ? s->window : 0,
    };
}

/* Widths of the fused projection. */
static inline int64_t pc_q_width(const pc_shape *s)
{
    return (int64_t)s->n_heads * s->d_head;
}

static inline int64_t pc_kv_width(const pc_shape *s)
{
    return (int64_t)s->n_kv_heads * s->d_head;
}

static inline int64_t pc_qkv_width(const pc_shape *s)
{
    return pc_q_width(s) + 2 * pc_kv_width(s);
}

#endif
