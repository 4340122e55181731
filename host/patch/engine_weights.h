/* A model's weights as the delta engine multiplies with them: packed, in float32. */
#ifndef PC_PATCH_ENGINE_WEIGHTS_H
#define PC_PATCH_ENGINE_WEIGHTS_H

#include "backend/cpu_ops.h"
#include "model/model_private.h"

typedef struct pc_engine_layer {
    pc_packed *qkv;       /* (d_model, (n_heads + 2 n_kv_heads) d_head): q, then k, then v */
    pc_packed *o;         /* (n_heads d_head, d_model) */
    pc_packed *gate, *in; /* (d_model, d_mlp); gate NULL without gates, both without MLPs */
    pc_packed *out;       /* (d_mlp, d_model) */
    float *b_qkv;         /* ((n_heads + 2 n_kv_heads) d_head), or NULL */
} pc_engine_layer;

/* Immutable once made: any thread may use it. */
typedef struct pc_engine_weights {
    const pc_model *model;
    const pc_cpu_ops *ops;
    pc_engine_layer *layers;
    pc_packed *unembedding; /* (d_model, vocab_out), or NULL where no metric asks for it */
    pc_rotary_kind rotary;  /* of all query heads; n_pairs 0 without rotary positions */
    double *frequencies;
    float *rotary_table; /* (longest, n_pairs, 2) */
} pc_engine_weights;

typedef enum pc_unembedding { PC_UNEMBED_ANSWERS, PC_UNEMBED_ALL } pc_unembedding;

/* For prompts of up to `longest` tokens. PC_ERR_NOMEM. */
pc_status pc_engine_weights_new(pc_engine_weights **out, const pc_model *model, int longest,
                                pc_unembedding unembedding);
int64_t pc_engine_weights_bytes(const pc_model *model, pc_unembedding unembedding);
void pc_engine_weights_free(pc_engine_weights *weights);

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
