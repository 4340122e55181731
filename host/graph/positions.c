/* Effects by position: building, reading out, freeing. */
#include "graph/positions_private.h"

#include "base/memory.h"
#include "graph/grid_private.h"

#include <math.h>
#include <stdlib.h>

pc_status pc_position_effects_new(pc_position_effects **out, pc_positions_of of, int64_t n_rows,
                                  int n_columns)
{
    *out = NULL;
    pc_position_effects *p = pc_alloc(1, sizeof *p);
    if (!p) return PC_ERR_NOMEM;
    *p = (pc_position_effects){.of = of, .n_rows = n_rows, .n_columns = n_columns};
    p->names = pc_alloc((size_t)n_rows, sizeof *p->names);
    p->columns = pc_alloc((size_t)n_columns, sizeof *p->columns);
    p->cells = pc_alloc((size_t)n_rows, (size_t)n_columns * sizeof *p->cells);
    if (p->names && p->columns && p->cells) {
        *out = p;
        return PC_OK;
    }
    pc_position_effects_free(p);
    return PC_ERR_NOMEM;
}

void pc_position_effects_free(pc_position_effects *p)
{
    if (!p) return;
    free(p->cells);
    for (int i = 0; p->columns && i < p->n_columns; i++)
        pc_grid_position_free(&p->columns[i]);
    free(p->columns);
    for (int64_t i = 0; p->names && i < p->n_rows; i++)
        free(p->names[i]);
    free(p->names);
    free(p);
}

pc_status pc_position_effects_set_name(pc_position_effects *p, int64_t row, const char *name)
{
    p->names[row] = pc_copy_text(name);
    return p->names[row] ? PC_OK : PC_ERR_NOMEM;
}

double pc_position_effects_peak(int *column, const pc_position_effects *p, int64_t row)
{
    double peak = 0;
    *column = 0;
    for (int i = 0; i < p->n_columns; i++) {
        const double strength = fabs(p->cells[row * p->n_columns + i].effect);
        if (strength <= peak) continue;
        peak = strength;
        *column = i;
    }
    return peak;
}

const pc_position_effects *pc_circuit_positions(const pc_circuit *circuit)
{
    return circuit->positions;
}

int64_t pc_position_effects_n_rows(const pc_position_effects *p)
{
    return p->n_rows;
}

int pc_position_effects_n_columns(const pc_position_effects *p)
{
    return p->n_columns;
}

static bool is_row(const pc_position_effects *p, int64_t row)
{
    return row >= 0 && row < p->n_rows;
}

static bool is_column(const pc_position_effects *p, int column)
{
    return column >= 0 && column < p->n_columns;
}

const char *pc_position_effects_name(const pc_position_effects *p, int64_t row)
{
    return is_row(p, row) ? p->names[row] : NULL;
}

const pc_grid_position *pc_position_effects_column(const pc_position_effects *p, int column)
{
    return is_column(p, column) ? &p->columns[column] : NULL;
}

const pc_grid_cell *pc_position_effects_cell(const pc_position_effects *p, int64_t row, int column)
{
    return is_row(p, row) && is_column(p, column) ? &p->cells[row * p->n_columns + column] : NULL;
}
