/* A circuit: the components and edges of a model with their measured effects, and its figures. */
#ifndef PATCHCLAMP_CIRCUIT_H
#define PATCHCLAMP_CIRCUIT_H

#include "patchclamp/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pc_circuit pc_circuit;

/* The model that was taken apart. Strings in this and the following structs are 0-terminated UTF-8
 * and live as long as the circuit. */
typedef struct pc_circuit_model {
    const char *name, *sha256, *architecture;
    int n_layers, n_heads, n_kv_heads, d_model, d_head;
    int d_mlp; /* 0: attention only */
    int64_t vocab;
    bool has_parallel_blocks; /* heads of a layer do not feed its MLP */
    bool is_attention_only;
} pc_circuit_model;

/* The prompts it was measured on. */
typedef struct pc_circuit_task {
    const char *name, *sha256;
    int64_t n; /* prompt pairs; 0: not known, of a circuit from elsewhere */
    int64_t seed;
    const char *split;
} pc_circuit_task;

/* A component: "input", "a0.h2", "m1", "m1.n17", "logits". Effects are in the metric's unit. */
typedef struct pc_circuit_node {
    const char *name;
    const char *role;       /* "previous-token", "induction" ...; NULL: none known */
    double effect, stderr_; /* mean over the prompts, standard error of that mean; finite */
    bool is_measured;       /* false: effect and stderr_ are 0 and mean nothing */
    bool in_circuit;
    bool is_untouched; /* the intervention changed nothing on any prompt */
    int64_t n;         /* prompts that it was measured on; 0: all of the task's */
    double p;          /* familywise: of effects that are as likely positive as negative, any of all
                          components would have one so sure with this probability; 0: not tested */
    bool has_frequency;
    double frequency; /* share of bootstraps over prompts in which it is selected again (find.h) */
} pc_circuit_node;

/* Writer to reader: "a0.h2" to "a1.h3<k>"; in the file's tables "a0.h2->a1.h3<k>". */
typedef struct pc_circuit_edge {
    const char *from, *to;
    double effect, stderr_;
    bool is_measured;
    bool in_circuit;
    bool is_untouched;
    int64_t n;
    double p;
    bool has_frequency;
    double frequency;
} pc_circuit_edge;

/* The strongest components alone: the first n of the ranking by |effect|, pruned, and what they
 * keep. pc_find() measures some sizes of what it writes down. */
typedef struct pc_circuit_prefix {
    int64_t n, n_kept;
    double faithfulness;
    double low, high; /* 95 % interval, as pc_faithfulness has it */
} pc_circuit_prefix;

/* Reads circuit.json (schema patchclamp-circuit/1) of at most 256 MiB. Errors: PC_ERR_INPUT naming
 * the place in the file, PC_ERR_UNSUPPORTED for a newer schema. Unknown keys are passed over. */
PC_API pc_status pc_circuit_read(pc_circuit **out, const char *path);
/* The same from memory; messages call it `name`. */
PC_API pc_status pc_circuit_parse(pc_circuit **out, const char *bytes, size_t length,
                                  const char *name);
PC_API void pc_circuit_free(pc_circuit *circuit);

PC_API const pc_circuit_model *pc_circuit_describe_model(const pc_circuit *circuit);
PC_API const pc_circuit_task *pc_circuit_describe_task(const pc_circuit *circuit);
/* A component that was both estimated and measured: "a0.h2->a1.h3<k>". */
typedef struct pc_checked_estimate {
    const char *name;
    double estimate, effect, stderr_;
} pc_checked_estimate;

/* The worst miss first; *n = 0 where nothing was checked, or the circuit was read from a file, which
 * does not hold them. */
PC_API const pc_checked_estimate *pc_circuit_checked(const pc_circuit *circuit, size_t *n);
/* name,estimate,effect,stderr, in that order. PC_ERR_ARG for a circuit without. */
PC_API pc_status pc_circuit_write_check_csv(const pc_circuit *circuit, const char *path);

/* The version of Patchclamp that measured it. */
PC_API const char *pc_circuit_version(const pc_circuit *circuit);

/* An option of the run as text ("level" gives "edge"); NULL if it was not recorded. */
PC_API const char *pc_circuit_option(const pc_circuit *circuit, const char *key);
/* Named numbers: baseline "clean", "corrupted", "empty"; evaluation "faithfulness", "n" ... False,
 * with *out untouched, if there is none of that name. */
PC_API bool pc_circuit_baseline(double *out, const pc_circuit *circuit, const char *name);
PC_API bool pc_circuit_evaluation(double *out, const pc_circuit *circuit, const char *name);

PC_API size_t pc_circuit_n_nodes(const pc_circuit *circuit);
PC_API size_t pc_circuit_n_edges(const pc_circuit *circuit);
/* In component order; NULL for an index out of range. Borrowed; the addresses hold until something
 * is added to the circuit. */
PC_API const pc_circuit_node *pc_circuit_node_at(const pc_circuit *circuit, size_t i);
PC_API const pc_circuit_edge *pc_circuit_edge_at(const pc_circuit *circuit, size_t i);

/* By rising n; NULL for an index out of range. */
PC_API size_t pc_circuit_n_prefixes(const pc_circuit *circuit);
PC_API const pc_circuit_prefix *pc_circuit_prefix_at(const pc_circuit *circuit, size_t i);

/* Ranks: order[0] is the index of the strongest. |effect| descending, ties in component order, what
 * was not measured last.
 *   order  (n_nodes) or (n_edges) */
PC_API pc_status pc_circuit_rank_nodes(size_t *order, const pc_circuit *circuit);
PC_API pc_status pc_circuit_rank_edges(size_t *order, const pc_circuit *circuit);

/* effect / (metric with everything cut - metric with nothing cut): baseline "empty", or where that
 * is missing "corrupted", minus "clean"; with direction "denoise" clean minus corrupted. False,
 * with *out untouched, where a baseline is missing or the two are equal. */
PC_API bool pc_circuit_share(double *out, const pc_circuit *circuit, double effect);

/* What a figure shows. Start from PC_DRAW_OPTIONS_INIT. */
typedef struct pc_draw_options {
    const char *title; /* NULL: "Circuit of MODEL on TASK" */
    int max_edges; /* the strongest of the circuit are drawn, the rest counted; also for neurons */
    bool has_pruned; /* components outside the circuit in faint grey */
    bool has_table;  /* the ranked table beside the figure */
} pc_draw_options;

#define PC_DRAW_OPTIONS_INIT                                                                       \
    {                                                                                              \
        NULL, 150, true, true                                                                      \
    }

/* Writers. The file is replaced atomically; the same circuit gives the same bytes. `options` may be
 * NULL. Errors: PC_ERR_IO; PC_ERR_INPUT for a circuit that breaks its own rules. */
PC_API pc_status pc_circuit_write_json(const pc_circuit *circuit, const char *path);
/* kind,name,effect,stderr,n: what was measured, ranked; nodes, then neurons, then edges. */
PC_API pc_status pc_circuit_write_csv(const pc_circuit *circuit, const char *path);
/* The graph file of EAP-IG and MIB, with scores and selection: its own loader reads it.
 * PC_ERR_INPUT: a circuit without edges, or with key-value heads that query heads share. */
PC_API pc_status pc_circuit_write_eapig(const pc_circuit *circuit, const char *path);
/* The graph file of circuit-tracer's viewer: the circuit's edges, heads of one role as supernodes.
 * PC_ERR_INPUT as above. */
PC_API pc_status pc_circuit_write_circuit_tracer(const pc_circuit *circuit, const char *path);
/* The circuit's edges, one a line: "a0.h1->a1.h0<k>". */
PC_API pc_status pc_circuit_write_edges(const pc_circuit *circuit, const char *path);
PC_API pc_status pc_circuit_write_svg(const pc_circuit *circuit, const char *path,
                                      const pc_draw_options *options);
/* One page of vectors, in Helvetica and Symbol, which are not embedded. */
PC_API pc_status pc_circuit_write_pdf(const pc_circuit *circuit, const char *path,
                                      const pc_draw_options *options);
/* A LaTeX document of one TikZ picture, which compiles alone. PC_ERR_INPUT: larger than TeX's
 * lengths. */
PC_API pc_status pc_circuit_write_tikz(const pc_circuit *circuit, const char *path,
                                       const pc_draw_options *options);
/* GraphML for Gephi, networkx and the like, with typed attributes: what the figure would draw, or
 * with `options` NULL all that the circuit has, inside and outside. */
PC_API pc_status pc_circuit_write_graphml(const pc_circuit *circuit, const char *path,
                                          const pc_draw_options *options);
PC_API pc_status pc_circuit_write_dot(const pc_circuit *circuit, const char *path,
                                      const pc_draw_options *options);

#ifdef __cplusplus
}
#endif
#endif
