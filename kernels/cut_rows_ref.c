/* The definition of what is seen otherwise where an edge is cut, in double. */
#include "kernels/cut_rows.h"

static double value_of(const pc_cut_rows_args *args, const pc_cut_item *item, int64_t row,
                       int64_t c)
{
    if (item->change < 0) return 0;
    const double change = (double)args->change[item->change + row * args->change_stride + c];
    const double was =
        item->was < 0 ? 0 : (double)args->was[item->was + row * args->was_stride + c];
    return (double)item->sign * (change - was);
}

void pc_ref_cut_rows(double *out, const pc_cut_rows_args *args)
{
    for (int64_t i = 0; i < args->n_items; i++) {
        const pc_cut_item *item = &args->items[i];
        for (int64_t row = 0; row < item->rows; row++)
            for (int64_t c = 0; c < args->width; c++) {
                const int64_t at = item->to + row * args->to_stride + c;
                out[at] = (args->mode == PC_CUT_ADD ? (double)args->to[at] : 0) +
                          value_of(args, item, row, c);
            }
    }
}
