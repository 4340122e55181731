/* A plain forward pass in float32 of several prompts side by side, and its way back: the gradient
 * of a metric at every reader's input, contracted with what every writer changes.
 *
 *   score(u, r) = sum over positions of c_u . dM/dx_r       c_u = source_u - base_u
 *
 * is the first-order effect of cutting the edge u -> r (EAP: Syed, Rager and Conmy 2023,
 * "Attribution Patching Outperforms Automated Circuit Discovery", equation 4). Norms, and
 * post-norms between a writer and its readers, are differentiated through. Gradients may be taken
 * on another run than the base's: of inputs between base and source (integrated gradients), or with
 * one component's output held between them. */
#ifndef PC_GRAD_GRAD_RUN_H
#define PC_GRAD_GRAD_RUN_H

#include "grad/grad_weights.h"
#include "kernels/gradient_rule.h"
#include "patch/engine_means.h"
#include "patchclamp/task.h"

/* What is scored. */
typedef enum pc_grad_scores {
    PC_GRAD_EDGES,   /* (n_edges) in the order of the component table */
    PC_GRAD_WRITERS, /* channel by channel: (pc_grad_channels) */
    PC_GRAD_NEURONS, /* (n_layers, d_mlp) */
    PC_GRAD_NOTHING  /* there is no way back (plain.h) */
} pc_grad_scores;

/* Writers' scores come as sums over their channels: the input's d_model, then of every layer its
 * heads' n_heads d_head and its MLP's d_model. */
int64_t pc_grad_channels(const pc_model *model);
/* Of a prompt, as pc_grad_scores says. */
int64_t pc_grad_n_scores(const pc_model *model, pc_grad_scores what);

/* What lies between base and source in a pass. */
typedef enum pc_grad_held { PC_HELD_INPUT, PC_HELD_HEADS, PC_HELD_MLP } pc_grad_held;

/* A run to take gradients on: everything as in the base, but for one group of writers, which write
 * base + at (source - base). */
typedef struct pc_grad_point {
    pc_grad_held held;
    int layer;     /* of the heads or the MLP */
    double at;     /* 0: the base run itself */
    double weight; /* of the scores */
    int dropped;   /* the layer that gradients go past, not through; -1: none (GradDrop) */
} pc_grad_point;

typedef struct pc_grad_run_options {
    pc_grad_scores what;
    pc_gradient_rule rule;
    pc_metric metric;
    bool is_referred_to_source; /* the KL's reference is the source's run, not the base's */
    bool holds_outputs;         /* points may hold heads or MLPs, not the input alone */
} pc_grad_run_options;

/* One prompt of a batch. */
typedef struct pc_grad_prompt {
    const pc_prompt *pair;
    const int32_t *base;   /* tokens */
    const int32_t *source; /* tokens; NULL: the source is the means, or zeros without them */
} pc_grad_prompt;

typedef struct pc_grad_run pc_grad_run;

/* The most of a batch: tokens of a prompt, rows and targets in all. */
typedef struct pc_grad_sizes {
    int longest;
    int64_t rows, targets;
} pc_grad_sizes;

/* ... and prompts. */
int pc_grad_most_prompts(const pc_model *model, pc_grad_scores what, const pc_grad_sizes *sizes);

pc_status pc_grad_run_new(pc_grad_run **out, const pc_grad_weights *weights,
                          const pc_grad_run_options *options, const pc_grad_sizes *sizes);
void pc_grad_run_free(pc_grad_run *run);
int64_t pc_grad_run_bytes(const pc_model *model, const pc_device *device,
                          const pc_grad_run_options *options, const pc_grad_sizes *sizes);

/* Rows that a prompt takes: its tokens up to the last target. */
int pc_grad_rows(const pc_prompt *pair);

/* scores (n, pc_grad_n_scores) = the sum over the points of weight times score, in what the metric
 * changes per unit; the metric is the mean over a prompt's targets. No more than the sizes allow.
 * `first` is the first prompt's number, for messages. PC_ERR_INPUT: a score that is not finite. */
pc_status pc_grad_run_batch(double *scores, pc_grad_run *run, const pc_grad_prompt *prompts, int n,
                            const pc_engine_means *means, const pc_grad_point *points, int n_points,
                            int first);

#endif
