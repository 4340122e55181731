/* Effects by position in memory, and how the search builds them. */
#ifndef PC_GRAPH_POSITIONS_PRIVATE_H
#define PC_GRAPH_POSITIONS_PRIVATE_H

#include "graph/circuit_private.h"
#include "graph/figure.h"
#include "patchclamp/positions.h"

struct pc_position_effects {
    pc_positions_of of; /* what the rows are chosen from */
    int64_t n_rows;
    int n_columns;
    char **names;              /* (n_rows) */
    pc_grid_position *columns; /* (n_columns) */
    pc_grid_cell *cells;       /* (n_rows, n_columns) */
};

/* Without names, columns' labels and effects. */
pc_status pc_position_effects_new(pc_position_effects **out, pc_positions_of of, int64_t n_rows,
                                  int n_columns);
void pc_position_effects_free(pc_position_effects *positions);
/* Copies the name. */
pc_status pc_position_effects_set_name(pc_position_effects *positions, int64_t row,
                                       const char *name);
/* The largest |effect| of a row, and its column: the first of several. */
double pc_position_effects_peak(int *column, const pc_position_effects *positions, int64_t row);

/* The files' contents, for writers and tests. */
pc_status pc_circuit_put_positions_csv(pc_text *out, const pc_circuit *circuit);
pc_status pc_circuit_put_positions_figure(pc_text *out, const pc_circuit *circuit,
                                          pc_figure_put put);
pc_status pc_circuit_put_positions_svg(pc_text *out, const pc_circuit *circuit);
pc_status pc_draw_positions(pc_figure *figure, const pc_circuit *circuit);

#endif
