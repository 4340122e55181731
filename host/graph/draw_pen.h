/* Writes along a line; where it would leave the page it begins the next. */
#ifndef PC_GRAPH_DRAW_PEN_H
#define PC_GRAPH_DRAW_PEN_H

#include "graph/figure.h"

typedef struct pc_pen {
    pc_figure *figure;
    double x, y, left, right, line; /* `line`: to the next baseline */
} pc_pen;

/* Small words, and a space behind them. */
void pc_pen_write(pc_pen *pen, const char *words, double after);
/* A piece of line, a box, and what it means. */
void pc_pen_sample(pc_pen *pen, int colour, double width, pc_dash dash, const char *words);
void pc_pen_swatch(pc_pen *pen, int fill, int stroke, const char *words);
/* Words wrapped at spaces, from the left; the pen ends on the line behind them. */
void pc_pen_wrap(pc_pen *pen, const char *words);
/* The same on lines of its own, the first's baseline at y; returns that of the line behind the
 * last. */
double pc_draw_wrapped(pc_figure *figure, const char *words, double x, double y, double width);

#endif
