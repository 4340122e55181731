/* A figure inside an HTML page: as the SVG file, but for colours, which the page chooses for light
 * and dark, and for groups, which its script finds by name. */
#include "graph/draw_style.h"
#include "graph/svg_words.h"

#include <string.h>

/* The page's variable for a colour of draw_style.h. */
static const char *variable_of(int colour)
{
    static const struct {
        int colour;
        const char *name;
    } names[] = {
        {PC_COLOUR_POSITIVE, "positive"},
        {PC_COLOUR_NEGATIVE, "negative"},
        {PC_COLOUR_NEGATIVE_TEXT, "negative-text"},
        {PC_COLOUR_UNMEASURED, "unmeasured"},
        {PC_COLOUR_TEXT, "text"},
        {PC_COLOUR_QUIET, "quiet"},
        {PC_COLOUR_PRUNED, "pruned"},
        {PC_COLOUR_PRUNED_TEXT, "pruned-text"},
        {PC_COLOUR_BAND, "band"},
        {PC_COLOUR_PAPER, "paper"},
        {PC_COLOUR_BOX_LINE, "box-line"},
        {PC_COLOUR_ROLE, "role"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].colour == colour) return names[i].name;
    return "text";
}

static void put_colour(pc_text *t, const char *attribute, int colour)
{
    if (colour == PC_NO_COLOUR) pc_text_printf(t, " %s=\"none\"", attribute);
    else pc_text_printf(t, " %s=\"var(--%s)\"", attribute, variable_of(colour));
}

/* A shade is the hue on the paper, as thin as it is weak. */
static void put_fill(pc_text *t, const pc_mark *mark)
{
    put_colour(t, "fill", mark->shade > 0 ? mark->hue : mark->fill);
    if (mark->shade > 0) pc_svg_put_attribute(t, "fill-opacity", mark->shade);
}

static void put_stroke(pc_text *t, const pc_mark *mark)
{
    if (mark->stroke == PC_NO_COLOUR) return;
    put_colour(t, "stroke", mark->stroke);
    pc_svg_put_attribute(t, "stroke-width", mark->stroke_width);
    pc_svg_put_dashes(t, mark);
}

static void put_role(pc_text *t, const pc_mark *mark)
{
    static const char *const classes[] = {NULL, "box", "pruned", "port", "edge", "label"};
    if (classes[mark->role]) pc_text_printf(t, " class=\"%s\"", classes[mark->role]);
}

static void put_mark(pc_text *t, const pc_figure *figure, const pc_mark *mark)
{
    static const char *const ends[] = {"/>\n", "/>\n", "</text>\n"};
    const bool is_text = mark->kind == PC_MARK_TEXT;
    if (mark->kind == PC_MARK_RECT) pc_svg_put_rect(t, mark);
    else if (mark->kind == PC_MARK_PATH)
        pc_svg_put_path(t, mark, figure->points + mark->first_point);
    else pc_svg_put_text_start(t, mark);
    put_fill(t, mark);
    if (is_text) pc_svg_put_text_style(t, mark);
    else put_stroke(t, mark);
    put_role(t, mark);
    if (mark->opacity < 1) pc_svg_put_attribute(t, "opacity", mark->opacity);
    if (is_text) pc_text_put(t, ">");
    if (is_text) pc_text_put_xml(t, pc_figure_words(figure, mark->text));
    pc_text_put(t, ends[mark->kind]);
}

static bool is_same_tag(const pc_figure *figure, size_t a, size_t b)
{
    return a == b || (a && b && !strcmp(pc_figure_words(figure, a), pc_figure_words(figure, b)));
}

static void put_groups(pc_text *t, const pc_figure *figure)
{
    size_t tag = 0;
    for (size_t i = 0; i < figure->n_marks; i++) {
        const pc_mark *mark = &figure->marks[i];
        if (!is_same_tag(figure, tag, mark->tag)) {
            if (tag) pc_text_put(t, "</g>\n");
            if (mark->tag) pc_text_put(t, "<g data-of=\"");
            if (mark->tag) pc_text_put_xml(t, pc_figure_words(figure, mark->tag));
            if (mark->tag) pc_text_put(t, "\">\n");
            tag = mark->tag;
        }
        put_mark(t, figure, mark);
    }
    if (tag) pc_text_put(t, "</g>\n");
}

void pc_figure_put_inline_svg(pc_text *t, const pc_figure *figure)
{
    pc_text_put(t, "<svg id=\"drawing\"");
    pc_svg_put_attribute(t, "width", figure->width);
    pc_svg_put_attribute(t, "height", figure->height);
    pc_text_put(t, " viewBox=\"0 0 ");
    pc_text_put_coordinate(t, figure->width);
    pc_text_put(t, " ");
    pc_text_put_coordinate(t, figure->height);
    pc_text_put(t, "\" role=\"group\" aria-label=\"the circuit\">\n");
    put_groups(t, figure);
    pc_text_put(t, "</svg>\n");
}
