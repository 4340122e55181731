/* positions.csv: every component's effect at every position. */
#include "graph/positions_private.h"

#include "base/file.h"

static void put_cell(pc_text *t, const pc_circuit *c, const char *kind, int64_t row, int column)
{
    const pc_position_effects *p = c->positions;
    const pc_grid_cell *cell = &p->cells[row * p->n_columns + column];
    pc_text_printf(t, "%s,%s,", kind, p->names[row]);
    pc_text_put_csv_field(t, p->columns[column].name);
    pc_text_put(t, ",");
    pc_text_put_number(t, cell->effect);
    pc_text_put(t, ",");
    pc_text_put_number(t, cell->stderr_);
    pc_text_printf(t, ",%lld\n", (long long)c->task.n);
}

pc_status pc_circuit_put_positions_csv(pc_text *t, const pc_circuit *c)
{
    const char *level = pc_circuit_option(c, "level");
    if (!c->positions) return pc_fail(PC_ERR_ARG, "no positions were measured");
    pc_text_put(t, "kind,name,position,effect,stderr,n\n");
    for (int64_t row = 0; row < c->positions->n_rows; row++)
        for (int column = 0; column < c->positions->n_columns; column++)
            put_cell(t, c, level ? level : "", row, column);
    return pc_text_status(t);
}

pc_status pc_circuit_write_positions_csv(const pc_circuit *c, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_positions_csv(&text, c);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
