/* What sweeps take, and how long. */
#ifndef PC_SEARCH_SWEEP_PLAN_H
#define PC_SEARCH_SWEEP_PLAN_H

#include "patchclamp/plan.h"
#include "search/sweep.h"

/* The lists one after the other, on one evaluator. */
pc_status pc_sweep_plan(pc_plan *out, const pc_sweep_list *lists, int n_lists,
                        const pc_model *model, const pc_task *task,
                        const pc_evaluator_options *options, pc_plan_time time);

/* Another evaluator's work after this one's; a plan of zeros is no work. */
void pc_plan_join(pc_plan *to, const pc_plan *other);

#endif
