/* One intervention: which edges are cut where, what is frozen, or which path is patched. */
#ifndef PC_PATCH_INTERVENTION_H
#define PC_PATCH_INTERVENTION_H

#include "base/text.h"
#include "model/model_private.h"
#include "patchclamp/patch.h"

/* A path in the two phases of DESIGN.md, section 3. */
typedef struct pc_path {
    int *senders, *receivers; /* writers; readers; sorted, without repeats */
    int n_senders, n_receivers;
    bool has_free_mlps;
} pc_path;

struct pc_intervention {
    pc_place *cuts; /* sorted by writer, neuron, reader; none lies within another */
    size_t n_cuts;
    uint8_t *kept; /* (n_edges) 1 = in the circuit, all others are cut; NULL: not a circuit */
    int64_t n_edges;
    int *frozen; /* writers, sorted */
    int n_frozen;
    int *positions; /* as given, negative from the end; cuts act only there; NULL: everywhere */
    int n_positions;
    pc_path path; /* n_receivers > 0: a path, and no cuts */
};

/* One writer, neuron or edge cut everywhere. */
pc_status pc_intervention_cut(pc_intervention **out, const pc_place *place);

/* Every edge cut but those with kept[edge] = 1. */
pc_status pc_intervention_circuit(pc_intervention **out, const pc_components *components,
                                  const uint8_t *kept);

/* All edges out of the given places cut. */
pc_status pc_intervention_cut_all(pc_intervention **out, const pc_place *places, size_t n);

/* The canonical text: the same however an intervention's names were ordered, repeated or implied by
 * one another, different for different ones. A circuit is named by the SHA-256 of its edges; the
 * same cuts given one by one have another text. */
pc_status pc_intervention_key(pc_text *out, const pc_intervention *intervention,
                              const pc_components *components);

#endif
