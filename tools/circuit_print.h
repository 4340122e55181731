/* A circuit on the terminal: the ranked table and the numbers below it, or one JSON value. */
#ifndef PC_TOOLS_CIRCUIT_PRINT_H
#define PC_TOOLS_CIRCUIT_PRINT_H

#include "patchclamp/patchclamp.h"

/* The strongest `n_rows` components of the circuit's level, and baseline, size and faithfulness. */
pc_status print_circuit(const pc_circuit *circuit, int64_t n_rows);
pc_status print_circuit_json(const pc_circuit *circuit);

#endif
