/* Inside the evaluator: what search and the journal need beyond the public calls. */
#ifndef PC_PATCH_EVALUATOR_H
#define PC_PATCH_EVALUATOR_H

#include "patch/intervention.h"

/* The metric per prompt of the run that interventions start from: clean, or corrupted when
 * denoising. */
const double *pc_evaluator_base(const pc_evaluator *evaluator);

/* The checks of pc_evaluator_open that need no run of the model. */
pc_status pc_evaluator_check(const pc_model *model, const pc_task *task,
                             const pc_evaluator_options *options);

#endif
