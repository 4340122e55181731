/* What of a variant has to be computed, by its routing alone: the engine and its plan ask the same.
 */
#ifndef PC_PATCH_VARIANT_H
#define PC_PATCH_VARIANT_H

#include "patch/delta_run.h"

/* Whether a writer has to be computed from its inputs. */
static inline bool pc_delta_is_computed(const pc_variant *v, int writer)
{
    const uint8_t state = v->routing->states[writer];
    return state == PC_WRITER_FOLLOWS || (state == PC_WRITER_REPLACED && v->is_cut_at);
}

/* ... and comes to something: where float32 loses it, it has lost the effect. */
static inline bool pc_delta_is_heeded(const pc_variant *v, int writer)
{
    return pc_delta_is_computed(v, writer) && !v->routing->is_unheeded[writer];
}

/* Whether the source's value takes a writer's place where cuts act. */
static inline bool pc_delta_is_replaced(const pc_variant *v, int writer)
{
    const uint8_t state = v->routing->states[writer];
    return state == PC_WRITER_REPLACED || state == PC_WRITER_SENDING;
}

/* Who of a layer's heads reads the stream through q, k or v: one whose reader has no input of its
 * own. */
typedef enum pc_reading { PC_READS_NOTHING, PC_READS_IN_VAIN, PC_READS_HEEDED } pc_reading;
pc_reading pc_variant_reads(const pc_variant *variant, const pc_components *components, int layer,
                            pc_reader_kind kind);

/* How many query heads a reader feeds: its own, or its KV head's group. */
static inline int pc_heads_of_reader(const pc_components *c, pc_reader_kind kind)
{
    return kind == PC_READER_Q ? 1 : c->n_heads / c->n_kv_heads;
}

/* A layer's neurons that every reader sees replaced. */
const pc_cut *pc_variant_neurons(size_t *n, const pc_variant *variant,
                                 const pc_components *components, int layer);

/* How many of cuts[0 .. n) from the first on are of its layer and kind: they are added by one
 * product. */
size_t pc_cuts_alike(const pc_cut *cuts, size_t n, const pc_components *components);

#endif
