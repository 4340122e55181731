/* The words of SVG that a file and a page have in common: all but colours. */
#include "graph/svg_words.h"

/* Coordinates: at most two decimals, without trailing zeros. */
void pc_svg_put_attribute(pc_text *t, const char *name, double value)
{
    pc_text_printf(t, " %s=\"", name);
    pc_text_put_coordinate(t, value);
    pc_text_put(t, "\"");
}

void pc_svg_put_rect(pc_text *t, const pc_mark *mark)
{
    pc_text_put(t, "<rect");
    pc_svg_put_attribute(t, "x", mark->x);
    pc_svg_put_attribute(t, "y", mark->y);
    pc_svg_put_attribute(t, "width", mark->width);
    pc_svg_put_attribute(t, "height", mark->height);
    if (mark->radius > 0) pc_svg_put_attribute(t, "rx", mark->radius);
}

void pc_svg_put_path(pc_text *t, const pc_mark *mark, const pc_point *points)
{
    pc_text_put(t, "<path d=\"");
    for (size_t i = 0; i < mark->n_points; i++) {
        pc_text_put(t, i == 0 ? "M" : i % 3 == 1 ? "C" : " ");
        pc_text_put_coordinate(t, points[i].x);
        pc_text_put(t, " ");
        pc_text_put_coordinate(t, points[i].y);
    }
    pc_text_put(t, "\"");
}

void pc_svg_put_dashes(pc_text *t, const pc_mark *mark)
{
    if (mark->dash == PC_DASH_NONE) return;
    const pc_dash_lengths lengths = pc_mark_dash_lengths(mark);
    pc_text_put(t, " stroke-dasharray=\"");
    pc_text_put_coordinate(t, lengths.on);
    pc_text_put(t, " ");
    pc_text_put_coordinate(t, lengths.off);
    pc_text_put(t, "\"");
}

void pc_svg_put_text_start(pc_text *t, const pc_mark *mark)
{
    pc_text_put(t, "<text");
    pc_svg_put_attribute(t, "x", mark->x);
    pc_svg_put_attribute(t, "y", mark->y);
    pc_svg_put_attribute(t, "font-size", mark->size);
}

void pc_svg_put_text_style(pc_text *t, const pc_mark *mark)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    pc_text_put(t, anchors[mark->anchor]);
    if (mark->is_bold) pc_text_put(t, " font-weight=\"bold\"");
    if (!mark->is_upward) return;
    pc_text_put(t, " transform=\"rotate(-90 ");
    pc_text_put_coordinate(t, mark->x);
    pc_text_put(t, " ");
    pc_text_put_coordinate(t, mark->y);
    pc_text_put(t, ")\"");
}
