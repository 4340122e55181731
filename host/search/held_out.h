/* The faithfulness of a found circuit with its interval: on the prompts that it was found on, and
 * on prompts that the search has not seen. */
#ifndef PC_SEARCH_HELD_OUT_H
#define PC_SEARCH_HELD_OUT_H

#include "search/faithfulness.h"

/* A circuit on one task. */
typedef struct pc_held_out {
    const char *split;
    pc_scale scale;
    pc_circuit_metric metric;
    bool is_defined; /* the scale's ends lie apart: faithfulness, low and high are numbers */
    double faithfulness;
    double low, high; /* 95 % interval (pc_bootstrap_ratio); NaN with one prompt */
} pc_held_out;

/* kept (candidates->n) on the journal's prompts, whose scale is known. The interval does not know
 * that the circuit was chosen on these prompts, if it was. */
pc_status pc_held_out_measure(pc_held_out *out, const bool *kept, const pc_scale *scale,
                              const pc_candidates *candidates, pc_journal *journal);

/* PC_ERR_INPUT for held-out tasks that cannot be told apart by their splits, or that the model or
 * the options do not fit. */
pc_status pc_held_out_check(const pc_model *model, const pc_task *task,
                            const pc_find_options *options);

#endif
