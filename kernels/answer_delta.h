/* What a change dy of the final norm's output changes in answers' logits, before any other logit is
 * computed: the mean change of a target's answers, less that of its wrong answers.
 *
 *   d_j     = w_j . dy                                       the change of token j's logit l_j
 *   t_j     = c tanh((l_j + d_j) / c) - c tanh(l_j / c)      under a softcap c, by tanh's addition
 *                                                            theorem; without one d_j
 *   effect  = mean of t_j over the answers - mean of t_j over the wrong answers, if there are any
 *
 * In double, of floats: the products are exact. A row's result depends on that row and its target
 * alone; no change gives 0 exactly; NaN and infinity in dy give NaN or infinity. */
#ifndef PC_KERNELS_ANSWER_DELTA_H
#define PC_KERNELS_ANSWER_DELTA_H

#include <stdint.h>

/* The columns of a target: first its answers', then its wrong answers'. n_answers >= 1. */
typedef struct pc_answer_columns {
    int64_t first;
    int32_t n_answers, n_wrong;
} pc_answer_columns;

/*   effect   (rows) out
 *   dy       (rows, width) row-major
 *   target   (rows) the target of each row
 *   columns  (n_targets) where each target's columns stand among those below
 *   w        (n_columns, width) the unembedding of each column's token
 *   logits   (n_columns) the base run's, before the softcap; NULL without one
 *   softcap  0: none
 *
 * Any rows >= 0, width >= 1. */
typedef struct pc_answer_delta_args {
    double *effect;
    const float *dy;
    const int32_t *target;
    const pc_answer_columns *columns;
    const float *w;
    const double *logits;
    double softcap;
    int64_t rows, width;
} pc_answer_delta_args;

typedef void pc_answer_delta_fn(const pc_answer_delta_args *args);

pc_answer_delta_fn pc_answer_delta_baseline, pc_answer_delta_avx2;

/* The definition: under a softcap the difference itself. args->effect is not written. */
void pc_ref_answer_delta(double *effect, const pc_answer_delta_args *args);

#endif
