/* Finding places for the numbers on the edges. */
#include "base/memory.h"
#include "graph/draw.h"

#include <math.h>
#include <stdlib.h>

enum { SAMPLES = 14 };

typedef struct pc_sample {
    double x, y;
    size_t path;
} pc_sample;

/* Centre and half extents. */
typedef struct pc_area {
    double x, y, half_width, half_height;
} pc_area;

typedef struct pc_label_search {
    pc_sample *along;  /* path by path, in path order */
    pc_sample *sorted; /* the same by y */
    size_t n_samples;
    pc_area *taken;
    size_t n_taken;
} pc_label_search;

static double bezier(double a, double b, double c, double d, double t)
{
    const double u = 1 - t;
    return u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
}

static void sample_path(pc_label_search *search, const pc_figure *figure, size_t path)
{
    const pc_mark *mark = &figure->marks[path];
    for (size_t i = 0; i + 3 < mark->n_points; i += 3) {
        const pc_point *p = figure->points + mark->first_point + i;
        for (int s = 0; s < SAMPLES; s++) {
            const double t = (s + 0.5) / SAMPLES;
            search->along[search->n_samples++] =
                (pc_sample){bezier(p[0].x, p[1].x, p[2].x, p[3].x, t),
                            bezier(p[0].y, p[1].y, p[2].y, p[3].y, t), path};
        }
    }
}

static int compare_samples(const void *left, const void *right)
{
    const pc_sample *a = left, *b = right;
    if (a->y != b->y) return a->y < b->y ? -1 : 1;
    if (a->x != b->x) return a->x < b->x ? -1 : 1;
    return a->path < b->path ? -1 : a->path > b->path;
}

static bool is_obstacle(const pc_mark *mark)
{
    return mark->role == PC_ROLE_NODE || mark->role == PC_ROLE_PRUNED || mark->role == PC_ROLE_PORT;
}

static pc_status begin(pc_label_search *search, size_t n_labels, const pc_figure *figure)
{
    size_t n_obstacles = 0;
    for (size_t i = 0; i < figure->n_marks; i++)
        n_obstacles += is_obstacle(&figure->marks[i]);
    const size_t most = (figure->n_points / 3 + 1) * SAMPLES;
    search->along = pc_alloc(most, sizeof *search->along);
    search->sorted = pc_alloc(most, sizeof *search->sorted);
    search->taken = pc_alloc(n_obstacles + n_labels, sizeof *search->taken);
    if (!search->along || !search->sorted || !search->taken) return PC_ERR_NOMEM;
    for (size_t i = 0; i < figure->n_marks; i++) {
        const pc_mark *mark = &figure->marks[i];
        if (mark->role == PC_ROLE_EDGE) sample_path(search, figure, i);
        if (is_obstacle(mark))
            search->taken[search->n_taken++] =
                (pc_area){mark->x + mark->width / 2, mark->y + mark->height / 2, mark->width / 2,
                          mark->height / 2};
    }
    for (size_t i = 0; i < search->n_samples; i++)
        search->sorted[i] = search->along[i];
    qsort(search->sorted, search->n_samples, sizeof *search->sorted, compare_samples);
    return PC_OK;
}

static bool is_free(const pc_label_search *search, const pc_area *area)
{
    for (size_t i = 0; i < search->n_taken; i++) {
        const pc_area *other = &search->taken[i];
        if (fabs(area->x - other->x) < area->half_width + other->half_width &&
            fabs(area->y - other->y) < area->half_height + other->half_height)
            return false;
    }
    return true;
}

/* Samples of other paths under the label. */
static int count_covered(const pc_label_search *search, const pc_area *area, size_t path)
{
    size_t low = 0, high = search->n_samples;
    int covered = 0;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (search->sorted[middle].y < area->y - area->half_height) low = middle + 1;
        else high = middle;
    }
    for (; low < search->n_samples && search->sorted[low].y <= area->y + area->half_height; low++)
        covered += search->sorted[low].path != path &&
                   fabs(search->sorted[low].x - area->x) <= area->half_width;
    return covered;
}

/* Where along the path (0 to 1) a label is easiest to attribute: away from the ends, where edges
 * gather. */
static double unease(double at)
{
    return fabs(at - 0.45) * 4;
}

static void place_one(pc_edge_label *label, pc_label_search *search, size_t first, size_t count)
{
    double least = 0;
    pc_area best = {0};
    for (size_t i = 0; i < count; i++) {
        const pc_sample *at = &search->along[first + i];
        const pc_area area = {at->x, at->y, label->width / 2, label->height / 2};
        double cost = unease((double)i / (double)count);
        if ((label->is_placed && cost >= least) || !is_free(search, &area)) continue;
        cost += count_covered(search, &area, label->path);
        if (label->is_placed && cost >= least) continue;
        label->is_placed = true;
        least = cost;
        best = area;
    }
    if (!label->is_placed) return;
    label->x = best.x;
    label->y = best.y;
    search->taken[search->n_taken++] = best;
}

pc_status pc_place_edge_labels(pc_edge_label *labels, size_t n_labels, const pc_figure *figure)
{
    pc_label_search search = {0};
    pc_status status = begin(&search, n_labels, figure);
    for (size_t i = 0; i < n_labels && status == PC_OK; i++) {
        size_t first = 0, count = 0;
        while (first < search.n_samples && search.along[first].path != labels[i].path)
            first++;
        while (first + count < search.n_samples &&
               search.along[first + count].path == labels[i].path)
            count++;
        labels[i].is_placed = false;
        place_one(&labels[i], &search, first, count);
    }
    free(search.taken);
    free(search.sorted);
    free(search.along);
    return status;
}
