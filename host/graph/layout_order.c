/* The order of items within rows: barycentre sweeps, the best of which is kept (Sugiyama, Tagawa
 * and Toda 1981, "Methods for visual understanding of hierarchical system structures"), then swaps
 * of neighbours. We sort by geometric positions, not by ranks: lanes are narrower than boxes. */
#include "graph/layout.h"

#include "base/memory.h"
#include "graph/draw_style.h"

#include <stdlib.h>
#include <string.h>

enum { N_SWEEPS = 24 };

typedef struct pc_ends {
    double lower, upper;
} pc_ends;

typedef struct pc_sortable {
    double x;
    int item, place;
} pc_sortable;

typedef struct pc_scratch {
    pc_ends *ends, *merged;
    pc_sortable *row;
    int *best; /* the order with the fewest crossings */
} pc_scratch;

double pc_layout_distance(const pc_item *left, const pc_item *right)
{
    const bool is_lane = left->kind == PC_ITEM_LANE || right->kind == PC_ITEM_LANE;
    const bool is_pill = left->width <= PC_PILL_WIDTH || right->width <= PC_PILL_WIDTH;
    const double gap = is_lane ? 4 : is_pill ? 5 : 14;
    return (left->width + right->width) / 2 + gap;
}

/* Items side by side, the row's middle at 0. */
static void pack_row(pc_layout *layout, const pc_layout_row *row)
{
    const int *order = layout->order + row->first;
    if (row->count == 0) return;
    layout->items[order[0]].x = 0;
    for (int i = 1; i < row->count; i++) {
        pc_item *left = &layout->items[order[i - 1]], *item = &layout->items[order[i]];
        item->x = left->x + pc_layout_distance(left, item);
    }
    const double middle = layout->items[order[row->count - 1]].x / 2;
    for (int i = 0; i < row->count; i++) {
        layout->items[order[i]].x -= middle;
        layout->items[order[i]].place = i;
    }
}

static int compare_ends(const void *left, const void *right)
{
    const pc_ends *a = left, *b = right;
    if (a->lower != b->lower) return a->lower < b->lower ? -1 : 1;
    return a->upper < b->upper ? -1 : a->upper > b->upper;
}

/* Inversions of `upper`, by merge sort. */
static long long count_inversions(pc_ends *ends, pc_ends *merged, int count)
{
    if (count < 2) return 0;
    const int half = count / 2;
    long long sum =
        count_inversions(ends, merged, half) + count_inversions(ends + half, merged, count - half);
    for (int i = 0, j = half, k = 0; k < count; k++) {
        const bool takes_right = i == half || (j < count && ends[j].upper < ends[i].upper);
        if (takes_right) sum += half - i;
        merged[k] = takes_right ? ends[j++] : ends[i++];
    }
    memcpy(ends, merged, (size_t)count * sizeof *ends);
    return sum;
}

static long long count_crossings(const pc_layout *layout, pc_scratch *scratch)
{
    long long sum = 0;
    for (int r = 0; r < layout->n_rows; r++) {
        const pc_layout_row *row = &layout->rows[r];
        for (int i = 0; i < row->n_links; i++) {
            const pc_link *link = &layout->links[row->first_link + i];
            scratch->ends[i] = (pc_ends){layout->items[link->lower].x + link->lower_x,
                                         layout->items[link->upper].x + link->upper_x};
        }
        qsort(scratch->ends, (size_t)row->n_links, sizeof *scratch->ends, compare_ends);
        sum += count_inversions(scratch->ends, scratch->merged, row->n_links);
    }
    return sum;
}

static int compare_sortables(const void *left, const void *right)
{
    const pc_sortable *a = left, *b = right;
    if (a->x != b->x) return a->x < b->x ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* Each item's mean neighbour in the row below (`is_up`) or above. */
static void gather(pc_layout *layout, int row, bool is_up)
{
    const pc_layout_row *gap = &layout->rows[is_up ? row - 1 : row];
    for (int i = 0; i < layout->rows[row].count; i++) {
        pc_item *item = &layout->items[layout->order[layout->rows[row].first + i]];
        item->sum = item->weight = 0;
    }
    for (int i = 0; i < gap->n_links; i++) {
        const pc_link *link = &layout->links[gap->first_link + i];
        pc_item *lower = &layout->items[link->lower], *upper = &layout->items[link->upper];
        pc_item *to = is_up ? upper : lower;
        to->sum += is_up ? lower->x + link->lower_x - link->upper_x
                         : upper->x + link->upper_x - link->lower_x;
        to->weight += 1;
    }
}

/* Items with neighbours are sorted among the places they hold; the others stay where they are. */
static void sort_row(pc_layout *layout, int r, bool is_up, pc_scratch *scratch)
{
    const pc_layout_row *row = &layout->rows[r];
    int *order = layout->order + row->first, count = 0;
    gather(layout, r, is_up);
    for (int i = 0; i < row->count; i++) {
        const pc_item *item = &layout->items[order[i]];
        if (item->weight > 0)
            scratch->row[count++] = (pc_sortable){item->sum / item->weight, order[i], i};
    }
    qsort(scratch->row, (size_t)count, sizeof *scratch->row, compare_sortables);
    for (int i = 0, next = 0; i < row->count; i++)
        if (layout->items[order[i]].weight > 0) order[i] = scratch->row[next++].item;
    pack_row(layout, row);
}

static void pack_all(pc_layout *layout)
{
    for (int r = 0; r < layout->n_rows; r++)
        pack_row(layout, &layout->rows[r]);
}

/* Pruned components frame their row, half of them on either side, and leave the middle to the
 * circuit. They have no links: no crossing is made or mended. */
static void part_pruned(pc_layout *layout, const pc_layout_row *row, pc_scratch *scratch)
{
    int *order = layout->order + row->first, n_pruned = 0, n_left = 0, next = 0;
    for (int i = 0; i < row->count; i++)
        n_pruned += layout->items[order[i]].kind == PC_ITEM_PRUNED;
    int left = 0, middle = n_pruned / 2, right = row->count - (n_pruned - n_pruned / 2);
    for (; next < row->count; next++) {
        const bool is_pruned = layout->items[order[next]].kind == PC_ITEM_PRUNED;
        if (!is_pruned) scratch->best[middle++] = order[next];
        else if (n_left++ < n_pruned / 2) scratch->best[left++] = order[next];
        else scratch->best[right++] = order[next];
    }
    memcpy(order, scratch->best, (size_t)row->count * sizeof *order);
}

static void sweep(pc_layout *layout, pc_scratch *scratch)
{
    const size_t bytes = (size_t)layout->n_items * sizeof *layout->order;
    pack_all(layout);
    long long least = count_crossings(layout, scratch);
    memcpy(scratch->best, layout->order, bytes);
    for (int s = 0; s < N_SWEEPS && least > 0; s++) {
        for (int i = 1; i < layout->n_rows; i++) {
            const bool is_up = s % 2 == 0;
            sort_row(layout, is_up ? i : layout->n_rows - 1 - i, is_up, scratch);
        }
        const long long crossings = count_crossings(layout, scratch);
        if (crossings >= least) continue;
        least = crossings;
        memcpy(scratch->best, layout->order, bytes);
    }
    memcpy(layout->order, scratch->best, bytes);
    for (int r = 0; r < layout->n_rows; r++)
        part_pruned(layout, &layout->rows[r], scratch);
    pack_all(layout);
}

static pc_status make_scratch(pc_scratch *scratch, const pc_layout *layout)
{
    scratch->ends = pc_alloc((size_t)layout->n_links, sizeof *scratch->ends);
    scratch->merged = pc_alloc((size_t)layout->n_links, sizeof *scratch->merged);
    scratch->row = pc_alloc((size_t)layout->n_items, sizeof *scratch->row);
    scratch->best = pc_alloc((size_t)layout->n_items, sizeof *scratch->best);
    return scratch->ends && scratch->merged && scratch->row && scratch->best ? PC_OK : PC_ERR_NOMEM;
}

static void free_scratch(pc_scratch *scratch)
{
    free(scratch->best);
    free(scratch->row);
    free(scratch->merged);
    free(scratch->ends);
}

pc_status pc_layout_order(pc_layout *layout)
{
    pc_scratch scratch = {0};
    pc_status status = make_scratch(&scratch, layout);
    if (status == PC_OK) sweep(layout, &scratch);
    free_scratch(&scratch);
    return status;
}

pc_status pc_layout_crossings(long long *out, const pc_layout *layout)
{
    pc_scratch scratch = {0};
    pc_status status = make_scratch(&scratch, layout);
    if (status == PC_OK) *out = count_crossings(layout, &scratch);
    free_scratch(&scratch);
    return status;
}
