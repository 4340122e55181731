/* The comparison of two circuits in memory. */
#ifndef PC_GRAPH_DIFF_PRIVATE_H
#define PC_GRAPH_DIFF_PRIVATE_H

#include "graph/circuit_private.h"
#include "patchclamp/diff.h"

struct pc_circuit_diff {
    /* What is in either, in component order: edges, or nodes. As effect each has its strength:
     * |effect| in the circuits that have it, as a part of their strongest; the larger of both. */
    pc_circuit *either;
    pc_diff_row *rows; /* as the edges or nodes of `either` that are compared */
    size_t n_rows, rows_capacity;
    size_t *order;    /* (n_rows) as they are listed */
    double strongest; /* |effect| of all rows */
    pc_diff_summary summary;
    char *words[2];         /* task, method and the like of A and B */
    double faithfulness[2]; /* NaN: not known */
};

/* The figure's content, for writers and tests. */
pc_status pc_draw_diff(pc_figure *figure, const pc_circuit_diff *diff, const char *const *names,
                       const pc_draw_options *options);
pc_status pc_circuit_diff_put_figure(pc_text *out, const pc_circuit_diff *diff,
                                     const char *const *names, const pc_draw_options *options,
                                     pc_figure_put put);

#endif
