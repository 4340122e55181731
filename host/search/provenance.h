/* Where a result's numbers come from: the model, the task, the ends of the scale. */
#ifndef PC_SEARCH_PROVENANCE_H
#define PC_SEARCH_PROVENANCE_H

#include "graph/circuit_private.h"
#include "patchclamp/patch.h"
#include "search/faithfulness.h"

/* Hashes the weights the first time. */
pc_status pc_provenance_set_model(pc_circuit *circuit, pc_model *model);
pc_status pc_provenance_set_task(pc_circuit *circuit, const pc_task *task);
/* "clean", "corrupted", and "empty": everything cut. */
pc_status pc_provenance_set_baseline(pc_circuit *circuit, const pc_scale *scale);

/* What effects were computed in: "fp64" for the twin. */
const char *pc_provenance_precision(const pc_evaluator_options *options);
/* "device", where that is another than the processor. */
pc_status pc_provenance_set_device(pc_circuit *circuit, const pc_evaluator_options *options);

#endif
