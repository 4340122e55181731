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

/* What the configuration says; strings live as long as the model. */
typedef struct pc_model_info {
    const char *name;         /* the last part of the path */
    const char *path;         /* the directory that was opened */
    const char *architecture; /* "gpt2" or "transformer-lens" */
    const char *norm;         /* "layernorm", "rmsnorm" or "none" */
    const char *activation;   /* "relu", "gelu", "gelu_new", "silu"; "none" without MLPs */
    int n_layers, n_heads, n_kv_heads, d_model, d_head;
    int d_mlp; /* 0: attention only */
    int n_ctx; /* longest prompt in tokens */
    int64_t vocab, vocab_out;
    int64_t bos; /* the configuration's bos_token_id, -1 if it has none */
    bool has_parallel_blocks;
    int64_t n_parameters;
    int n_writers, n_readers;
    int64_t n_edges; /* q, k and v apart */
} pc_model_info;

/* Opens a directory with a Hugging Face GPT-2 checkpoint (config.json) or a TransformerLens one
 * (cfg.json = HookedTransformerConfig), weights in safetensors. All weights are read into memory as
 * float32: 4 bytes a parameter. Errors: PC_ERR_INPUT for files that are not as they must be (also
 * NaN or infinite weights), PC_ERR_UNSUPPORTED for an architecture or configuration key that
 * Patchclamp cannot honour, by name. */
PC_API pc_status pc_model_open(pc_model **out, const char *directory);
PC_API void pc_model_free(pc_model *model);

PC_API const pc_model_info *pc_model_describe(const pc_model *model);

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
