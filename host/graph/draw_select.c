/* Which edges and nodes a figure shows, and how numbers become ink. */
#include "graph/draw.h"

#include "base/memory.h"
#include "graph/draw_style.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

static double strength(double effect, bool is_measured)
{
    return is_measured ? fabs(effect) : 0;
}

static int count_in_circuit(const pc_circuit *c)
{
    int count = 0;
    for (size_t i = 0; i < pc_circuit_n_edges(c) && count < INT_MAX; i++)
        count += pc_circuit_edge_at(c, i)->in_circuit;
    return count;
}

/* The first of the ranking that belong to the circuit, and outsiders as long as `with_outsiders`
 * edges are not reached. */
static pc_status select_edges(pc_scene *scene, size_t *order, int with_outsiders)
{
    const pc_circuit *c = scene->circuit;
    const size_t count = pc_circuit_n_edges(c);
    double drawn = 0, all = 0;
    int n_outsiders = with_outsiders - count_in_circuit(c);
    scene->edges = pc_alloc(count, sizeof *scene->edges);
    if (!scene->edges) return PC_ERR_NOMEM;
    PC_TRY(pc_circuit_rank_edges(order, c));
    for (size_t i = 0; i < count; i++) {
        const pc_circuit_edge *edge = pc_circuit_edge_at(c, order[i]);
        const double size = strength(edge->effect, edge->is_measured);
        all += size;
        if (!edge->in_circuit && (!edge->is_measured || n_outsiders-- <= 0)) continue;
        scene->n_in_circuit += edge->in_circuit;
        if (scene->n_edges >= scene->options.max_edges) continue;
        scene->edges[scene->n_edges++] = edge;
        drawn += size;
    }
    scene->n_all = (int64_t)count;
    scene->drawn_fraction = all > 0 && isfinite(all) ? drawn / all : 0;
    if (scene->n_edges > 0)
        scene->strongest = strength(scene->edges[0]->effect, scene->edges[0]->is_measured);
    return PC_OK;
}

static void add_nodes(pc_scene *scene, const size_t *order, bool has_outsiders)
{
    const size_t count = pc_circuit_n_nodes(scene->circuit);
    for (size_t i = 0; i < count; i++) {
        const pc_circuit_node *node = pc_circuit_node_at(scene->circuit, order[i]);
        if (node->is_measured && (node->in_circuit || has_outsiders))
            scene->nodes[scene->n_nodes++] = node;
    }
}

static pc_status select_nodes(pc_scene *scene, size_t *order)
{
    const pc_circuit *c = scene->circuit;
    const size_t count = pc_circuit_n_nodes(c);
    double drawn = 0, all = 0;
    int64_t n_measured = 0;
    scene->nodes = pc_alloc(count, sizeof *scene->nodes);
    if (!scene->nodes) return PC_ERR_NOMEM;
    PC_TRY(pc_circuit_rank_nodes(order, c));
    add_nodes(scene, order, false);
    const int n_in_circuit = scene->n_nodes;
    if (n_in_circuit == 0) add_nodes(scene, order, true);
    for (size_t i = 0; i < count; i++) {
        const pc_circuit_node *node = pc_circuit_node_at(c, i);
        const double size = strength(node->effect, node->is_measured);
        all += size;
        n_measured += node->is_measured;
        if (node->in_circuit) drawn += size;
        if (size > scene->strongest_node) scene->strongest_node = size;
    }
    if (scene->n_edges > 0) return PC_OK;
    scene->n_in_circuit = n_in_circuit;
    scene->n_all = n_measured;
    scene->drawn_fraction = all > 0 && isfinite(all) ? drawn / all : 0;
    scene->strongest = scene->strongest_node;
    return PC_OK;
}

int pc_decimals_for(double strongest)
{
    int decimals = 2;
    for (; strongest > 0 && strongest < 1 && decimals < 9; decimals++)
        strongest *= 10;
    for (; strongest >= 10 && decimals > 0; decimals--)
        strongest /= 10;
    return decimals;
}

static pc_status init(pc_scene *out, const pc_circuit *c, int with_outsiders,
                      const pc_draw_options *options)
{
    enum { MOST_EDGES = 2000 };
    const size_t n_nodes = pc_circuit_n_nodes(c), n_edges = pc_circuit_n_edges(c);
    *out = (pc_scene){.circuit = c, .options = PC_DRAW_OPTIONS_INIT};
    if (options) out->options = *options;
    if (out->options.max_edges < 0 || out->options.max_edges > MOST_EDGES)
        return pc_fail(PC_ERR_ARG, "a figure of %d edges was asked for, expected 0 to %d",
                       out->options.max_edges, MOST_EDGES);
    size_t *order = pc_alloc(n_nodes > n_edges ? n_nodes : n_edges, sizeof *order);
    if (!order) return PC_ERR_NOMEM;
    pc_status status = select_edges(out, order, with_outsiders);
    if (status == PC_OK) status = select_nodes(out, order);
    free(order);
    out->decimals = pc_decimals_for(out->strongest);
    if (status != PC_OK) pc_scene_free(out);
    return status;
}

pc_status pc_scene_init(pc_scene *out, const pc_circuit *c, const pc_draw_options *options)
{
    return init(out, c, 0, options);
}

pc_status pc_scene_init_bare(pc_scene *out, const pc_circuit *c, int n_edges,
                             const pc_draw_options *options)
{
    PC_TRY(init(out, c, n_edges, options));
    out->is_bare = true;
    return PC_OK;
}

void pc_scene_free(pc_scene *scene)
{
    free(scene->nodes);
    free(scene->edges);
    *scene = (pc_scene){0};
}

int pc_sign_colour(double effect)
{
    if (effect == 0) return PC_COLOUR_UNMEASURED;
    return effect > 0 ? PC_COLOUR_POSITIVE : PC_COLOUR_NEGATIVE;
}

int pc_sign_text_colour(double effect)
{
    if (effect == 0) return PC_COLOUR_QUIET;
    return effect > 0 ? PC_COLOUR_POSITIVE : PC_COLOUR_NEGATIVE_TEXT;
}

int pc_shade(double effect, double fraction)
{
    const int hue = pc_sign_colour(effect);
    int mixed = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        const int channel = hue >> shift & 0xff;
        mixed |= (int)(255 + (channel - 255) * fraction + 0.5) << shift;
    }
    return mixed;
}

void pc_shade_mark(pc_mark *mark, double effect, double fraction)
{
    mark->fill = pc_shade(effect, fraction);
    mark->hue = pc_sign_colour(effect);
    mark->shade = fraction;
}

double pc_stroke_width(const pc_scene *scene, double effect)
{
    if (scene->strongest == 0) return 1;
    return 0.7 + (PC_MAX_STROKE - 0.7) * (fabs(effect) / scene->strongest);
}

/* What would read as 0 gets up to two more decimals, and then a power of ten. */
static void put_value(pc_text *out, const pc_scene *scene, double value, pc_sign_style style)
{
    const int most = scene->decimals + 2;
    int decimals = scene->decimals;
    double least = 0.5;
    for (int i = 0; i < decimals; i++)
        least /= 10;
    for (; value != 0 && fabs(value) < least && decimals <= most; decimals++)
        least /= 10;
    if (decimals <= most || value == 0) {
        pc_text_put_fixed(out, value, decimals, style);
        return;
    }
    if (style == PC_SIGN_ALWAYS) pc_text_put(out, value < 0 ? "\xe2\x88\x92" : "+");
    pc_text_printf(out, "%.0e", fabs(value));
}

void pc_text_put_effect(pc_text *out, const pc_scene *scene, double effect)
{
    put_value(out, scene, effect, PC_SIGN_ALWAYS);
}

void pc_text_put_error(pc_text *out, const pc_scene *scene, double error)
{
    pc_text_put(out, " \xc2\xb1 ");
    put_value(out, scene, error, PC_SIGN_PLAIN);
}

pc_status pc_draw_scene(pc_figure *figure, const pc_scene *scene)
{
    const pc_status status =
        scene->n_edges > 0 ? pc_draw_edges(figure, scene) : pc_draw_effects(figure, scene);
    return status == PC_OK ? pc_figure_status(figure) : status;
}

pc_status pc_draw_circuit(pc_figure *figure, const pc_circuit *c, const pc_draw_options *options)
{
    pc_scene scene;
    PC_TRY(pc_scene_init(&scene, c, options));
    const pc_status status = pc_draw_scene(figure, &scene);
    pc_scene_free(&scene);
    return status;
}
