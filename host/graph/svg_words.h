/* The words of SVG that a file and a page have in common: all but colours. */
#ifndef PC_GRAPH_SVG_WORDS_H
#define PC_GRAPH_SVG_WORDS_H

#include "graph/figure.h"

void pc_svg_put_attribute(pc_text *out, const char *name, double value);

/* The beginnings of elements. */
void pc_svg_put_rect(pc_text *out, const pc_mark *mark);
void pc_svg_put_path(pc_text *out, const pc_mark *mark, const pc_point *points);
void pc_svg_put_text_start(pc_text *out, const pc_mark *mark);

/* Attributes: anchor, weight and direction; the stroke's dashes. */
void pc_svg_put_text_style(pc_text *out, const pc_mark *mark);
void pc_svg_put_dashes(pc_text *out, const pc_mark *mark);

#endif
