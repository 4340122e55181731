/* What --plan prints. */
#ifndef PC_TOOLS_PLAN_PRINT_H
#define PC_TOOLS_PLAN_PRINT_H

#include "patchclamp/patchclamp.h"

#include <stdbool.h>

void print_plan(const pc_plan *plan, bool is_json);

#endif
