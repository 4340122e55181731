/* grid.csv: a line a cell, layer by layer. */
#include "graph/grid_private.h"

#include "base/file.h"

static void put_cell(pc_text *t, const pc_grid *g, int layer, int head, int position)
{
    const pc_grid_cell *cell = pc_grid_cell_of(g, layer, head, position);
    double share;
    pc_text_printf(t, "%d,", layer);
    if (pc_grid_has(g, PC_AXIS_HEAD)) pc_text_printf(t, "%d", head);
    pc_text_put(t, ",");
    pc_text_put_csv_field(t, g->positions[position].name);
    pc_text_put(t, ",");
    pc_text_put_csv_field(t, g->positions[position].token);
    pc_text_put(t, ",");
    pc_text_put_number(t, cell->effect);
    pc_text_put(t, ",");
    pc_text_put_number(t, cell->stderr_);
    pc_text_put(t, ",");
    if (pc_grid_share(&share, g, cell->effect)) pc_text_put_number(t, share);
    pc_text_printf(t, ",%lld\n", (long long)pc_circuit_describe_task(g->run)->n);
}

pc_status pc_grid_put_csv(pc_text *t, const pc_grid *g)
{
    pc_text_put(t, "layer,head,position,token,effect,stderr,share,n\n");
    for (int layer = 0; layer < g->n_layers; layer++)
        for (int head = 0; head < g->n_heads; head++)
            for (int position = 0; position < g->n_positions; position++)
                put_cell(t, g, layer, head, position);
    return pc_text_status(t);
}

pc_status pc_grid_write_csv(const pc_grid *g, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_grid_put_csv(&text, g);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
