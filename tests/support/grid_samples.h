/* Grids for the tests of host/graph. */
#ifndef PC_TESTS_GRID_SAMPLES_H
#define PC_TESTS_GRID_SAMPLES_H

#include "graph/grid_private.h"

typedef enum sample_labels {
    SAMPLE_TOKENS, /* of usual length */
    SAMPLE_LONG,   /* longer than any figure has room for */
    SAMPLE_NUMBERS /* the prompts' tokens differ; the last is called "end" */
} sample_labels;

typedef struct sample_grid_shape {
    unsigned axes;
    int n_layers, n_heads, n_positions;
    sample_labels labels;
    double scale; /* of the effects; 0: all are 0 */
} sample_grid_shape;

/* Effects of all sizes and both signs, the same each time; the first column is untouched. */
pc_grid *sample_grid(const sample_grid_shape *shape);

#endif
