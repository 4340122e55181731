/* Printing what interventions do. */
#ifndef PC_TOOLS_EFFECTS_PRINT_H
#define PC_TOOLS_EFFECTS_PRINT_H

#include "patchclamp/effects.h"

#include <stdint.h>

typedef enum effects_order {
    EFFECTS_AS_GIVEN,
    EFFECTS_STRONGEST_FIRST /* by |effect|, ties as given */
} effects_order;

/* A table of at most n_rows. */
pc_status print_effects(const pc_effects *effects, effects_order order, int64_t n_rows);
pc_status print_effects_json(const pc_effects *effects);

#endif
