/* The grammar of component names; knows no model, so every well-formed name is accepted.
 *
 *   writer  input | aL.hH | mL | mL.nN
 *   reader  aL.hH<q|k|v> | aL.hH | aL.kvG<k|v> | mL | logits
 *   edge    writer->reader
 * L, H, G, N are decimal numbers without sign or leading zero. */
#ifndef PC_GRAPH_NAMES_H
#define PC_GRAPH_NAMES_H

#include <stdbool.h>
#include <stdint.h>

typedef enum pc_part_kind {
    PC_PART_INPUT,
    PC_PART_KV, /* a key-value head shared by several query heads: only a reader */
    PC_PART_HEAD,
    PC_PART_MLP,
    PC_PART_NEURON,
    PC_PART_LOGITS
} pc_part_kind;

typedef enum pc_port { PC_PORT_NONE, PC_PORT_Q, PC_PORT_K, PC_PORT_V } pc_port;

enum { PC_PART_MAX_INDEX = 9999999, PC_PART_NAME_BYTES = 40 };

/* A parsed name. */
typedef struct pc_part {
    pc_part_kind kind;
    int layer; /* -1 for input and logits */
    int index; /* head, KV head or neuron; -1 for the others */
    pc_port port;
} pc_part;

/* False if `name` is not in the grammar; *out is then undefined. */
bool pc_part_parse(pc_part *out, const char *name);
bool pc_edge_parse(pc_part *from, pc_part *to, const char *name);

bool pc_part_is_writer(const pc_part *part);
bool pc_part_is_reader(const pc_part *part);

/* Does the reader see what the writer adds to the residual stream? In parallel blocks heads do not
 * feed the MLP of their layer. */
bool pc_part_precedes(const pc_part *writer, const pc_part *reader, bool has_parallel_blocks);

/* Component order as a number: input, then by layer (KV heads, heads, MLP, neurons), then logits;
 * equal only for equal parts. */
uint64_t pc_part_key(const pc_part *part);

/* The part that a figure draws as one box: without port, a neuron's MLP. */
pc_part pc_part_box(pc_part part);

/* The name of a part. Returns `out`. */
char *pc_part_name(char out[PC_PART_NAME_BYTES], const pc_part *part);

#endif
