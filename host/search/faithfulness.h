/* How much of the behaviour a circuit keeps. */
#ifndef PC_SEARCH_FAITHFULNESS_H
#define PC_SEARCH_FAITHFULNESS_H

#include "patch/journal.h"
#include "search/candidates.h"

/* The scale of faithfulness on a task: 0 = everything cut, 1 = the full model. Where the two lie
 * within two standard errors of each other, the ratio means nothing. */
typedef struct pc_scale {
    double clean, corrupted; /* mean metric of the plain model on clean and corrupted prompts */
    double zero, one;        /* mean metric at faithfulness 0 and 1 */
    double gap_error;        /* standard error of one - zero over prompts */
    const double *base;      /* (n_prompts) the metric that effects are differences from */
    int n_prompts;
    pc_direction direction;
} pc_scale;

/* Measures "everything cut" through the journal. */
pc_status pc_scale_measure(pc_scale *out, const pc_candidates *candidates, pc_journal *journal,
                           pc_direction direction);

/* PC_ERR_INPUT where |one - zero| is below two standard errors. */
pc_status pc_scale_check(const pc_scale *scale);

/* (metric - zero) / (one - zero) */
double pc_scale_faithfulness(const pc_scale *scale, double metric);

/* The metric of n circuits, kept (n, candidates->n), on each prompt: metrics (n, n_prompts). */
pc_status pc_measure_each_prompt(double *metrics, const pc_candidates *candidates,
                                 pc_journal *journal, const bool *kept, int n,
                                 pc_direction direction);

/* Mean and standard error of the metric of n circuits, kept (n, candidates->n): out (n). */
typedef struct pc_circuit_metric {
    double mean, standard_error;
} pc_circuit_metric;
pc_status pc_measure_circuits(pc_circuit_metric *out, const pc_scale *scale,
                              const pc_candidates *candidates, pc_journal *journal,
                              const bool *kept, int n);

#endif
