/* From measurements to the circuit that is written down. */
#ifndef PC_SEARCH_RESULT_H
#define PC_SEARCH_RESULT_H

#include "graph/circuit_private.h"
#include "search/acdc.h"
#include "search/greedy.h"
#include "search/estimate_check.h"
#include "search/held_out.h"
#include "search/refine.h"

/* Everything that a finished search knows. */
typedef struct pc_result {
    pc_model *model;
    const pc_task *task;
    const pc_find_options *options;
    const pc_candidates *candidates;
    const pc_effect *effects;      /* (candidates->n) */
    const pc_effect *node_effects; /* (n_writers), NULL unless the level is edge */
    const pc_scale *scale;
    const pc_choice *choice;
    const pc_held_out *own;          /* the circuit on the task's prompts */
    const pc_held_out *held_out;     /* (options->n_held_out) ... on others */
    int64_t n_evaluations;           /* of the candidates: interventions times prompts */
    const pc_refinement *refinement; /* of a sweep in low precision, else NULL */
    const pc_estimate_check *check;  /* of an estimate that was checked, else NULL */
    const pc_acdc_told *acdc;        /* of that method, else NULL */
    const pc_greedy_told *greedy;    /* of that method, else NULL */
} pc_result;

/* Builds the circuit: options, baseline, nodes with their roles, edges, evaluation. */
pc_status pc_result_build(pc_circuit **out, const pc_result *result);

#endif
