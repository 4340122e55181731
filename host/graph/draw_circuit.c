/* The circuit's edges as a picture: boxes, ports, curves and the numbers on them. */
#include "graph/draw.h"

#include "base/memory.h"
#include "graph/draw_style.h"
#include "graph/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Up to so many edges carry their effect; more carry their rank, the key to the table. */
enum { MAX_EFFECT_LABELS = 40, MAX_STRETCHES = 6 };

static const double layer_column = 46; /* "layer 11" left of the rows */
static const double table_gap = 34;

typedef struct pc_picture {
    const pc_scene *scene;
    pc_layout layout;
    double left, top, height;
    bool has_node_shades;
} pc_picture;

static bool has_full_boxes(const pc_layout *layout, const pc_layout_row *row)
{
    for (int i = 0; i < row->count; i++) {
        const pc_item *item = &layout->items[layout->order[row->first + i]];
        if (item->kind == PC_ITEM_BOX ||
            (item->kind == PC_ITEM_PRUNED && item->width > PC_PILL_WIDTH))
            return true;
    }
    return false;
}

/* Curves need height where they go far to the side, numbers where there are many. */
static double gap_above(const pc_layout *layout, int r, double stretch)
{
    const pc_layout_row *row = &layout->rows[r];
    double widest = 0;
    int n_bent = 0, n_direct = 0;
    for (int i = 0; i < row->n_links; i++) {
        const pc_link *link = &layout->links[row->first_link + i];
        const double across = fabs(layout->items[link->lower].x + link->lower_x -
                                   layout->items[link->upper].x - link->upper_x);
        n_bent += across > 12;
        n_direct += layout->items[link->lower].kind == PC_ITEM_BOX &&
                    layout->items[link->upper].kind == PC_ITEM_BOX;
        if (across > widest) widest = across;
    }
    const double wanted = 24 + (widest < 200 ? widest : 200) * 0.1 +
                          (n_bent < 10 ? n_bent : 10) * 2.0 + (n_direct < 8 ? n_direct : 8) * 3.0;
    return wanted * stretch;
}

/* From the top of the picture down to the input. */
static void set_heights(pc_picture *picture, double stretch)
{
    pc_layout *layout = &picture->layout;
    double y = picture->top;
    for (int r = layout->n_rows - 1; r >= 0; r--) {
        pc_layout_row *row = &layout->rows[r];
        row->top = y;
        y += has_full_boxes(layout, row) ? layout->box_height : PC_PILL_HEIGHT;
        if (row->has_ports) y += PC_PORT_HEIGHT;
        row->bottom = y;
        if (r > 0) y += gap_above(layout, r - 1, stretch);
    }
    picture->height = y - picture->top;
}

/* One grey band a layer. */
static void draw_bands(pc_figure *figure, const pc_picture *picture)
{
    const pc_layout *layout = &picture->layout;
    for (int first = 0, end; first < layout->n_rows; first = end) {
        const int layer = layout->rows[first].layer;
        for (end = first; end < layout->n_rows && layout->rows[end].layer == layer;)
            end++;
        if (layout->rows[first].kind == PC_PART_INPUT || layout->rows[first].kind == PC_PART_LOGITS)
            continue;
        const double top = layout->rows[end - 1].top - 7, bottom = layout->rows[first].bottom + 7;
        pc_mark *band = pc_figure_rect(figure, picture->left - layer_column, top,
                                       layout->width + layer_column + 8, bottom - top);
        band->fill = PC_COLOUR_BAND;
        band->radius = 6;
        char words[32];
        snprintf(words, sizeof words, "layer %d", layer);
        pc_mark *text = pc_figure_text(figure, picture->left - layer_column + 6,
                                       (top + bottom) / 2 + 3, 8.5, words);
        text->fill = PC_COLOUR_QUIET;
    }
}

static double top_of(const pc_layout *layout, int item)
{
    return layout->rows[layout->items[item].row].top;
}

static double bottom_of(const pc_layout *layout, int item)
{
    return layout->rows[layout->items[item].row].bottom;
}

/* A curve that leaves and arrives vertically. */
static void curve_to(pc_figure *figure, pc_point from, pc_point to)
{
    const double bend = (from.y - to.y) * 0.5;
    pc_figure_curve(figure, (pc_point){from.x, from.y - bend}, (pc_point){to.x, to.y + bend}, to);
}

static void describe_edge(pc_text *out, const pc_scene *scene, const pc_circuit_edge *edge)
{
    pc_text_printf(out, "%s \xe2\x86\x92 %s", edge->from, edge->to);
    if (!edge->is_measured || scene->diff) return;
    pc_text_put(out, "  ");
    pc_text_put_effect(out, scene, edge->effect);
    pc_text_put_error(out, scene, edge->stderr_);
}

/* What is drawn from now on belongs to this edge. */
static void tag_edge(pc_figure *figure, const pc_circuit_edge *edge)
{
    pc_text name = {0};
    pc_text_printf(&name, "%s->%s", edge->from, edge->to);
    figure->has_failed |= name.has_failed;
    figure->tag = name.has_failed ? 0 : pc_figure_string(figure, name.data);
    pc_text_free(&name);
}

static void style_edge(pc_mark *path, const pc_scene *scene, const pc_layout_edge *edge,
                       size_t title)
{
    static const pc_dash dashes[] = {PC_DASH_NONE, PC_DASH_LONG, PC_DASH_NONE, PC_DASH_DOTS};
    const pc_diff_row *row = edge->edge ? pc_scene_edge_row(scene, edge->edge) : NULL;
    path->stroke = row          ? pc_side_colour(row->side)
                   : edge->edge ? pc_sign_colour(edge->edge->effect)
                                : PC_COLOUR_PRUNED_TEXT;
    path->stroke_width = edge->edge ? pc_stroke_width(scene, edge->edge->effect) : 1;
    path->dash = row ? pc_side_dash(row->side) : dashes[edge->port];
    path->opacity = edge->edge ? 0.85 : 1;
    path->role = edge->edge ? PC_ROLE_EDGE : PC_ROLE_PLAIN;
    path->title = title;
}

/* Where the links of an edge begin: they stand row by row, each row in edge order. */
static const pc_link *find_link(const pc_layout *layout, int row, int edge)
{
    const pc_layout_row *at = &layout->rows[row];
    for (int i = 0; i < at->n_links; i++)
        if (layout->links[at->first_link + i].edge == edge)
            return &layout->links[at->first_link + i];
    return NULL;
}

/* Returns the index of the edge's mark. */
static size_t draw_edge(pc_figure *figure, const pc_picture *picture, int e)
{
    const pc_layout *layout = &picture->layout;
    const pc_layout_edge *edge = &layout->edges[e];
    const int first_row = layout->items[edge->from].row;
    pc_text words = {0};
    if (edge->edge) describe_edge(&words, picture->scene, edge->edge);
    const size_t title = words.data ? pc_figure_string(figure, words.data) : 0;
    figure->has_failed |= words.has_failed;
    pc_text_free(&words);
    const pc_link *link = find_link(layout, first_row, e);
    pc_point at = {picture->left + layout->items[edge->from].x + link->lower_x,
                   top_of(layout, edge->from)};
    if (edge->edge) tag_edge(figure, edge->edge);
    pc_mark *path = pc_figure_path(figure, at.x, at.y);
    style_edge(path, picture->scene, edge, title);
    for (int step = 0; step <= edge->n_lanes; step++) {
        link = find_link(layout, first_row + step, e);
        const pc_point to = {picture->left + layout->items[link->upper].x + link->upper_x,
                             bottom_of(layout, link->upper)};
        curve_to(figure, at, to);
        at = to;
        if (step == edge->n_lanes) break;
        const double row_top = top_of(layout, link->upper);
        curve_to(figure, at, (pc_point){at.x, row_top});
        at.y = row_top;
    }
    figure->tag = 0;
    return figure->n_marks - 1;
}

static void centre_text(pc_figure *figure, double x, double y, double size, double width, int fill,
                        const char *words)
{
    pc_text fitted = {0};
    pc_text_put_fitting(&fitted, words, size, width);
    pc_mark *text = pc_figure_text(figure, x, y, size, fitted.data ? fitted.data : "");
    text->anchor = PC_ANCHOR_MIDDLE;
    text->fill = fill;
    figure->has_failed |= fitted.has_failed;
    pc_text_free(&fitted);
}

static void draw_pruned(pc_figure *figure, const pc_picture *picture, const pc_item *item)
{
    const pc_layout_row *row = &picture->layout.rows[item->row];
    const bool is_pill = item->width <= PC_PILL_WIDTH;
    const double height = is_pill ? PC_PILL_HEIGHT : PC_BOX_HEIGHT;
    const double full = row->bottom - row->top - (row->has_ports ? PC_PORT_HEIGHT : 0);
    const double x = picture->left + item->x, top = row->top + (full - height) / 2;
    char name[PC_PART_NAME_BYTES], small[PC_PART_NAME_BYTES];
    pc_part_name(name, &item->part);
    pc_mark *box = pc_figure_rect(figure, x - item->width / 2, top, item->width, height);
    box->radius = is_pill ? 4 : 6;
    box->fill = PC_COLOUR_PAPER;
    box->stroke = PC_COLOUR_PRUNED;
    box->stroke_width = 0.8;
    box->role = PC_ROLE_PRUNED;
    box->title = pc_figure_string(figure, name);
    if (is_pill && item->part.kind == PC_PART_HEAD)
        snprintf(small, sizeof small, "h%d", item->part.index);
    const bool is_short = is_pill && item->part.kind == PC_PART_HEAD;
    centre_text(figure, x, top + height / 2 + (is_pill ? 2.7 : 3.5), is_pill ? 7.5 : 9.5,
                item->width, PC_COLOUR_PRUNED_TEXT, is_short ? small : name);
}

static void draw_ports(pc_figure *figure, const pc_picture *picture, const pc_item *item,
                       unsigned used)
{
    static const char *const letters[] = {"", "q", "k", "v"};
    const double top = picture->layout.rows[item->row].bottom - PC_PORT_HEIGHT;
    for (int port = PC_PORT_Q; port <= PC_PORT_V; port++) {
        const bool is_used = used >> port & 1;
        const double x = picture->left + item->x + pc_layout_port_offset(item, (pc_port)port);
        if (item->part.kind == PC_PART_KV && port == PC_PORT_Q) continue;
        pc_mark *tab =
            pc_figure_rect(figure, x - PC_PORT_WIDTH / 2.0, top, PC_PORT_WIDTH, PC_PORT_HEIGHT);
        tab->radius = 2.5;
        tab->fill = PC_COLOUR_PAPER;
        tab->stroke = is_used ? PC_COLOUR_BOX_LINE : PC_COLOUR_PRUNED;
        tab->stroke_width = 0.8;
        tab->role = PC_ROLE_PORT;
        centre_text(figure, x, top + 7.4, 7.5, PC_PORT_WIDTH,
                    is_used ? PC_COLOUR_TEXT : PC_COLOUR_PRUNED_TEXT, letters[port]);
    }
}

static void draw_box(pc_figure *figure, const pc_picture *picture, const pc_item *item,
                     unsigned ports)
{
    const pc_scene *scene = picture->scene;
    const double x = picture->left + item->x, top = picture->layout.rows[item->row].top;
    const double height = picture->layout.box_height;
    const pc_circuit_node *node = item->node;
    const bool has_role = node && node->role;
    char name[PC_PART_NAME_BYTES];
    if (ports) draw_ports(figure, picture, item, ports);
    pc_mark *box = pc_figure_rect(figure, x - item->width / 2, top, item->width, height);
    box->radius = 6;
    box->fill = PC_COLOUR_BOX;
    if (picture->has_node_shades && node && node->is_measured && node->effect != 0)
        pc_shade_mark(box, node->effect, 0.3 * fabs(node->effect) / scene->strongest_node);
    box->stroke = PC_COLOUR_BOX_LINE;
    box->stroke_width = 1.1;
    box->role = PC_ROLE_NODE;
    const double base = top + (has_role ? 13.5 : height / 2 + 4);
    centre_text(figure, x, base, PC_NAME_SIZE, item->width, PC_COLOUR_TEXT,
                pc_part_name(name, &item->part));
    figure->marks[figure->n_marks - 1].is_bold = true;
    if (has_role)
        centre_text(figure, x, base + 11.5, PC_ROLE_SIZE, item->width - 4, PC_COLOUR_ROLE,
                    node->role);
}

/* Bit p: some edge enters at port p. */
static unsigned ports_of(const pc_layout *layout, int item)
{
    unsigned ports = 0;
    for (int e = 0; e < layout->n_edges; e++)
        if (layout->edges[e].to == item && layout->edges[e].port != PC_PORT_NONE)
            ports |= 1u << layout->edges[e].port;
    return ports;
}

static void draw_items(pc_figure *figure, const pc_picture *picture)
{
    const pc_layout *layout = &picture->layout;
    for (int i = 0; i < layout->n_items; i++) {
        const pc_item *item = &layout->items[i];
        char name[PC_PART_NAME_BYTES];
        if (item->kind == PC_ITEM_LANE) continue;
        figure->tag = pc_figure_string(figure, pc_part_name(name, &item->part));
        if (item->kind == PC_ITEM_PRUNED) draw_pruned(figure, picture, item);
        if (item->kind == PC_ITEM_BOX) draw_box(figure, picture, item, ports_of(layout, i));
        figure->tag = 0;
    }
}

static bool labels_are_ranks(const pc_scene *scene)
{
    return (scene->n_edges > MAX_EFFECT_LABELS || scene->diff) &&
           (scene->options.has_table || scene->is_bare);
}

static void put_label(pc_text *out, const pc_scene *scene, int rank)
{
    const pc_circuit_edge *edge = scene->edges[rank];
    if (labels_are_ranks(scene)) pc_text_printf(out, "%d", rank + 1);
    else if (edge->is_measured) pc_text_put_effect(out, scene, edge->effect);
    else pc_text_put(out, "?");
}

static double label_size(const pc_scene *scene)
{
    return labels_are_ranks(scene) ? 7 : 8.5;
}

static void draw_label(pc_figure *figure, const pc_scene *scene, const pc_edge_label *label,
                       int rank, const char *words)
{
    const double size = label_size(scene);
    pc_mark *paper =
        pc_figure_rect(figure, label->x - label->width / 2 + 1, label->y - label->height / 2 + 0.5,
                       label->width - 2, label->height - 1);
    paper->fill = PC_COLOUR_PAPER;
    paper->opacity = 0.92;
    paper->radius = 3;
    paper->role = PC_ROLE_EDGE_LABEL;
    pc_mark *text = pc_figure_text(figure, label->x, label->y + size * 0.36, size, words);
    text->anchor = PC_ANCHOR_MIDDLE;
    const pc_diff_row *row = pc_scene_edge_row(scene, scene->edges[rank]);
    text->fill = row ? PC_COLOUR_TEXT : pc_sign_text_colour(scene->edges[rank]->effect);
    text->is_bold = true;
}

/* Measures and places; *n_left_out is how many found no room. */
static pc_status place_labels(pc_edge_label *labels, int *n_left_out, const pc_figure *figure,
                              const pc_scene *scene)
{
    const double size = label_size(scene);
    for (int e = 0; e < scene->n_edges; e++) {
        pc_text words = {0};
        put_label(&words, scene, e);
        labels[e].width = pc_text_width(words.data ? words.data : "", size) * 1.06 + 5;
        labels[e].height = size + 2.5;
        PC_TRY(pc_text_status(&words));
        pc_text_free(&words);
    }
    PC_TRY(pc_place_edge_labels(labels, (size_t)scene->n_edges, figure));
    *n_left_out = 0;
    for (int e = 0; e < scene->n_edges; e++)
        *n_left_out += !labels[e].is_placed;
    return PC_OK;
}

static pc_status draw_labels(pc_figure *figure, const pc_scene *scene, const pc_edge_label *labels)
{
    for (int e = scene->n_edges - 1; e >= 0; e--) {
        pc_text words = {0};
        if (!labels[e].is_placed) continue;
        put_label(&words, scene, e);
        PC_TRY(pc_text_status(&words));
        tag_edge(figure, scene->edges[e]);
        draw_label(figure, scene, &labels[e], e, words.data);
        figure->tag = 0;
        pc_text_free(&words);
    }
    return PC_OK;
}

/* Everything but the labels; the strongest edges lie on top. */
static void draw_body(pc_figure *figure, const pc_picture *picture, pc_edge_label *labels)
{
    draw_bands(figure, picture);
    for (int e = picture->layout.n_edges - 1; e >= 0; e--) {
        const size_t path = draw_edge(figure, picture, e);
        if (picture->layout.edges[e].edge) labels[e].path = path;
    }
    draw_items(figure, picture);
}

/* Draws with ever larger gaps between the rows until every label finds room. */
static pc_status draw_picture(pc_figure *figure, pc_picture *picture, pc_edge_label *labels)
{
    double stretch = 1;
    for (int attempt = 0;; attempt++, stretch *= 1.25) {
        int n_left_out;
        pc_figure_free(figure);
        pc_mark *paper = pc_figure_rect(figure, 0, 0, 0, 0); /* its size comes last */
        paper->fill = PC_COLOUR_PAPER;
        picture->left = PC_MARGIN + layer_column;
        const bool is_bare = picture->scene->is_bare;
        picture->top = PC_MARGIN + (is_bare ? 0 : pc_draw_title(figure, picture->scene));
        set_heights(picture, stretch);
        draw_body(figure, picture, labels);
        PC_TRY(pc_figure_status(figure));
        PC_TRY(place_labels(labels, &n_left_out, figure, picture->scene));
        if (n_left_out == 0 || attempt == MAX_STRETCHES) break;
    }
    return draw_labels(figure, picture->scene, labels);
}

static pc_status compose(pc_figure *figure, pc_picture *picture, pc_edge_label *labels)
{
    const pc_scene *scene = picture->scene;
    PC_TRY(draw_picture(figure, picture, labels));
    double width = picture->left + picture->layout.width + 8;
    double bottom = picture->top + picture->height;
    if (scene->options.has_table) {
        const double height = picture->height > 300 ? picture->height : 300;
        width += table_gap;
        width += pc_draw_table(figure, scene, width, picture->top, height);
        const int n_rows = (int)(height / 13);
        const double table_bottom =
            picture->top + 13.0 * (scene->n_edges + 2 < n_rows ? scene->n_edges + 2 : n_rows);
        if (table_bottom > bottom) bottom = table_bottom;
    }
    if (scene->is_bare) pc_draw_page(figure, width, bottom);
    else pc_draw_footer(figure, scene, bottom + 22, width);
    return pc_figure_status(figure);
}

pc_status pc_draw_edges(pc_figure *figure, const pc_scene *scene)
{
    pc_picture picture = {.scene = scene, .has_node_shades = scene->strongest_node > 0};
    pc_edge_label *labels = pc_alloc((size_t)scene->n_edges, sizeof *labels);
    if (!labels) return PC_ERR_NOMEM;
    pc_status status = pc_layout_init(&picture.layout, scene->circuit, scene->edges, scene->n_edges,
                                      scene->options.has_pruned);
    if (status == PC_OK) status = compose(figure, &picture, labels);
    pc_layout_free(&picture.layout);
    free(labels);
    return status;
}
