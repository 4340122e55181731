/* Counts what measuring interventions takes, batch by batch as the engine would run them. */
#ifndef PC_PATCH_PLANNER_H
#define PC_PATCH_PLANNER_H

#include "patch/evaluator.h"
#include "patchclamp/plan.h"

typedef struct pc_planner pc_planner;

/* For the first n_prompts of the task. Borrows model and task. *out is set, its memory filled in;
 * PC_ERR_INPUT where the options' bound does not suffice. */
pc_status pc_planner_new(pc_planner **out, pc_plan *plan, const pc_model *model,
                         const pc_task *task, const pc_evaluator_options *options, int n_prompts);
void pc_planner_free(pc_planner *planner);

/* Adds a group of interventions that are measured by one call. PC_ERR_INPUT: positions outside a
 * prompt. */
pc_status pc_planner_add(pc_planner *planner, const pc_intervention *const *interventions, int n);

/* The products that measuring them takes, in FLOP; adds nothing to the plan. */
pc_status pc_planner_flop(double *flop, pc_planner *planner,
                          const pc_intervention *const *interventions, int n);

#endif
