/* The slow twin: the whole model in double precision, every reader with its own input, no shortcut.
 *
 * It is the definition of every intervention (DESIGN.md, section 3); faster engines are tested
 * against it. One run computes all writers of one prompt in component order. Each reader's input at
 * position p is the sum, in component order, of what the writers before it contribute: the source's
 * value on cut edges, the value of this very run on all others; the biases b_O, which belong to no
 * writer, are added where their layer's heads end. */
#ifndef PC_PATCH_TWIN_H
#define PC_PATCH_TWIN_H

#include "model/model_private.h"

/* What every writer wrote, for one prompt. */
typedef struct pc_run {
    int seq;
    double *writers; /* (n_writers, seq, d_model) */
    double *acts;    /* (n_layers, seq, d_mlp) MLP activations after the non-linearity */
} pc_run;

typedef enum pc_writer_rule {
    PC_WRITER_FREE,   /* computed from its inputs */
    PC_WRITER_FROZEN, /* the base run's value */
    PC_WRITER_SENDS   /* the source's value where the wiring is cut, the base's elsewhere */
} pc_writer_rule;

/* What a run does differently from the plain model. Zero-initialised: nothing. */
typedef struct pc_wiring {
    const pc_run *base, *source; /* needed by what follows; seq as the run's */
    const uint8_t *is_cut;       /* (n_edges) or NULL: no edge */
    const pc_place *neurons;     /* cut neurons; reader -1 = every reader */
    size_t n_neurons;
    const uint8_t *is_cut_at;      /* (seq) the positions where cuts act; NULL: everywhere */
    const uint8_t *is_pattern_cut; /* (n_layers, n_heads) heads whose attention, from the positions
                                      where cuts act, is the source's; NULL: none */
    const double *source_patterns; /* (n_layers, n_heads, seq, seq) */
    const pc_writer_rule *rules;   /* (n_writers) or NULL: all free */
    const double *const *inputs;   /* (n_readers) inputs that replace the computed ones, or NULL */
    double *const *record;         /* (n_readers) where to store the inputs that readers
                                      would see if none were replaced, or NULL */
    double *patterns;              /* (n_layers, n_heads, seq, seq) to fill, or NULL */
} pc_wiring;

/* A workspace for runs of up to `longest` tokens; one per thread. */
typedef struct pc_twin pc_twin;

pc_status pc_twin_new(pc_twin **out, const pc_model *model, int longest);
void pc_twin_free(pc_twin *twin);

pc_status pc_run_new(pc_run *out, const pc_model *model, int longest);
void pc_run_free(pc_run *run);

/* Runs the model on tokens (seq). Returns whether any cut or sent value differed from the value of
 * this run: false = the wiring touched nothing. The tokens must have been checked. */
bool pc_twin_run(pc_run *out, pc_twin *twin, const int32_t *tokens, int seq,
                 const pc_wiring *wiring);

/* The logits (vocab_out) of the last run at one position. */
void pc_twin_logits(double *logits, pc_twin *twin, int position);

static inline double *pc_run_writer(const pc_run *run, const pc_model *model, int writer)
{
    return run->writers + (int64_t)writer * run->seq * model->shape.d_model;
}

static inline double *pc_run_acts(const pc_run *run, const pc_model *model, int layer)
{
    return run->acts + (int64_t)layer * run->seq * model->shape.d_mlp;
}

#endif
