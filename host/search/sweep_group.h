/* How many interventions a sweep measures together: then the user is told and run.db is written. */
#ifndef PC_SEARCH_SWEEP_GROUP_H
#define PC_SEARCH_SWEEP_GROUP_H

#include "patch/evaluator.h"

/* Of n interventions on the prompts of a task: enough to fill the engine's batches and to keep all
 * threads busy, by the count of operations about a second's work, or twenty where each group has to
 * prepare the prompts again; but not more than an eighth of them. No result depends on it. */
int pc_sweep_group(int64_t n, const pc_model *model, const pc_task *task,
                   const pc_evaluator_options *options, bool keeps_prompts);

#endif
