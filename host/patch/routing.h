/* An intervention as the delta engine runs it, for any prompt: which writers are replaced for all
 * who see them, which readers get an input of their own, and where the first change can enter. */
#ifndef PC_PATCH_ROUTING_H
#define PC_PATCH_ROUTING_H

#include "patch/evaluator.h"

/* Stages of the forward pass in order: -1 the input, 2 l attention of layer l, 2 l + 1 its MLP,
 * 2 n_layers the logits. */
static inline int pc_stage_of_reader(const pc_reader *reader)
{
    return 2 * reader->layer + (reader->kind == PC_READER_MLP);
}

static inline int pc_stage_of_writer(const pc_writer *writer)
{
    return writer->kind == PC_WRITER_INPUT ? -1
                                           : 2 * writer->layer + (writer->kind == PC_WRITER_MLP);
}

/* A writer, or a neuron of an MLP, that one reader sees replaced. */
typedef struct pc_cut {
    int writer, neuron; /* neuron -1: the whole writer */
} pc_cut;

/* A reader with an input of its own: cuts[first .. first + n), sorted by writer, then neuron. In a
 * circuit these are the edges that are kept: all else that the reader sees is replaced. */
typedef struct pc_own_input {
    int reader;
    size_t first, n;
} pc_own_input;

/* How a writer's change comes about. */
typedef enum pc_writer_state {
    PC_WRITER_FOLLOWS,  /* from its inputs */
    PC_WRITER_REPLACED, /* the source's value where cuts act, as it follows elsewhere: every reader
                           sees it replaced */
    PC_WRITER_HELD,     /* none: it keeps the base's value */
    PC_WRITER_SENDING,  /* the source's value where cuts act, the base's elsewhere */
    PC_WRITER_UNSEEN    /* never asked for: no kept path leads from it to the logits */
} pc_writer_state;

typedef struct pc_routing {
    uint8_t *states;  /* (n_writers) pc_writer_state */
    pc_cut *replaced; /* neurons that every reader sees replaced, sorted */
    size_t n_replaced;
    pc_cut *cuts;
    size_t n_cuts;
    pc_own_input *inputs; /* sorted by reader */
    size_t n_inputs;
    uint8_t *has_cut;     /* (n_writers) of a circuit: whether some own input has it replaced */
    uint8_t *is_unheeded; /* (n_writers) computed, but no kept path leads to the logits */
    bool is_circuit;      /* edges alone are kept, all others cut at every position */
    int start;            /* the first stage at which anything can change */
    bool has_history; /* some own input needs the change of a writer that may have one by then */
} pc_routing;

/* The own input of a reader, NULL if it has none. */
const pc_own_input *pc_routing_input(const pc_routing *routing, int reader);

/* From an intervention that is no path and cuts no pattern; `without` as in pc_evaluator_options.
 * PC_ERR_NOMEM. */
pc_status pc_routing_new(pc_routing *out, const pc_intervention *x, const pc_components *c,
                         unsigned without);

/* The two phases of a path (DESIGN.md, section 3): in the first the senders are replaced and the
 * receivers' inputs recorded; in the second the receivers have these inputs and the senders are
 * held. */
pc_status pc_routing_new_send(pc_routing *out, const pc_intervention *x, const pc_components *c,
                              unsigned without);
pc_status pc_routing_new_receive(pc_routing *out, const pc_intervention *x, const pc_components *c,
                                 unsigned without);

/* Everything replaced: the other run. */
pc_status pc_routing_new_all(pc_routing *out, const pc_components *c);

void pc_routing_free(pc_routing *routing);

#endif
