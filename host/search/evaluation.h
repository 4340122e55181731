/* A circuit that was written down, on a model and a task. */
#ifndef PC_SEARCH_EVALUATION_H
#define PC_SEARCH_EVALUATION_H

#include "patch/journal.h"
#include "patchclamp/circuit.h"
#include "search/candidates.h"

typedef struct pc_evaluation {
    pc_candidates candidates;
    bool *kept;      /* (candidates.n) the circuit */
    double *effects; /* (candidates.n) as it has them; NaN: not measured */
    bool has_effects;
    pc_journal journal; /* without a store */
} pc_evaluation;

/* *out is zeroed. PC_ERR_INPUT: a circuit of another model. Close it whatever comes out. */
pc_status pc_evaluation_open(pc_evaluation *out, const pc_circuit *circuit, const pc_model *model,
                             const pc_task *task, const pc_evaluator_options *options);
void pc_evaluation_close(pc_evaluation *evaluation);

#endif
