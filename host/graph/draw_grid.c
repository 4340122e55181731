/* The heat map of a grid: layers from bottom to top; with heads and positions one panel a layer. */
#include "graph/draw_heat.h"
#include "graph/grid_private.h"

static bool has_panels(const pc_grid *g)
{
    return pc_grid_has(g, PC_AXIS_HEAD) && pc_grid_has(g, PC_AXIS_POSITION);
}

static void put_place(pc_text *t, const pc_heat_map *map, int panel, int row, int column)
{
    const pc_grid *g = map->payload;
    pc_text_printf(t, "layer %d", has_panels(g) ? panel : row);
    if (pc_grid_has(g, PC_AXIS_HEAD))
        pc_text_printf(t, ", %shead %d", g->has_kv_heads ? "KV " : "",
                       has_panels(g) ? row : column);
}

static void put_meaning(pc_text *out, const pc_grid *g)
{
    const char *what = pc_grid_option(g, "what");
    pc_text_printf(out, "Effect on the %s run when its %s there is replaced by ",
                   pc_is_denoised(g->run) ? "corrupted" : "clean", what ? what : "value");
    pc_put_replacement(out, g->run);
    pc_text_put(out, ", mean over the prompts");
}

/* A grid's cells are in the order of panels, rows and columns, whatever its axes. */
static pc_heat_map map_of(const pc_grid *g, const char *title, const char *meaning)
{
    const bool has_heads = pc_grid_has(g, PC_AXIS_HEAD);
    const bool has_positions = pc_grid_has(g, PC_AXIS_POSITION);
    const char *head = g->has_kv_heads ? "KV head" : "head";
    return (pc_heat_map){.run = g->run,
                         .n_panels = has_panels(g) ? g->n_layers : 1,
                         .n_rows = has_panels(g) ? g->n_heads : g->n_layers,
                         .n_columns = has_positions ? g->n_positions : g->n_heads,
                         .cells = g->cells,
                         .positions = has_positions ? g->positions : NULL,
                         .row_word = has_panels(g) ? head : "layer",
                         .column_word = has_positions ? "position"
                                        : has_heads   ? head
                                                      : NULL,
                         .panel_word = has_panels(g) ? "layer" : NULL,
                         .title = title,
                         .meaning = meaning,
                         .put_place = put_place,
                         .payload = g};
}

pc_status pc_draw_grid(pc_figure *figure, const pc_grid *grid)
{
    const char *what = pc_grid_option(grid, "what");
    pc_text title = {0}, meaning = {0};
    pc_text_printf(&title, "%s patched", what ? what : "?");
    put_meaning(&meaning, grid);
    pc_status status = pc_text_status(&title);
    if (status == PC_OK) status = pc_text_status(&meaning);
    if (status == PC_OK) {
        const pc_heat_map map = map_of(grid, title.data, meaning.data);
        status = pc_draw_heat_map(figure, &map);
    }
    pc_text_free(&meaning);
    pc_text_free(&title);
    return status;
}
