/* The map of the components' own effects: a row a layer, boxes shaded by effect; neurons as small
 * boxes in their MLP. */
#include "graph/draw.h"

#include "base/memory.h"
#include "graph/draw_style.h"
#include "graph/names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CELLS = 4096, NEURONS_A_LINE = 8 };

static const double left_column = 46, gap = 5, table_gap = 34;

/* A component that gets a box. */
typedef struct pc_cell {
    uint64_t key;
    pc_part part;
    const pc_circuit_node *node; /* NULL: not measured, only a place in the grid */
} pc_cell;

typedef struct pc_map {
    const pc_scene *scene;
    pc_cell *cells; /* in component order */
    size_t n_cells;
    double cell_width, cell_height;
    bool has_heads; /* some cell is a head */
} pc_map;

static int compare_cells(const void *left, const void *right)
{
    const pc_cell *a = left, *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return (a->node == NULL) - (b->node == NULL); /* what was measured first */
}

static void add_cell(pc_map *map, pc_part part, const pc_circuit_node *node)
{
    map->cells[map->n_cells++] = (pc_cell){pc_part_key(&part), part, node};
}

/* All components; neurons only if they are among the strongest of the circuit. */
static void add_nodes(pc_map *map)
{
    const pc_circuit *c = map->scene->circuit;
    pc_part part;
    for (size_t i = 0; i < pc_circuit_n_nodes(c); i++) {
        const pc_circuit_node *node = pc_circuit_node_at(c, i);
        if (pc_part_parse(&part, node->name) && part.kind != PC_PART_NEURON)
            add_cell(map, part, node);
    }
    int n_neurons = 0;
    for (int i = 0; i < map->scene->n_nodes && n_neurons < map->scene->options.max_edges; i++) {
        if (!pc_part_parse(&part, map->scene->nodes[i]->name) || part.kind != PC_PART_NEURON)
            continue;
        add_cell(map, part, map->scene->nodes[i]);
        n_neurons++;
    }
}

static void add_grid(pc_map *map, const pc_circuit_model *model)
{
    bool has_mlp_of_its_own = true;
    for (size_t i = 0; i < map->n_cells; i++) {
        if (map->cells[i].part.kind == PC_PART_HEAD) map->has_heads = true;
        if (map->cells[i].part.kind == PC_PART_NEURON) has_mlp_of_its_own = false;
    }
    for (int layer = 0; layer < model->n_layers; layer++) {
        for (int head = 0; map->has_heads && head < model->n_heads; head++)
            add_cell(map, (pc_part){PC_PART_HEAD, layer, head, PC_PORT_NONE}, NULL);
        if (model->d_mlp > 0 && has_mlp_of_its_own)
            add_cell(map, (pc_part){PC_PART_MLP, layer, -1, PC_PORT_NONE}, NULL);
    }
}

static pc_status list_cells(pc_map *map)
{
    const pc_circuit_model *model = pc_circuit_describe_model(map->scene->circuit);
    const int64_t n_grid = (int64_t)model->n_layers * (model->n_heads + 1);
    const size_t n_nodes = pc_circuit_n_nodes(map->scene->circuit);
    const bool has_grid = map->scene->options.has_pruned && n_grid <= MAX_CELLS;
    size_t kept = 0;
    map->cells = pc_alloc(2 * n_nodes + (has_grid ? (size_t)n_grid : 0), sizeof *map->cells);
    if (!map->cells) return PC_ERR_NOMEM;
    add_nodes(map);
    if (has_grid) add_grid(map, model);
    qsort(map->cells, map->n_cells, sizeof *map->cells, compare_cells);
    for (size_t i = 0; i < map->n_cells; i++)
        if (kept == 0 || map->cells[kept - 1].key != map->cells[i].key)
            map->cells[kept++] = map->cells[i];
    map->n_cells = kept;
    return PC_OK;
}

static void set_cell_size(pc_map *map)
{
    bool has_roles = false;
    const int n_heads = pc_circuit_describe_model(map->scene->circuit)->n_heads;
    for (size_t i = 0; i < map->n_cells; i++)
        has_roles |= map->cells[i].node && map->cells[i].node->role;
    map->cell_width = n_heads > 16 ? 42 : has_roles ? 66 : 52;
    map->cell_height = has_roles && n_heads <= 16 ? 40 : 29;
}

static bool is_dark(int colour)
{
    const int red = colour >> 16, green = colour >> 8 & 0xff, blue = colour & 0xff;
    return red * 299 + green * 587 + blue * 114 < 140000;
}

static void cell_text(pc_figure *figure, double x, double y, double size, double width, int fill,
                      const char *words)
{
    pc_text fitted = {0};
    pc_text_put_fitting(&fitted, words, size, width);
    figure->has_failed |= fitted.has_failed;
    pc_mark *text = pc_figure_text(figure, x, y, size, fitted.data ? fitted.data : "");
    text->anchor = PC_ANCHOR_MIDDLE;
    text->fill = fill;
    pc_text_free(&fitted);
}

static pc_mark *draw_frame(pc_figure *figure, const pc_map *map, const pc_cell *cell, double x,
                           double y, double width)
{
    const pc_circuit_node *node = cell->node;
    pc_mark *box = pc_figure_rect(figure, x, y, width, map->cell_height);
    box->radius = 5;
    box->fill = PC_COLOUR_PAPER;
    box->role = node ? PC_ROLE_NODE : PC_ROLE_PRUNED;
    box->stroke = PC_COLOUR_PRUNED;
    box->stroke_width = 0.8;
    if (!node) return box;
    if (node->is_measured && node->effect != 0 && !map->scene->diff)
        pc_shade_mark(box, node->effect, 0.8 * fabs(node->effect) / map->scene->strongest_node);
    if (node->in_circuit) {
        box->stroke = PC_COLOUR_BOX_LINE;
        box->stroke_width = 1.6;
    }
    const pc_diff_row *row = pc_scene_node_row(map->scene, node);
    if (row) box->fill = pc_side_colour(row->side);
    return box;
}

static void draw_cell_marks(pc_figure *figure, const pc_map *map, const pc_cell *cell, double x,
                            double y, double width)
{
    static const char *const sides[] = {"A and B", "only A", "only B"};
    const pc_circuit_node *node = cell->node;
    const bool is_neuron = cell->part.kind == PC_PART_NEURON;
    char name[PC_PART_NAME_BYTES];
    figure->tag = pc_figure_string(figure, pc_part_name(name, &cell->part));
    const int fill = draw_frame(figure, map, cell, x, y, width)->fill;
    const int ink = !node           ? PC_COLOUR_PRUNED_TEXT
                    : is_dark(fill) ? PC_COLOUR_PAPER
                                    : PC_COLOUR_TEXT;
    const char *words = is_neuron ? strchr(name, '.') + 1 : name;
    const double middle = x + width / 2;
    cell_text(figure, middle, y + 12, 9.5, width - 2, ink, words);
    figure->marks[figure->n_marks - 1].is_bold = node && node->in_circuit;
    if (!node) return;
    pc_text effect = {0};
    const pc_diff_row *row = pc_scene_node_row(map->scene, node);
    if (row) pc_text_put(&effect, sides[row->side]);
    else if (node->is_measured) pc_text_put_effect(&effect, map->scene, node->effect);
    figure->has_failed |= effect.has_failed;
    cell_text(figure, middle, y + 23, 8, width - 2, ink, effect.data ? effect.data : "");
    pc_text_free(&effect);
    if (node->role && map->cell_height > 30)
        cell_text(figure, middle, y + 34, 7.5, width - 4, ink, node->role);
}

static void draw_cell(pc_figure *figure, const pc_map *map, const pc_cell *cell, double x, double y,
                      double width)
{
    draw_cell_marks(figure, map, cell, x, y, width);
    figure->tag = 0;
}

/* The cells of one layer from `first`: heads and MLP side by side, or neurons in lines. */
static double layer_height(const pc_map *map, size_t first, size_t end)
{
    int n_neurons = 0;
    for (size_t i = first; i < end; i++)
        n_neurons += map->cells[i].part.kind == PC_PART_NEURON;
    const int n_lines = n_neurons > 0 ? (n_neurons + NEURONS_A_LINE - 1) / NEURONS_A_LINE : 1;
    return n_lines * (map->cell_height + gap) - gap + (n_neurons > 0 ? 22 : 0);
}

static double draw_neurons(pc_figure *figure, const pc_map *map, size_t first, size_t end, double x,
                           double y)
{
    const int count = (int)(end - first);
    const int across = count < NEURONS_A_LINE ? count : NEURONS_A_LINE;
    const double width = across * (map->cell_width + gap) + gap;
    pc_part mlp = pc_part_box(map->cells[first].part);
    char name[PC_PART_NAME_BYTES];
    pc_mark *frame = pc_figure_rect(figure, x, y, width, layer_height(map, first, end));
    frame->radius = 7;
    frame->fill = PC_COLOUR_PAPER;
    frame->stroke = PC_COLOUR_BOX_LINE;
    frame->stroke_width = 0.9;
    pc_mark *text = pc_figure_text(figure, x + 8, y + 12, PC_SMALL_SIZE, pc_part_name(name, &mlp));
    text->is_bold = true;
    for (int i = 0; i < count; i++)
        draw_cell(figure, map, &map->cells[first + (size_t)i],
                  x + gap + (i % NEURONS_A_LINE) * (map->cell_width + gap),
                  y + 17 + (i / NEURONS_A_LINE) * (map->cell_height + gap), map->cell_width);
    return width;
}

/* Returns the right end. */
static double draw_layer(pc_figure *figure, const pc_map *map, size_t first, size_t end,
                         double left, double y)
{
    double x = left;
    for (size_t i = first; i < end; i++) {
        const pc_part *part = &map->cells[i].part;
        if (part->kind == PC_PART_NEURON) return x + draw_neurons(figure, map, i, end, x, y);
        if (part->kind == PC_PART_MLP) x += 8;
        draw_cell(figure, map, &map->cells[i], x, y, map->cell_width);
        x += map->cell_width + gap;
    }
    return x - gap;
}

static void draw_band(pc_figure *figure, double y, double height, double right, int layer)
{
    char words[32];
    pc_mark *band = pc_figure_rect(figure, PC_MARGIN, y - 5, right - PC_MARGIN + 6, height + 10);
    band->fill = PC_COLOUR_BAND;
    band->radius = 6;
    snprintf(words, sizeof words, "layer %d", layer);
    pc_mark *text = pc_figure_text(figure, PC_MARGIN + 6, y + height / 2 + 3, 8.5, words);
    text->fill = PC_COLOUR_QUIET;
}

/* The right end of the widest layer, found by drawing into a figure that is thrown away. */
static double measure_right(const pc_map *map, double left)
{
    pc_figure trial = {0};
    double right = left;
    for (size_t first = 0, end; first < map->n_cells; first = end) {
        for (end = first;
             end < map->n_cells && map->cells[end].part.layer == map->cells[first].part.layer;)
            end++;
        if (map->cells[first].part.kind == PC_PART_INPUT && map->cells[first].part.layer < 0)
            end = first + 1;
        const double x = draw_layer(&trial, map, first, end, left, 0);
        if (x > right) right = x;
    }
    pc_figure_free(&trial);
    return right;
}

/* Input and logits both have layer -1: kinds tell them apart. */
static bool is_same_row(const pc_cell *a, const pc_cell *b)
{
    return a->part.layer == b->part.layer && (a->part.layer >= 0 || a->part.kind == b->part.kind);
}

/* Last layer first, for y grows downwards. Returns the bottom. */
static double draw_layers(pc_figure *figure, const pc_map *map, double right, double top)
{
    const double left = PC_MARGIN + left_column;
    double y = top;
    for (size_t end = map->n_cells, first; end > 0; end = first) {
        for (first = end - 1;
             first > 0 && is_same_row(&map->cells[first - 1], &map->cells[end - 1]);)
            first--;
        const double height = layer_height(map, first, end);
        if (map->cells[first].part.layer >= 0)
            draw_band(figure, y, height, right, map->cells[first].part.layer);
        draw_layer(figure, map, first, end, left, y);
        y += height + 14;
    }
    return y - 14;
}

static pc_status compose(pc_figure *figure, pc_map *map)
{
    const pc_scene *scene = map->scene;
    pc_mark *paper = pc_figure_rect(figure, 0, 0, 0, 0);
    paper->fill = PC_COLOUR_PAPER;
    const double top = PC_MARGIN + (scene->is_bare ? 0 : pc_draw_title(figure, scene));
    const double right = measure_right(map, PC_MARGIN + left_column);
    double bottom = draw_layers(figure, map, right, top), width = right + 6;
    PC_TRY(pc_figure_status(figure));
    if (scene->options.has_table && scene->n_nodes > 0) {
        const double height = bottom - top > 180 ? bottom - top : 180;
        width += table_gap;
        width += pc_draw_table(figure, scene, width, top, height);
        if (bottom < top + height) bottom = top + height;
    }
    if (scene->is_bare) pc_draw_page(figure, width, bottom);
    else pc_draw_footer(figure, scene, bottom + 20, width);
    return pc_figure_status(figure);
}

pc_status pc_draw_effects(pc_figure *figure, const pc_scene *scene)
{
    pc_map map = {.scene = scene};
    pc_status status = list_cells(&map);
    if (status == PC_OK) {
        set_cell_size(&map);
        status = compose(figure, &map);
    }
    free(map.cells);
    return status;
}
