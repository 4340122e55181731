/* Copying rows; those without gaps in one piece. */
#include "kernels/copy_rows.h"

#include "kernels/instruction_set.h"

#include <string.h>

static void copy(float *to, const float *from, int64_t n)
{
    if (from) memcpy(to, from, (size_t)n * sizeof *to);
    else memset(to, 0, (size_t)n * sizeof *to);
}

void PC_FOR_SET(pc_copy_rows)(const pc_copy_rows_args *args)
{
    const int64_t width = args->width;
    const int has_gaps = args->to_stride != width || args->from_stride != width;
    for (int64_t i = 0; i < args->n_items; i++) {
        const pc_row_copy *item = &args->items[i];
        const int64_t pieces = has_gaps ? item->rows : 1, n = has_gaps ? width : item->rows * width;
        const float *from = item->from < 0 ? NULL : args->from + item->from;
        for (int64_t piece = 0; piece < pieces; piece++)
            copy(args->to + item->to + piece * args->to_stride,
                 from ? from + piece * args->from_stride : NULL, n);
    }
}
