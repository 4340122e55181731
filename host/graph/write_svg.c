/* A figure as SVG: vector text in a generic font stack, no script, nothing from outside. */
#include "graph/figure.h"

static void put_attribute(pc_text *t, const char *name, double value)
{
    pc_text_printf(t, " %s=\"", name);
    pc_text_put_coordinate(t, value);
    pc_text_put(t, "\"");
}

static void put_colour(pc_text *t, const char *name, int colour)
{
    if (colour == PC_NO_COLOUR) pc_text_printf(t, " %s=\"none\"", name);
    else pc_text_printf(t, " %s=\"#%06x\"", name, (unsigned)colour);
}

static void put_stroke(pc_text *t, const pc_mark *mark)
{
    if (mark->stroke == PC_NO_COLOUR) return;
    put_colour(t, "stroke", mark->stroke);
    put_attribute(t, "stroke-width", mark->stroke_width);
    if (mark->dash == PC_DASH_NONE) return;
    const pc_dash_lengths lengths = pc_mark_dash_lengths(mark);
    pc_text_put(t, " stroke-dasharray=\"");
    pc_text_put_coordinate(t, lengths.on);
    pc_text_put(t, " ");
    pc_text_put_coordinate(t, lengths.off);
    pc_text_put(t, "\"");
}

static void put_rect(pc_text *t, const pc_mark *mark)
{
    pc_text_put(t, "<rect");
    put_attribute(t, "x", mark->x);
    put_attribute(t, "y", mark->y);
    put_attribute(t, "width", mark->width);
    put_attribute(t, "height", mark->height);
    if (mark->radius > 0) put_attribute(t, "rx", mark->radius);
    put_colour(t, "fill", mark->fill);
    put_stroke(t, mark);
}

static void put_path(pc_text *t, const pc_mark *mark, const pc_point *points)
{
    pc_text_put(t, "<path d=\"");
    for (size_t i = 0; i < mark->n_points; i++) {
        pc_text_put(t, i == 0 ? "M" : i % 3 == 1 ? "C" : " ");
        pc_text_put_coordinate(t, points[i].x);
        pc_text_put(t, " ");
        pc_text_put_coordinate(t, points[i].y);
    }
    pc_text_put(t, "\"");
    put_colour(t, "fill", mark->fill);
    put_stroke(t, mark);
}

static void put_text_start(pc_text *t, const pc_mark *mark)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    pc_text_put(t, "<text");
    put_attribute(t, "x", mark->x);
    put_attribute(t, "y", mark->y);
    put_attribute(t, "font-size", mark->size);
    put_colour(t, "fill", mark->fill);
    pc_text_put(t, anchors[mark->anchor]);
    if (mark->is_bold) pc_text_put(t, " font-weight=\"bold\"");
    if (!mark->is_upward) return;
    pc_text_put(t, " transform=\"rotate(-90 ");
    pc_text_put_coordinate(t, mark->x);
    pc_text_put(t, " ");
    pc_text_put_coordinate(t, mark->y);
    pc_text_put(t, ")\"");
}

static void put_mark(pc_text *t, const pc_figure *figure, const pc_mark *mark)
{
    static const char *const names[] = {"rect", "path", "text"};
    if (mark->kind == PC_MARK_RECT) put_rect(t, mark);
    else if (mark->kind == PC_MARK_PATH) put_path(t, mark, figure->points + mark->first_point);
    else put_text_start(t, mark);
    if (mark->opacity < 1) put_attribute(t, "opacity", mark->opacity);
    if (mark->kind != PC_MARK_TEXT && !mark->title) {
        pc_text_put(t, "/>\n");
        return;
    }
    pc_text_put(t, ">");
    if (mark->title) {
        pc_text_put(t, "<title>");
        pc_text_put_xml(t, pc_figure_words(figure, mark->title));
        pc_text_put(t, "</title>");
    }
    if (mark->kind == PC_MARK_TEXT) pc_text_put_xml(t, pc_figure_words(figure, mark->text));
    pc_text_printf(t, "</%s>\n", names[mark->kind]);
}

pc_status pc_figure_put_svg(pc_text *t, const pc_figure *figure)
{
    pc_text_put(t, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    put_attribute(t, "width", figure->width);
    put_attribute(t, "height", figure->height);
    pc_text_put(t, " viewBox=\"0 0 ");
    pc_text_put_coordinate(t, figure->width);
    pc_text_put(t, " ");
    pc_text_put_coordinate(t, figure->height);
    pc_text_put(t, "\" font-family=\"Helvetica, Arial, sans-serif\">\n");
    for (size_t i = 0; i < figure->n_marks; i++)
        put_mark(t, figure, &figure->marks[i]);
    pc_text_put(t, "</svg>\n");
    return pc_text_status(t);
}
