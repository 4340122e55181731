/* What an exact search measures whatever comes out: lists of interventions that are known before.
 */
#ifndef PC_SEARCH_FIND_LISTS_H
#define PC_SEARCH_FIND_LISTS_H

#include "search/position_sweep.h"

/* The lists point into it: it must stay where it was made. */
typedef struct pc_find_lists {
    pc_candidates candidates, nodes;
    pc_position_sweep positions;
    pc_sweep_list lists[3];
    int n;
    int64_t n_all; /* interventions */
} pc_find_lists;

/* The candidates, nodes too where they are edges, positions too where they are those of all
 * components. Borrows model, task and options. */
pc_status pc_find_lists_init(pc_find_lists *out, const pc_model *model, const pc_task *task,
                             const pc_find_options *options);
void pc_find_lists_free(pc_find_lists *lists);

/* Consecutive interventions, the lists taken one after the other; borrows both. */
typedef struct pc_find_part {
    const pc_find_lists *lists;
    int64_t first;
} pc_find_part;
pc_sweep_list pc_find_part_list(const pc_find_part *part, int64_t n);

/* All that identifies the run of a search. */
pc_status pc_find_facts(pc_run_facts *out, pc_model *model, const pc_task *task,
                        const pc_find_options *options, const pc_position_sweep *positions);

#endif
