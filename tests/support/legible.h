/* Whether a figure can be read: measured, not looked at. */
#ifndef PC_TESTS_LEGIBLE_H
#define PC_TESTS_LEGIBLE_H

#include "graph/figure.h"

typedef struct legible_box {
    double left, right, top, bottom;
} legible_box;

/* What a text covers: ascent and descent as Helvetica's. */
legible_box legible_box_of(const pc_mark *text);

/* No text overlaps another or leaves the page; returns how many there are. */
int legible_expect(const pc_figure *figure, const char *name);

#endif
