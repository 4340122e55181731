/* The larger tables of eval, or their JSON values. */
#ifndef PC_TOOLS_EVAL_PRINT_H
#define PC_TOOLS_EVAL_PRINT_H

#include "patchclamp/patchclamp.h"

void print_completeness(const pc_completeness *rows, int64_t n);
void print_completeness_json(const pc_completeness *rows, int64_t n);

void print_tests(const pc_hypotheses *h);
void print_tests_json(const pc_hypotheses *h);

#endif
