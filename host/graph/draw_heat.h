/* A heat map: cells in rows and columns, in one panel or several, with axes, colour bar, title and
 * caption. */
#ifndef PC_GRAPH_DRAW_HEAT_H
#define PC_GRAPH_DRAW_HEAT_H

#include "graph/figure.h"
#include "patchclamp/grid.h"

/* What rows and columns stand for, and what is said about them; all is borrowed. */
typedef struct pc_heat_map {
    const pc_circuit *run; /* model, task, options and baselines */
    int n_panels, n_rows, n_columns;
    const pc_grid_cell *cells;         /* (n_panels, n_rows, n_columns) row 0 is the lowest */
    const pc_grid_position *positions; /* (n_columns) NULL: columns are numbered */
    const char *const *row_names;      /* (n_rows) NULL: rows are numbered */
    const bool *has_rule;              /* (n_rows) a line below the row; NULL: none has */
    const char *row_word;              /* "layer": what a row is */
    const char *column_word;           /* NULL: there is one column, and it has no label */
    const char *panel_word;            /* NULL: there is one panel, and it has no title */
    const char *title;                 /* behind "MODEL on TASK: " */
    const char *meaning;               /* of a cell's effect, without a full stop */
    const char *note;                  /* a sentence more in the caption; NULL: none */
    /* the beginning of a cell's tooltip, before its position and effect */
    void (*put_place)(pc_text *out, const struct pc_heat_map *map, int panel, int row, int column);
    const void *payload; /* of put_place */
} pc_heat_map;

pc_status pc_draw_heat_map(pc_figure *figure, const pc_heat_map *map);

/* Title and caption; each returns the extent it took. `signs`: those that cells bear. */
enum { PC_HEAT_DOTS = 1, PC_HEAT_STROKES = 2 };
double pc_draw_heat_title(pc_figure *figure, const pc_heat_map *map);
double pc_draw_heat_caption(pc_figure *figure, const pc_heat_map *map, unsigned signs, double y,
                            double width);

/* "zero", "its mean", "the corrupted run's": what replaced a value in this run. */
void pc_put_replacement(pc_text *out, const pc_circuit *run);
bool pc_is_denoised(const pc_circuit *run);

#endif
