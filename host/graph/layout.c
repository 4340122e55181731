/* From edges to rows, items and links. */
#include "graph/layout.h"

#include "base/memory.h"
#include "graph/draw_style.h"
#include "graph/figure.h"

#include <stdlib.h>
#include <string.h>

/* More pruned components than this would be a grey carpet. */
enum { MAX_PRUNED = 2500, FEW_HEADS = 8 };

static const double lane_weight = 8, half_lane_weight = 3;

/* Everything that becomes a box, in component order. */
typedef struct pc_shown {
    uint64_t key;
    pc_part part;
    const pc_circuit_node *node;
    bool has_edge;
} pc_shown;

typedef struct pc_shown_list {
    pc_shown *items;
    size_t count;
} pc_shown_list;

static int compare_shown(const void *left, const void *right)
{
    const pc_shown *a = left, *b = right;
    return a->key < b->key ? -1 : a->key > b->key;
}

/* A KV head that serves one query head is that head. */
static pc_part box_of(const char *name, const pc_circuit_model *model)
{
    pc_part part;
    (void)pc_part_parse(&part, name); /* the circuit was checked */
    part = pc_part_box(part);
    if (part.kind == PC_PART_KV && model->n_kv_heads == model->n_heads) part.kind = PC_PART_HEAD;
    return part;
}

static void show(pc_shown_list *list, pc_part part, const pc_circuit_node *node, bool has_edge)
{
    list->items[list->count++] = (pc_shown){pc_part_key(&part), part, node, has_edge};
}

/* Sorts and joins what is there twice. */
static void unite(pc_shown_list *list)
{
    size_t kept = 0;
    qsort(list->items, list->count, sizeof *list->items, compare_shown);
    for (size_t i = 0; i < list->count; i++) {
        pc_shown *last = kept > 0 ? &list->items[kept - 1] : NULL;
        if (last && last->key == list->items[i].key) {
            last->has_edge |= list->items[i].has_edge;
            if (list->items[i].node) last->node = list->items[i].node;
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

static void show_grid(pc_shown_list *list, const pc_circuit_model *model)
{
    for (int layer = 0; layer < model->n_layers; layer++) {
        for (int head = 0; head < model->n_heads; head++)
            show(list, (pc_part){PC_PART_HEAD, layer, head, PC_PORT_NONE}, NULL, false);
        if (model->d_mlp > 0)
            show(list, (pc_part){PC_PART_MLP, layer, -1, PC_PORT_NONE}, NULL, false);
    }
}

/* Nodes that are not shown lend nothing; roles of the others come from here. */
static void attach_nodes(pc_shown_list *list, const pc_circuit *c)
{
    for (size_t i = 0; i < pc_circuit_n_nodes(c); i++) {
        const pc_circuit_node *node = pc_circuit_node_at(c, i);
        pc_shown wanted = {0};
        if (!pc_part_parse(&wanted.part, node->name)) continue;
        wanted.key = pc_part_key(&wanted.part);
        pc_shown *found = bsearch(&wanted, list->items, list->count, sizeof wanted, compare_shown);
        if (found) found->node = node;
    }
}

static pc_status list_shown(pc_shown_list *out, const pc_circuit *c,
                            const pc_circuit_edge *const *edges, int n_edges, bool has_pruned)
{
    const pc_circuit_model *model = pc_circuit_describe_model(c);
    const int64_t n_grid = (int64_t)model->n_layers * (model->n_heads + 1);
    const bool has_grid = has_pruned && n_grid <= MAX_PRUNED;
    const size_t most = 2 * (size_t)n_edges + 2 + (has_grid ? (size_t)n_grid : 0);
    out->items = pc_alloc(most, sizeof *out->items);
    if (!out->items) return PC_ERR_NOMEM;
    for (int e = 0; e < n_edges; e++) {
        show(out, box_of(edges[e]->from, model), NULL, true);
        show(out, box_of(edges[e]->to, model), NULL, true);
    }
    show(out, box_of("input", model), NULL, true);
    show(out, box_of("logits", model), NULL, true);
    if (has_grid) show_grid(out, model);
    unite(out);
    attach_nodes(out, c);
    return PC_OK;
}

/* Heads and what stands beside them share a row; a sequential block's MLP has its own above. */
static pc_part_kind row_kind(const pc_shown *shown, bool has_parallel_blocks)
{
    if (shown->part.kind == PC_PART_MLP && (has_parallel_blocks || !shown->has_edge))
        return PC_PART_HEAD;
    return shown->part.kind;
}

static void count_rows(pc_layout *layout, const pc_shown_list *list, bool has_parallel_blocks)
{
    for (size_t i = 0; i < list->count; i++) {
        const pc_shown *shown = &list->items[i];
        const pc_part_kind kind = row_kind(shown, has_parallel_blocks);
        pc_layout_row *last = layout->n_rows > 0 ? &layout->rows[layout->n_rows - 1] : NULL;
        if (!last || last->layer != shown->part.layer || last->kind != kind) {
            last = &layout->rows[layout->n_rows++];
            *last = (pc_layout_row){.layer = shown->part.layer, .kind = kind};
        }
        last->has_boxes |= shown->has_edge;
        layout->items[layout->n_items++] =
            (pc_item){.kind = shown->has_edge ? PC_ITEM_BOX : PC_ITEM_PRUNED,
                      .part = shown->part,
                      .node = shown->node,
                      .row = layout->n_rows - 1};
    }
}

/* Components come first among the items, in component order. */
static int find_item(const pc_layout *layout, int n_components, pc_part part)
{
    const uint64_t key = pc_part_key(&part);
    int low = 0, high = n_components;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (pc_part_key(&layout->items[middle].part) < key) low = middle + 1;
        else high = middle;
    }
    return low < n_components && pc_part_key(&layout->items[low].part) == key ? low : -1;
}

static void add_edge(pc_layout *layout, const pc_circuit_edge *edge, int from, int to, pc_port port)
{
    pc_layout_edge *at = &layout->edges[layout->n_edges];
    *at = (pc_layout_edge){.edge = edge,
                           .rank = layout->n_edges++,
                           .from = from,
                           .to = to,
                           .port = port,
                           .first_lane = -1};
    at->n_lanes = layout->items[to].row - layout->items[from].row - 1;
    layout->items[from].n_out++;
    layout->items[to].n_in++;
    if (port != PC_PORT_NONE) layout->rows[layout->items[to].row].has_ports = true;
}

static void add_edges(pc_layout *layout, const pc_circuit_model *model,
                      const pc_circuit_edge *const *edges, int n_edges)
{
    const int n_components = layout->n_items;
    for (int e = 0; e < n_edges; e++) {
        pc_part to;
        (void)pc_part_parse(&to, edges[e]->to);
        add_edge(layout, edges[e], find_item(layout, n_components, box_of(edges[e]->from, model)),
                 find_item(layout, n_components, box_of(edges[e]->to, model)), to.port);
    }
    /* KV heads hand what they read to their query heads */
    const int group = model->n_heads / model->n_kv_heads;
    for (int i = 0; i < n_components; i++) {
        const pc_part part = layout->items[i].part;
        for (int h = 0; part.kind == PC_PART_KV && h < group; h++) {
            pc_part head = {PC_PART_HEAD, part.layer, part.index * group + h, PC_PORT_NONE};
            const int to = find_item(layout, n_components, head);
            if (to >= 0 && layout->items[to].kind == PC_ITEM_BOX)
                add_edge(layout, NULL, i, to, PC_PORT_NONE);
        }
    }
}

static double clamp(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static void set_width(pc_item *item, const pc_circuit_model *model)
{
    const int n_links = item->n_in > item->n_out ? item->n_in : item->n_out;
    const char *role = item->node && item->node->role ? item->node->role : "";
    const bool is_wide = item->part.kind != PC_PART_HEAD && item->part.kind != PC_PART_KV;
    if (item->kind == PC_ITEM_PRUNED && model->n_heads > FEW_HEADS) {
        item->width = PC_PILL_WIDTH;
        return;
    }
    item->width = clamp(pc_text_width(role, PC_ROLE_SIZE) + 12, PC_BOX_WIDTH, PC_BOX_MAX_WIDTH);
    if (is_wide && item->kind == PC_ITEM_BOX)
        item->width = clamp(8.0 * n_links + 20, item->width, 220);
}

static void add_lanes(pc_layout *layout)
{
    for (int e = 0; e < layout->n_edges; e++) {
        pc_layout_edge *edge = &layout->edges[e];
        const int row = layout->items[edge->from].row + 1;
        edge->first_lane = layout->n_items;
        for (int i = 0; i < edge->n_lanes; i++)
            layout->items[layout->n_items++] =
                (pc_item){.kind = PC_ITEM_LANE, .row = row + i, .width = PC_LANE_WIDTH};
    }
}

static void fill_order(pc_layout *layout)
{
    for (int i = 0; i < layout->n_items; i++)
        layout->rows[layout->items[i].row].count++;
    for (int r = 1; r < layout->n_rows; r++)
        layout->rows[r].first = layout->rows[r - 1].first + layout->rows[r - 1].count;
    for (int r = 0; r < layout->n_rows; r++)
        layout->rows[r].count = 0;
    for (int i = 0; i < layout->n_items; i++) {
        pc_layout_row *row = &layout->rows[layout->items[i].row];
        layout->items[i].place = row->count;
        layout->order[row->first + row->count++] = i;
    }
}

double pc_layout_port_offset(const pc_item *reader, pc_port port)
{
    return port == PC_PORT_NONE ? 0 : ((int)port - (int)PC_PORT_K) * reader->width * 0.3;
}

static int item_of_step(const pc_layout_edge *edge, int step)
{
    if (step == 0) return edge->from;
    return step > edge->n_lanes ? edge->to : edge->first_lane + step - 1;
}

static pc_link make_link(const pc_layout *layout, int e, int step)
{
    const pc_layout_edge *edge = &layout->edges[e];
    pc_link link = {item_of_step(edge, step), item_of_step(edge, step + 1), e, 0, 0, 1};
    const bool from_lane = step > 0, to_lane = step < edge->n_lanes;
    if (!to_lane) link.upper_x = pc_layout_port_offset(&layout->items[edge->to], edge->port);
    if (from_lane && to_lane) link.weight = lane_weight;
    else if (from_lane || to_lane) link.weight = half_lane_weight;
    return link;
}

/* Links sorted by row by counting. */
static void add_links(pc_layout *layout)
{
    for (int e = 0; e < layout->n_edges; e++)
        for (int step = 0; step <= layout->edges[e].n_lanes; step++)
            layout->rows[layout->items[layout->edges[e].from].row + step].n_links++;
    for (int r = 0; r < layout->n_rows; r++) {
        layout->rows[r].first_link = layout->n_links;
        layout->n_links += layout->rows[r].n_links;
        layout->rows[r].n_links = 0;
    }
    for (int e = 0; e < layout->n_edges; e++)
        for (int step = 0; step <= layout->edges[e].n_lanes; step++) {
            pc_layout_row *row = &layout->rows[layout->items[layout->edges[e].from].row + step];
            layout->links[row->first_link + row->n_links++] = make_link(layout, e, step);
        }
}

/* Room for the lanes is known only when the edges are. */
static pc_status make_room(pc_layout *layout)
{
    size_t n_lanes = 0;
    for (int e = 0; e < layout->n_edges; e++)
        n_lanes += (size_t)layout->edges[e].n_lanes;
    const size_t n_items = (size_t)layout->n_items + n_lanes;
    pc_item *items = pc_alloc(n_items, sizeof *items);
    if (!items) return PC_ERR_NOMEM;
    memcpy(items, layout->items, (size_t)layout->n_items * sizeof *items);
    free(layout->items);
    layout->items = items;
    layout->order = pc_alloc(n_items, sizeof *layout->order);
    layout->links = pc_alloc(n_lanes + (size_t)layout->n_edges, sizeof *layout->links);
    return layout->order && layout->links ? PC_OK : PC_ERR_NOMEM;
}

static pc_status build(pc_layout *layout, const pc_circuit *c, const pc_shown_list *list,
                       const pc_circuit_edge *const *edges, int n_edges)
{
    const pc_circuit_model *model = pc_circuit_describe_model(c);
    /* at most every shown head is served by one KV head */
    layout->edges = pc_alloc((size_t)n_edges + list->count, sizeof *layout->edges);
    layout->items = pc_alloc(list->count, sizeof *layout->items);
    layout->rows = pc_alloc(list->count, sizeof *layout->rows);
    if (!layout->edges || !layout->items || !layout->rows) return PC_ERR_NOMEM;
    count_rows(layout, list, model->has_parallel_blocks);
    add_edges(layout, model, edges, n_edges);
    for (int i = 0; i < layout->n_items; i++) {
        set_width(&layout->items[i], model);
        if (layout->items[i].node && layout->items[i].node->role &&
            layout->items[i].kind == PC_ITEM_BOX)
            layout->box_height = PC_BOX_HEIGHT + PC_ROLE_HEIGHT;
    }
    PC_TRY(make_room(layout));
    add_lanes(layout);
    fill_order(layout);
    add_links(layout);
    PC_TRY(pc_layout_order(layout));
    return pc_layout_place(layout);
}

pc_status pc_layout_init(pc_layout *out, const pc_circuit *c, const pc_circuit_edge *const *edges,
                         int n_edges, bool has_pruned)
{
    pc_shown_list list = {0};
    *out = (pc_layout){.box_height = PC_BOX_HEIGHT};
    PC_TRY(list_shown(&list, c, edges, n_edges, has_pruned));
    pc_status status = build(out, c, &list, edges, n_edges);
    free(list.items);
    if (status != PC_OK) pc_layout_free(out);
    return status;
}

void pc_layout_free(pc_layout *layout)
{
    free(layout->links);
    free(layout->order);
    free(layout->rows);
    free(layout->items);
    free(layout->edges);
    *layout = (pc_layout){0};
}
