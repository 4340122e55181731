/* The inside of gradient runs, shared by their steps. */
#ifndef PC_GRAD_GRAD_RUN_PRIVATE_H
#define PC_GRAD_GRAD_RUN_PRIVATE_H

#include "base/arena.h"
#include "grad/grad_run.h"
#include "patch/engine_means.h"
#include "patch/metric_delta.h"

/* A norm's input and statistics. */
typedef struct pc_grad_norm {
    float *x;               /* (rows, width) */
    float *mean, *variance; /* (rows) */
} pc_grad_norm;

/* What going back through a layer needs of the way there; (rows, ...) on the device. */
typedef struct pc_grad_tape {
    pc_grad_norm attention;  /* the stream before attention */
    pc_grad_norm query, key; /* q and k before their norms: (rows heads, d_head), or absent */
    float *qkv;              /* (rows, qkv width) as the scores use them */
    float *z;                /* (rows, n_heads d_head) */
    pc_grad_norm attention_post;
    pc_grad_norm mlp;
    float *a, *u; /* (rows, d_mlp) */
    pc_grad_norm mlp_post;
} pc_grad_tape;

/* What writers change, c_u; (rows, ...) on the device. */
typedef struct pc_grad_change {
    float *input;          /* d_model */
    float **z, **m, **act; /* (n_layers) n_heads d_head, d_model, d_mlp; act of neurons alone */
} pc_grad_change;

/* A prompt of the batch. */
typedef struct pc_grad_place {
    int64_t row; /* its first */
    int rows;
    int first;       /* the first position where base and source differ; 0 without source tokens */
    int64_t target;  /* its first, among the batch's */
    int64_t pattern; /* where its heads' log patterns begin */
} pc_grad_place;

struct pc_grad_run {
    const pc_grad_weights *w;
    const pc_model *model;
    const pc_shape *s;
    const pc_components *c;
    const pc_ops *ops;
    pc_grad_run_options options;
    int longest;
    int64_t most_rows, most_targets;
    pc_queue *queue;
    pc_arena host, device;
    bool needs_all; /* the metric looks at all logits */
    /* the batch */
    const pc_grad_prompt *prompts;
    const pc_engine_means *means;
    int n;
    int64_t rows, n_targets;
    pc_grad_place *places;      /* (most_rows) */
    int32_t *positions;         /* (most_rows) of each row */
    pc_row_copy *copies;        /* (most_rows) */
    const pc_grad_point *point; /* of the pass at hand */
    /* on the device */
    int32_t *positions_room;
    pc_grad_tape *tapes; /* (n_layers) */
    pc_grad_norm final;
    pc_grad_change change;
    float *held_z, *held_m; /* (n_layers, rows, ...) the base's, where points hold them */
    float *input;           /* (rows, d_model) what the pass begins with */
    float *stream, *normed, *out, *other; /* (rows, d_model) */
    float *act;                           /* (rows, d_mlp) */
    float *log_pattern;                   /* of one layer */
    float *scratch;                       /* of attention */
    /* backwards */
    float *g;                 /* (rows, d_model) the gradient at the stream */
    float *dz, *dq, *dk, *dv; /* (rows, heads d_head) */
    float *da, *du;           /* (rows, d_mlp) */
    float *readers;           /* (most readers of a layer, rows, d_model) gradients at inputs */
    float *normed_readers;    /* the same behind the writers' post-norm */
    float *writers;           /* (n_heads, rows, d_model) what heads change */
    float *spread_x, *spread_variance; /* key norms, once a reader of keys */
    float *target_rows;                /* (targets, d_model) */
    float *logits;                     /* (targets at a time, vocab) */
    double *scores;                    /* (most prompts, n_scores) */
    int64_t most_prompts, logit_rows;
    /* on the host */
    float *embedded, *embedded_source;     /* (rows, d_model) base, and source */
    float *rows_here;                      /* (targets, d_model) or (logit_rows, vocab) */
    double *logits_here, *slope, *dy_here; /* (vocab), (vocab), (d_model) */
    double *references; /* (targets, vocab) log-probabilities of the clean run, for the KL alone */
    float *widened, *wide_here; /* (d_model); the widest of a row */
    pc_attention_base_item *heads;
    pc_attention_backward_item *groups;
    pc_dot_item *dots;
    pc_column_item *columns;
};

/* ---- shared steps ---- */

/* c (rows, n) = or += a (rows, n_in) W, rows as given. */
void pc_grad_multiply(pc_grad_run *r, float *c, const float *a, pc_engine_matrix w, int64_t rows,
                      pc_gemm_mode mode);
/* The rows k_first ... of W alone, a and c with the strides given. */
typedef struct pc_grad_slice {
    float *c;
    const float *a;
    int64_t c_stride, a_stride, k_first, k_count;
} pc_grad_slice;
void pc_grad_multiply_slice(pc_grad_run *r, const pc_grad_slice *slice, pc_engine_matrix w,
                            int64_t rows, pc_gemm_mode mode);
void pc_grad_copy(pc_grad_run *r, float *to, const float *from, int64_t rows, int64_t width);
void pc_grad_add(pc_grad_run *r, float *x, const float *y, float sign, int64_t n);
/* n items of r->copies. */
void pc_grad_copy_rows(pc_grad_run *r, float *to, int64_t to_stride, const float *from,
                       int64_t from_stride, int64_t width, int64_t n);
const void *pc_grad_list(pc_grad_run *r, const void *items, int64_t n, size_t size);
/* dx = the gradient before a norm over the stream from dy behind it, `copies` gradients a row. */
void pc_grad_norm_back(pc_grad_run *r, float *dx, const float *dy, const pc_grad_norm *norm,
                       pc_weight gain, int layer, int64_t rows, int64_t n_base);
/* Query heads that share a reader of keys; in WRITERS and NEURONS the network's own. */
int pc_grad_group(const pc_grad_run *r);
int pc_grad_key_readers(const pc_grad_run *r);
/* log patterns of a layer of the tape; z too where it is not NULL. */
void pc_grad_patterns(pc_grad_run *r, int layer, float *z);

/* The way there alone, of the prompts' base. */
void pc_grad_run_base(pc_grad_run *r, const pc_grad_prompt *prompts, int n);

/* ---- there: grad_forward.c ---- */

/* r->tapes and the final norm of the run that begins with r->input. Outputs of writers: see `keep`.
 */
typedef enum pc_grad_keep {
    PC_GRAD_KEEPS_NOTHING,
    PC_GRAD_KEEPS_SOURCE, /* change = outputs */
    PC_GRAD_KEEPS_BASE    /* change -= outputs */
} pc_grad_keep;
void pc_grad_forward(pc_grad_run *r, pc_grad_keep keep);

/* ---- at the targets: grad_targets.c ---- */

/* logits (targets, vocab) of the run at hand, behind the softcap. */
pc_status pc_grad_logits(double *logits, pc_grad_run *r);
/* Takes down the log-probabilities of the run at hand as the KL's reference. */
pc_status pc_grad_refer(pc_grad_run *r);
/* r->g = the metric's gradient at the final norm's output, which is in r->normed. */
pc_status pc_grad_seed(pc_grad_run *r);

/* ---- and back: grad_backward.c ---- */
void pc_grad_backward(pc_grad_run *r);

/* ---- scores: grad_contract.c ---- */

/* Gradients (n, rows, d_model) at the inputs of readers that follow each other in the table and see
 * the same writers. */
typedef struct pc_grad_readers {
    const float *g;
    int first, n; /* n 0: none */
} pc_grad_readers;

/* Adds the scores of all edges into up to two sets of readers. */
void pc_grad_contract(pc_grad_run *r, const pc_grad_readers *sets, int n_sets);
/* Adds channels' scores from `out` on: change times gradient, (rows, width) each. */
void pc_grad_contract_channels(pc_grad_run *r, int64_t out, const float *change, const float *g,
                               int64_t width);
/* Where a writer's channels begin. */
int64_t pc_grad_channel_of_heads(const pc_shape *s, int layer);
int64_t pc_grad_channel_of_mlp(const pc_shape *s, int layer);

#endif
