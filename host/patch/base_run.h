/* The base run of one prompt in float32, with everything that changes of it are computed from
 * (DESIGN.md, section 4). */
#ifndef PC_PATCH_BASE_RUN_H
#define PC_PATCH_BASE_RUN_H

#include "patch/engine_weights.h"

/* A norm's input and its rows' statistics. */
typedef struct pc_base_norm {
    float *x;               /* (rows, width) */
    float *mean, *variance; /* (rows) */
} pc_base_norm;

typedef struct pc_base_layer {
    pc_base_norm attention;      /* the stream before attention: (seq, d_model) */
    pc_base_norm query, key;     /* q and k before their norms: (seq heads, d_head), or absent */
    float *q, *k, *v;            /* (seq, heads d_head) as the scores use them */
    float *log_pattern;          /* (n_heads, seq, seq) */
    float *z;                    /* (seq, n_heads d_head) */
    pc_base_norm attention_post; /* z W_O + b_O, with post-norms only: (seq, d_model) */
    pc_base_norm mlp;            /* the stream before the MLP */
    float *a, *u;          /* (seq, d_mlp) before the activation; u of gated MLPs, else NULL */
    float *act;            /* (seq, d_mlp) behind it */
    pc_base_norm mlp_post; /* act W_out + b_out, with post-norms only */
    float *m;              /* (seq, d_model) what the MLP writes */
} pc_base_layer;

typedef struct pc_base_run {
    int seq;
    float *input; /* (seq, d_model) */
    pc_base_layer *layers;
    pc_base_norm final;
    float *memory;
    int64_t bytes;
} pc_base_run;

/* The bytes of a run of seq tokens. */
int64_t pc_base_run_bytes(const pc_model *model, int seq);

/* The same places in another block of pc_base_run_bytes(), a device's copy for one; free its layers
 * with pc_base_run_forget(). PC_ERR_NOMEM. */
pc_status pc_base_run_at(pc_base_run *out, const pc_model *model, int seq, const float *memory);
void pc_base_run_forget(pc_base_run *run);

/* What all writers write, unrounded: the shapes of pc_change's arrays, with the run's seq. */
typedef struct pc_outputs {
    double *input, *z, *m, *act;
    double *memory;
} pc_outputs;

pc_status pc_outputs_new(pc_outputs *out, const pc_model *model, int seq);
int64_t pc_outputs_bytes(const pc_model *model, int seq);
void pc_outputs_free(pc_outputs *outputs);

/* Runs the model on tokens (seq), which must have been checked; fills outputs unless it is NULL.
 * PC_ERR_NOMEM. */
pc_status pc_base_run_new(pc_base_run *out, pc_outputs *outputs, const pc_engine_weights *weights,
                          const int32_t *tokens, int seq);
void pc_base_run_free(pc_base_run *run);

#endif
