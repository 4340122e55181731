/* Everything that one worker needs to measure interventions on one prompt at a time: the base run,
 * the source run, and the twin that runs the interventions between them. */
#ifndef PC_PATCH_PROMPT_RUNNER_H
#define PC_PATCH_PROMPT_RUNNER_H

#include "patch/intervention.h"
#include "patch/twin.h"

/* Means over the task's clean prompts, for the mean sources. */
typedef struct pc_means {
    int n_positions; /* 1: over positions too; else one mean per position */
    double *writers; /* (n_writers, n_positions, d_model) */
    double *acts;    /* (n_layers, n_positions, d_mlp) */
} pc_means;

typedef struct pc_prompt_runner pc_prompt_runner;

/* Borrows all of it; `means` is read only for the mean sources. */
pc_status pc_prompt_runner_new(pc_prompt_runner **out, const pc_model *model, const pc_task *task,
                               const pc_evaluator_options *options, const pc_means *means);
void pc_prompt_runner_free(pc_prompt_runner *runner);

/* The bytes of its three runs of up to `longest` tokens, its edges and its logits; the rest is
 * small. */
int64_t pc_prompt_runner_bytes(const pc_model *model, int longest);

/* The metric of the plain model on the prompt's clean and corrupted tokens. */
pc_status pc_prompt_runner_baseline(double *clean, double *corrupted, pc_prompt_runner *runner,
                                    int prompt);

/* Computes base and source of a prompt; the next measurements are of it. */
pc_status pc_prompt_runner_prepare(pc_prompt_runner *runner, int prompt);

/* The metric of the intervened run, and whether the intervention changed anything. */
pc_status pc_prompt_runner_measure(double *metric, bool *is_touched, pc_prompt_runner *runner,
                                   const pc_intervention *intervention);

/* Adds the clean run of a prompt to sums shaped as `means`; counts[position] grows by the positions
 * that were added (counts[0] for all of them when n_positions is 1). */
pc_status pc_prompt_runner_add_to_means(pc_means *means, int64_t *counts, pc_prompt_runner *runner,
                                        int prompt);

#endif
