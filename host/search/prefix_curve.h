/* How faithfulness grows along the ranking: circuits of the strongest components, measured. */
#ifndef PC_SEARCH_PREFIX_CURVE_H
#define PC_SEARCH_PREFIX_CURVE_H

#include "graph/circuit_private.h"
#include "search/faithfulness.h"
#include "search/sweep.h"

typedef struct pc_prefix_curve {
    pc_circuit_prefix *points;
    size_t n, capacity;
} pc_prefix_curve;

/* The first 1 ... 20 components, then ten sizes a decade, then all: ranked by |effects| (n) as
 * circuits rank them, each pruned; through the journal, where selection by faithfulness has
 * measured many of them before. No point where the scale means nothing. *out is zeroed; free it
 * whatever comes out. */
pc_status pc_prefix_curve_measure(pc_prefix_curve *out, const pc_effect *effects,
                                  const pc_candidates *candidates, const pc_scale *scale,
                                  pc_journal *journal, const pc_watch *watch);
pc_status pc_prefix_curve_build(pc_circuit *circuit, const pc_prefix_curve *curve);
void pc_prefix_curve_free(pc_prefix_curve *curve);

#endif
