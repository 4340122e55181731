/* A figure as SVG: vector text in a generic font stack, no script, nothing from outside. */
#include "graph/svg_words.h"

static void put_colour(pc_text *t, const char *name, int colour)
{
    if (colour == PC_NO_COLOUR) pc_text_printf(t, " %s=\"none\"", name);
    else pc_text_printf(t, " %s=\"#%06x\"", name, (unsigned)colour);
}

static void put_stroke(pc_text *t, const pc_mark *mark)
{
    if (mark->stroke == PC_NO_COLOUR) return;
    put_colour(t, "stroke", mark->stroke);
    pc_svg_put_attribute(t, "stroke-width", mark->stroke_width);
    pc_svg_put_dashes(t, mark);
}

static void put_rect(pc_text *t, const pc_mark *mark)
{
    pc_svg_put_rect(t, mark);
    put_colour(t, "fill", mark->fill);
    put_stroke(t, mark);
}

static void put_path(pc_text *t, const pc_mark *mark, const pc_point *points)
{
    pc_svg_put_path(t, mark, points);
    put_colour(t, "fill", mark->fill);
    put_stroke(t, mark);
}

static void put_text_start(pc_text *t, const pc_mark *mark)
{
    pc_svg_put_text_start(t, mark);
    put_colour(t, "fill", mark->fill);
    pc_svg_put_text_style(t, mark);
}

static void put_mark(pc_text *t, const pc_figure *figure, const pc_mark *mark)
{
    static const char *const names[] = {"rect", "path", "text"};
    if (mark->kind == PC_MARK_RECT) put_rect(t, mark);
    else if (mark->kind == PC_MARK_PATH) put_path(t, mark, figure->points + mark->first_point);
    else put_text_start(t, mark);
    if (mark->opacity < 1) pc_svg_put_attribute(t, "opacity", mark->opacity);
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
    pc_svg_put_attribute(t, "width", figure->width);
    pc_svg_put_attribute(t, "height", figure->height);
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
