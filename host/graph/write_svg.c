/* A figure as SVG: vector text in a generic font stack, no script, nothing from outside. */
#include "graph/circuit_private.h"

#include "base/file.h"
#include "base/utf8.h"
#include "graph/draw.h"
#include "graph/grid_private.h"
#include "graph/positions_private.h"

#include <math.h>

/* Coordinates: at most two decimals, without trailing zeros. */
static void put_coordinate(pc_text *t, double value)
{
    const long long hundredths = llround(value * 100);
    const long long size = hundredths < 0 ? -hundredths : hundredths;
    pc_text_printf(t, "%s%lld", hundredths < 0 ? "-" : "", size / 100);
    if (size % 100 == 0) return;
    if (size % 10 == 0) pc_text_printf(t, ".%lld", size % 100 / 10);
    else pc_text_printf(t, ".%02lld", size % 100);
}

static void put_attribute(pc_text *t, const char *name, double value)
{
    pc_text_printf(t, " %s=\"", name);
    put_coordinate(t, value);
    pc_text_put(t, "\"");
}

static void put_colour(pc_text *t, const char *name, int colour)
{
    if (colour == PC_NO_COLOUR) pc_text_printf(t, " %s=\"none\"", name);
    else pc_text_printf(t, " %s=\"#%06x\"", name, (unsigned)colour);
}

/* Bytes of the character at `s` if XML 1.0 allows it and it is well-formed UTF-8, otherwise 0. */
static size_t xml_character(const char *s)
{
    const unsigned char *b = (const unsigned char *)s;
    if (b[0] < 0x80) return b[0] >= 0x20 && b[0] != 0x7f;
    const size_t length = pc_utf8_length(s, 4);
    const bool is_noncharacter = length == 3 && b[0] == 0xef && b[1] == 0xbf && b[2] >= 0xbe;
    return is_noncharacter ? 0 : length; /* U+FFFE, U+FFFF */
}

static void put_escaped(pc_text *t, const char *words)
{
    for (const char *s = words; *s;) {
        const size_t length = xml_character(s);
        if (*s == '<') pc_text_put(t, "&lt;");
        else if (*s == '>') pc_text_put(t, "&gt;");
        else if (*s == '&') pc_text_put(t, "&amp;");
        else if (*s == '"') pc_text_put(t, "&quot;");
        else if (*s == '\'') pc_text_put(t, "&#39;");
        else if (length == 0) pc_text_put(t, "\xef\xbf\xbd");
        else pc_text_put_bytes(t, s, length);
        s += length ? length : 1;
    }
}

static void put_stroke(pc_text *t, const pc_mark *mark)
{
    if (mark->stroke == PC_NO_COLOUR) return;
    put_colour(t, "stroke", mark->stroke);
    put_attribute(t, "stroke-width", mark->stroke_width);
    if (mark->dash == PC_DASH_NONE) return;
    const bool is_long = mark->dash == PC_DASH_LONG;
    pc_text_put(t, " stroke-dasharray=\"");
    put_coordinate(t, is_long ? 6 + mark->stroke_width : 1.2 + mark->stroke_width * 0.3);
    pc_text_put(t, " ");
    put_coordinate(t, is_long ? 3 + mark->stroke_width * 0.4 : 1.8 + mark->stroke_width * 0.3);
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
        put_coordinate(t, points[i].x);
        pc_text_put(t, " ");
        put_coordinate(t, points[i].y);
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
    put_coordinate(t, mark->x);
    pc_text_put(t, " ");
    put_coordinate(t, mark->y);
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
        put_escaped(t, pc_figure_words(figure, mark->title));
        pc_text_put(t, "</title>");
    }
    if (mark->kind == PC_MARK_TEXT) put_escaped(t, pc_figure_words(figure, mark->text));
    pc_text_printf(t, "</%s>\n", names[mark->kind]);
}

void pc_figure_put_svg(pc_text *t, const pc_figure *figure)
{
    pc_text_put(t, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    put_attribute(t, "width", figure->width);
    put_attribute(t, "height", figure->height);
    pc_text_put(t, " viewBox=\"0 0 ");
    put_coordinate(t, figure->width);
    pc_text_put(t, " ");
    put_coordinate(t, figure->height);
    pc_text_put(t, "\" font-family=\"Helvetica, Arial, sans-serif\">\n");
    for (size_t i = 0; i < figure->n_marks; i++)
        put_mark(t, figure, &figure->marks[i]);
    pc_text_put(t, "</svg>\n");
}

pc_status pc_circuit_put_svg(pc_text *t, const pc_circuit *c, const pc_draw_options *options)
{
    pc_figure figure = {0};
    PC_TRY(pc_circuit_check(c, "circuit"));
    pc_status status = pc_draw_circuit(&figure, c, options);
    if (status == PC_OK) pc_figure_put_svg(t, &figure);
    pc_figure_free(&figure);
    return status == PC_OK ? pc_text_status(t) : status;
}

pc_status pc_circuit_write_svg(const pc_circuit *c, const char *path,
                               const pc_draw_options *options)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_svg(&text, c, options);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

pc_status pc_grid_put_svg(pc_text *t, const pc_grid *g)
{
    pc_figure figure = {0};
    pc_status status = pc_draw_grid(&figure, g);
    if (status == PC_OK) pc_figure_put_svg(t, &figure);
    pc_figure_free(&figure);
    return status == PC_OK ? pc_text_status(t) : status;
}

pc_status pc_circuit_put_positions_svg(pc_text *t, const pc_circuit *c)
{
    pc_figure figure = {0};
    pc_status status = pc_draw_positions(&figure, c);
    if (status == PC_OK) pc_figure_put_svg(t, &figure);
    pc_figure_free(&figure);
    return status == PC_OK ? pc_text_status(t) : status;
}

pc_status pc_circuit_write_positions_svg(const pc_circuit *c, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_positions_svg(&text, c);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

pc_status pc_grid_write_svg(const pc_grid *g, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_grid_put_svg(&text, g);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
