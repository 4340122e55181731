/* The mean sources: what every writer writes on average over the task's clean prompts. */
#ifndef PC_PATCH_ENGINE_MEANS_H
#define PC_PATCH_ENGINE_MEANS_H

#include "patch/base_run.h"
#include "patch/evaluator.h"
#include "patch/prompt_runner.h"

/* Over positions too (n_positions 1), or one mean a position. */
typedef struct pc_engine_means {
    int n_positions;
    double *input; /* (n_positions, d_model) */
    double *z;     /* (n_layers, n_positions, n_heads d_head) */
    double *m;     /* (n_layers, n_positions, d_model) */
    double *act;   /* (n_layers, n_positions, d_mlp) */
} pc_engine_means;

/* Runs every clean prompt; fills both forms. PC_ERR_INPUT: no token besides BOS. */
pc_status pc_engine_means_new(pc_engine_means *out, pc_means *for_twin,
                              const pc_engine_weights *weights, const pc_task *task,
                              pc_source source, pc_keep_going_fn keep_going, void *payload);
void pc_engine_means_free(pc_engine_means *means, pc_means *for_twin);

#endif
