/* Circuits for the tests of host/graph: one by hand, and random ones of any size. */
#ifndef PC_TESTS_GRAPH_SAMPLES_H
#define PC_TESTS_GRAPH_SAMPLES_H

#include "graph/circuit_private.h"

/* Two layers of four heads, previous-token and induction, 15 of 16 edges in the circuit. */
pc_circuit *sample_induction(void);

typedef struct sample_shape {
    int n_layers, n_heads, n_kv_heads;
    int n_edges; /* in the circuit; as many again are outside it */
    int n_used;  /* heads that have edges, about */
} sample_shape;

/* Node effects everywhere; edges between random components. */
pc_circuit *sample_random(const sample_shape *shape);

/* Every fourth of the neurons of every MLP in the circuit. */
pc_circuit *sample_neurons(int n_layers, int n_neurons);

#endif
