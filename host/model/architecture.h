/* Architectures as rows of data: which configuration keys mean what, and where each weight lies in
 * which tensor. A new architecture is a new row (arch_NAME.c), not a branch. */
#ifndef PC_MODEL_ARCHITECTURE_H
#define PC_MODEL_ARCHITECTURE_H

#include "base/json.h"
#include "model/shape.h"

#include <stdbool.h>
#include <stddef.h>

/* What a configuration key does. A key that no row names is an error: it might change the
 * computation. */
typedef enum pc_key_kind {
    PC_KEY_INT,            /* an int field of pc_shape, required, >= 1 */
    PC_KEY_INT_OR_DEFAULT, /* the same, absent or null keeps its default */
    PC_KEY_INT64,          /* as PC_KEY_INT for an int64_t field */
    PC_KEY_REAL,           /* a double field, required */
    PC_KEY_REAL_OR_DEFAULT,
    PC_KEY_BOOL,          /* a bool field, optional (keeps its default) */
    PC_KEY_ACTIVATION,    /* a pc_activation field, optional (keeps its default) */
    PC_KEY_TOKEN,         /* an int64_t field, a token id or null, optional */
    PC_KEY_BY_FINISH,     /* read by the row's finish function */
    PC_KEY_MUST_BE,       /* anything but the JSON value in `only` is unsupported; may be absent */
    PC_KEY_WITHOUT_EFFECT /* cannot change what the network computes */
} pc_key_kind;

typedef struct pc_config_key {
    const char *name;
    pc_key_kind kind;
    size_t field;     /* offset in pc_shape */
    const char *only; /* JSON text, for PC_KEY_MUST_BE */
} pc_config_key;

/* The weights of a model in the form the forward pass wants ("canonical"): row-major, axes as
 * named. */
typedef enum pc_weight {
    PC_W_E,   /* (vocab, d_model) */
    PC_W_POS, /* (n_ctx, d_model) */
    PC_LN1_W, /* (d_model), per layer */
    PC_LN1_B,
    PC_W_Q, /* (head, d_model, d_head), per layer; k and v per KV head */
    PC_W_K,
    PC_W_V,
    PC_B_Q, /* (head, d_head), per layer */
    PC_B_K,
    PC_B_V,
    PC_W_O, /* (head, d_head, d_model), per layer */
    PC_B_O, /* (d_model), per layer */
    PC_LN2_W,
    PC_LN2_B,
    PC_W_GATE,     /* (d_model, d_mlp), per layer */
    PC_B_GATE,     /* (d_mlp), per layer */
    PC_B_ACT,      /* (d_mlp), per layer: added behind the gate */
    PC_W_IN,       /* (d_model, d_mlp), per layer */
    PC_B_IN,       /* (d_mlp), per layer */
    PC_W_OUT,      /* (d_mlp, d_model), per layer */
    PC_B_OUT,      /* (d_model), per layer */
    PC_LN1_POST_W, /* (d_model), per layer: of attention's output */
    PC_LN1_POST_B,
    PC_LN2_POST_W, /* of the MLP's output */
    PC_LN2_POST_B,
    PC_Q_NORM_W, /* (d_head), per layer */
    PC_K_NORM_W,
    PC_LN_FINAL_W,
    PC_LN_FINAL_B,
    PC_W_U, /* (vocab_out, d_model) */
    PC_B_U, /* (vocab_out) */
    PC_N_WEIGHTS
} pc_weight;

/* How a tensor of the file holds a canonical weight. */
typedef enum pc_layout {
    PC_LAYOUT_PLAIN,             /* the canonical shape */
    PC_LAYOUT_FLAT,              /* (a * b) for (a, b) */
    PC_LAYOUT_MERGED_HEADS,      /* (head * d_head, d_model) for (head, d_head, d_model) */
    PC_LAYOUT_TRANSPOSED,        /* (b, a) for (a, b) */
    PC_LAYOUT_OUT_IN_HEADS,      /* (head * d_head, d_model) for (head, d_model, d_head) */
    PC_LAYOUT_TRANSPOSED_MERGED, /* (d_model, head * d_head) for (head, d_head, d_model) */
    PC_LAYOUT_FUSED_Q,       /* columns of (d_model, 3 * head * d_head): first the queries ... */
    PC_LAYOUT_FUSED_K,       /* ... then the keys ... */
    PC_LAYOUT_FUSED_V,       /* ... then the values; biases alike in (3 * head * d_head) */
    PC_LAYOUT_INTERLEAVED_Q, /* rows of (head * 3 * d_head, d_model): of each head first q ... */
    PC_LAYOUT_INTERLEAVED_K, /* ... then k ... */
    PC_LAYOUT_INTERLEAVED_V  /* ... then v; biases alike in (head * 3 * d_head) */
} pc_layout;

/* Whether a weight that the model has must be there. Which weights a model has is its shape's. */
typedef enum pc_presence {
    PC_REQUIRED,
    PC_REQUIRED_IN_ONE, /* several rules name it, and exactly one of them finds it */
    PC_OPTIONAL         /* absent means none: no bias, no gain */
} pc_presence;

typedef struct pc_tensor_rule {
    pc_weight weight;
    const char *name; /* with %d for the layer */
    pc_layout layout;
    pc_presence presence;
} pc_tensor_rule;

enum { PC_MOST_KEY_TABLES = 3 };

typedef struct pc_architecture {
    const char *name;        /* as `info` prints it */
    const char *config_file; /* "config.json" */
    const char *model_type;  /* the config's model_type, NULL: the file alone decides */
    const char *name_prefix; /* tensors may be stored with it in front; NULL: none */
    const pc_config_key *keys[PC_MOST_KEY_TABLES]; /* each ends with a NULL name */
    const pc_tensor_rule *tensors;                 /* ends with a NULL name */
    const char *const *ignored_tensors; /* buffers with %d for the layer; ends with NULL */
    /* Derived fields and checks across keys, after the keys were read into `shape`. */
    pc_status (*finish)(pc_shape *shape, const json_t *config, const char *path);
    pc_shape defaults; /* what the library that made the format assumes where a key is absent */
} pc_architecture;

extern const pc_architecture pc_arch_gpt2, pc_arch_gpt_neo, pc_arch_gpt_neox, pc_arch_llama,
    pc_arch_mistral, pc_arch_qwen2, pc_arch_qwen3, pc_arch_gemma2, pc_arch_transformer_lens;

/* Keys of every Hugging Face configuration that cannot change what the network computes. */
extern const pc_config_key pc_hugging_face_keys[];

/* Reads a configuration's bytes. `file` is its name alone ("config.json"), which with its
 * model_type decides the row; `path` is for messages. */
pc_status pc_architecture_parse(const pc_architecture **out, pc_shape *shape, const char *bytes,
                                size_t length, const char *file, const char *path);

/* Reads the directory's configuration into `shape` and finds its row. The configuration's path (for
 * messages, digest) goes to *config_path: free it. */
pc_status pc_architecture_detect(const pc_architecture **out, pc_shape *shape, char **config_path,
                                 const char *directory);

#endif
