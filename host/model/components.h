/* The component table: writers, readers and edges of a transformer, in component order.
 *
 * Writers in the order in which they enter the residual stream: input, then per layer its heads and
 * its MLP. Readers per layer: for each head q, k, v (k and v once per KV head), then the MLP; last
 * `logits`. A reader sees exactly the first `n_visible` writers, so an edge is
 * first_edge(reader) + writer, reader-major. The counts are EAP-IG's (research: 32,491 for GPT-2
 * small). */
#ifndef PC_MODEL_COMPONENTS_H
#define PC_MODEL_COMPONENTS_H

#include "base/fail.h"
#include "model/shape.h"
#include "patchclamp/patch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PC_NAME_BYTES = 48 };

typedef enum pc_writer_kind { PC_WRITER_INPUT, PC_WRITER_HEAD, PC_WRITER_MLP } pc_writer_kind;

typedef struct pc_writer {
    pc_writer_kind kind;
    int layer; /* -1 for the input */
    int head;  /* -1 unless a head */
    char name[PC_NAME_BYTES];
} pc_writer;

typedef enum pc_reader_kind {
    PC_READER_Q,
    PC_READER_K,
    PC_READER_V,
    PC_READER_MLP,
    PC_READER_LOGITS
} pc_reader_kind;

typedef struct pc_reader {
    pc_reader_kind kind;
    int layer; /* n_layers for the logits */
    int head;  /* head for q; KV head for k and v; -1 otherwise */
    int n_visible;
    int64_t first_edge;
    char name[PC_NAME_BYTES];
} pc_reader;

typedef struct pc_components {
    pc_writer *writers;
    pc_reader *readers;
    int n_writers, n_readers;
    int64_t n_edges;
    int n_layers, n_heads, d_mlp;
    int n_kv_heads; /* readers of k, and of v, a layer */
} pc_components;

pc_status pc_components_init(pc_components *out, const pc_shape *shape,
                             pc_kv_granularity granularity);
void pc_components_free(pc_components *components);

/* Indices; a head or layer out of range is a bug of the caller. */
int pc_writer_of_head(const pc_components *components, int layer, int head);
int pc_writer_of_mlp(const pc_components *components, int layer);
int pc_reader_of_mlp(const pc_components *components, int layer);
/* kind = q, k or v; `head` is the query head also for k and v (its KV head is looked up). */
int pc_reader_of_head(const pc_components *components, int layer, pc_reader_kind kind, int head);
int pc_reader_of_logits(const pc_components *components);

/* The writers that compute what they write from a reader's input, `first` to `end` - 1: a head, the
 * query heads of a KV head, an MLP; none for the logits. */
void pc_reader_owners(int *first, int *end, const pc_components *components, int reader);

/* The reader and the writer of an edge. */
void pc_edge_ends(int *writer, int *reader, const pc_components *components, int64_t edge);
/* "a0.h1->a1.h0<k>" */
void pc_edge_name(char out[2 * PC_NAME_BYTES + 2], const pc_components *components, int64_t edge);

typedef enum pc_place_kind {
    PC_PLACE_EDGES,  /* edges from `writer`, or a neuron of it, to `reader` */
    PC_PLACE_STREAM, /* the residual stream: edges from the writers before `writer` to the readers
                        from `reader` on */
    PC_PLACE_PATTERN /* the attention pattern of the head `writer`, whose query is `reader` */
} pc_place_kind;

/* What a name may stand for in an intervention. */
typedef struct pc_place {
    pc_place_kind kind;
    int writer; /* -1: every writer that the reader sees */
    int neuron; /* -1: the whole writer */
    int reader; /* -1: every reader that sees the writer */
} pc_place;

/* The edges of a place that is no pattern are a rectangle: each of the writers is seen by each of
 * the readers. `end` is one past the last. */
typedef struct pc_extent {
    int first_writer, end_writer, first_reader, end_reader;
} pc_extent;
pc_extent pc_place_extent(const pc_components *components, const pc_place *place);

/* Every edge into a reader; where there is only one, that edge. */
pc_place pc_reader_place(const pc_components *components, int reader);

/* Parses a writer, a neuron or an edge: "a0.h1", "0.1" (TransformerLens's short form), "m0",
 * "input", "m0.n7", "a0.h1->m1", "m0.n7->logits"; or a hook name that stands for one of these. An
 * unknown name, or an edge that runs backwards, is PC_ERR_INPUT that says so and suggests the
 * nearest name. */
pc_status pc_place_parse(pc_place *out, const pc_components *components, const char *name);
/* Parses a reader: "a1.h0<k>", "m1", "logits"; or the hook name of one. */
pc_status pc_reader_parse(int *out, const pc_components *components, const char *name);

/* ---- sites: activations as places ---- */

/* Whether the site has one activation a head. Its heads are n_kv_heads for k and v. */
bool pc_site_has_heads(pc_site site);
int pc_site_heads(const pc_components *components, pc_site site);
/* Whether cutting the site gives the activation's own value only under the source resample: q, k, v
 * and pattern are not linear in what the writers write. */
bool pc_site_needs_resample(pc_site site);

/* The places of a site in a layer, at most n_heads of them into `out`: of one head, or of all with
 * head = -1. Different ways to cut the same edges give the same places where that is easy to see
 * (the stream before layer 0 is the input). PC_ERR_INPUT: a site, layer or head that the model does
 * not have. */
pc_status pc_site_places(pc_place *out, int *n, const pc_components *components, pc_site site,
                         int layer, int head);

/* What a name stands for in a cut, at most n_heads places: all that pc_place_parse takes; a reader,
 * meaning every edge into it ("a1.h0<q>", "->m1", "logits"); a pattern ("a1.h0<pattern>");
 * TransformerLens's hook names (hook_names.c). Sets *needs_resample if the name asks for it. */
pc_status pc_cut_parse(pc_place *out, int *n, bool *needs_resample, const pc_components *components,
                       const char *name);

/* The inside of name parsing: hook_names.c knows "blocks.L....", the others the rest. */
bool pc_is_hook_name(const char *name);
pc_status pc_hook_parse(pc_place *out, int *n, bool *needs_resample,
                        const pc_components *components, const char *name);
/* A decimal number without sign or leading zero; moves *at behind it. */
bool pc_take_number(int *out, const char **at);

#endif
