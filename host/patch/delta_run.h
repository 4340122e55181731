/* The delta engine's forward pass: many variants of one prompt at once, each as what changes
 * against the base run (DESIGN.md, sections 3 and 4).
 *
 *   delta_r = sum over writers u before r of  cut(u, r) ? c_u : d_u          what changes in r's
 * input d_u     = f_u(x_r + delta_r) - f_u(x_r)                                  what changes in
 * u's output
 *
 * Nearly all readers see the same sum of the d_u, the stream; those with an input of their own see
 * the stream plus c_u - d_u of what is cut. A variant's rows are the positions from its first
 * change to the last target; in the last layer queries, MLP and logits only from the first target
 * on. A row's result does not depend on which variants run beside it. */
#ifndef PC_PATCH_DELTA_RUN_H
#define PC_PATCH_DELTA_RUN_H

#include "backend/device_private.h"
#include "patch/base_run.h"
#include "patch/routing.h"

/* c_u of every writer in one prompt: what the source has more than the base. On the host, or on a
 * device and then without is_changed. */
typedef struct pc_change {
    float *input;        /* (seq, d_model) */
    float *z;            /* (n_layers, seq, n_heads d_head) of heads, before W_O */
    float *m;            /* (n_layers, seq, d_model) of MLPs */
    float *act;          /* (n_layers, seq, d_mlp) of neurons */
    uint8_t *is_changed; /* (n_writers, seq) whether any of it is not 0 */
    float *memory;
} pc_change;

/* Arrays are the device's. */
typedef struct pc_delta_prompt {
    const pc_base_run *base;
    const pc_change *change;
    int seq;          /* rows end here: behind the last target */
    int first_target; /* the last layer's queries begin here */
} pc_delta_prompt;

typedef struct pc_variant {
    const pc_routing *routing;
    const uint8_t *is_cut_at; /* (seq) where cuts act; NULL: everywhere */
    int first;                /* the position of its first row: nothing changes before it */
    /* arrays of the device (seq, d_model): */
    float *const *given;  /* (routing->n_inputs) own inputs as changes, or NULL */
    float *const *record; /* (n_readers) where to put the inputs' changes, or NULL */
} pc_variant;

/* Room for the rows of a batch; one per thread. */
typedef struct pc_delta_run pc_delta_run;

typedef enum pc_delta_keep {
    PC_DELTA_KEEPS_NOTHING, /* variants without history */
    PC_DELTA_KEEPS_HISTORY  /* every d_u of the batch is kept */
} pc_delta_keep;

/* On a queue of the weights' device, which stays the caller's, for prompts of up to `longest`
 * tokens; `without` as in pc_evaluator_options. */
pc_status pc_delta_run_new(pc_delta_run **out, const pc_engine_weights *weights, pc_queue *queue,
                           int longest, int64_t most_rows, pc_delta_keep keep, unsigned without);
void pc_delta_run_free(pc_delta_run *run);
/* The bytes that such a room takes, and those that a room has taken. */
int64_t pc_delta_run_bytes(const pc_model *model, int longest, int64_t most_rows,
                           pc_delta_keep keep);
int64_t pc_delta_run_held(const pc_delta_run *run);
/* What its queue has to have room for. */
pc_queue_needs pc_delta_run_needs(const pc_model *model, int longest, int64_t most_rows);

/* The queue that it runs on, for whoever goes on with its results. */
pc_queue *pc_delta_run_queue(const pc_delta_run *run);

/* Makes room for batches with up to n_inputs own inputs in all their routings together. */
pc_status pc_delta_run_reserve(pc_delta_run *run, size_t n_inputs);

/* Runs n >= 1 variants of one prompt whose routings start at the same stage, with at most most_rows
 * rows and the own inputs that there is room for. Their results are read by the calls below until
 * the next batch. Nothing is allocated. What went wrong on the device is its status. */
pc_status pc_delta_run_batch(pc_delta_run *run, const pc_delta_prompt *prompt,
                             const pc_variant *variants, int n);

/* A position of a variant that has a row. */
typedef struct pc_final_row {
    int variant, position;
} pc_final_row;

/* to (n, d_model), the device's = the change of the final norm's output there. At most most_rows.
 */
void pc_delta_run_final(float *to, pc_delta_run *run, const pc_final_row *rows, int n);

/* Whether some norm's changed input x + d was so much smaller than x and d that float32 has lost
 * it: a writer that makes up nearly all of the stream was taken away. Such a variant is to be
 * measured in double. */
bool pc_delta_run_is_frail(const pc_delta_run *run, int i);

/* Floating-point operations of all products so far, a multiply-add counted as two. */
double pc_delta_run_flop(const pc_delta_run *run);

pc_status pc_change_new(pc_change *out, const pc_model *model, int seq);
int64_t pc_change_bytes(const pc_model *model, int seq);
/* Fills is_changed from the numbers. */
void pc_change_mark(pc_change *change, const pc_model *model, int seq);
void pc_change_free(pc_change *change);
/* The bytes of the floats alone, and the same places in another block of them. */
size_t pc_change_float_bytes(const pc_model *model, int seq);
pc_change pc_change_at(const pc_model *model, int seq, const float *memory);

#endif
