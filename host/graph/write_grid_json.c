/* grid.json: where the numbers come from, the axes, and a cell a line. */
#include "graph/grid_private.h"

#include "base/file.h"

#include <stdlib.h>

enum { PC_GRID_SCHEMA = 1 };

static void put_text_or_null(pc_text *t, const char *key, const char *words)
{
    pc_text_printf(t, "\"%s\": ", key);
    if (words) pc_text_put_json_string(t, words);
    else pc_text_put(t, "null");
}

static void put_axes(pc_text *t, const pc_grid *g)
{
    pc_text_printf(t, ",\n  \"axes\": [\"layer\"%s%s],\n",
                   pc_grid_has(g, PC_AXIS_HEAD) ? ", \"head\"" : "",
                   pc_grid_has(g, PC_AXIS_POSITION) ? ", \"position\"" : "");
    pc_text_printf(t, "  \"n_layers\": %d,\n", g->n_layers);
    if (pc_grid_has(g, PC_AXIS_HEAD))
        pc_text_printf(t, "  \"n_heads\": %d,\n  \"kv_heads\": %s,\n", g->n_heads,
                       g->has_kv_heads ? "true" : "false");
    if (!pc_grid_has(g, PC_AXIS_POSITION)) return;
    pc_text_put(t, "  \"positions\": [");
    for (int i = 0; i < g->n_positions; i++) {
        pc_text_put(t, i > 0 ? ",\n    {" : "\n    {");
        put_text_or_null(t, "name", g->positions[i].name);
        pc_text_put(t, ", ");
        put_text_or_null(t, "token", g->positions[i].token);
        pc_text_put(t, ", ");
        put_text_or_null(t, "also", g->positions[i].also);
        pc_text_put(t, "}");
    }
    pc_text_put(t, "],\n");
}

static void put_cell(pc_text *t, const pc_grid *g, int layer, int head, int position)
{
    const pc_grid_cell *cell = pc_grid_cell_of(g, layer, head, position);
    double share;
    pc_text_printf(t, "    {\"layer\": %d", layer);
    if (pc_grid_has(g, PC_AXIS_HEAD)) pc_text_printf(t, ", \"head\": %d", head);
    if (pc_grid_has(g, PC_AXIS_POSITION)) {
        pc_text_put(t, ", ");
        put_text_or_null(t, "position", g->positions[position].name);
    }
    pc_text_put(t, ", \"effect\": ");
    pc_text_put_number(t, cell->effect);
    pc_text_put(t, ", \"stderr\": ");
    pc_text_put_number(t, cell->stderr_);
    pc_text_put(t, ", \"share\": ");
    if (pc_grid_share(&share, g, cell->effect)) pc_text_put_number(t, share);
    else pc_text_put(t, "null");
    if (cell->is_untouched) pc_text_put(t, ", \"untouched\": true");
    pc_text_put(t, "}");
}

pc_status pc_grid_put_json(pc_text *t, const pc_grid *g)
{
    pc_text_printf(t, "{\n  \"schema\": \"patchclamp-grid/%d\",\n", PC_GRID_SCHEMA);
    pc_circuit_put_provenance(t, g->run);
    put_axes(t, g);
    pc_text_put(t, "  \"cells\": [\n");
    for (int layer = 0; layer < g->n_layers; layer++)
        for (int head = 0; head < g->n_heads; head++)
            for (int position = 0; position < g->n_positions; position++) {
                if (layer + head + position > 0) pc_text_put(t, ",\n");
                put_cell(t, g, layer, head, position);
            }
    pc_text_put(t, "]\n}\n");
    return pc_text_status(t);
}

pc_status pc_grid_write_json(const pc_grid *g, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_grid_put_json(&text, g);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

pc_status pc_grid_json(char **out, const pc_grid *g)
{
    pc_text text = {0};
    const pc_status status = pc_grid_put_json(&text, g);
    *out = status == PC_OK ? text.data : NULL;
    if (status != PC_OK) pc_text_free(&text);
    return status;
}
