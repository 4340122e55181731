/* A figure as a TikZ picture that compiles alone, with pdflatex as with any other LaTeX, and can be
 * edited: a line a mark. */
#include "graph/figure.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* TeX's largest dimension is 16383.99 pt; lengths are in bp, which are a little longer. */
static const double most_points = 16300;

/* ---- text ---- */

/* What TeX calls the letters from U+00C0 on, in any font encoding; NULL: nothing that all have. */
static const char *const letters[64] = {
    "\\`A",  "\\'A", "\\^A", "\\~A",  "\\\"A",    "\\r A",    "\\AE{}",   "\\c C",
    "\\`E",  "\\'E", "\\^E", "\\\"E", "\\`I",     "\\'I",     "\\^I",     "\\\"I",
    NULL,    "\\~N", "\\`O", "\\'O",  "\\^O",     "\\~O",     "\\\"O",    NULL,
    "\\O{}", "\\`U", "\\'U", "\\^U",  "\\\"U",    "\\'Y",     NULL,       "\\ss{}",
    "\\`a",  "\\'a", "\\^a", "\\~a",  "\\\"a",    "\\r a",    "\\ae{}",   "\\c c",
    "\\`e",  "\\'e", "\\^e", "\\\"e", "\\`\\i{}", "\\'\\i{}", "\\^\\i{}", "\\\"\\i{}",
    NULL,    "\\~n", "\\`o", "\\'o",  "\\^o",     "\\~o",     "\\\"o",    NULL,
    "\\o{}", "\\`u", "\\'u", "\\^u",  "\\\"u",    "\\'y",     NULL,       "\\\"y"};

/* Other characters, by code point. */
static const struct {
    uint32_t code_point;
    const char *tex;
} signs[] = {
    {'\\', "\\textbackslash{}"},
    {'{', "\\{"},
    {'}', "\\}"},
    {'$', "\\$"},
    {'&', "\\&"},
    {'#', "\\#"},
    {'%', "\\%"},
    {'_', "\\_"},
    {'^', "\\textasciicircum{}"},
    {'~', "\\textasciitilde{}"},
    {'<', "\\textless{}"},
    {'>', "\\textgreater{}"},
    {'|', "\\textbar{}"},
    {'"', "\\char34{}"},
    {'\'', "\\char39{}"},
    {'`', "\\char96{}"},
    {'-', "-{}"}, /* no ligature to a dash */
    {0xa0, "~"},
    {0xb1, "$\\pm$"},
    {0xb7, "$\\cdot$"},
    {0xd7, "$\\times$"},
    {0xf7, "$\\div$"},
    {0x2013, "--"},
    {0x2014, "---"},
    {0x2026, "\\dots{}"},
    {0x2190, "$\\leftarrow$"},
    {0x2192, "$\\rightarrow$"},
    {0x2212, "$-$"},
    {0x2264, "$\\leq$"},
    {0x2265, "$\\geq$"},
    {0x2260, "$\\neq$"},
    {0x221e, "$\\infty$"},
};

static const char *sign_of(uint32_t code_point)
{
    if (code_point >= 0xc0 && code_point <= 0xff && letters[code_point - 0xc0])
        return letters[code_point - 0xc0];
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i].code_point == code_point) return signs[i].tex;
    return NULL;
}

/* In braces, so that a command's argument does not swallow the next letter. A character that TeX's
 * own fonts do not have is named: "U+4E2D". */
static void put_words(pc_text *t, const char *words)
{
    for (const char *s = words; *s;) {
        const size_t length = pc_utf8_length(s, 4);
        const uint32_t code_point = length ? pc_utf8_code_point(s, length) : 0xfffd;
        const char *sign = sign_of(code_point);
        if (sign) pc_text_printf(t, "{%s}", sign);
        else if (code_point >= 0x20 && code_point < 0x7f) pc_text_put_bytes(t, s, 1);
        else pc_text_printf(t, "U+%04X", (unsigned)code_point);
        s += length ? length : 1;
    }
}

/* ---- colours ---- */

static int compare_colours(const void *left, const void *right)
{
    const int *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Each colour of the figure once. */
static pc_status put_colours(pc_text *t, const pc_figure *figure)
{
    size_t n = 0;
    int *colours = pc_alloc(2 * figure->n_marks, sizeof *colours);
    if (!colours) return PC_ERR_NOMEM;
    for (size_t i = 0; i < figure->n_marks; i++) {
        if (figure->marks[i].fill != PC_NO_COLOUR) colours[n++] = figure->marks[i].fill;
        if (figure->marks[i].stroke != PC_NO_COLOUR) colours[n++] = figure->marks[i].stroke;
    }
    qsort(colours, n, sizeof *colours, compare_colours);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || colours[i] != colours[i - 1])
            pc_text_printf(t, "\\definecolor{c%06x}{HTML}{%06X}\n", (unsigned)colours[i],
                           (unsigned)colours[i]);
    free(colours);
    return PC_OK;
}

/* ---- marks ---- */

static void put_point(pc_text *t, double x, double y)
{
    pc_text_put(t, "(");
    pc_text_put_coordinate(t, x);
    pc_text_put(t, ",");
    pc_text_put_coordinate(t, y);
    pc_text_put(t, ")");
}

static void put_length(pc_text *t, const char *option, double length)
{
    pc_text_printf(t, "%s", option);
    pc_text_put_coordinate(t, length);
    pc_text_put(t, "bp");
}

/* "fill=cffffff,draw=c3b4350,line width=1.1bp" */
static void put_style(pc_text *t, const pc_mark *mark)
{
    const char *comma = "";
    if (mark->fill != PC_NO_COLOUR)
        pc_text_printf(t, "fill=c%06x", (unsigned)mark->fill), comma = ",";
    if (mark->stroke != PC_NO_COLOUR) {
        pc_text_printf(t, "%sdraw=c%06x", comma, (unsigned)mark->stroke);
        put_length(t, ",line width=", mark->stroke_width);
        comma = ",";
    }
    if (mark->stroke != PC_NO_COLOUR && mark->dash != PC_DASH_NONE) {
        const pc_dash_lengths lengths = pc_mark_dash_lengths(mark);
        put_length(t, ",dash pattern=on ", lengths.on);
        put_length(t, " off ", lengths.off);
    }
    if (mark->kind == PC_MARK_RECT && mark->radius > 0) {
        pc_text_put(t, comma);
        put_length(t, "rounded corners=", fmin(mark->radius, fmin(mark->width, mark->height) / 2));
        comma = ",";
    }
    if (mark->opacity < 1) {
        pc_text_printf(t, "%sopacity=", comma);
        pc_text_put_coordinate(t, mark->opacity);
    }
}

static void put_shape(pc_text *t, const pc_figure *figure, const pc_mark *mark)
{
    pc_text_put(t, "\\path[");
    put_style(t, mark);
    pc_text_put(t, "] ");
    if (mark->kind == PC_MARK_RECT) {
        put_point(t, mark->x, mark->y);
        pc_text_put(t, " rectangle ");
        put_point(t, mark->x + mark->width, mark->y + mark->height);
    } else {
        const pc_point *points = figure->points + mark->first_point;
        put_point(t, points[0].x, points[0].y);
        for (size_t i = 1; i + 2 < mark->n_points; i += 3) {
            pc_text_put(t, " .. controls ");
            put_point(t, points[i].x, points[i].y);
            pc_text_put(t, " and ");
            put_point(t, points[i + 1].x, points[i + 1].y);
            pc_text_put(t, " .. ");
            put_point(t, points[i + 2].x, points[i + 2].y);
        }
    }
    pc_text_put(t, ";\n");
}

static void put_text(pc_text *t, const pc_figure *figure, const pc_mark *mark)
{
    static const char *const anchors[] = {"base west", "base", "base east"};
    pc_text_printf(t, "\\node[anchor=%s", anchors[mark->anchor]);
    if (mark->is_upward) pc_text_put(t, ",rotate=90");
    pc_text_printf(t, ",text=c%06x", (unsigned)(mark->fill == PC_NO_COLOUR ? 0 : mark->fill));
    if (mark->opacity < 1) {
        pc_text_put(t, ",opacity=");
        pc_text_put_coordinate(t, mark->opacity);
    }
    pc_text_put(t, "] at ");
    put_point(t, mark->x, mark->y);
    pc_text_put(t, " {\\fontsize{");
    pc_text_put_coordinate(t, mark->size);
    pc_text_put(t, "bp}{");
    pc_text_put_coordinate(t, mark->size);
    pc_text_printf(t, "bp}\\selectfont%s ", mark->is_bold ? "\\bfseries" : "");
    put_words(t, pc_figure_words(figure, mark->text));
    pc_text_put(t, "};\n");
}

/* ---- the document ---- */

/* A page as large as the figure, with the standalone class where it is installed, and without it:
 * article and geometry are everywhere. */
static void put_preamble(pc_text *t, const pc_figure *figure)
{
    pc_text_put(t, "\\RequirePackage{fix-cm}\n"
                   "\\IfFileExists{standalone.cls}{\\documentclass[border=0pt]{standalone}}"
                   "{\\documentclass{article}\n  \\usepackage[margin=0pt,");
    put_length(t, "paperwidth=", figure->width);
    put_length(t, ",paperheight=", figure->height);
    pc_text_put(t, "]{geometry}\\pagestyle{empty}\\setlength{\\parindent}{0pt}}\n"
                   "\\usepackage{tikz}\n");
}

pc_status pc_figure_put_tikz(pc_text *t, const pc_figure *figure)
{
    if (figure->width > most_points || figure->height > most_points)
        return pc_fail(
            PC_ERR_INPUT,
            "the figure is %.0f by %.0f points, TeX knows no lengths over %.0f: draw fewer "
            "edges, or PDF or SVG",
            figure->width, figure->height, most_points);
    put_preamble(t, figure);
    PC_TRY(put_colours(t, figure));
    pc_text_put(t, "\\begin{document}%\n\\sffamily%\n"
                   "\\begin{tikzpicture}[x=1bp,y=-1bp,every node/.style={inner sep=0pt,outer "
                   "sep=0pt}]\n\\useasboundingbox (0,0) rectangle ");
    put_point(t, figure->width, figure->height);
    pc_text_put(t, ";\n");
    for (size_t i = 0; i < figure->n_marks; i++) {
        if (figure->marks[i].kind == PC_MARK_TEXT) put_text(t, figure, &figure->marks[i]);
        else put_shape(t, figure, &figure->marks[i]);
    }
    pc_text_put(t, "\\end{tikzpicture}%\n\\end{document}\n");
    return pc_text_status(t);
}
