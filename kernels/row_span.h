/* Rows that are asked together: row, row + stride, ... as many as there are. */
#ifndef PC_KERNELS_ROW_SPAN_H
#define PC_KERNELS_ROW_SPAN_H

#include <stdint.h>

typedef struct pc_row_span {
    int64_t row, stride, rows;
} pc_row_span;

#endif
