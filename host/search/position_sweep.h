/* The second sweep of pc_find(): components at each position alone. */
#ifndef PC_SEARCH_POSITION_SWEEP_H
#define PC_SEARCH_POSITION_SWEEP_H

#include "graph/positions_private.h"
#include "search/grid_columns.h"
#include "search/run_facts.h"
#include "search/sweep.h"

typedef struct pc_position_sweep {
    const pc_position_options *options;
    const pc_candidates *candidates;
    pc_grid_columns columns;
    int64_t *rows; /* (n_rows) the candidates that are measured, in component order */
    int64_t n_rows;
    pc_effect *effects; /* (n_rows, columns.n) */
} pc_position_sweep;

/* Finds the columns in every prompt; nothing to do where no positions are asked for. Errors are
 * those of pc_grid_columns_init(). Borrows all but what it makes. */
pc_status pc_position_sweep_init(pc_position_sweep *out, const pc_candidates *candidates,
                                 const pc_task *task, const pc_position_options *options);
void pc_position_sweep_free(pc_position_sweep *sweep);

/* What identifies the run besides; the values are the sweep's. */
void pc_position_sweep_add_facts(pc_run_facts *facts, const pc_position_sweep *sweep);

/* Takes the rows: all candidates, for which kept may be NULL, or the circuit's, kept
 * (candidates->n). */
pc_status pc_position_sweep_choose(pc_position_sweep *sweep, const bool *kept);
/* The interventions of the rows that were taken. */
pc_sweep_list pc_position_sweep_list(const pc_position_sweep *sweep);

/* Chooses and measures. */
pc_status pc_position_sweep_measure(pc_position_sweep *sweep, const bool *kept, pc_journal *journal,
                                    const pc_watch *watch);
/* Gives the circuit what was measured, if anything was. */
pc_status pc_position_sweep_build(pc_circuit *circuit, const pc_position_sweep *sweep);

#endif
