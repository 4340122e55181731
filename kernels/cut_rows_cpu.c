/* What is seen otherwise where an edge is cut, in fp32. */
#include "kernels/cut_rows.h"

#include "kernels/instruction_set.h"

#include <stddef.h>
#include <string.h>

/* A row; was is NULL for 0. */
typedef struct row {
    float *to;
    const float *change, *was;
    float sign;
    int64_t width;
} row;

static void set(const row *r)
{
    float *restrict to = r->to;
    if (r->was)
        for (int64_t i = 0; i < r->width; i++)
            to[i] = r->sign * (r->change[i] - r->was[i]);
    else
        for (int64_t i = 0; i < r->width; i++)
            to[i] = r->sign * r->change[i];
}

static void add(const row *r)
{
    float *restrict to = r->to;
    if (r->was)
        for (int64_t i = 0; i < r->width; i++)
            to[i] += r->sign * (r->change[i] - r->was[i]);
    else
        for (int64_t i = 0; i < r->width; i++)
            to[i] += r->sign * r->change[i];
}

static void run_row(const row *r, pc_cut_mode mode)
{
    if (mode == PC_CUT_ADD && r->change) add(r);
    if (mode == PC_CUT_SET && r->change) set(r);
    if (mode == PC_CUT_SET && !r->change) memset(r->to, 0, (size_t)r->width * sizeof *r->to);
}

void PC_FOR_SET(pc_cut_rows)(const pc_cut_rows_args *args)
{
    for (int64_t i = 0; i < args->n_items; i++) {
        const pc_cut_item *item = &args->items[i];
        for (int64_t k = 0; k < item->rows; k++) {
            const row r = {
                .to = args->to + item->to + k * args->to_stride,
                .change =
                    item->change < 0 ? NULL : args->change + item->change + k * args->change_stride,
                .was = item->was < 0 ? NULL : args->was + item->was + k * args->was_stride,
                .sign = item->sign,
                .width = args->width};
            run_row(&r, args->mode);
        }
    }
}
