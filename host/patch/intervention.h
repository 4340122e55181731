/* One intervention: which edges are cut where, what is frozen, or which path is patched. */
#ifndef PC_PATCH_INTERVENTION_H
#define PC_PATCH_INTERVENTION_H

#include "base/text.h"
#include "model/model_private.h"
#include "patchclamp/patch.h"

/* Readers at which a path goes through the components that they belong to. */
typedef struct pc_stop {
    int *readers; /* sorted, without repeats */
    int n;
} pc_stop;

/* A path in the phases of DESIGN.md, section 3. */
typedef struct pc_path {
    int *senders, *receivers; /* writers; readers; sorted, without repeats */
    int n_senders, n_receivers;
    pc_stop *via; /* (n_via) between senders and receivers, in the order of the path */
    int n_via;
    bool has_free_mlps;
} pc_path;

/* Where cuts act in a prompt: a named token or span of the task, or `first` to `last`, both in it,
 * negative from the end. */
typedef struct pc_position {
    char *name; /* NULL: none */
    int first, last;
} pc_position;

/* Reads "3", "-1", "2..5" or a name, which is copied: free it with pc_position_free().
 * PC_ERR_INPUT: a span that runs backwards, what begins like a number and is none, an empty text.
 */
pc_status pc_position_parse(pc_position *out, const char *text);
void pc_position_free(pc_position *position);

/* Where it lies in a prompt. PC_ERR_INPUT: outside of it, backwards, or a name it does not have. */
pc_status pc_position_find(pc_span *out, const pc_position *position, const pc_task *task,
                           int prompt);

struct pc_intervention {
    /* None lies within another. First what has many writers (streams and whole readers), then edges
     * by writer, neuron, reader, then patterns. */
    pc_place *cuts;
    size_t n_cuts;
    bool needs_resample; /* see pc_site_needs_resample */
    uint8_t *kept;       /* (n_edges) 1 = in the circuit, all others are cut; NULL: not a circuit */
    int64_t n_edges;
    int *frozen; /* writers, sorted */
    int n_frozen;
    pc_position *positions; /* cuts act only there; NULL: everywhere; numbers sorted and joined,
                               then names sorted */
    int n_positions;
    pc_path path; /* n_receivers > 0: a path, and no cuts */
};

/* pc_intervention_parse() of a value that has been read; `json_t` is jansson's. */
struct json_t;
pc_status pc_intervention_read(pc_intervention **out, const pc_components *components,
                               const struct json_t *object);

/* One place cut everywhere. */
pc_status pc_intervention_cut(pc_intervention **out, const pc_components *components,
                              const pc_place *place);

/* Every edge cut but those with kept[edge] = 1. */
pc_status pc_intervention_circuit(pc_intervention **out, const pc_components *components,
                                  const uint8_t *kept);

/* The given places cut. */
pc_status pc_intervention_cut_all(pc_intervention **out, const pc_components *components,
                                  const pc_place *places, size_t n);

/* The cuts act only at these n positions, whose names are copied. */
pc_status pc_intervention_set_positions(pc_intervention *intervention, const pc_position *positions,
                                        size_t n);

/* Sets is_cut (n_edges) to 1 for every edge that is cut whole, and 0 elsewhere. */
void pc_intervention_mark_edges(uint8_t *is_cut, const pc_intervention *intervention,
                                const pc_components *components);

/* The canonical text: the same however an intervention's names were ordered, repeated or implied by
 * one another, different for different ones. A circuit is named by the SHA-256 of its edges; the
 * same cuts given one by one have another text. */
pc_status pc_intervention_key(pc_text *out, const pc_intervention *intervention,
                              const pc_components *components);

#endif
