/* The grid: building, reading out, freeing. */
#include "graph/grid_private.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    pc_axis axis;
    const char *name;
} axes[] = {{PC_AXIS_LAYER, "layer"}, {PC_AXIS_HEAD, "head"}, {PC_AXIS_POSITION, "position"}};

pc_status pc_axes_parse(unsigned *out, const char *words)
{
    unsigned found = 0;
    for (const char *at = words;; at++) {
        const size_t length = strcspn(at, ",");
        size_t i = 0;
        while (i < 3 && (strlen(axes[i].name) != length || strncmp(axes[i].name, at, length) != 0))
            i++;
        if (i == 3)
            return pc_fail(PC_ERR_INPUT, "axis \"%.*s\" is unknown, expected layer, head, position",
                           (int)(length < 40 ? length : 40), at);
        if (found & (unsigned)axes[i].axis)
            return pc_fail(PC_ERR_INPUT, "axis %s is given twice", axes[i].name);
        found |= (unsigned)axes[i].axis;
        at += length;
        if (!*at) break;
    }
    if (!(found & PC_AXIS_LAYER))
        return pc_fail(PC_ERR_INPUT, "axes are \"%.60s\", expected layer among them", words);
    *out = found;
    return PC_OK;
}

pc_status pc_grid_new(pc_grid **out, const char *version, unsigned found, int n_layers, int n_heads,
                      int n_positions)
{
    *out = NULL;
    pc_grid *g = pc_alloc(1, sizeof *g);
    if (!g) return PC_ERR_NOMEM;
    *g = (pc_grid){.axes = found,
                   .n_layers = n_layers,
                   .n_heads = found & PC_AXIS_HEAD ? n_heads : 1,
                   .n_positions = found & PC_AXIS_POSITION ? n_positions : 1};
    g->positions = pc_alloc((size_t)g->n_positions, sizeof *g->positions);
    g->cells =
        pc_alloc((size_t)(g->n_layers * g->n_heads), (size_t)g->n_positions * sizeof *g->cells);
    pc_status status = g->positions && g->cells ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_circuit_new(&g->run, version);
    if (status == PC_OK) *out = g;
    else pc_grid_free(g);
    return status;
}

void pc_grid_free(pc_grid *g)
{
    if (!g) return;
    pc_circuit_free(g->run);
    free(g->cells);
    for (int i = 0; g->positions && i < g->n_positions; i++)
        pc_grid_position_free(&g->positions[i]);
    free(g->positions);
    free(g);
}

static pc_status copy(const char **out, const char *text)
{
    *out = text ? pc_copy_text(text) : NULL;
    return *out || !text ? PC_OK : PC_ERR_NOMEM;
}

pc_status pc_grid_position_copy(pc_grid_position *out, const pc_grid_position *position)
{
    PC_TRY(copy(&out->name, position->name));
    PC_TRY(copy(&out->token, position->token));
    return copy(&out->also, position->also);
}

void pc_grid_position_free(pc_grid_position *position)
{
    free((char *)position->name);
    free((char *)position->token);
    free((char *)position->also);
    *position = (pc_grid_position){0};
}

pc_grid_info pc_grid_describe(const pc_grid *g)
{
    return (pc_grid_info){.axes = g->axes,
                          .n_layers = g->n_layers,
                          .n_heads = g->n_heads,
                          .n_positions = g->n_positions,
                          .has_kv_heads = g->has_kv_heads,
                          .model = pc_circuit_describe_model(g->run),
                          .task = pc_circuit_describe_task(g->run)};
}

const pc_grid_position *pc_grid_position_at(const pc_grid *g, int i)
{
    if (i < 0 || i >= g->n_positions || !pc_grid_has(g, PC_AXIS_POSITION)) return NULL;
    return &g->positions[i];
}

const pc_grid_cell *pc_grid_cell_at(const pc_grid *g, int layer, int head, int position)
{
    if (layer < 0 || layer >= g->n_layers || head < 0 || head >= g->n_heads || position < 0 ||
        position >= g->n_positions)
        return NULL;
    return pc_grid_cell_of(g, layer, head, position);
}

const char *pc_grid_option(const pc_grid *g, const char *key)
{
    return pc_circuit_option(g->run, key);
}

bool pc_grid_baseline(double *out, const pc_grid *g, const char *name)
{
    return pc_circuit_baseline(out, g->run, name);
}

bool pc_grid_share(double *out, const pc_grid *g, double effect)
{
    return pc_circuit_share(out, g->run, effect);
}

void pc_grid_put_head(pc_text *out, const pc_grid *g, int head)
{
    pc_text_printf(out, "%s%d", g->has_kv_heads ? "kv" : "h", head);
}
