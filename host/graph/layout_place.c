/* Coordinates: each row in turn takes the places that minimise the weighted squared distance to its
 * neighbours above and below, order and distances kept. One row is an isotonic regression, solved
 * exactly by pooling adjacent violators; a few rounds over all rows straighten the lanes. */
#include "graph/layout.h"

#include "base/memory.h"
#include "graph/draw_style.h"

#include <stdlib.h>

enum { N_ROUNDS = 60 };

/* Pulls what has no neighbours, and the whole picture, gently to the middle. */
static const double middle_weight = 0.02;

/* Items that touch: they move as one. */
typedef struct pc_block {
    double sum, weight; /* of desired place minus offset in the row */
    int count;
} pc_block;

/* Weighted neighbours of every item of a row, above and below. */
static void gather(pc_layout *layout, int r)
{
    const pc_layout_row *row = &layout->rows[r];
    for (int i = 0; i < row->count; i++) {
        pc_item *item = &layout->items[layout->order[row->first + i]];
        item->sum = 0;
        item->weight = middle_weight;
    }
    for (int i = 0; r > 0 && i < row[-1].n_links; i++) {
        const pc_link *link = &layout->links[row[-1].first_link + i];
        pc_item *item = &layout->items[link->upper];
        item->sum += link->weight * (layout->items[link->lower].x + link->lower_x - link->upper_x);
        item->weight += link->weight;
    }
    for (int i = 0; i < row->n_links; i++) {
        const pc_link *link = &layout->links[row->first_link + i];
        pc_item *item = &layout->items[link->lower];
        item->sum += link->weight * (layout->items[link->upper].x + link->upper_x - link->lower_x);
        item->weight += link->weight;
    }
}

static bool is_violated(const pc_block *left, const pc_block *right)
{
    return left->sum / left->weight > right->sum / right->weight;
}

static void place_row(pc_layout *layout, int r, pc_block *blocks)
{
    const pc_layout_row *row = &layout->rows[r];
    const int *order = layout->order + row->first;
    int n_blocks = 0;
    double offset = 0;
    gather(layout, r);
    for (int i = 0; i < row->count; i++) {
        const pc_item *item = &layout->items[order[i]];
        if (i > 0) offset += pc_layout_distance(&layout->items[order[i - 1]], item);
        blocks[n_blocks++] = (pc_block){item->sum - item->weight * offset, item->weight, 1};
        while (n_blocks > 1 && is_violated(&blocks[n_blocks - 2], &blocks[n_blocks - 1])) {
            pc_block *left = &blocks[n_blocks - 2], *right = &blocks[--n_blocks];
            left->sum += right->sum;
            left->weight += right->weight;
            left->count += right->count;
        }
    }
    offset = 0;
    for (int b = 0, i = 0; b < n_blocks; b++)
        for (int end = i + blocks[b].count; i < end; i++) {
            if (i > 0)
                offset +=
                    pc_layout_distance(&layout->items[order[i - 1]], &layout->items[order[i]]);
            layout->items[order[i]].x = blocks[b].sum / blocks[b].weight + offset;
        }
}

/* The leftmost item begins at 0. */
static void shift_to_origin(pc_layout *layout)
{
    double least = 0, most = 0;
    for (int i = 0; i < layout->n_items; i++) {
        const pc_item *item = &layout->items[i];
        if (i == 0 || item->x - item->width / 2 < least) least = item->x - item->width / 2;
        if (i == 0 || item->x + item->width / 2 > most) most = item->x + item->width / 2;
    }
    for (int i = 0; i < layout->n_items; i++)
        layout->items[i].x -= least;
    layout->width = most - least;
}

/* An edge's end on an item, to be spread so that edges do not start from one point. */
typedef struct pc_fan {
    double toward; /* x of the other end */
    int link;
    int item, port;
} pc_fan;

static int compare_fans(const void *left, const void *right)
{
    const pc_fan *a = left, *b = right;
    if (a->item != b->item) return a->item < b->item ? -1 : 1;
    if (a->port != b->port) return a->port < b->port ? -1 : 1;
    if (a->toward != b->toward) return a->toward < b->toward ? -1 : 1;
    return a->link < b->link ? -1 : a->link > b->link;
}

/* The k-th of n ends that share `span`. */
static double spread(int k, int n, double span, double most_apart)
{
    const double step = n > 1 && span / (n - 1) < most_apart ? span / (n - 1) : most_apart;
    return (k - (n - 1) / 2.0) * step;
}

static double span_of(const pc_item *item, int port, bool is_upper)
{
    if (is_upper && port != PC_PORT_NONE) return PC_PORT_WIDTH - 6;
    return item->width * 0.72;
}

static void spread_fans(pc_layout *layout, pc_fan *fans, int count, bool is_upper)
{
    qsort(fans, (size_t)count, sizeof *fans, compare_fans);
    for (int first = 0, end; first < count; first = end) {
        for (end = first; end < count && fans[end].item == fans[first].item &&
                          fans[end].port == fans[first].port;)
            end++;
        const double span = span_of(&layout->items[fans[first].item], fans[first].port, is_upper);
        for (int i = first; i < end; i++) {
            pc_link *link = &layout->links[fans[i].link];
            *(is_upper ? &link->upper_x : &link->lower_x) +=
                spread(i - first, end - first, span, 12);
        }
    }
}

/* Ends of links on boxes; those on lanes stay in the lane's middle. */
static int list_fans(pc_fan *fans, const pc_layout *layout, bool is_upper)
{
    int count = 0;
    for (int i = 0; i < layout->n_links; i++) {
        const pc_link *link = &layout->links[i];
        const int item = is_upper ? link->upper : link->lower;
        const int other = is_upper ? link->lower : link->upper;
        if (layout->items[item].kind == PC_ITEM_LANE) continue;
        const int port = is_upper ? (int)layout->edges[link->edge].port : 0;
        fans[count++] = (pc_fan){layout->items[other].x, i, item, port};
    }
    return count;
}

pc_status pc_layout_place(pc_layout *layout)
{
    pc_block *blocks = pc_alloc((size_t)layout->n_items, sizeof *blocks);
    pc_fan *fans = pc_alloc((size_t)layout->n_links, sizeof *fans);
    if (blocks && fans) {
        for (int round = 0; round < N_ROUNDS; round++)
            for (int i = 0; i < layout->n_rows; i++)
                place_row(layout, round % 2 == 0 ? i : layout->n_rows - 1 - i, blocks);
        shift_to_origin(layout);
        spread_fans(layout, fans, list_fans(fans, layout, false), false);
        spread_fans(layout, fans, list_fans(fans, layout, true), true);
    }
    const bool has_memory = blocks && fans;
    free(fans);
    free(blocks);
    return has_memory ? PC_OK : PC_ERR_NOMEM;
}
