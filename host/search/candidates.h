/* The components that a search ranks: all nodes, edges or neurons of a model, in component order.
 */
#ifndef PC_SEARCH_CANDIDATES_H
#define PC_SEARCH_CANDIDATES_H

#include "base/rng.h"
#include "patch/intervention.h"
#include "patchclamp/find.h"

typedef struct pc_candidates {
    pc_level level;
    const pc_model *model;
    int64_t n;
    pc_pruning pruning; /* of circuits; dangling edges unless somebody says otherwise */
} pc_candidates;

/* PC_ERR_INPUT: neurons of a model without MLPs. */
pc_status pc_candidates_init(pc_candidates *out, const pc_model *model, pc_level level);

pc_place pc_candidate_place(const pc_candidates *candidates, int64_t i);

/* "a0.h1", "a0.h1->a1.h0<k>" or "m0.n17" */
void pc_candidate_name(char out[2 * PC_NAME_BYTES + 2], const pc_candidates *candidates, int64_t i);

/* The intervention that leaves a circuit: kept (n) marks its candidates. Noise cuts all candidates
 * outside it; denoise cuts its own, with clean values. */
pc_status pc_candidates_circuit(pc_intervention **out, const pc_candidates *candidates,
                                const bool *kept, pc_direction direction);

/* Marks a random path from the input to the logits, of edges: from each writer on to any of the
 * readers that see it, equally likely, and to one of the heads that a shared reader serves. Whether
 * an edge of it was not marked before. */
bool pc_candidates_add_path(bool *kept, const pc_candidates *candidates, pc_rng *rng);

/* Unmarks what leads nowhere, as EAP-IG's prune does: edges out of a component that no kept edge
 * enters (the input needs none), edges into one that no kept edge leaves, until nothing changes.
 * Nodes and neurons stay as they are, as does everything where nothing is to be pruned. */
pc_status pc_candidates_prune(bool *kept, const pc_candidates *candidates);

#endif
