/* The layered layout of a circuit's edges: boxes in rows from the input up to the logits, and a
 * lane for every edge in every row that it passes, so that no edge runs behind a box.
 *
 * Steps: layout.c makes rows, items and links; layout_order.c reduces crossings; layout_place.c
 * gives coordinates. Deterministic: no randomness, ties by component order. */
#ifndef PC_GRAPH_LAYOUT_H
#define PC_GRAPH_LAYOUT_H

#include "base/fail.h"
#include "graph/names.h"
#include "patchclamp/circuit.h"

#include <stddef.h>

typedef enum pc_item_kind {
    PC_ITEM_BOX,    /* a component at an end of a drawn edge */
    PC_ITEM_PRUNED, /* a component without a drawn edge */
    PC_ITEM_LANE    /* where an edge passes a row */
} pc_item_kind;

typedef struct pc_item {
    pc_item_kind kind;
    pc_part part;
    const pc_circuit_node *node; /* NULL: not among the circuit's nodes */
    int row;
    int place;          /* index in the row, from the left */
    double x, width;    /* centre and extent */
    double sum, weight; /* of the neighbours, while sweeping */
    int n_in, n_out;    /* drawn edges */
} pc_item;

/* A stretch of an edge between neighbouring rows; `lower_x` and `upper_x` are offsets from the
 * items' centres. */
typedef struct pc_link {
    int lower, upper; /* items */
    int edge;         /* index in pc_layout.edges */
    double lower_x, upper_x;
    double weight;
} pc_link;

typedef struct pc_layout_row {
    int layer; /* -1 input, n_layers logits */
    pc_part_kind kind;
    int first, count;        /* in pc_layout.order */
    int first_link, n_links; /* to the row above */
    double top, bottom;      /* y, set by the drawing */
    bool has_boxes, has_ports;
} pc_layout_row;

typedef struct pc_layout_edge {
    const pc_circuit_edge *edge;
    int rank;     /* 0: the strongest */
    int from, to; /* items */
    pc_port port;
    int first_lane, n_lanes; /* items */
} pc_layout_edge;

typedef struct pc_layout {
    pc_item *items;
    int n_items;
    int *order; /* items, row by row, left to right */
    pc_layout_row *rows;
    int n_rows;
    pc_link *links; /* row by row */
    int n_links;
    pc_layout_edge *edges; /* strongest first */
    int n_edges;
    double width; /* items lie within 0..width */
    double box_height;
} pc_layout;

/* Lays out the given edges (strongest first). Components outside them appear if `has_pruned` and if
 * there are not too many of them. */
pc_status pc_layout_init(pc_layout *out, const pc_circuit *circuit,
                         const pc_circuit_edge *const *edges, int n_edges, bool has_pruned);
void pc_layout_free(pc_layout *layout);

/* The steps, in this order; pc_layout_init() calls them. */
pc_status pc_layout_order(pc_layout *layout);
pc_status pc_layout_place(pc_layout *layout);

/* Where q, k and v enter a head, from its centre. */
double pc_layout_port_offset(const pc_item *reader, pc_port port);
/* The least distance of two neighbours' centres. */
double pc_layout_distance(const pc_item *left, const pc_item *right);
/* Number of crossings between all rows, at the current x. */
pc_status pc_layout_crossings(long long *out, const pc_layout *layout);

#endif
