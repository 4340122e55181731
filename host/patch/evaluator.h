/* Inside the evaluator: what search and the journal need beyond the public calls. */
#ifndef PC_PATCH_EVALUATOR_H
#define PC_PATCH_EVALUATOR_H

#include "patch/intervention.h"

/* The metric per prompt of the run that interventions start from: clean, or corrupted when
 * denoising. */
const double *pc_evaluator_base(const pc_evaluator *evaluator);

#endif
