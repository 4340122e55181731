/* The grid in memory, and how the search builds one. */
#ifndef PC_GRAPH_GRID_PRIVATE_H
#define PC_GRAPH_GRID_PRIVATE_H

#include "base/text.h"
#include "graph/circuit_private.h"
#include "graph/figure.h"
#include "patchclamp/grid.h"

/* Axes that are missing have one place. What no axis of heads or positions has is not named. */
struct pc_grid {
    pc_circuit *run; /* model, task, options and baseline: a circuit without components */
    unsigned axes;
    bool has_kv_heads;
    int n_layers, n_heads, n_positions;
    pc_grid_position *positions; /* (n_positions), names NULL without the axis */
    pc_grid_cell *cells;         /* (n_layers, n_heads, n_positions) */
};

/* An empty grid with a run of `version`; the sizes are those of the axes that there are. */
pc_status pc_grid_new(pc_grid **out, const char *version, unsigned axes, int n_layers, int n_heads,
                      int n_positions);
/* Copies the three strings, of which token and also may be NULL. */
pc_status pc_grid_position_copy(pc_grid_position *out, const pc_grid_position *position);
void pc_grid_position_free(pc_grid_position *position);

static inline pc_grid_cell *pc_grid_cell_of(const pc_grid *grid, int layer, int head, int position)
{
    return grid->cells + ((int64_t)layer * grid->n_heads + head) * grid->n_positions + position;
}

static inline bool pc_grid_has(const pc_grid *grid, pc_axis axis)
{
    return (grid->axes & (unsigned)axis) != 0;
}

/* "h3" or "kv3" */
void pc_grid_put_head(pc_text *out, const pc_grid *grid, int head);

/* The files' contents, for writers and tests. */
pc_status pc_grid_put_csv(pc_text *out, const pc_grid *grid);
pc_status pc_grid_put_json(pc_text *out, const pc_grid *grid);
pc_status pc_grid_put_figure(pc_text *out, const pc_grid *grid, pc_figure_put put);
pc_status pc_grid_put_svg(pc_text *out, const pc_grid *grid);
pc_status pc_draw_grid(pc_figure *figure, const pc_grid *grid);

#endif
