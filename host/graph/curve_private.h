/* The figure of a faithfulness curve. */
#ifndef PC_GRAPH_CURVE_PRIVATE_H
#define PC_GRAPH_CURVE_PRIVATE_H

#include "graph/figure.h"
#include "patchclamp/find.h"

pc_status pc_draw_curve(pc_figure *figure, const pc_curve *curve, const pc_curve_labels *labels);

#endif
