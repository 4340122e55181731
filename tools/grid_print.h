/* Printing grids on stdout. */
#ifndef PC_TOOLS_GRID_PRINT_H
#define PC_TOOLS_GRID_PRINT_H

#include "patchclamp/patchclamp.h"

/* The grid as a table where it has two axes and few columns; its `n_rows` strongest cells; the
 * baselines. */
pc_status print_grid(const pc_grid *grid, int64_t n_rows);
/* One JSON value: grid.json. */
pc_status print_grid_json(const pc_grid *grid);

#endif
