/* A transformer checkpoint: its dimensions, its components by name, its logits. */
#ifndef PATCHCLAMP_MODEL_H
#define PATCHCLAMP_MODEL_H

#include "patchclamp/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pc_model pc_model;

/* Whether grouped heads' k and v are read once per KV head, as the network does it ("a0.kv1<k>"),
 * or once per query head, each with an input of its own ("a0.h3<k>"), as TransformerLens's
 * ungrouped models have it: an intervention that the network itself does not know, but EAP-IG and
 * MIB use. Without groups both are the same. */
typedef enum pc_kv_granularity { PC_KV_SHARED, PC_KV_PER_QUERY } pc_kv_granularity;

/* What the configuration says; strings live as long as the model. */
typedef struct pc_model_info {
    const char *name;         /* the last part of the path */
    const char *path;         /* the directory that was opened */
    const char *architecture; /* the model_type: "gpt2", "llama", ...; or "transformer-lens" */
    const char *norm;         /* "layernorm", "rmsnorm" or "none" */
    const char *activation;   /* "relu", "gelu", "gelu_new", "silu"; "none" without MLPs */
    int n_layers, n_heads, n_kv_heads, d_model, d_head;
    int d_mlp; /* 0: attention only */
    int n_ctx; /* longest prompt in tokens */
    int64_t vocab, vocab_out;
    int64_t bos; /* the configuration's bos_token_id, -1 if it has none */
    bool has_parallel_blocks;
    const char *positions; /* "learned", "rotary" or "none" */
    int rotary_dim;        /* channels of a head that are turned; 0 without rotary positions */
    double rotary_base;
    const char *rotary_scaling; /* "default", "linear" or "llama3" */
    bool is_gated;              /* MLP: act(x W_gate) * (x W_in) */
    bool has_post_norms;        /* attention and MLP outputs are normed too */
    bool has_qk_norm;           /* queries and keys are normed */
    int window;                 /* positions that a windowed layer sees; 0: no layer has one */
    int n_windowed_layers;
    double attention_softcap, logit_softcap; /* 0: none */
    bool is_unembedding_tied;
    int64_t weights_bytes; /* what they take in memory: 16-bit matrices stay in 16 bits */
    int64_t n_parameters;
    int n_writers, n_readers;
    int64_t n_edges; /* q, k and v apart, k and v at the model's granularity */
    pc_kv_granularity kv_granularity;
    int64_t n_edges_per_kv[2]; /* the edges at either granularity */
    int64_t n_edges_unsplit;   /* one reader a head for q, k and v together */
} pc_model_info;

/* Opens a directory with a Hugging Face checkpoint (config.json: GPT-2, GPT-Neo, GPT-NeoX, Llama,
 * Mistral, Qwen2, Qwen3, Gemma-2) or a TransformerLens one (cfg.json = HookedTransformerConfig),
 * weights in safetensors. Matrices in 16 bits stay so, everything else becomes float32. Errors:
 * PC_ERR_INPUT for files that are not as they must be (also NaN or infinite weights),
 * PC_ERR_UNSUPPORTED for an architecture or configuration key that Patchclamp cannot honour, by
 * name. */
PC_API pc_status pc_model_open(pc_model **out, const char *directory);
PC_API void pc_model_free(pc_model *model);

PC_API const pc_model_info *pc_model_describe(const pc_model *model);

/* Names k and v readers at this granularity from now on (a model is opened with PC_KV_SHARED). What
 * was made for the model before, interventions and evaluators, must be freed first. */
PC_API pc_status pc_model_set_kv_granularity(pc_model *model, pc_kv_granularity granularity);
/* From and to "kv" and "query"; an unknown name is PC_ERR_INPUT. */
PC_API pc_status pc_kv_granularity_parse(pc_kv_granularity *out, const char *name);
PC_API const char *pc_kv_granularity_name(pc_kv_granularity granularity);

/* SHA-256 over the configuration and all weight files, as 64 hexadecimal digits. Reads every byte
 * of them the first time. Not thread-safe. */
PC_API pc_status pc_model_sha256(const char **out, pc_model *model);

/* Logits of the plain model, computed in double.
 *   logits  (n_tokens, vocab_out) row-major
 *   tokens  (n_tokens) ids in 0..vocab-1, 1 <= n_tokens <= n_ctx; else PC_ERR_INPUT */
PC_API pc_status pc_model_logits(double *logits, const pc_model *model, const int32_t *tokens,
                                 int n_tokens);

/* Names of the writers ("input", "a0.h1", "m0") and readers ("a0.h1<q>", "m0", "logits") in
 * component order; NULL for an index out of range. Borrowed from the model. */
PC_API const char *pc_model_writer_name(const pc_model *model, int writer);
PC_API const char *pc_model_reader_name(const pc_model *model, int reader);

#ifdef __cplusplus
}
#endif
#endif
