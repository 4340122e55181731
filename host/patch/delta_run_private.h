/* The inside of the delta engine's forward pass, shared by its stages. */
#ifndef PC_PATCH_DELTA_RUN_PRIVATE_H
#define PC_PATCH_DELTA_RUN_PRIVATE_H

#include "base/arena.h"
#include "patch/variant.h"

/* Which positions of a variant have rows at the moment: all from its first change on, or only those
 * from the first target on. */
typedef enum pc_row_layout { PC_ROWS_FULL, PC_ROWS_TAIL, PC_N_LAYOUTS } pc_row_layout;

typedef struct pc_row_range {
    int64_t row;  /* of the batch */
    int n, first; /* rows, and the position of the first */
} pc_row_range;

/* d_u of every writer, in the full layout: (n_layers, rows, width). What a stage has not computed
 * is 0. With post-norms also the sums before them, and what attention as a whole adds. */
typedef struct pc_history {
    float *z, *m, *act;
    float *attention_sum, *attention, *mlp_sum;
} pc_history;

/* What changes where everything is replaced: circuits take it and add what they keep. Rows are the
 * prompt's positions. */
typedef struct pc_delta_all {
    float *stream;                    /* (seq, d_model) before the stage at hand */
    float *attention_sum, *attention; /* (n_layers, longest, d_model) as in the history */
    int32_t *positions;               /* (longest) 0, 1, 2 ... */
} pc_delta_all;

/* A variant's reader with an input of its own. */
typedef struct pc_delta_pair {
    int reader, variant;
    const pc_own_input *input;
} pc_delta_pair;

/* What of a head's inputs changes. */
enum { PC_CHANGES_Q = 1, PC_CHANGES_K = 2, PC_CHANGES_V = 4, PC_CHANGES_ALL = 7 };

struct pc_delta_run {
    const pc_engine_weights *w;
    const pc_model *model;
    const pc_shape *s;
    const pc_components *c;
    int longest; /* tokens of a prompt */
    int64_t most_rows;
    pc_delta_keep keep;
    unsigned without; /* savings, as in pc_evaluator_options */
    double flop;
    pc_queue *queue;
    pc_status status; /* of what drained early */
    pc_arena arena;   /* of the host: lists and marks, everything below but the pairs */
    pc_arena device;  /* of the device: what is said to be its own */
    /* the batch */
    const pc_delta_prompt *prompt;
    const pc_variant *variants;
    int n;
    pc_row_range *ranges[PC_N_LAYOUTS]; /* (n) */
    int64_t n_rows[PC_N_LAYOUTS];
    int32_t *positions[PC_N_LAYOUTS]; /* (rows) of each row: its base row */
    int32_t *owners[PC_N_LAYOUTS];    /* (rows) ... and its variant */
    int32_t *placed[PC_N_LAYOUTS];    /* the positions, on the device */
    uint8_t *is_frail;                /* (n) see pc_delta_run_is_frail() */
    uint8_t *is_watched;              /* (n) whether the norm at hand matters to the effect */
    pc_row_layout layout;             /* of `stream` */
    bool is_dirty;                    /* the stream may differ from 0 */
    int watch_from; /* rows of positions before it come to nothing, and are not watched */
    /* (rows, ...) on the device */
    float *stream;         /* d_model: the sum of the d_u so far */
    float *input, *normed; /* d_model: of the readers at hand */
    float *out;            /* d_model: what a component adds */
    float *other;          /* d_model: what the MLP of a parallel block adds */
    float *sum;            /* d_model: a component's sum before its post-norm, for one reader */
    float *q, *k, *v;      /* heads d_head */
    float *z;              /* n_heads d_head */
    float *differences;    /* the wider of n_heads d_head and d_mlp: what of c - d is cut */
    float *a, *u;          /* d_mlp */
    int32_t *gathered;     /* base rows of gathered rows; (rows n_heads) of q's and k's norms */
    int32_t *gathered_owners;
    pc_row_copy *copies;      /* (rows) of rows from place to place, one step at a time */
    pc_cut_item *cuts;        /* (rows) ... of what is cut */
    pc_row_span *spans;       /* (rows) what is watched */
    pc_attention_item *items; /* (rows n_heads) */
    float *scratch;           /* of attention on the processor */
    /* what was asked whether float32 has lost it, since the last look: (most_asked) */
    int64_t n_asked, most_asked;
    int32_t *asked_of;    /* the variants */
    uint8_t *is_lost;     /* the answers, on the device */
    uint8_t *answers;     /* and here */
    uint8_t *computed;    /* (n) whether the MLP at hand is */
    uint8_t *changes;     /* (n, n_heads) PC_CHANGES_... in the layer at hand */
    pc_delta_pair *pairs; /* those of the readers at hand */
    size_t n_pairs, pair_capacity;
    pc_history history;
    pc_delta_all all;
    bool has_circuit; /* some variant of the batch is one: `all` is kept up */
};

/* The pairs whose readers are first .. end - 1, into r->pairs, sorted by reader, then variant. */
void pc_delta_find_pairs(pc_delta_run *r, int first, int end);

/* Fills x (rows, d_model) with the own inputs of pairs[0 .. *n), as many as are of one reader and
 * fit, and r->gathered with their rows' base rows. Returns the number of rows. */
int64_t pc_delta_gather_pairs(float *x, size_t *n, pc_delta_run *r, const pc_delta_pair *pairs,
                              size_t n_pairs);

/* ---- shared steps ---- */

/* c (rows, n_count) = or += a (rows, k_count) W, gaps as given. */
void pc_delta_multiply(pc_delta_run *r, const pc_product *args);
/* The whole of W, without gaps. */
void pc_delta_multiply_all(pc_delta_run *r, float *c, const float *a, pc_engine_matrix w,
                           int64_t rows);
/* x (n) = 0 */
void pc_delta_clear(const pc_delta_run *r, float *x, int64_t n);
/* n items of r's queue's lists. */
const void *pc_delta_list(const pc_delta_run *r, const void *items, int64_t n, size_t size);
/* Rows and whose they are: at[row] are their base rows. */
typedef struct pc_row_list {
    const int32_t *at, *owners;
    const int32_t *placed; /* `at` on the device, or NULL: it is listed when it is needed */
    int64_t n;
} pc_row_list;

static inline pc_row_list pc_delta_rows(const pc_delta_run *r, pc_row_layout layout)
{
    return (pc_row_list){r->positions[layout], r->owners[layout], r->placed[layout],
                         r->n_rows[layout]};
}
static inline pc_row_list pc_delta_gathered(const pc_delta_run *r, int64_t n)
{
    return (pc_row_list){r->gathered, r->gathered_owners, NULL, n};
}
/* The base rows, as an operator may name them. */
const int32_t *pc_delta_at(const pc_delta_run *r, pc_row_list rows);

/* dy of a norm over the stream. dy and d may be the same. The second does not watch. */
void pc_delta_norm(pc_delta_run *r, float *dy, const float *d, const pc_base_norm *base,
                   pc_weight gain, int layer, pc_row_list rows);
void pc_delta_norm_rows(pc_delta_run *r, float *dy, const float *d, const pc_base_norm *base,
                        pc_weight gain, int layer, pc_row_list rows);
/* Marks the owners of rows of which a norm's changed input x + d all but vanishes, if they are
 * watched. */
void pc_delta_watch(pc_delta_run *r, const float *d, const float *x, pc_row_list rows,
                    int64_t width, pc_norm kind);
/* ... those of the first n_spans of r->spans, whose owners are r->asked_of[r->n_asked ...]: make
 * room for them first. */
void pc_delta_watch_spans(pc_delta_run *r, const float *d, const float *x, pc_row_list rows,
                          int64_t n_spans, int64_t width, pc_norm kind);
/* Room for n more answers. */
void pc_delta_ask(pc_delta_run *r, int64_t n);
/* x (n) += or -= y */
void pc_delta_add(const pc_delta_run *r, float *x, const float *y, int64_t n);
void pc_delta_subtract(const pc_delta_run *r, float *x, const float *y, int64_t n);
/* Rows (width) from place to place: the first n_items of r->copies; or all side by side, `from`
 * NULL for zeros. */
void pc_delta_copy(const pc_delta_run *r, float *to, int64_t to_stride, const float *from,
                   int64_t from_stride, int64_t n_items, int64_t width);
void pc_delta_move(const pc_delta_run *r, float *to, const float *from, int64_t rows,
                   int64_t width);
/* Puts the source's change into a variant's rows where cuts act. `to` is its first row, `change`
 * the prompt's position 0, rows of both are `stride` apart. */
void pc_delta_replace(pc_delta_run *r, int variant, float *to, const float *change, int64_t stride,
                      int64_t width);
/* Goes over to the tail layout, with the stream. */
void pc_delta_go_to_tail(pc_delta_run *r);
static inline const pc_row_range *pc_delta_range(const pc_delta_run *r, int i)
{
    return &r->ranges[r->layout][i];
}
static inline bool pc_delta_is_cut_at(const pc_variant *v, int position)
{
    return !v->is_cut_at || v->is_cut_at[position];
}
/* Where the run of positions before `end` ends in which cuts act alike, from `position` on. */
static inline int pc_delta_alike_until(const pc_variant *v, int position, int end)
{
    const bool is_cut = pc_delta_is_cut_at(v, position);
    while (position < end && pc_delta_is_cut_at(v, position) == is_cut)
        position++;
    return position;
}
/* Where row k of a variant's range in the layout at hand stands in the history. */
static inline int64_t pc_delta_full_row(const pc_delta_run *r, int i, int k)
{
    const pc_row_range *now = pc_delta_range(r, i), *full = &r->ranges[PC_ROWS_FULL][i];
    return full->row + now->first - full->first + k;
}

/* x (range rows, d_model) = the change of the own input of a variant: the stream's, and what is
 * cut. The history holds the d_u of all writers before the reader. */
void pc_delta_own_input(float *x, pc_delta_run *r, int variant, const pc_own_input *input);
/* Puts the input's change where the variant wants it recorded. */
void pc_delta_record(const pc_delta_run *r, int variant, int reader, const float *x);
/* ---- stages: each adds what its component changes to the stream ---- */

/* r->all, stage by stage. */
void pc_delta_all_begin(pc_delta_run *r);
void pc_delta_all_attention(pc_delta_run *r, int layer);
void pc_delta_all_mlp(pc_delta_run *r, int layer);

/* r->out = what the heads of a layer change, in the layout it leaves. */
void pc_delta_attention(pc_delta_run *r, int layer);
/* out (rows, d_model) = what the MLP changes. */
void pc_delta_mlp(float *out, pc_delta_run *r, int layer);

#endif
