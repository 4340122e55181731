/* The circuit in memory, and how the search builds one.
 *
 * Invariants (pc_circuit_check): every name is in the grammar of names.h and inside the model's
 * dimensions; nodes are writers or logits, an edge's writer precedes its reader; no node and no
 * edge twice; every number finite; what was not measured has effect and stderr_ 0; prefixes by
 * rising n. Nodes and edges stay in the order in which they were added, which is component order. */
#ifndef PC_GRAPH_CIRCUIT_H
#define PC_GRAPH_CIRCUIT_H

#include "base/fail.h"
#include "base/text.h"
#include "graph/figure.h"
#include "patchclamp/thresholds.h"

enum { PC_CIRCUIT_SCHEMA = 1, PC_CIRCUIT_MAX_TEXT = 4096 };

typedef enum pc_option_kind { PC_OPTION_TEXT, PC_OPTION_NUMBER, PC_OPTION_BOOL } pc_option_kind;

typedef struct pc_circuit_option_pair {
    const char *key;
    pc_option_kind kind;
    const char *text; /* the value as words, whatever its kind */
    double number;
    bool is_true;
} pc_circuit_option_pair;

typedef struct pc_circuit_number {
    const char *name;
    double value;
} pc_circuit_number;

/* Named numbers in the order in which they were set. */
typedef struct pc_circuit_numbers {
    pc_circuit_number *items;
    size_t count, capacity;
} pc_circuit_numbers;

/* All strings are interned: equal strings are one pointer, owned by `strings`. */
struct pc_circuit {
    const char *version;
    pc_circuit_model model;
    pc_circuit_task task;
    pc_circuit_option_pair *options;
    size_t n_options, options_capacity;
    pc_circuit_numbers baseline, evaluation;
    pc_circuit_node *nodes;
    size_t n_nodes, nodes_capacity;
    pc_circuit_edge *edges;
    size_t n_edges, edges_capacity;
    pc_circuit_prefix *prefixes;
    size_t n_prefixes, prefixes_capacity;
    struct pc_position_effects *positions; /* NULL: none; in no file of the circuit's own */
    pc_checked_estimate *checked;          /* (n_checked) the same */
    size_t n_checked;
    pc_threshold_row *thresholds; /* (n_thresholds) the same */
    size_t n_thresholds;
    int64_t thresholds_evaluations;
    char **strings; /* open addressing; a power of two of slots */
    size_t n_strings, n_slots;
};

/* An empty circuit; `version` is the program's. Everything given to it is copied. */
pc_status pc_circuit_new(pc_circuit **out, const char *version);
pc_status pc_circuit_set_model(pc_circuit *circuit, const pc_circuit_model *model);
pc_status pc_circuit_set_task(pc_circuit *circuit, const pc_circuit_task *task);
pc_status pc_circuit_set_checked(pc_circuit *circuit, const pc_checked_estimate *checked, size_t n);
/* Whether effects are estimates by gradients, not measured. */
bool pc_circuit_is_estimate(const pc_circuit *circuit);
/* check.csv's content. */
pc_status pc_circuit_put_check_csv(pc_text *out, const pc_circuit *circuit);
/* A key that was set before gets the new value and keeps its place. */
pc_status pc_circuit_set_option(pc_circuit *circuit, const char *key, const char *value);
pc_status pc_circuit_set_option_number(pc_circuit *circuit, const char *key, double value);
pc_status pc_circuit_set_option_bool(pc_circuit *circuit, const char *key, bool value);
pc_status pc_circuit_set_baseline(pc_circuit *circuit, const char *name, double value);
pc_status pc_circuit_set_evaluation(pc_circuit *circuit, const char *name, double value);
pc_status pc_circuit_add_node(pc_circuit *circuit, const pc_circuit_node *node);
pc_status pc_circuit_add_edge(pc_circuit *circuit, const pc_circuit_edge *edge);
pc_status pc_circuit_add_prefix(pc_circuit *circuit, const pc_circuit_prefix *prefix);

/* Copies the rows. */
pc_status pc_circuit_set_thresholds(pc_circuit *circuit, const pc_threshold_row *rows, size_t n,
                                    int64_t n_evaluations);

/* PC_ERR_INPUT with the first broken invariant: "NAME: edges[17]: ...". */
pc_status pc_circuit_check(const pc_circuit *circuit, const char *name);

/* The members of circuit.json that say where its numbers come from: version, model, task, options,
 * baseline; without a comma behind the last. */
void pc_circuit_put_provenance(pc_text *out, const pc_circuit *circuit);

/* The files' contents, for writers and tests. */
pc_status pc_circuit_put_circuit_tracer(pc_text *out, const pc_circuit *circuit);
pc_status pc_circuit_put_graphml(pc_text *out, const pc_circuit *circuit,
                                 const pc_draw_options *options);
pc_status pc_circuit_put_eapig(pc_text *out, const pc_circuit *circuit);
pc_status pc_circuit_put_edges(pc_text *out, const pc_circuit *circuit);
pc_status pc_circuit_put_json(pc_text *out, const pc_circuit *circuit);
pc_status pc_circuit_put_csv(pc_text *out, const pc_circuit *circuit);
pc_status pc_circuit_put_figure(pc_text *out, const pc_circuit *circuit,
                                const pc_draw_options *options, pc_figure_put put);
pc_status pc_circuit_put_thresholds_csv(pc_text *out, const pc_circuit *circuit);
pc_status pc_circuit_put_svg(pc_text *out, const pc_circuit *circuit,
                             const pc_draw_options *options);
pc_status pc_circuit_put_dot(pc_text *out, const pc_circuit *circuit,
                             const pc_draw_options *options);

#endif
