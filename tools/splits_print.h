/* A found circuit's faithfulness on the splits of its task, as circuit.json has it. */
#ifndef PC_TOOLS_SPLITS_PRINT_H
#define PC_TOOLS_SPLITS_PRINT_H

#include "patchclamp/patchclamp.h"

/* The splits of built-in tasks: train, test, ood. */
enum { N_SPLITS = 3 };
extern const char *const split_names[N_SPLITS];

/* With other splits than the circuit's own: a row a split, and what is different out of
 * distribution. Else the interval on the prompts of the search, in a line. */
void print_split_faithfulness(const pc_circuit *circuit);
/* The member "splits" of a JSON object; null where the task has none. */
void print_splits_json(const pc_circuit *circuit);

/* "on ood the faithfulness is 0.1 lower than on train" */
void print_drop(double train, double ood);

#endif
