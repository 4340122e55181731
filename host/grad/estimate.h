/* Estimates: first-order effects of cutting edges, writers or neurons, over a task's prompts. */
#ifndef PC_GRAD_ESTIMATE_H
#define PC_GRAD_ESTIMATE_H

#include "grad/grad_run.h"
#include "patch/evaluator.h"

typedef struct pc_estimate_options {
    const pc_evaluator_options *evaluation; /* source, direction, metric, threads, memory, device */
    pc_grad_scores what;
    pc_gradient_rule rule;
    const pc_grad_point
        *points; /* (n_points) where gradients are taken; their weights add up to 1 */
    int n_points;
    pc_keep_going_fn keep_going; /* NULL: nobody stops it */
    void *payload;
    /* told after every few prompts; NULL: nobody */
    void (*tell)(void *payload, int n_done, int n_all);
} pc_estimate_options;

/* Of many candidates: mean over prompts, and its standard error (0 of one prompt). */
typedef struct pc_estimates {
    double *mean, *standard_error; /* (n) */
    int64_t n;
    int n_prompts;
} pc_estimates;

/* `out` has the n_edges edges, the n_writers writers or the n_layers d_mlp neurons; `writers`, with
 * edges alone, the writers too: a writer's estimate is the sum of its edges'. NULL: not wanted.
 * Free both. The result does not depend on threads or memory.
 *
 * PC_ERR_INPUT: what an evaluator with these options refuses, a metric without a gradient
 * (accuracy), one whose gradient is 0 everywhere it is taken (KL against the very run), a number
 * that is not finite. */
pc_status pc_estimate(pc_estimates *out, pc_estimates *writers, const pc_model *model,
                      const pc_task *task, const pc_estimate_options *options);
void pc_estimates_free(pc_estimates *estimates);

#endif
