/* The definition of copying rows. */
#include "kernels/copy_rows.h"

void pc_ref_copy_rows(const pc_copy_rows_args *args)
{
    for (int64_t i = 0; i < args->n_items; i++) {
        const pc_row_copy *item = &args->items[i];
        for (int64_t row = 0; row < item->rows; row++)
            for (int64_t c = 0; c < args->width; c++)
                args->to[item->to + row * args->to_stride + c] =
                    item->from < 0 ? 0 : args->from[item->from + row * args->from_stride + c];
    }
}
