/* Where in the prompts components act, on stdout. */
#ifndef PC_TOOLS_POSITIONS_PRINT_H
#define PC_TOOLS_POSITIONS_PRINT_H

#include "patchclamp/patchclamp.h"

/* A table of the components whose positions were measured, n_rows of them, each with the position
 * at which its effect is largest. */
pc_status print_positions(const pc_circuit *circuit, int64_t n_rows);

#endif
